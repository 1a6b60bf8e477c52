"""Which tasks leave their nodes for another, one service's budget at a time: those under way, and those that wait their turn.

A task is under way from the moment another node is chosen for it until that node has been seen running it. Of one service no more
are under way than its `update_config.parallelism` allows, so draining a node takes no service down that has more than one task. A
task that is held for a node which is away is under way all the same. Derived, so it is not saved: after a restart whatever has not
been seen at its node counts as under way.
"""

from __future__ import annotations

from controller.decide.records import service_of

_NONE: frozenset[str] = frozenset()


class Moves:
    """The tasks of each service that are under way, and that wait."""

    __slots__ = ("_under_way", "_waiting")

    def __init__(self) -> None:
        self._under_way: dict[str, set[str]] = {}
        self._waiting: dict[str, set[str]] = {}

    def under_way(self, service: str) -> frozenset[str] | set[str]:
        """The tasks of a service on their way."""
        return self._under_way.get(service, _NONE)

    def waiting(self, service: str) -> frozenset[str] | set[str]:
        """The tasks of a service that must go, and have not yet."""
        return self._waiting.get(service, _NONE)

    def is_under_way(self, task: str) -> bool:
        """Whether a task has not been seen running where it is now."""
        return bool(self._under_way) and task in self.under_way(service_of(task))

    def is_waiting(self, task: str) -> bool:
        """Whether a task waits its turn."""
        return bool(self._waiting) and task in self.waiting(service_of(task))

    def begin(self, task: str) -> None:
        """Another node was chosen for a task."""
        self.stay(task)
        self._under_way.setdefault(service_of(task), set()).add(task)

    def arrive(self, task: str) -> None:
        """A task runs where it should, or is wanted no more."""
        _discard(self._under_way, task)

    def wait(self, task: str) -> None:
        """A task must go when it is its turn."""
        self._waiting.setdefault(service_of(task), set()).add(task)

    def stay(self, task: str) -> None:
        """A task waits no more."""
        _discard(self._waiting, task)


def _discard(tasks_of: dict[str, set[str]], task: str) -> None:
    if not tasks_of:
        return
    service = service_of(task)
    tasks = tasks_of.get(service)
    if tasks is not None:
        tasks.discard(task)
        if not tasks:
            del tasks_of[service]
