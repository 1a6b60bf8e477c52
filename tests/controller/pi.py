"""A node as the controller's rollout sees it: it stages, asks, tries, keeps or forgets, reboots, and loses mail. Told by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from controller.decide.effects import Say
from protocol.desired import Assignment, Offer, Offers
from protocol.observed import Link, OfferState, OfferStatus, Request, TaskState, TaskStatus
from protocol.topics import AssignmentTopic as Assigned
from protocol.topics import GrantTopic, OfferTopic, RequestTopic
from tests.controller.desk import FLEET, Desk

Key = tuple[str, str, str]


def key_of(offer: Offer) -> Key:
    """Name an offer."""
    return (offer.rollout, offer.task.task, offer.task.revision)


@dataclass
class Pi:
    """One node. `down` is the ground truth: tasks that a trial, or falling back from one, has taken down."""

    desk: Desk
    name: str
    assignment: Assignment = field(default_factory=lambda: Assignment("", 0, 0))
    offers: Offers = field(default_factory=lambda: Offers("", 0, 0))
    states: dict[Key, OfferState] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    down: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Key] = field(default_factory=dict)
    heard: int = field(init=False)
    labels: dict[str, str] = field(default_factory=dict)
    refused: set[Key] = field(default_factory=set)
    broken: TaskState | None = None
    epoch: int = 1
    overrode: str = ""

    def __post_init__(self) -> None:
        self.heard = len(self.desk.effects)

    def join(self, **labels: str) -> Pi:
        """Say hello for the first time."""
        self.labels = labels
        self.greet()
        return self

    def greet(self, **more: Any) -> None:
        """Connect: birth, hello, status."""
        self.desk.presence(self.name, Link.ONLINE, self.epoch)
        self.desk.hello(
            self.name,
            epoch=self.epoch,
            assignment_epoch=self.assignment.epoch,
            assignment_generation=self.assignment.generation,
            assignment_hash=self.assignment.content_hash if self.assignment.generation else "",
            offers_generation=self.offers.generation,
            **{"labels": self.labels, **more},
        )
        self.read()
        self.report()

    def read(self) -> None:
        """Read what is retained for this node, the newest of each; mail of an older number changes nothing."""
        told = self.desk.said.get(str(Assigned(FLEET, self.name)))
        if told is not None and (told.epoch, told.generation) > (self.assignment.epoch, self.assignment.generation):
            self.assignment = told
        offered = self.desk.said.get(str(OfferTopic(FLEET, self.name)))
        if offered is not None and (offered.epoch, offered.generation) > (self.offers.epoch, self.offers.generation):
            self._take(offered)
        wanted = {spec.task: spec.revision for spec in self.assignment.tasks}
        standing = {key_of(offer) for offer in self.offers.offers}
        for key in [key for key, state in self.states.items() if state is OfferState.SETTLED and key not in standing]:
            if wanted.get(key[1]) == key[2] or key[1] not in wanted:
                del self.states[key]
        for task in [task for task in self.kept if task not in wanted or wanted[task] == self.kept[task]]:
            del self.kept[task]
        self.down = {task: why for task, why in self.down.items() if task in wanted}

    def _take(self, offered: Offers) -> None:
        self.offers = offered
        standing = {key_of(offer) for offer in offered.offers}
        for key in [key for key in self.states if key not in standing and self.states[key] is not OfferState.SETTLED]:
            if self.states.pop(key) is OfferState.TRYING:
                self.down[key[1]] = "falling back"
        for key in standing:
            self.states.setdefault(key, OfferState.STAGED)

    def ask(self, nonce: str) -> None:
        """Ask for everything that is staged."""
        for number, key in enumerate(sorted(key for key, s in self.states.items() if s is OfferState.STAGED)):
            rollout, task, revision = key
            self.asked[f"{nonce}{number}"] = key
            request = Request(rollout, task, revision, f"{nonce}{number}")
            self.desk.heard(RequestTopic(FLEET, self.name), request)

    def go(self) -> int:
        """Begin what was granted since, and asked for by this life of the node; how many that were."""
        begun, mine = 0, GrantTopic(FLEET, self.name)
        said = [effect for effect in self.desk.effects[self.heard :] if isinstance(effect, Say)]
        self.heard = len(self.desk.effects)
        for grant in [one.message for one in said if one.topic == mine]:
            key = self.asked.pop(grant.nonce, None)
            if key is not None and self.states.get(key) is OfferState.STAGED:
                self.states[key] = OfferState.TRYING
                self.down[key[1]] = "trying"
                begun += 1
        return begun

    def end(self, *, well: bool) -> None:
        """End all trials."""
        for key, state in self.states.items():
            if state is OfferState.TRYING:
                self.states[key] = OfferState.SETTLED if well else OfferState.FAILED
                if well:
                    self.kept[key[1]] = key[2]
                    del self.down[key[1]]
                else:
                    self.down[key[1]] = "falling back"

    def refuse(self) -> None:
        """The registry refuses what is staged here."""
        self.refused |= {key for key, state in self.states.items() if state is OfferState.STAGED}
        self.states |= dict.fromkeys(self.refused, OfferState.FAILED)

    def correct(self) -> None:
        """The registry is asked otherwise, and gives what it refused, where it is still offered."""
        standing = {key_of(offer) for offer in self.offers.offers}
        self.states |= dict.fromkeys(self.refused & standing, OfferState.STAGED)

    def recover(self) -> None:
        """Whatever falls back stands again."""
        self.down = {task: why for task, why in self.down.items() if why == "trying"}

    def reboot(self) -> None:
        """Lose power: nonces are forgotten, what is being tried is durable."""
        self.asked, self.heard, self.epoch = {}, len(self.desk.effects), self.epoch + 1

    def report(self) -> None:
        """Say everything."""
        trying = {task: revision for (_, task, revision), s in self.states.items() if s is OfferState.TRYING}
        tasks = tuple(
            TaskStatus(
                spec.task,
                trying.get(spec.task) or self.kept.get(spec.task) or spec.revision,
                TaskState.PREPARING if spec.task in self.down else self.broken or TaskState.RUNNING,
                1,
            )
            for spec in self.assignment.tasks
        )
        offers = tuple(
            OfferStatus(
                *key,
                state,
                was_staging=state is OfferState.FAILED and key in self.refused,
                overrode="" if state in (OfferState.STAGING, OfferState.STAGED) else self.overrode,
            )
            for key, state in sorted(self.states.items())
        )
        self.desk.status(
            self.name,
            tasks,
            offers,
            observed_epoch=self.assignment.epoch,
            observed_generation=self.assignment.generation,
            offers_generation=self.offers.generation,
        )
        self.read()

    def update(self, nonce: str, *, well: bool = True) -> bool:
        """Go through a whole update, if it is granted."""
        self.read()
        self.ask(nonce)
        if not self.go():
            self.report()
            return False
        self.report()
        self.end(well=well)
        self.recover()
        self.report()
        self.report()
        return True

    def revision(self, task: str) -> str:
        """What settled revision runs here."""
        return self.kept.get(task) or {spec.task: spec.revision for spec in self.assignment.tasks}[task]

    def gone(self) -> OfferState | None:
        """Go offline: the will is read, and the grace passes."""
        self.desk.presence(self.name, Link.OFFLINE, self.epoch)
        self.desk.turn(60.0)
        return next(iter(self.states.values()), None)
