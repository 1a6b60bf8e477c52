"""Jobs, on every engine: what has run to its end is never run again, and at rest everything has.

A task of a job is known by what it is and what it runs: another revision of it is another piece of work. Who has lost his card, or
his ledger, cannot know what he did; what was done there is forgotten here too. So is what came to its end where nobody wanted it
any more: a drain that finds a job in its last second has it run once more elsewhere. And what came to its end while it was being
stopped, because it was ill, looks to its node like any other that obeyed: it is begun once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.decide.fleet import Fleet
from protocol.ids import service_key
from protocol.stack import Service
from sim.boxes import Box
from sim.head import Head
from sim.node import SimNode
from sim.truth import LABEL, revision_of, service_of, task_of
from sim.violation import ViolationError

_Work = tuple[str, str, str]


@dataclass(slots=True)
class Works:
    """The checks. `services` are the jobs, by `stack.service`; `done` says of a piece of work which container did it."""

    head: Head
    services: set[str] = field(default_factory=set)
    _done: dict[_Work, tuple[str, str]] = field(default_factory=dict)
    _ended: dict[_Work, tuple[str, str]] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)

    def look(self, name: str, node: SimNode) -> None:
        """Take in what the containers of a node's jobs do now."""
        for box in node.engine.boxes.values() if self.services else ():
            if service_of(task_of(box)) not in self.services or not box.starts:
                continue
            work: _Work = (task_of(box), revision_of(box), box.labels.get(f"{LABEL}spec-hash", ""))
            start = f"{box.id} {box.starts}"
            did = self._done.get(work)
            if did is not None and did != (name, start):
                raise ViolationError("job", f"{name} runs {work[0]} once more, which was done on {did[0]}")
            if not box.runs and work[0] in (node.node.busy if node.node is not None else ()):
                self._stopped.add(start)
            if _is_done(box) and did is None and start not in self._stopped:
                self._ended[work] = (name, start)
        fleet = self.head.fleet
        for work, (where, start) in list(self._ended.items()) if fleet is not None else ():
            task = fleet.tasks.get(work[0]) if fleet is not None else None
            if task is not None and task.node == where:
                self._done[work] = (where, start)
            del self._ended[work]

    def forget(self, name: str) -> None:
        """A node has another card: it cannot know what it did."""
        for known in (self._done, self._ended):
            for work in [work for work, did in known.items() if did[0] == name]:
                del known[work]

    def restored(self) -> None:
        """The controller has an older store."""
        self._done.clear()
        self._ended.clear()

    def undone(self, knows: Fleet, service: Service, nodes: Mapping[str, SimNode]) -> Iterator[str]:
        """What of a job has not been done, though it is wanted; by the ledger where somebody has forgotten it."""
        key = service_key(service.stack, service.name)
        tasks = [knows.tasks[task] for task in sorted(knows.tasks.of("service", key))]
        wanted = len(nodes) if service.mode.is_global else service.replicas
        if len(tasks) != wanted:
            yield f"{len(tasks)} of {wanted} tasks of the job {key} are known"
        for task in tasks:
            if task.completed != task.revision:
                yield f"the job {task.task} has not been done"


def _is_done(box: Box) -> bool:
    """Whether a container has come to its end by itself, and well: not because somebody stopped it."""
    after_s = box.behaviour.exits_after_s
    return not box.runs and box.exit_code == 0 and after_s is not None and box.ended_s == box.started_s + after_s
