"""What was worked out in an earlier turn, each with what it was worked out of: looked up again while that stands (law 10).

A turn is about one task of fifty, so most of what a decider would work out is what it was. Whoever keeps something here holds it
against the very values that it follows from, by identity (`still`): they are frozen, so the same value has the same consequences.
Nothing in here decides, and losing all of it changes nothing but the time that a turn takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import is_

from agent.decide.directory import Directory
from agent.decide.inputs import ContainerSeen, ImageSeen
from agent.decide.stored import Stray
from agent.decide.table import Table
from agent.decide.target import Target
from agent.decide.task import Task
from agent.decide.trial import Trial
from protocol.desired import Assignment, Offers, Sections, TaskSpec
from protocol.function import FunctionSpec
from protocol.observed import NodeStatus, OfferStatus, TaskStatus

Containers = tuple[ContainerSeen, ...]

Named = Mapping[str, frozenset[str]]
"""Which images a name means here: a digest, whatever stands before it; a reference without one; an id."""

Asked = tuple[tuple[str, float], ...]
"""The nonces of requests, each with the moment of its asking."""


NODES_MOST = 1024
# A process is one node; a simulator's has as many as it rehearses.


@lru_cache(NODES_MOST)
def no_assignment(node: str) -> Assignment:
    """What is settled before the first assignment."""
    return Assignment(node, 0, 0)


@lru_cache(NODES_MOST)
def no_offers(node: str) -> Offers:
    """What may be tried before the first offers."""
    return Offers(node, 0, 0)


def still(before: Sequence[object] | None, now: Sequence[object]) -> bool:
    """Whether something follows from the very same values as before; before the first time from none."""
    return before is not None and len(before) == len(now) and all(map(is_, before, now))


class Shown:
    """The containers of one look by their tasks; one without a task by its id."""

    __slots__ = ("_by_task", "_containers")

    def __init__(self) -> None:
        """Know no look yet."""
        self._containers: Containers | None = None
        self._by_task: dict[str, Containers] = {}

    def by_task(self, containers: Containers) -> dict[str, Containers]:
        """All of a look, in the order in which their tasks first occur. Whoever reads them does not change them."""
        if self._containers is not containers:
            self._containers, self._by_task = containers, {}
            for container in containers:
                key = container.task or container.id
                self._by_task[key] = (*self._by_task.get(key, ()), container)
        return self._by_task


@dataclass(frozen=True, slots=True)
class Wanted:
    """The one container of each task that is what it should be, of this look, these targets and these strays."""

    containers: Containers
    targets: dict[str, Target]
    strays: dict[str, Stray]
    found: dict[str, ContainerSeen]


@dataclass(slots=True)
class Known:
    """What one node has worked out.

        `rests` are the tasks that ran as they should when they were judged last; `beside` those that did so beside what was made
        for their next trials; `tasks` and `offers` what the status says of each while nothing else is to be said of it; `standing`
        the keys of the offers that stand; `named` what the images of a look are called; `sound` the containers that are not of a
        wrong image, each with all that it was held against, the first the version of what is attested; `attested` of which targets,
        and in which version of their table, all that are attested were; `asked` the trials that only wait for an answer, each with
        what else could be done about it, and when it asked; `fetched` the functions whose images are wanted, of which trials and
        which sections; `status` the whole status, and all that it follows from; `timed` whether anything goes by the clock on the
    wall, of which assignment, which sections and which offers; `tallied` of what here is counted, and under how many names.
    """

    shown: Shown = field(default_factory=Shown)
    wanted: Wanted | None = None
    rests: dict[str, tuple[Task, TaskSpec, ContainerSeen]] = field(default_factory=dict)
    beside: dict[str, tuple[object, ...]] = field(default_factory=dict)
    tasks: dict[str, tuple[Task, TaskStatus]] = field(default_factory=dict)
    offers: dict[str, tuple[Trial, OfferStatus]] = field(default_factory=dict)
    standing: tuple[Offers, frozenset[str]] | None = None
    named: tuple[tuple[ImageSeen, ...], Named] | None = None
    sound: dict[str, tuple[int, ContainerSeen, TaskSpec | None, TaskSpec | None, Named]] = field(default_factory=dict)
    attested: tuple[dict[str, Target], dict[str, Target], int] | None = None
    status: tuple[tuple[object, ...], NodeStatus] | None = None
    fetched: tuple[tuple[Table[Trial], int, Directory], dict[str, FunctionSpec]] | None = None
    timed: tuple[Assignment, Sections, Offers, bool] | None = None
    tallied: tuple[tuple[Directory, tuple[FunctionSpec, ...], dict[str, Target]], int] | None = None
    asked: dict[str, tuple[Trial, dict[str, Target], frozenset[str], Asked]] = field(default_factory=dict)

    def forget(self, task: str) -> None:
        """A task is no more."""
        self.rests.pop(task, None)
        self.beside.pop(task, None)
