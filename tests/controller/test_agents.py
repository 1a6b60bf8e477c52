"""The agents as a service of ours: which release each node runs, and the rollout that brings another."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.releases import KEY
from controller.decide.rollouts.slot import RolloutState, SlotState
from protocol.desired import Offer
from protocol.observed import Answer, Link, OfferState, OfferStatus, Request, TaskState, TaskStatus
from protocol.operator import OrderVerb
from protocol.release import BASE, STACK, Release
from protocol.topics import RequestTopic
from tests.controller.desk import FLEET, Desk, web

TWO, THREE = Release("0.2.0"), Release("0.3.0")


class Bench:
    """Some nodes whose agents can update themselves, and what each runs."""

    def __init__(self, *names: str, path: Path | None = None) -> None:
        self.desk = Desk(path)
        self.runs = dict.fromkeys(names, BASE)
        self.nonces = self.orders = 0
        for name in names:
            self.hello(name)

    def hello(self, name: str) -> None:
        self.desk.hello(name, release=self.runs.setdefault(name, BASE))

    def update(self, version: str = "0.2.0", **arguments: object) -> Answer:
        self.orders += 1
        answer = self.desk.order(OrderVerb.AGENTS_UPDATE, key=f"u{self.orders}", version=version, **arguments)
        assert answer is not None
        return answer

    def steer(self, verb: OrderVerb, **arguments: object) -> Answer:
        self.orders += 1
        answer = self.desk.order(verb, KEY, key=f"u{self.orders}", **arguments)
        assert answer is not None
        return answer

    def offer(self, name: str) -> Offer | None:
        return next((one for one in self.desk.offers(name).offers if one.task.release is not None), None)

    def report(self, name: str, state: OfferState = OfferState.STAGED, reason: str = "") -> None:
        """Say how it is with the offer, if there is one."""
        offer, is_trying = self.offer(name), state is OfferState.TRYING
        said = () if offer is None else (_status(offer, state, reason),)
        task = TaskStatus(
            f"{KEY}.{name}", self.runs[name], TaskState.PREPARING if is_trying else TaskState.RUNNING, image="agent"
        )
        self.desk.status(name, (task,), said)

    def ask(self, name: str) -> bool:
        """Stage and ask; whether it was granted."""
        offer = self.offer(name)
        if offer is None:
            return False
        self.report(name)
        self.nonces += 1
        request = Request(offer.rollout, offer.task.task, offer.task.revision, f"{self.nonces:08d}")
        self.desk.heard(RequestTopic(FLEET, name), request)
        slot = self.desk.fleet.slots[offer.task.task]
        return slot.state is SlotState.GRANTED and slot.nonce == request.nonce

    def switch(self, name: str, *, well: bool = True) -> None:
        """Try what was granted, to either end."""
        offer = self.offer(name)
        assert offer is not None
        before, self.runs[name] = self.runs[name], offer.task.revision
        self.hello(name)
        self.report(name, OfferState.TRYING)
        if not well:
            self.runs[name] = before
            self.hello(name)
        self.report(name, OfferState.SETTLED if well else OfferState.FAILED, "" if well else "it did not check in")
        self.report(name, OfferState.SETTLED if well else OfferState.FAILED)

    @property
    def rollout(self) -> str:
        return self.desk.fleet.rollouts[KEY].state

    def rows(self) -> dict[str, dict[str, str]]:
        answer = self.desk.order(OrderVerb.AGENTS)
        assert answer is not None
        return {row["node"]: row for row in answer.result}


def _status(offer: Offer, state: OfferState, reason: str) -> OfferStatus:
    return OfferStatus(offer.rollout, offer.task.task, offer.task.revision, state, reason=reason)


def test_nothing_is_wanted_of_an_agent_before_the_first_order() -> None:
    """A fleet whose agents nobody updates is told nothing of releases."""
    bench = Bench("pi-1")
    assert bench.desk.assignment("pi-1").tasks == ()
    assert bench.rows()["pi-1"]["state"] == "unmanaged"


def test_agents_are_updated_within_the_budget_one_after_the_other() -> None:
    """The offer carries the release, one node tries at a time, and each that keeps it lets the next begin."""
    bench = Bench("pi-1", "pi-2")
    assert bench.update(sha256="a" * 64).ok
    offer = bench.offer("pi-1")
    assert offer is not None
    assert offer.task.release == Release("0.2.0", sha256="a" * 64)
    assert [bench.ask("pi-1"), bench.ask("pi-2")] == [True, False]
    bench.switch("pi-1")
    assert bench.ask("pi-2")
    bench.switch("pi-2")
    assert bench.rollout == RolloutState.DONE
    assert {row["state"] for row in bench.rows().values()} == {"settled"}
    assert bench.desk.stack(STACK).converged


def test_a_release_that_is_not_kept_pauses_the_update_and_says_why() -> None:
    """The node that returned to the release before tells the reason; nobody else tries."""
    bench = Bench("pi-1", "pi-2")
    bench.update()
    bench.ask("pi-1")
    bench.switch("pi-1", well=False)
    assert bench.rollout == RolloutState.PAUSED
    assert not bench.ask("pi-2")
    assert bench.rows()["pi-1"] | {"state": "failed", "reason": "it did not check in"} == bench.rows()["pi-1"]
    again = bench.update().message
    assert "already" in again
    assert f"bramble rollout resume {KEY}" in again
    assert bench.steer(OrderVerb.ROLLOUT_RESUME).ok
    assert not bench.ask("pi-1"), "the request of pi-2 was kept, and has the place"
    bench.switch("pi-2")
    assert bench.ask("pi-1")


def test_with_rollback_everybody_returns_to_what_was_in_force_before() -> None:
    """A failure takes the release back from those that had kept it, as an update like any other."""
    bench = Bench("pi-1", "pi-2")
    bench.update(failure_action="rollback")
    bench.ask("pi-1")
    bench.switch("pi-1")
    bench.ask("pi-2")
    bench.switch("pi-2", well=False)
    assert bench.rollout == RolloutState.ROLLING_BACK
    assert bench.ask("pi-1")
    bench.switch("pi-1")
    assert (bench.rollout, bench.runs) == (RolloutState.ROLLED_BACK, {"pi-1": BASE, "pi-2": BASE})


def test_the_same_release_under_another_policy_goes_on_with_it() -> None:
    """How long it may take is no part of what it is: the offer says it anew, and nobody begins again."""
    bench = Bench("pi-1", "pi-2")
    bench.update()
    bench.ask("pi-1")
    bench.update(checkin_s=9, monitor_s=3)
    offers = [bench.offer(name) for name in ("pi-1", "pi-2")]
    assert [(one.task.release.checkin_s, one.monitor_s) for one in offers if one and one.task.release] == [(9, 3)] * 2
    bench.switch("pi-1")
    assert bench.ask("pi-2")


def test_a_node_that_joins_later_is_updated_too() -> None:
    """A new node begins with what it runs, not with what is settled, and the late lane brings it the rest."""
    bench = Bench("pi-1")
    bench.update()
    bench.ask("pi-1")
    bench.switch("pi-1")
    bench.hello("pi-2")
    assert bench.desk.fleet.tasks[f"{KEY}.pi-2"].revision == BASE
    assert bench.ask("pi-2")
    bench.switch("pi-2")
    assert bench.rollout == RolloutState.DONE


def test_the_first_node_after_an_order_that_found_none_is_updated_too() -> None:
    """An order of an empty fleet has nothing to update, and holds all the same."""
    bench = Bench()
    assert bench.update().ok
    bench.hello("pi-1")
    offer = bench.offer("pi-1")
    assert offer is not None
    assert offer.task.release == TWO


def test_a_node_that_joins_where_all_have_the_release_already_is_updated_too() -> None:
    """Nothing was to be updated when it was ordered, so no update was begun."""
    bench = Bench("pi-1")
    bench.runs["pi-1"] = TWO.revision
    bench.hello("pi-1")
    assert bench.update().ok
    assert KEY not in bench.desk.fleet.rollouts
    bench.hello("pi-2")
    assert bench.offer("pi-2") is not None
    assert bench.offer("pi-1") is None


def test_a_node_that_runs_something_else_than_is_thought_is_updated_again() -> None:
    """A swapped card brings an old agent back; what the node says is believed, and put right."""
    bench = Bench("pi-1")
    bench.update()
    bench.ask("pi-1")
    bench.switch("pi-1")
    bench.runs["pi-1"] = BASE
    bench.hello("pi-1")
    bench.report("pi-1", OfferState.STAGED)
    assert bench.desk.fleet.tasks[f"{KEY}.pi-1"].revision == BASE
    assert bench.ask("pi-1")


def test_a_swapped_card_is_updated_where_no_update_was_begun() -> None:
    """All had the release when it was ordered; the old agent is believed, and put right."""
    bench = Bench("pi-1")
    bench.runs["pi-1"] = TWO.revision
    bench.hello("pi-1")
    bench.update()
    bench.runs["pi-1"] = BASE
    bench.hello("pi-1")
    bench.report("pi-1", OfferState.STAGED)
    assert bench.ask("pi-1")


def test_one_that_was_kept_after_its_offer_was_withdrawn_goes_back_within_the_budget() -> None:
    """An abort that crosses with the node's keeping holds no place for ever."""
    bench = Bench("pi-1")
    bench.update()
    bench.ask("pi-1")
    offer = bench.offer("pi-1")
    assert offer is not None
    bench.steer(OrderVerb.ROLLOUT_ABORT)
    bench.runs["pi-1"] = offer.task.revision
    bench.hello("pi-1")
    bench.report("pi-1")
    assert bench.ask("pi-1")
    bench.switch("pi-1")
    assert (bench.rollout, bench.runs["pi-1"]) == (RolloutState.ROLLED_BACK, BASE)


