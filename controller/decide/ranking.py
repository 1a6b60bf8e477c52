"""The nodes that may take one more task of a service, the best first.

Best is, in this order: the group with the fewest tasks of the service, by each spread preference in turn (nodes without the label
are one group); the node with the fewest tasks of the service; with the fewest tasks; with the smallest share reserved; with the
image, as far as another service has brought it there; the first by name. A ranking is exact: it is what a scan would find.

It costs what changed (law 10): made once by a look at every node, it then reads in the journals which nodes to look at again. The
order is a heap of what was true when it was put there; an entry that is no longer its node's key is dropped when it comes up.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from typing import Any

from controller.decide.filters import BROKEN, LEAVING, PASSING, Candidate, asked, candidate
from controller.decide.fleet import Fleet
from controller.decide.need import Need, need_of
from controller.decide.records import Node, service_key
from protocol.stack import Service

RANKED_MOST = 250_000
"""Nodes in all rankings that are kept, at some 300 bytes each; the one that was used longest ago goes first."""

LASTING = (*LEAVING, *BROKEN, *PASSING)

Key = tuple[Any, ...]


class Group:
    """Nodes, or smaller groups of them, by their keys; each key ends in the member's name. `count` is the tasks in it."""

    __slots__ = ("_heap", "_keys", "_parent", "_value", "count", "groups")

    def __init__(self, value: str = "", parent: Group | None = None) -> None:
        self._value, self._parent = value, parent
        self.count = 0
        self.groups: dict[str, Group] = {}
        self._keys: dict[str, Key] = {}
        self._heap: list[Key] = []

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, member: str, key: Key | None) -> None:
        """Rank a member anew; None takes it out."""
        before = self._keys.get(member)
        if key == before:
            return
        heap = self._heap
        if key is None:
            del self._keys[member]
        else:
            self._keys[member] = key
            if heap and heap[0] is before:
                heapq.heapreplace(heap, key)
            else:
                heapq.heappush(heap, key)
        if len(heap) > 2 * len(self._keys) + 16:
            self._heap = sorted(self._keys.values())
        self._tell()

    def add(self, tasks: int) -> None:
        """So many tasks of the service came, or went."""
        self.count += tasks
        self._tell()
        if self._parent is not None:
            self._parent.add(tasks)

    def best(self) -> Key | None:
        """The key of the best member."""
        heap, keys = self._heap, self._keys
        while heap and keys.get(heap[0][-1]) is not heap[0]:
            heapq.heappop(heap)
        return heap[0] if heap else None

    def first(self) -> str | None:
        """The best node in all of it."""
        best = self.best()
        if best is None:
            return None
        return self.groups[best[-1]].first() if self.groups else best[-1]

    def within(self, values: Iterable[str | None]) -> Group:
        """The group of nodes with these values of the preferred labels."""
        group = self
        for value in values:
            name = "" if value is None else f"={value}"
            if name not in group.groups:
                group.groups[name] = Group(name, group)
            group = group.groups[name]
        return group

    def _tell(self) -> None:
        if self._parent is not None:
            best = self.best()
            self._parent.put(self._value, None if best is None else (self.count, *best, self._value))


class Ranking:
    """Candidates for one need. Made of all nodes, or of those that alone can have become candidates."""

    __slots__ = ("_carried", "_changed", "_counted", "_crowding", "_seats", "_top", "need")

    def __init__(self, fleet: Fleet, need: Need, names: Iterable[str]) -> None:
        self.need = need
        self._crowding = asked(need)
        self._top = Group()
        self._seats: dict[str, tuple[Group, Candidate]] = {}
        self._counted: dict[str, tuple[Group, int]] = {}
        self._changed, self._carried = fleet.rooms.changed.end, fleet.rooms.carried.end
        if need.preferences:
            for task in fleet.tasks.of("service", need.key):
                self._count(fleet, fleet.tasks[task].node)
        for name in names:
            self._look(fleet, name)

    def __len__(self) -> int:
        return len(self._seats)

    def holds(self, fleet: Fleet, need: Need) -> bool:
        """Whether it can still be brought up to date."""
        rooms = fleet.rooms
        return need == self.need and rooms.changed.remembers(self._changed) and rooms.carried.remembers(self._carried)

    def first(self, fleet: Fleet, but_not: Collection[str] = ()) -> str | None:
        """The best node as things stand now, or None."""
        self._catch_up(fleet)
        for name in but_not:
            if name in self._seats:
                self._seats[name][0].put(name, None)
        found = self._top.first()
        for name in but_not:
            self._weigh(name)
        return found

    def _catch_up(self, fleet: Fleet) -> None:
        rooms = fleet.rooms
        if self._changed != rooms.changed.end:
            for name in dict.fromkeys(rooms.changed.since(self._changed)):
                self._look(fleet, name)
            self._changed = rooms.changed.end
        if self._carried != rooms.carried.end:
            for name in rooms.carried.since(self._carried):
                if self.need.preferences:
                    self._count(fleet, name)
                self._weigh(name)
            self._carried = rooms.carried.end

    def _look(self, fleet: Fleet, name: str) -> None:
        """Ask the filters that see the node itself."""
        before = self._seats.pop(name, None)
        if self.need.preferences:
            self._count(fleet, name)
        one = candidate(fleet, name, self.need) if name in fleet.nodes else None
        if one is None or any(object_to(one, self.need) for object_to in LASTING):
            if before is not None:
                before[0].put(name, None)
            return
        group = self._group(one.node)
        if before is not None and before[0] is not group:
            before[0].put(name, None)
        self._seats[name] = (group, one)
        self._weigh(name)

    def _weigh(self, name: str) -> None:
        """Ask the filters that see what is placed on the node, and rank it by that."""
        seat = self._seats.get(name)
        if seat is None:
            return
        group, one = seat
        for object_to in self._crowding:
            if object_to(one, self.need):
                group.put(name, None)
                return
        group.put(name, score(one, self.need))

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
        preferences = self.need.preferences
        return self._top.within(map(node.labels.get, preferences)) if preferences else self._top


def score(one: Candidate, need: Need) -> Key:
    """By what one candidate comes before another, the lesser first, within its groups."""
    room = one.room
    crowd = room.crowd
    share = 0.0
    if room.memory_bytes or room.millicpus:
        memory = room.memory_bytes / one.memory_bytes if one.memory_bytes else 0.0
        share = max(memory, room.millicpus / one.millicpus if one.millicpus else 0.0)
    is_without_image = not need.kin or need.kin.isdisjoint(crowd)
    return (crowd.get(need.key, 0), room.tasks, share, is_without_image, one.node.name)


def ranking_of(fleet: Fleet, service: Service) -> Ranking:
    """The ranking of a service: the one that is kept, or a new one of all nodes, which is kept from now on."""
    key, need = service_key(service.stack, service.name), need_of(fleet, service)
    found: Ranking | None = fleet.rankings.pop(key, None)
    if found is None or not found.holds(fleet, need):
        found = Ranking(fleet, need, fleet.nodes)
    fleet.rankings[key] = found
    return found


def forget_oldest(fleet: Fleet) -> None:
    """Keep no more rankings than there is memory for."""
    size = sum(map(len, fleet.rankings.values()))
    while size > RANKED_MOST and len(fleet.rankings) > 1:
        size -= len(fleet.rankings.pop(next(iter(fleet.rankings))))
