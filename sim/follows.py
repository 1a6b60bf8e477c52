"""What follows the end of a call, held against stores, pins, the broker and the ledger: actions, calls, dead letters, takeovers.

A success is followed once by everything that its function's `then` names, over crashes: the call of another one has one id however
often it is made; a message on a topic of others reaches the broker at least once, and never without a success. Each end that is no
success leaves a letter, until somebody replays it or drops it. Work that nobody does any more is taken over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent.decide.effects import Note
from controller.decide.fleet import Fleet
from controller.decide.invocation import OPEN, Entry, InvocationState
from controller.decide.presence import Presence
from protocol.envelope import Packet
from protocol.ids import invocation_id
from protocol.observed import Result, ResultStatus
from sim.head import Head
from sim.household import Household
from sim.node import SimNode
from sim.queues import STACK, Queues
from sim.violation import ViolationError
from sim.world import World

CHAIN, ECHO, ROUND = "chain", "echo", "round"
TOPIC = "household/rang"
LAMP, LIT = "desk-lamp", "on"

CALLS = {CHAIN: ECHO, ROUND: ROUND}
"""What the success of each calls."""

DEPTH, DEPTH_MOST = "depth", 8
PUBLISHING = 1
"""The place of `publish` among the actions of `CHAIN`, by which its message is named."""

RUNS_S = 60.0
"""A fraction of what each of these functions may take with all its retries, so nothing that was taken expires within it."""

LIT_WITHIN_S = 5.0
ABANDONED_S = 12.0
"""A controller gives the work of a node that is away to another in the turn in which it notices; this is until the next look."""


@dataclass(slots=True)
class Follows:
    """The checks. `is_on` is false in the histories that have no such stack. `dropped` are the targets of the operator's drops."""

    world: World
    head: Head
    nodes: Mapping[str, SimNode]
    queues: Queues = field(default_factory=Queues)
    is_on: bool = False
    household: Household = field(init=False)
    dropped: set[str] = field(default_factory=set)
    is_restored: bool = False
    _heard: set[str] = field(default_factory=set)
    _lit: dict[str, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _stuck_s: dict[tuple[str, str], float] = field(default_factory=dict)
    _open_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.household = Household(self.head)

    def begin(self) -> None:
        """Look at everything from now on."""
        self.is_on = True
        self.world.broker.witness = self._routed
        for node in self.nodes.values():
            node.witness = self._committed

    def forget(self, name: str) -> None:
        """A node has another card, or an older one."""
        self.queues.forget(name)

    def restored(self) -> None:
        """The controller has an older store: of the letters that it kept nobody knows any more."""
        self.is_restored = True

    def look(self, name: str, node: SimNode) -> None:
        """After everything that touched a node."""
        if self.is_on:
            self.queues.look(name, node)
            self._lamp(name, node)
            if self.household.is_on and self.head.fleet is not None:
                self.household.look(self.head.fleet, STACK, self.world)

    def sweep(self) -> None:
        """From time to time."""
        fleet = self.head.fleet
        if self.is_on and fleet is not None and not self.is_restored:
            self._children()
            self._taken_over(fleet)
            self._dead(fleet)
            self._expired(fleet)

    def at_rest(self) -> None:
        """Once nothing is under way."""
        fleet = self.head.fleet
        if not self.is_on or fleet is None or self.is_restored or self.queues.unsure:
            return
        children = self._children()
        for name, call, result in self.queues.ends():
            is_last = int(call.attributes.get(DEPTH, "0")) >= DEPTH_MOST
            called = CALLS.get(result.function) if result.status is ResultStatus.DONE else None
            if called is not None and not is_last and (called, result.id) not in children:
                raise ViolationError("then", f"{result.function} {result.id} was done on {name}, and has called nobody")
            message = f"{result.id}-{PUBLISHING}"
            if result.function == CHAIN and result.status is ResultStatus.DONE and message not in self._heard:
                raise ViolationError("then", f"{CHAIN} {result.id} was done on {name}, and nobody has heard of it")
            entry = fleet.ledger.get(result.id)
            if entry is None or entry.state in OPEN:
                raise ViolationError("one end", f"the ledger knows no end of {result.function} {result.id} on {name}")

    def unsettled(self) -> Iterator[str]:
        """What is not yet as it should be, once everything else is."""
        fleet = self.head.fleet
        if self.household.is_on and fleet is not None and not self.is_restored:
            yield from self.household.unsettled(fleet, STACK)

    def is_taken_over(self, fleet: Fleet, invocation: str) -> bool:
        """Whether another node may run it, too: its own was away, or that of what has called it, and may have done it all alone."""
        while True:
            entry = fleet.ledger.get(invocation)
            if entry is not None and entry.asked:
                return True
            cards = self.queues.cards.values()
            call = next((card.accepted[invocation] for card in cards if invocation in card.accepted), None)
            if call is None:
                return False
            invocation = call.cause

    # Inside.

    def _routed(self, packet: Packet) -> None:
        """The broker has a message; nobody says one before its success is committed."""
        self.household.routed(packet)
        if packet.topic != TOPIC:
            return
        message = dict(packet.properties).get("id", "")
        self._heard.add(message)
        cause, _, _ = message.rpartition("-")
        told = [card.told[cause].status for card in self.queues.cards.values() if cause in card.told]
        if ResultStatus.DONE not in told and not self.queues.unsure:
            raise ViolationError("then", f"{message} is said on {TOPIC}, and no success of {CHAIN} is committed")

    def _committed(self, name: str, node: SimNode, notes: list[Note], now_s: float) -> None:
        """One commit of a node."""
        self.queues.committed(name, node, notes, now_s)
        said = (note.message for note in notes)
        done = (one for one in said if isinstance(one, Result) and one.status is ResultStatus.DONE)
        if any(one.stack == STACK and one.function == CHAIN for one in done):
            self._lit[name] = ((node.process.boot, node.process.life), now_s)

    def _lamp(self, name: str, node: SimNode) -> None:
        """A lamp is lit soon after the success that lights it, unless its process has died in between."""
        since, life = self._lit.get(name), (node.process.boot, node.process.life)
        if since is None or self.world.now_s < max(since[1] + LIT_WITHIN_S, node.process.stopped_until_s):
            return
        del self._lit[name]
        _, value = node.board.outputs.get(LAMP, (None, LIT)) if node.board is not None else (None, LIT)
        if life == since[0] and value != LIT:
            raise ViolationError("then", f"{LAMP} of {name} is {value} after a success of {CHAIN}")

    def _children(self) -> set[tuple[str, str]]:
        """What was called for which cause: one call of each, by whatever node, and none beyond the last depth."""
        found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for name, card in self.queues.cards.items():
            for id_, call in card.accepted.items():
                depth = int(call.attributes.get(DEPTH, "0"))
                if depth > DEPTH_MOST:
                    raise ViolationError("then", f"{name} has taken {call.function} {id_} in a circle of {depth}")
                if depth and call.function in CALLS.values() and "replayof" not in call.attributes:
                    found[call.function, call.cause].add(id_)
        for (function, cause), ids in found.items():
            if len(ids) > 1:
                raise ViolationError("then", f"{function} was called {len(ids)} times for {cause}: {sorted(ids)}")
        return set(found)

    def _taken_over(self, fleet: Fleet) -> None:
        """Work of a node that is away, which another one could do, does not stay with it."""
        stuck = {}
        for key in fleet.ledger if fleet.is_up else ():
            entry = fleet.ledger[key]
            if entry.invocation.stack == STACK and _is_abandoned(fleet, entry):
                stuck[key, entry.node] = self._stuck_s.get((key, entry.node), self.world.now_s)
        self._stuck_s = stuck
        still_s = max(self.head.process.stopped_until_s, self.world.now_s - self.head.process.mono_s)
        for (key, node), since_s in stuck.items():
            if self.world.now_s - max(since_s, still_s) > ABANDONED_S:
                raise ViolationError("takeover", f"{key} stays with {node}, which is away, and others could run it")

    def _dead(self, fleet: Fleet) -> None:
        """Each failure leaves a letter, which goes only as a replay, a drop, or because it was done after all."""
        done = {id_ for card in self.queues.cards.values() for id_, one in card.told.items() if one.status == "done"}
        for key in fleet.ledger:
            entry = fleet.ledger[key]
            if entry.invocation.stack != STACK or entry.state not in (InvocationState.FAILED, InvocationState.EXPIRED):
                continue
            again = invocation_id(f"replay {key}", STACK, entry.invocation.function, 0)
            if key in fleet.letters and again in fleet.ledger:
                raise ViolationError("letters", f"{key} was replayed as {again}, and its letter is still there")
            is_known = not self.queues.unsure & {entry.node, *entry.asked}
            is_dropped = bool(self.dropped & {key, entry.function, STACK})
            is_gone = again in fleet.ledger or key in done or is_dropped
            if key not in fleet.letters and is_known and not is_gone:
                raise ViolationError("letters", f"{key} is {entry.state}, and has no letter")

    def _expired(self, fleet: Fleet) -> None:
        """Who has taken a call in its time has time to run it: the ledger does not give it up meanwhile."""
        now_s = self.world.now_s
        for key in fleet.ledger:
            entry = fleet.ledger[key]
            if entry.state in OPEN:
                self._open_s.setdefault(key, now_s)
            elif entry.state is InvocationState.EXPIRED and now_s - self._open_s.pop(key, -RUNS_S) < RUNS_S:
                cards = self.queues.cards.values()
                is_told = any(key in card.told and card.told[key].status is ResultStatus.EXPIRED for card in cards)
                if not is_told and any(key in card.accepted for card in cards):
                    raise ViolationError("expired", f"{key} has expired on the ledger, and was taken in its time")


def _is_abandoned(fleet: Fleet, entry: Entry) -> bool:
    """Whether its node is away, it is bound to no place, and somebody else is there who was told of its function."""
    if entry.state not in OPEN or not entry.node or fleet.presence(entry.node) is not Presence.OFFLINE:
        return False
    others = (name for name in fleet.nodes if name != entry.node and fleet.presence(name) is Presence.ONLINE)
    return entry.near != entry.node and any(_hosts(fleet, name, entry) for name in others)


def _hosts(fleet: Fleet, name: str, entry: Entry) -> bool:
    told, status = fleet.assignments.get(name), fleet.statuses.get(name)
    has = told is not None and any(
        (f.stack, f.name) == (STACK, entry.invocation.function) and not f.is_away for f in told.functions
    )
    return has and status is not None
