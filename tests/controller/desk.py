"""A controller turned by hand: messages in, effects out, virtual time. With a path it keeps its memory and may be restarted."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

from controller.decide.cycle import cycle
from controller.decide.effects import Effect, Reply, Say
from controller.decide.fleet import Fleet
from controller.decide.home_assistant.desk import HomeAssistant
from controller.decide.inputs import Heard, Unreadable
from controller.decide.observe import observe
from controller.decide.revive import revive
from controller.decide.terms import Terms
from controller.store import Store
from link.inputs import LinkDown, LinkUp
from protocol import topics
from protocol.desired import Assignment, Offers
from protocol.envelope import FactMark, Received
from protocol.observed import Answer, Hello, Inventory, Link, NodeStatus, OfferStatus, Presence, TaskState, TaskStatus
from protocol.operator import OperatorOrder, OrderVerb, StackStatus
from protocol.refusal import Refusal

FLEET = "default"

_MADE_OF = frozenset(field.name for field in fields(Inventory))


class Desk:
    """One controller on a table."""

    def __init__(self, path: Path | None = None, terms: Terms | None = None, home_assistant: str = "") -> None:
        self.now, self.home_assistant = 1000.0, home_assistant
        self._terms, self._path = terms or Terms(), path
        self._store: Store | None = None
        self.said: dict[str, Any] = {}
        self.effects: list[Effect] = []
        self._marks: dict[str, int] = {}
        self._sequences: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        """End without a word, and begin again from what was committed."""
        if self._store is not None:
            self._store.close()
        told = HomeAssistant(self.home_assistant, "homeassistant/status")
        self.fleet = Fleet(FLEET, self._terms, home_assistant=told)
        if self._path is not None:
            self._store = Store(self._path / "controller.db")
            # Here processes die and disks do not; syncing them costs nine tenths of the time.
            self._store._connection.execute("PRAGMA synchronous = OFF")
            self._store.load(self.fleet)
        revive(self.fleet, self.now)
        self.turn()
        observe(self.fleet, LinkUp(1), self.now)
        self.turn()

    def turn(self, after_s: float = 0.0) -> tuple[Effect, ...]:
        """Let time pass, decide, commit."""
        self.now += after_s
        effects = cycle(self.fleet, self.now)
        if self._store is not None:
            self._store.save(self.fleet)
        for effect in effects:
            self.effects.append(effect)
            if isinstance(effect, Say):
                self.said[str(effect.topic)] = effect.message
        return effects

    def heard(self, topic: topics.Topic, message: Any, **more: Any) -> tuple[Effect, ...]:
        """A message comes; the turn that it makes."""
        observe(self.fleet, Heard(Received(topic, message, more.pop("mark", None)), **more), self.now)
        return self.turn()

    def unreadable(self, topic: topics.Topic, reason: str, size_bytes: int = 1) -> tuple[Effect, ...]:
        """A packet comes that nobody can read."""
        observe(self.fleet, Unreadable(topic, Refusal(reason), size_bytes, "d1"), self.now)
        return self.turn()

    def link_down(self) -> None:
        """The broker goes away."""
        observe(self.fleet, LinkDown(1, "gone"), self.now)
        self.turn()

    def link_up(self) -> None:
        """The broker is back."""
        observe(self.fleet, LinkUp(2), self.now)
        self.turn()

    def hello(self, node: str, **more: Any) -> tuple[Effect, ...]:
        """A node says what it is made of; labels as `place="porch"`, the rest by name."""
        inventory = Inventory(
            more.pop("hostname", node),
            more.pop("architecture", "aarch64"),
            engine=more.pop("engine", "20.10"),
            labels=more.pop("labels", {}),
            **{name: more.pop(name) for name in _MADE_OF if name in more},
        )
        self._marks[node] = self._marks.get(node, 0) + 1
        mark = FactMark(f"s-{node}", self._marks[node], self._marks[node])
        hello = Hello(node, more.pop("epoch", 1), "boot", "1", inventory, **more)
        return self.heard(topics.HelloTopic(FLEET, node), hello, mark=mark)

    def presence(self, node: str, state: Link, epoch: int = 1) -> tuple[Effect, ...]:
        """A birth or a will."""
        return self.heard(topics.PresenceTopic(FLEET, node), Presence(state, epoch))

    def manifest(self, stack: str, text: str, *, retained: bool = False) -> tuple[Effect, ...]:
        """An operator publishes, or the broker remembers that one did."""
        payload = text.encode()
        digest = hashlib.sha256(payload).hexdigest()[:12]
        return self.heard(topics.ManifestTopic(FLEET, stack), payload, payload_digest=digest, retained=retained)

    def order(self, verb: OrderVerb, target: str = "", /, key: str = "o1", **arguments: Any) -> Answer | None:
        """An operator orders; the answer, if it came in this turn."""
        order = OperatorOrder(verb, target, arguments)
        effects = self.heard(topics.OrderTopic(FLEET, key), order)
        return next((effect.answer for effect in effects if isinstance(effect, Reply)), None)

    def status(
        self, node: str, tasks: tuple[TaskStatus, ...] = (), offers: tuple[OfferStatus, ...] = (), **more: Any
    ) -> tuple[Effect, ...]:
        """A node says how it stands; it knows its newest assignment and offers unless told otherwise."""
        self._sequences[node] = self._sequences.get(node, 0) + 1
        told, offered = self.assignment(node), self.offers(node)
        more = {
            "observed_epoch": told.epoch,
            "observed_generation": told.generation,
            "offers_generation": offered.generation,
        } | more
        status = NodeStatus(node, 1, self._sequences[node], tasks=tasks, offers=offers, **more)
        return self.heard(topics.StatusTopic(FLEET, node), status)

    def runs(self, node: str, state: TaskState = TaskState.RUNNING) -> tuple[Effect, ...]:
        """A node runs all that it was assigned."""
        return self.status(node, running(self.assignment(node), state))

    def assignment(self, node: str) -> Assignment:
        """What a node was told last."""
        told = self.said.get(str(topics.AssignmentTopic(FLEET, node)))
        return told if isinstance(told, Assignment) else Assignment(node, 0, 0)

    def offers(self, node: str) -> Offers:
        """What a node was offered last."""
        said = self.said.get(str(topics.OfferTopic(FLEET, node)))
        return said if isinstance(said, Offers) else Offers(node, 0, 0)

    def tasks(self, node: str) -> dict[str, str]:
        """The tasks that a node was told to run, and their images."""
        return {spec.task: spec.container.image for spec in self.assignment(node).tasks}

    def stack(self, name: str) -> StackStatus:
        """The stack's status as it was said last; time passes, so that it may be said."""
        self.turn(60.0)
        status = self.said[str(topics.StackStatusTopic(FLEET, name))]
        assert isinstance(status, StackStatus)
        return status


def running(assignment: Assignment, state: TaskState = TaskState.RUNNING) -> tuple[TaskStatus, ...]:
    """The status of everything in an assignment."""
    return tuple(TaskStatus(spec.task, spec.revision, state, 1) for spec in assignment.tasks)


def web(image: str = "web:1", **deploy: str) -> str:
    """A stack of one service, with whatever stands under `deploy`."""
    lines = "".join(f"\n      {key}: {value}" for key, value in deploy.items())
    return f"services:\n  web:\n    image: {image}\n    deploy:{lines or ' {}'}\n"