def test_undo_goes_back_to_the_row_before() -> None:
    """The base is the first row of the history, so there is always something to go back to."""
    bench = Bench("pi-1")
    for version in ("0.2.0", "0.3.0"):
        bench.update(version)
        bench.ask("pi-1")
        bench.switch("pi-1")
    assert bench.runs["pi-1"] == THREE.revision
    assert bench.steer(OrderVerb.ROLLOUT_UNDO).ok
    bench.ask("pi-1")
    bench.switch("pi-1")
    assert bench.runs["pi-1"] == TWO.revision
    assert bench.steer(OrderVerb.ROLLOUT_UNDO, number=1).ok
    bench.ask("pi-1")
    bench.switch("pi-1")
    assert bench.runs["pi-1"] == BASE


def test_a_node_whose_agent_nothing_could_replace_is_left_out_and_says_why() -> None:
    """It takes no place and fails nothing: that it cannot be updated is known before anything is tried."""
    bench = Bench("pi-1")
    bench.desk.hello("old")
    answer = bench.update()
    assert "1 of 2 nodes can update theirs" in answer.message
    assert "bramble-agent-launch" in bench.rows()["old"]["reason"]
    bench.ask("pi-1")
    bench.switch("pi-1")
    assert bench.rollout == RolloutState.DONE


