"""The nodes that may take one more task of a service, the best first.

Best is, in this order: the group with the fewest tasks of the service, by each spread preference in turn (nodes without the label
are one group); the node with the fewest tasks of the service; with the fewest tasks; with the smallest share reserved; with the
image, as far as another service has brought it there; the first by name. A ranking is exact: it is what a scan would find.

It costs what changed (law 10): the journals tell which nodes to rank again. Whether a node has room is asked when it comes up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import Any

from controller.decide.fleet import Fleet
from controller.decide.placement.field import Field, field_of
from controller.decide.placement.filters import Candidate, any_objection, asked
from controller.decide.placement.groups import Group, Key
from controller.decide.placement.need import Need, need_of
from controller.decide.records import Node
from protocol.ids import service_key
from protocol.stack import Service

RANKED_MOST = 250_000
"""Nodes in all rankings that are kept, at some 300 bytes each; the one that was used longest ago goes first."""

WALKED_PER_TASK = 8
"""Sorting the nodes costs, for each of them, about an eighth of what keeping a heap of them in order costs for each task."""


class Ranking:
    """The candidates of a field, ranked for one need."""

    __slots__ = ("_carried", "_changed", "_counted", "_crowding", "_field", "_groups", "_top", "need")

    def __init__(self, fleet: Fleet, need: Need, field: Field) -> None:
        self.need, self._field = need, field
        self._crowding = asked(need)
        self._changed, self._carried = field.changed.end, fleet.rooms.carried.end
        self._groups: dict[str, Group] = {}
        self._counted: dict[str, tuple[Group, int]] = {}
        self._top = Group()
        if need.preferences:
            for task in fleet.tasks.of("service", need.key):
                self._count(fleet, fleet.tasks[task].node)
            for name, one in field.seats.items():
                self._groups[name] = group = self._group(one.node)
                group.put(name, score(one, need))
        else:
            self._top.fill(score(one, need) for one in field.seats.values())

    def __len__(self) -> int:
        return len(self._field.seats)

    def holds(self, fleet: Fleet, need: Need, field: Field) -> bool:
        """Whether it can still be brought up to date."""
        is_same = field is self._field and need == self.need
        return is_same and field.changed.remembers(self._changed) and fleet.rooms.carried.remembers(self._carried)

    def first(self, fleet: Fleet, but_not: Collection[str] = ()) -> str | None:
        """The best node as things stand now, or None."""
        self._catch_up(fleet)
        if not but_not:
            return self._first()
        for name in but_not:
            self._put(name, None)
        found = self._first()
        for name in but_not:
            self._rank(name)
        return found

    def deal(self, fleet: Fleet, tasks: int) -> Iterator[list[str]]:
        """The best nodes for so many tasks, in lists that name each once.

        Whoever asks places a task on each node of a list before it asks for the next, and asks to the end.
        """
        self._catch_up(fleet)
        if self.need.preferences or tasks * WALKED_PER_TASK < len(self):
            yield from self._one_by_one(fleet, tasks)
        else:
            yield from self._in_rounds(fleet, tasks)

    def _one_by_one(self, fleet: Fleet, tasks: int) -> Iterator[list[str]]:
        for _ in range(tasks):
            name = self._first()
            if name is None:
                return
            yield [name]
            self._catch_up(fleet)

    def _in_rounds(self, fleet: Fleet, tasks: int) -> Iterator[list[str]]:
        """All nodes with the fewest tasks of the service take one each, in their order, before any of them comes up again."""
        seats, need, crowding = self._field.seats, self.need, self._crowding
        ranked = self._top.ranked()
        while tasks > 0 and ranked:
            level = min(bisect_left(ranked, (ranked[0][0] + 1,)), tasks)
            names = [key[-1] for key in ranked[:level]]
            if crowding:
                names = [name for name in names if not any_objection(crowding, seats[name], need)]
            yield names
            ranked[:level] = [score(seats[name], need) for name in names]
            ranked.sort()
            tasks -= len(names)
        self._top.fill(ranked)
        self._carried = fleet.rooms.carried.end

    def _first(self) -> str | None:
        need, seats, top = self.need, self._field.seats, self._top
        while (best := top.best()) is not None:
            name: str = top.first() if need.preferences else best[-1]
            if not any_objection(self._crowding, seats[name], need):
                return name
            self._put(name, None)
        return None

    def _catch_up(self, fleet: Fleet) -> None:
        field, carried = self._field, fleet.rooms.carried
        if field.position != fleet.rooms.changed.end:
            field.catch_up(fleet)
        if self._changed != field.changed.end:
            for name in dict.fromkeys(field.changed.since(self._changed)):
                self._regroup(fleet, name)
            self._changed = field.changed.end
        if self._carried != carried.end:
            names = carried.since(self._carried)
            self._carried = carried.end
            self._carry(fleet, names)

    def _carry(self, fleet: Fleet, names: list[str]) -> None:
        """Other tasks are placed on these nodes now."""
        if self.need.preferences:
            for name in names:
                self._count(fleet, name)
                self._rank(name)
            return
        seats, put, need = self._field.seats, self._top.put, self.need
        for name in names:
            one = seats.get(name)
            if one is not None:
                put(name, score(one, need))

    def _regroup(self, fleet: Fleet, name: str) -> None:
        """A node changed: it may be no candidate any more, or one of another group."""
        self._put(name, None)
        if self.need.preferences:
            self._count(fleet, name)
            self._groups.pop(name, None)
            if name in self._field.seats:
                self._groups[name] = self._group(self._field.seats[name].node)
        self._rank(name)

    def _rank(self, name: str) -> None:
        """Rank a node by what is placed on it now."""
        one = self._field.seats.get(name)
        if one is not None:
            self._put(name, score(one, self.need))

    def _put(self, name: str, key: Key | None) -> None:
        group = self._groups.get(name) if self._groups else self._top
        if group is not None:
            group.put(name, key)

    def _count(self, fleet: Fleet, name: str) -> None:
        """Count the tasks of the service in the node's group."""
        group, count = self._counted.pop(name, (None, 0))
        if group is not None:
            group.add(-count)
        tasks = fleet.rooms.of(name).crowd.get(self.need.key, 0)
        if tasks and name in fleet.nodes:
            group = self._group(fleet.nodes[name])
            group.add(tasks)
            self._counted[name] = (group, tasks)

    def _group(self, node: Node) -> Group:
        labels = node.labels
        return self._top.within(labels.get(name) for name in self.need.preferences)


