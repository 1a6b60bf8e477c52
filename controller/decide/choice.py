"""Which node runs an invocation that its own node has not taken: the one that sensed it if it may, else the one with least to do.

Least is measured against what a node may do at once: a function's `concurrency`, on each instance of a warm one. What a node says
of itself (a sample, a second old) and what the ledger knows are both heeded; the greater counts. A node that is drained, paused, or
comes and goes is asked when no other is there. Of a warm function only those with an instance are asked while there are any.

The hosts of a function are gone through once a turn, however many of its invocations are given out in it. Of many hosts some are
drawn by the invocation's id, and others after as many choices: a turn does not scan the fleet (law 10).
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterator, Sequence
from zlib import crc32

from controller.decide import keeps, sections
from controller.decide.fleet import Fleet
from controller.decide.invocation import Entry
from controller.decide.presence import Presence
from controller.decide.records import Availability
from protocol.function import FunctionSpec

DRAWN = 64
"""The best of so many is among the best tenth of all with a chance of 99.9 %; two would do almost as well."""

Rank = tuple[bool, float, int, str]
"""Whether a node had better be left alone, its load by what it can do, all that it has been asked for, and its name."""


class Choices:
    """The choices of one turn. What was chosen weighs on the next choice."""

    __slots__ = ("_fleet", "_left", "_ranked")

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ranked: dict[str, list[Rank]] = {}
        self._left: dict[str, int] = {}

    def choose(self, entry: Entry) -> str:
        """The node that is to run it; empty where none that is online has the function."""
        if self._may_run(entry.near, entry.function):
            return entry.near
        if self._left.get(entry.function, 0) <= 0:
            self._rank(entry)
        self._left[entry.function] -= 1
        ranked = self._ranked[entry.function]
        if not ranked:
            return ""
        is_last, load, asked, node = ranked[0]
        heapq.heapreplace(ranked, (is_last, load + 1 / self._capacity(node, entry.function), asked + 1, node))
        return node

    def _may_run(self, node: str, function: str) -> bool:
        fleet = self._fleet
        is_there = node in fleet.hosts.get(function, ()) and fleet.presence(node) is Presence.ONLINE
        return is_there and sections.can_call(fleet, node, function)

    def _rank(self, entry: Entry) -> None:
        """Rank hosts; a few of them again after as many choices, all of them once."""
        function, roster = entry.function, self._roster(entry.function)
        start, count = crc32(entry.invocation.id.encode()), len(roster)
        drawn = [roster[(start + place) % count] for place in range(DRAWN)] if count > DRAWN else roster
        ranked = list(self._ranks(function, drawn)) or list(self._ranks(function, roster))
        heapq.heapify(ranked)
        self._ranked[function] = ranked
        self._left[function] = DRAWN if count > DRAWN and ranked else sys.maxsize

    def _roster(self, function: str) -> tuple[str, ...]:
        fleet = self._fleet
        roster = fleet.rosters.get(function)
        if roster is None:
            roster = fleet.rosters[function] = tuple(sorted(fleet.hosts.get(function, ())))
        return roster

    def _ranks(self, function: str, hosts: Sequence[str]) -> Iterator[Rank]:
        fleet = self._fleet
        nodes = [node for node in hosts if self._may_run(node, function)]
        if keeps.is_warm(fleet, function):
            keep = fleet.keeps.get(function)
            nodes += [
                node for node in (keep.nodes if keep else ()) if node not in hosts and self._may_run(node, function)
            ]
            nodes = [node for node in nodes if self._instances(node, function)] or nodes
        for node in nodes:
            is_last = fleet.unsteady(node) or fleet.nodes[node].availability is not Availability.ACTIVE
            busy = max(fleet.loads.of(node, function).busy, len(fleet.ledger.of("work", (function, node))))
            yield is_last, busy / self._capacity(node, function), len(fleet.ledger.of("open", node)), node

    def _instances(self, node: str, function: str) -> int:
        return max(self._fleet.loads.of(node, function).instances, keeps.kept(self._fleet, function, node))

    def _capacity(self, node: str, function: str) -> int:
        spec: FunctionSpec = self._fleet.catalogue.functions[function].spec
        return spec.concurrency * max(1, self._instances(node, function))
