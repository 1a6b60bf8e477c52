"""How the services of a history are updated: drawn once for each service, and told to the checks that hold the product to it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sim.invariants import Invariants
from sim.lessons import learn
from sim.mishaps import LOCK
from sim.stacks import Section, service

WINDOW: Section = {"schedule": "*/2 * * * *", "duration": "60s"}
"""Every other minute: the checks know it as the minutes of an even number."""

STRATEGIES = ("kill-then-download", "delete-then-download", "hand-over")
DEADLINE = "40s"
CANARY: Section = {"count": 1}
GROUPS: Section = {"per": "node.labels.place", "count": 1}


@dataclass(slots=True)
class Habit:
    """How one service is updated. `mode` is what the next update does when it fails, and how much it tolerates."""

    name: str
    parallelism: int
    order: str
    extra: Section = field(default_factory=dict)
    mode: Section = field(default_factory=dict)

    def section(self, image: str, replicas: int | None) -> Section:
        """The service as its manifest has it."""
        update: Section = {**self.mode, "parallelism": self.parallelism, "order": self.order}
        found = service(image, replicas, **update)
        found["stop_grace_period"] = "4s"
        return {**found, "x-bramble": {"update": self.extra}} if self.extra else found

    def stops_within(self) -> int | None:
        """On how many tasks an image that fails may be tried; None for one that goes on all the same."""
        is_strict = not self.goes_on and not self.mode.get("max_failure_ratio")
        return self.parallelism if is_strict else None

    @property
    def goes_on(self) -> bool:
        """Whether what fails holds nobody up, not even a canary."""
        return bool(self.mode.get("failure_action") == "continue")

    def next_mode(self, chances: random.Random) -> None:
        """Draw what the next update does when it fails."""
        action, ratio = chances.choice(("pause", "continue", "rollback")), chances.choice((0, 0, 0.5))
        self.mode = {"failure_action": action, "max_failure_ratio": ratio}


def draw(name: str, chances: random.Random, invariants: Invariants, *, is_rich: bool) -> Habit:
    """Draw the habit of a service; a rich one has conduct of its own."""
    most = (1, 1, 2) if name == "home.web" else (1,)
    order = chances.choice(("stop-first", "stop-first", "start-first"))
    habit = Habit(name, chances.choice(most), order)
    if is_rich and name != "shed.pump":
        _enrich(habit, chances)
    learn(invariants, name, habit.parallelism, habit.order)
    if "window" in habit.extra:
        invariants.ways.windows.add(name)
    if "lock" in habit.extra:
        invariants.ways.locks.add(name)
    habit.next_mode(chances)
    if "canary" in habit.extra and not habit.goes_on:
        invariants.ways.canaries[name] = int(CANARY["count"])
    return habit


def _enrich(habit: Habit, chances: random.Random) -> None:
    """One or two of everything that an update may have beyond Swarm's words."""
    choices: list[Section] = [
        {"lock": {"path": LOCK}},
        {"canary": CANARY},
        {"window": WINDOW},
        {"strategy": chances.choice(STRATEGIES)},
        {"keep_previous": True},
        {"max_unavailable": GROUPS},
        {"lost": "fail"},
    ]
    habit.extra = {"healthy_deadline": DEADLINE}
    for one in chances.sample(choices, chances.randint(1, 2)):
        habit.extra |= one
    if habit.extra.get("strategy") == "delete-then-download":
        habit.extra.pop("keep_previous", None)
    if "strategy" in habit.extra:
        habit.order = "start-first" if habit.extra["strategy"] == "hand-over" else "stop-first"
    if "canary" in habit.extra:
        habit.parallelism = 3