def test_agents_without_an_engine_are_updated_too() -> None:
    """An agent needs no Docker Engine to be replaced."""
    bench = Bench()
    bench.desk.hello("sensor", release=BASE, engine="")
    bench.runs["sensor"] = BASE
    bench.update()
    assert bench.ask("sensor")


def test_a_node_that_is_away_or_drained_has_its_agent_all_the_same() -> None:
    """One that is away when the order is given counts as unseen, and is updated when it returns; a drained one at once."""
    bench = Bench("pi-1", "pi-2")
    bench.desk.presence("pi-2", Link.OFFLINE)
    bench.desk.turn(600.0)
    bench.desk.order(OrderVerb.DRAIN, "pi-1", key="d")
    bench.hello("pi-1")
    bench.update()
    assert bench.rows()["pi-2"]["state"] == "waiting"
    assert bench.ask("pi-1")
    bench.switch("pi-1")
    status = bench.desk.stack(STACK).services[0].rollout
    assert status is not None
    assert (status.updated, status.unseen) == (1, 1)
    bench.hello("pi-2")
    assert bench.ask("pi-2")
    bench.switch("pi-2")
    assert bench.rollout == RolloutState.DONE


def test_only_the_nodes_of_the_constraints_are_offered_a_release() -> None:
    """Others keep what they run, and the table says that they have no part in it."""
    bench = Bench()
    for name, place in (("pi-1", "porch"), ("pi-2", "attic")):
        bench.desk.hello(name, release=BASE, labels={"place": place})
        bench.runs[name] = BASE
    bench.update(constraints=["node.labels.place == porch"])
    assert [bool(bench.offer("pi-1")), bool(bench.offer("pi-2"))] == [True, False]
    assert bench.rows()["pi-2"]["state"] == "unmanaged"


