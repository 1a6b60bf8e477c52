"""Random histories of agents that update themselves: never more on trial than the budget has, and all arrive in the end."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from controller.decide.effects import Say
from controller.decide.releases import KEY
from controller.decide.rollouts.slot import ENDED, HALTED, SlotState
from protocol.desired import Grant, Offer
from protocol.observed import Link, OfferState, OfferStatus, Request, TaskState, TaskStatus
from protocol.operator import OrderVerb
from protocol.release import BASE
from protocol.topics import GrantTopic, RequestTopic
from tests.controller.desk import FLEET, Desk

PARALLELISM = 2
NODES = 5
STEPS = 120
SETTLING_ROUNDS = 60
STEERING = (OrderVerb.ROLLOUT_PAUSE, OrderVerb.ROLLOUT_RESUME, OrderVerb.ROLLOUT_ABORT, OrderVerb.ROLLOUT_UNDO)


@dataclass
class Pi:
    """One node: what runs, what is on trial, and what it has heard."""

    name: str
    runs: str = BASE
    before: str = ""
    offer: Offer | None = None
    generation: int = 0
    nonce: str = ""
    granted: bool = False
    verdicts: dict[tuple[str, str], OfferState] = field(default_factory=dict)
    online: bool = True
    epoch: int = 1

    @property
    def is_trying(self) -> bool:
        return bool(self.before)

    @property
    def key(self) -> tuple[str, str]:
        assert self.offer is not None
        return self.offer.rollout, self.offer.task.revision


class World:
    """A controller and some nodes; chance says what happens next."""

    def __init__(self, seed: int) -> None:
        self.chance, self.desk = random.Random(seed), Desk()
        self.pis = [Pi(f"pi-{number}") for number in range(NODES)]
        self.nonces = self.orders = self.version = 0
        for pi in self.pis:
            self.greet(pi)
        self.order()

    # What nodes do.

    def greet(self, pi: Pi) -> None:
        pi.epoch += 1
        self.desk.presence(pi.name, Link.ONLINE, pi.epoch)
        self.desk.hello(pi.name, release=pi.runs, epoch=pi.epoch, offers_generation=pi.generation)

    def hear(self, pi: Pi) -> None:
        """Read the newest offers; a trial whose offer is gone returns."""
        told = self.desk.offers(pi.name)
        if not pi.online or told.generation <= pi.generation:
            return
        before, pi.generation = pi.offer, told.generation
        pi.offer = next((one for one in told.offers if one.task.release is not None), None)
        is_same = (
            before is not None
            and pi.offer is not None
            and (before.rollout, before.task) == (pi.offer.rollout, pi.offer.task)
        )
        if not is_same:
            pi.nonce, pi.granted = "", False
            if pi.is_trying:
                pi.runs, pi.before = pi.before, ""
                self.greet(pi)

    def ask(self, pi: Pi) -> None:
        if (
            not pi.online
            or pi.offer is None
            or pi.is_trying
            or pi.key in pi.verdicts
            or pi.runs == pi.offer.task.revision
        ):
            return
        self.nonces += 1
        pi.nonce = f"{self.nonces:08d}"
        heard = len(self.desk.effects)
        request = Request(pi.offer.rollout, pi.offer.task.task, pi.offer.task.revision, pi.nonce)
        self.desk.heard(RequestTopic(FLEET, pi.name), request)
        said = [
            one.message
            for one in self.desk.effects[heard:]
            if isinstance(one, Say) and one.topic == GrantTopic(FLEET, pi.name)
        ]
        if any(isinstance(one, Grant) and one.nonce == pi.nonce for one in said) and self.chance.random() < 0.9:
            pi.granted = True

    def go(self, pi: Pi) -> None:
        if pi.granted and pi.offer is not None and not pi.is_trying:
            pi.before, pi.runs, pi.granted = pi.runs, pi.offer.task.revision, False
            if pi.online:
                self.greet(pi)

    def end(self, pi: Pi, *, well: bool) -> None:
        if not pi.is_trying or pi.offer is None or not pi.online:
            return
        pi.verdicts[pi.key] = OfferState.SETTLED if well else OfferState.FAILED
        pi.runs, pi.before = pi.runs if well else pi.before, ""
        if not well:
            self.greet(pi)

    def report(self, pi: Pi) -> None:
        if not pi.online:
            return
        offers = ()
        if pi.offer is not None:
            is_there = pi.runs == pi.offer.task.revision
            state = OfferState.SETTLED if is_there else OfferState.STAGED
            state = OfferState.TRYING if pi.is_trying else pi.verdicts.get(pi.key, state)
            if state is OfferState.SETTLED and not is_there:
                state = OfferState.STAGED
            offers = (OfferStatus(pi.offer.rollout, pi.offer.task.task, pi.offer.task.revision, state),)
        state_of_task = TaskState.PREPARING if pi.is_trying else TaskState.RUNNING
        task = TaskStatus(f"{KEY}.{pi.name}", pi.runs, state_of_task)
        self.desk.status(pi.name, (task,), offers, offers_generation=pi.generation)

    def leave(self, pi: Pi) -> None:
        if pi.online:
            pi.online = False
            self.desk.presence(pi.name, Link.OFFLINE, pi.epoch)
            self.desk.turn(40.0)

    def come_back(self, pi: Pi) -> None:
        if not pi.online:
            pi.online, pi.granted = True, False
            self.greet(pi)

    def swap(self, pi: Pi) -> None:
        """A card from before the first update is put in."""
        if not pi.is_trying and pi.online and self.chance.random() < 0.2:
            pi.runs, pi.offer, pi.generation, pi.granted, pi.verdicts = BASE, None, 0, False, {}
            self.greet(pi)

    # What operators do.

    def order(self) -> None:
        self.version, self.orders = self.version + 1, self.orders + 1
        action = self.chance.choice(("pause", "continue", "rollback"))
        answer = self.desk.order(
            OrderVerb.AGENTS_UPDATE,
            key=f"o{self.orders}",
            version=f"1.{self.version}",
            parallelism=str(PARALLELISM),
            failure_action=action,
        )
        assert answer is not None
        assert answer.ok

    def steer(self, verb: OrderVerb) -> None:
        self.orders += 1
        self.desk.order(verb, KEY, key=f"o{self.orders}")

    # The history.

    def step(self) -> None:
        pi, dice = self.chance.choice(self.pis), self.chance.random()
        if dice < 0.03:
            self.order() if self.chance.random() < 0.4 else self.steer(self.chance.choice(STEERING))
        elif dice < 0.08:
            self.leave(pi) if pi.online else self.come_back(pi)
        elif dice < 0.1:
            self.swap(pi)
        elif dice < 0.2:
            self.end(pi, well=self.chance.random() < 0.7)
        else:
            self.chance.choice((self.hear, self.ask, self.go, self.report))(pi)
        self.check()

    def check(self) -> None:
        trying = [pi.name for pi in self.pis if pi.is_trying]
        assert len(trying) <= PARALLELISM, trying

    def settle(self) -> None:
        """Everybody is there and well: it comes to an end."""
        for _ in range(SETTLING_ROUNDS):
            rollout = self.desk.fleet.rollouts.get(KEY)
            if rollout is not None and rollout.state in HALTED:
                self.steer(OrderVerb.ROLLOUT_RESUME)
            for pi in self.pis:
                self.come_back(pi)
                for act in (self.hear, self.report, self.ask, self.go, self.report):
                    act(pi)
                    self.check()
                self.end(pi, well=True)
                self.report(pi)
                self.report(pi)
            self.desk.turn(1.0)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_the_budget_holds_and_everybody_arrives(seed: int) -> None:
    """Grants that are lost, nodes that leave in the middle, cards that are swapped, operators who change their minds."""
    world = World(seed)
    for _ in range(STEPS):
        world.step()
    world.settle()
    rollout = world.desk.fleet.rollouts.get(KEY)
    assert rollout is None or rollout.state in ENDED, rollout
    target = rollout.target if rollout is not None else world.desk.fleet.catalogue.revisions[KEY]
    slots = world.desk.fleet.slots
    stuck = [
        pi.name for pi in world.pis if pi.runs != target and slots[f"{KEY}.{pi.name}"].state is not SlotState.FAILED
    ]
    assert stuck == []