def score(one: Candidate, need: Need) -> tuple[Any, ...]:
    """By what one candidate comes before another, the lesser first, within its group."""
    room = one.room
    crowd = room.crowd
    share = 0.0
    if room.memory_bytes and one.memory_bytes:
        share = room.memory_bytes / one.memory_bytes
    if room.millicpus and room.millicpus > share * one.millicpus:
        share = room.millicpus / (one.millicpus or 1)
    is_without_image = not need.kin or need.kin.isdisjoint(crowd)
    return (crowd.get(need.key, 0), room.tasks, share, is_without_image, one.node.name)


def ranking_of(fleet: Fleet, service: Service) -> Ranking:
    """The ranking of a service: the one that is kept, or a new one, which is kept from now on."""
    key, need = service_key(service.stack, service.name), need_of(fleet, service)
    field = field_of(fleet, need)
    field.catch_up(fleet)
    found: Ranking | None = fleet.rankings.pop(key, None)
    if found is None or not found.holds(fleet, need, field):
        found = Ranking(fleet, need, field)
    fleet.rankings[key] = found
    return found


def forget_oldest(fleet: Fleet) -> None:
    """Keep no more rankings than there is memory for."""
    size = sum(map(len, fleet.rankings.values()))
    while size > RANKED_MOST and len(fleet.rankings) > 1:
        size -= len(fleet.rankings.pop(next(iter(fleet.rankings))))