def test_everything_outlives_the_controller(tmp_path: Path) -> None:
    """The order, the slots and what nodes run are in the store: a restart in the middle changes nothing."""
    bench = Bench("pi-1", "pi-2", path=tmp_path)
    bench.update(canary="1")
    bench.ask("pi-1")
    bench.desk.restart()
    bench.hello("pi-1")
    bench.hello("pi-2")
    assert not bench.ask("pi-2")
    bench.switch("pi-1")
    assert bench.ask("pi-2")
    bench.switch("pi-2")
    assert bench.rollout == RolloutState.DONE


def test_the_agents_are_no_stack_of_anybodys(tmp_path: Path) -> None:
    """Nobody can publish under the name, and what makes no sense for agents is refused."""
    bench = Bench("pi-1", path=tmp_path)
    bench.update()
    bench.desk.manifest(STACK, web())
    assert bench.offer("pi-1") is not None
    assert not bench.steer(OrderVerb.RESTART).ok
    assert not bench.steer(OrderVerb.SCALE, replicas=2).ok
    assert not bench.steer(OrderVerb.PULL).ok


def test_removing_the_stack_leaves_every_agent_as_it_is() -> None:
    """Then nothing is wanted of the agents any more."""
    bench = Bench("pi-1")
    bench.update()
    bench.desk.manifest(STACK, "")
    assert bench.offer("pi-1") is None
    assert bench.desk.assignment("pi-1").tasks == ()
    assert bench.rows()["pi-1"]["state"] == "unmanaged"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"version": "../../etc"}, "version"),
        ({"wheel": "https://x/y.whl"}, "sha256"),
        ({"sha256": "short"}, "sha256"),
        ({"version": "", "index": "https://x"}, "base"),
        ({"wheel": "https://x/y.whl", "index": "https://x", "sha256": "a" * 64}, "not both"),
        ({"parallelism": "some"}, "number"),
        ({"failure_action": "explode"}, "explode"),
        ({"monitor_s": -1}, "monitor_s"),
        ({"max_failure_ratio": 2}, "max_failure_ratio"),
        ({"constraints": ["what"]}, "what"),
        ({"constraints": "node.labels.a == b"}, "list"),
        ({"speed": 9}, "speed"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_the_reason(arguments: dict[str, object], says: str) -> None:
    """Nothing is begun."""
    bench = Bench("pi-1")
    answer = bench.update(**arguments)
    assert not answer.ok
    assert says in answer.message
    assert bench.offer("pi-1") is None
