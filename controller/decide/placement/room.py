"""What the tasks that are placed take of each node, and which nodes have changed since somebody looked.

Derived, so nothing of it is saved. Kept up by the shelves themselves (`Shelf.watch`), so whoever places a task, settles a revision
or hears of a node cannot forget it. A task that has run to completion takes nothing. Cores are counted in thousandths: sums of
floats drift.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from controller.decide.presence import Lease
from controller.decide.records import Node, Task
from protocol.stack import Resources

NAMES_KEPT = 65_536
"""Changes that a journal remembers; whoever is further behind looks at all nodes again, which costs no more."""

MILLIS = 1000
"""Of one core."""


class Journal:
    """The names of what changed, in order. `end` counts them for ever; the oldest are forgotten."""

    __slots__ = ("_begin", "_names", "end")

    def __init__(self) -> None:
        self._names: list[str] = []
        self._begin = self.end = 0

    def add(self, name: str) -> None:
        """Note that something changed."""
        self._names.append(name)
        self.end += 1
        if len(self._names) > NAMES_KEPT:
            del self._names[: NAMES_KEPT // 2]
            self._begin += NAMES_KEPT // 2

    def since(self, position: int) -> list[str]:
        """What changed after a former end; only where `remembers` says so."""
        return self._names[position - self._begin :]

    def remembers(self, position: int) -> bool:
        """Whether everything after a former end is still known."""
        return position >= self._begin


class Room:
    """What is taken of one node: how many tasks it has in all and of each service, and what is reserved for them."""

    __slots__ = ("crowd", "memory_bytes", "millicpus", "tasks")

    def __init__(self) -> None:
        self.tasks = self.millicpus = self.memory_bytes = 0
        self.crowd: dict[str, int] = {}


class Rooms:
    """The rooms of all nodes. `carried` names nodes whose room changed, `changed` nodes that changed themselves."""

    __slots__ = ("_of", "_shares", "carried", "changed", "names")

    def __init__(self) -> None:
        self._of: dict[str, Room] = {}
        self._shares: dict[str, tuple[int, int]] = {}
        self.names: list[str] = []
        self.carried, self.changed = Journal(), Journal()

    def of(self, node: str) -> Room:
        """The room of a node; always the same object, so whoever keeps it sees what changes."""
        room = self._of.get(node)
        if room is None:
            room = self._of[node] = Room()
        return room

    def is_weighed(self, service: str, share: Resources) -> bool:
        """Whether it is known that each task of a service takes so much."""
        return self._shares.get(service, (0, 0)) == (round(share.cpus * MILLIS), share.memory_bytes)

    def weigh(self, service: str, share: Resources, tasks: list[Task]) -> None:
        """From now on each task of a service takes so much; `tasks` are those it has."""
        after = (round(share.cpus * MILLIS), share.memory_bytes)
        for task in tasks:
            self.task_changed(task, None)
        self._shares[service] = after
        if after == (0, 0):
            del self._shares[service]
        for task in tasks:
            self.task_changed(None, task)

    def task_changed(self, before: Task | None, after: Task | None) -> None:
        """A task was placed, moved, settled or given up."""
        if before is None and after is not None and not after.completed:
            self._add(after.node, after.service, 1)
            return
        old = None if before is None or (before.completed and before.is_completed) else before.node
        new = None if after is None or (after.completed and after.is_completed) else after.node
        if old == new:
            return
        if old is not None and before is not None:
            self._add(old, before.service, -1)
        if new is not None and after is not None:
            self._add(new, after.service, 1)

    def node_changed(self, before: Node | None, after: Node | None) -> None:
        """A node joined, went, or is another than it was."""
        if before is None and after is not None:
            insort(self.names, after.name)
            self.changed.add(after.name)
        elif after is None and before is not None:
            del self.names[bisect_left(self.names, before.name)]
            self.changed.add(before.name)
        elif before is not None and after is not None and _is_another(before, after):
            self.changed.add(after.name)

    def lease_changed(self, before: Lease | None, after: Lease | None) -> None:
        """A node came or went."""
        lease = after or before
        if lease is not None and (before is None or after is None or before.presence is not after.presence):
            self.changed.add(lease.node)

    def _add(self, node: str, service: str, tasks: int) -> None:
        room = self._of.get(node)
        if room is None:
            room = self._of[node] = Room()
        room.tasks += tasks
        left = room.crowd.get(service, 0) + tasks
        if left:
            room.crowd[service] = left
        else:
            del room.crowd[service]
        share = self._shares.get(service)
        if share is not None:
            room.millicpus += tasks * share[0]
            room.memory_bytes += tasks * share[1]
        self.carried.add(node)


def _is_another(before: Node, after: Node) -> bool:
    """Whether anything by which nodes are chosen differs; what a node was told is no such thing."""
    if before.availability is not after.availability or before.is_leaving is not after.is_leaving:
        return True
    if before.inventory is after.inventory and before.set_labels is after.set_labels:
        return False
    return (before.inventory, before.set_labels) != (after.inventory, after.set_labels)
