"""What an operator may do to a rollout: each verb in each state, and twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from controller.decide.fleet import Fleet
from controller.decide.rollouts import history, steering
from controller.decide.rollouts.slot import Cause, RolloutState, SlotState
from controller.decide.terms import Terms
from controller.store import Store
from protocol.operator import OrderVerb
from protocol.refusal import Refusal
from tests.controller.gradual import SERVICE, Bed
from tests.controller.situations import (
    SITUATIONS,
    back,
    back_halted,
    confirmed,
    done,
    failed,
    going_back,
    halted,
    held_up,
    keeping,
    none,
    promoting,
    rolling,
    tolerant,
    unseen,
)

ROLLING, PAUSED, DONE = RolloutState.ROLLING, RolloutState.PAUSED, RolloutState.DONE
GOING_BACK, BACK_PAUSED, BACK = RolloutState.ROLLING_BACK, RolloutState.ROLLBACK_PAUSED, RolloutState.ROLLED_BACK

WHO = "an operator (ann@desk)"

Verb = Callable[[Fleet, str], str | Refusal]

TABLE: list[tuple[Verb, Callable[[], Bed], RolloutState | None, str]] = [
    (steering.pause, none, None, "there is nothing to pause of shop.web: it is not being updated"),
    (steering.pause, rolling, PAUSED, "is paused; what is being tried is tried to its end"),
    (steering.pause, halted, PAUSED, "is paused already"),
    (steering.pause, failed, PAUSED, "is paused already, and goes on when it is resumed"),
    (steering.pause, promoting, PAUSED, "waited for a confirmation, and goes on only when it is resumed"),
    (steering.pause, done, DONE, "there is nothing to pause of shop.web: it is done"),
    (steering.pause, going_back, BACK_PAUSED, "is paused; what is being tried"),
    (steering.pause, back, BACK, "there is nothing to pause of shop.web: it is rolled back"),
    (steering.resume, none, None, "there is nothing to resume"),
    (steering.resume, rolling, ROLLING, "is going on already"),
    (steering.resume, halted, ROLLING, "goes on"),
    (steering.resume, failed, ROLLING, "goes on; 1 that failed or are lost are tried again"),
    (steering.resume, promoting, PAUSED, "`bramble rollout confirm shop.web` goes on"),
    (steering.resume, done, DONE, "it is done"),
    (steering.resume, going_back, GOING_BACK, "is going on already"),
    (steering.resume, back_halted, GOING_BACK, "goes on"),
    (steering.resume, back, BACK, "it is rolled back"),
    (steering.confirm, none, None, "there is nothing to confirm"),
    (steering.confirm, rolling, ROLLING, "waits to be confirmed"),
    (steering.confirm, halted, PAUSED, "waits to be confirmed"),
    (steering.confirm, failed, PAUSED, "waits to be confirmed"),
    (steering.confirm, promoting, ROLLING, "canary is confirmed"),
    (steering.confirm, done, DONE, "waits to be confirmed"),
    (steering.confirm, keeping, DONE, "is confirmed; nodes remove what they kept"),
    (steering.confirm, confirmed, DONE, "is confirmed already"),
    (steering.confirm, going_back, GOING_BACK, "waits to be confirmed"),
    (steering.abort, none, None, "is not being updated; `bramble rollout undo shop.web`"),
    (steering.abort, rolling, GOING_BACK, "is taken back; shop.web returns to"),
    (steering.abort, halted, BACK, "is taken back"),
    (steering.abort, failed, BACK, "is taken back"),
    (steering.abort, promoting, GOING_BACK, "is taken back"),
    (steering.abort, done, DONE, "is not being updated; `bramble rollout undo shop.web`"),
    (steering.abort, keeping, GOING_BACK, "is taken back"),
    (steering.abort, confirmed, DONE, "is not being updated"),
    (steering.abort, going_back, GOING_BACK, "is being taken back already"),
    (steering.abort, back_halted, BACK_PAUSED, "is being taken back already"),
    (steering.abort, back, BACK, "is rolled back already"),
    (steering.pause, keeping, DONE, "there is nothing to pause of shop.web: it is done"),
    (steering.pause, confirmed, DONE, "there is nothing to pause of shop.web: it is done"),
    (steering.pause, back_halted, BACK_PAUSED, "is paused already"),
    (steering.pause, tolerant, DONE, "there is nothing to pause of shop.web: it is done"),
    (steering.pause, held_up, PAUSED, "is paused; what is being tried"),
    (steering.pause, unseen, PAUSED, "is paused; what is being tried"),
    (steering.resume, keeping, DONE, "it is done"),
    (steering.resume, confirmed, DONE, "it is done"),
    (steering.resume, tolerant, ROLLING, "goes on; 1 that failed or are lost are tried again"),
    (steering.resume, held_up, ROLLING, "is going on already"),
    (steering.resume, unseen, ROLLING, "is going on already"),
    (steering.confirm, back_halted, BACK_PAUSED, "waits to be confirmed"),
    (steering.confirm, back, BACK, "waits to be confirmed"),
    (steering.confirm, tolerant, DONE, "waits to be confirmed"),
    (steering.confirm, held_up, ROLLING, "canary waits no more for pi-1, lost while trying it"),
    (steering.confirm, unseen, ROLLING, "lab waits no more for any one of its nodes, which are all away"),
    (steering.abort, tolerant, DONE, "is not being updated; `bramble rollout undo shop.web`"),
    (steering.abort, held_up, GOING_BACK, "is taken back"),
    (steering.abort, unseen, BACK, "is taken back"),
]


def test_the_table_has_each_verb_in_each_state() -> None:
    """None is left to chance."""
    verbs = (steering.pause, steering.resume, steering.confirm, steering.abort)
    assert {(row[0], row[1]) for row in TABLE} == {(verb, one) for verb in verbs for one in SITUATIONS}


ORDERS: dict[OrderVerb, dict[str, str]] = {
    OrderVerb.ROLLOUT_PAUSE: {},
    OrderVerb.ROLLOUT_RESUME: {},
    OrderVerb.ROLLOUT_CONFIRM: {},
    OrderVerb.ROLLOUT_ABORT: {},
    OrderVerb.ROLLOUT_UNDO: {},
    OrderVerb.PIN: {"node": "pi-2"},
    OrderVerb.UNPIN: {"node": "pi-2"},
    OrderVerb.OVERRIDE: {"node": "pi-2"},
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("verb", ORDERS)
def test_each_order_in_each_state_is_answered_and_given_again_changes_nothing_more(
    verb: OrderVerb, situation: Callable[[], Bed]
) -> None:
    """Under another id, so that it is not a repetition; what is refused is refused again, with a sentence."""
    desk = situation().desk
    first = desk.order(verb, SERVICE, key="o1", **ORDERS[verb])
    desk.turn()
    before = kept(desk.fleet)
    again = desk.order(verb, SERVICE, key="o2", **ORDERS[verb])
    desk.turn()
    assert first is not None
    assert again is not None
    assert first.message
    assert again.message
    assert kept(desk.fleet) == before


def kept(fleet: Fleet) -> dict[str, object]:
    """What operators' orders change."""
    shelves = fleet.shelves()
    names = ("rollouts", "slots", "tasks", "pins", "undos", "histories", "assignments", "offers")
    return {name: {key: shelves[name][key] for key in shelves[name]} for name in names}


@pytest.mark.parametrize(("verb", "situation", "state", "says"), TABLE)
def test_each_verb_in_each_state(
    verb: Verb, situation: Callable[[], Bed], state: RolloutState | None, says: str
) -> None:
    """One sentence says what came of it; given again it changes nothing more."""
    bed = situation()
    fleet = bed.desk.fleet
    said = verb(fleet, SERVICE)
    bed.desk.turn()
    assert says in (said.reason if isinstance(said, Refusal) else said)
    after, slots = fleet.rollouts.get(SERVICE), bed.states()
    assert (after.state if after else None) is state
    verb(fleet, SERVICE)
    bed.desk.turn()
    assert (fleet.rollouts.get(SERVICE), bed.states()) == (after, slots)


def test_what_is_being_tried_when_it_is_paused_is_tried_to_its_end() -> None:
    """Its slot settles; nobody else begins until it is resumed."""
    bed = rolling()
    steering.pause(bed.desk.fleet, SERVICE, "the boss is on the phone")
    bed.end()
    assert bed.images() == ["web:2", "web:1"]
    assert bed.ask() == []
    assert "the boss is on the phone" in bed.status.reasons[0]
    steering.resume(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert bed.rounds() == [["pi-2"]]
    assert bed.rollout.state is DONE


def test_resuming_forgives_failures_and_nodes_try_again_under_another_name() -> None:
    """What failed is offered anew; what is settled is left alone, and its container with it."""
    bed = Bed(3)
    bed.end(*bed.ask())
    untouched = bed.desk.assignment("pi-1")
    bed.end(*bed.ask(), well=False)
    assert (bed.rollout.state, bed.rollout.paused_by) == (PAUSED, Cause.FAILURES)
    steering.resume(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert bed.desk.fleet.slots["shop.web.pi-2"].wave == f"{bed.rollout.id}-1"
    assert sorted(bed.rounds()) == [["pi-2"], ["pi-3"]]
    assert bed.rollout.state is DONE
    assert bed.desk.assignment("pi-1") == untouched


def test_resuming_after_a_pause_by_hand_forgives_nothing() -> None:
    """A failure that was tolerated stays one, and is not tried again."""
    bed = Bed(3, max_failure_ratio="0.5")
    bed.end(*bed.ask(), well=False)
    steering.pause(bed.desk.fleet, SERVICE)
    steering.resume(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert bed.rounds() == [["pi-2"], ["pi-3"]]
    assert bed.status.failed == 1


def test_a_rollback_that_failed_may_be_resumed() -> None:
    """It pauses, as in Swarm, and is tried again under another name."""
    bed = going_back()
    bed.end(*bed.ask(), well=False)
    assert bed.rollout.state is BACK_PAUSED
    steering.resume(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert bed.rounds() == [["pi-1"]]
    assert (bed.rollout.state, bed.images()) == (BACK, ["web:1"] * 3)


def test_what_was_before_is_kept_until_it_is_confirmed() -> None:
    """The offer stands; confirmed, it says so first, and is withdrawn when its node has read that."""
    bed = keeping()
    assert [len(bed.desk.offers(pi.name).offers) for pi in bed.pis] == [1, 1]
    steering.confirm(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert [offer.is_confirmed for pi in bed.pis for offer in bed.desk.offers(pi.name).offers] == [True, True]
    bed.pis[0].read()
    bed.pis[0].report()
    assert [len(bed.desk.offers(pi.name).offers) for pi in bed.pis] == [0, 1]


def test_a_service_that_keeps_what_was_before_is_aborted_after_its_end() -> None:
    """Rancher's way back: every node returns to what it has kept."""
    bed = keeping()
    steering.abort(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert bed.rounds() == [["pi-1"], ["pi-2"]]
    assert bed.images() == ["web:1", "web:1"]


def test_a_lock_is_overridden_on_one_node_as_long_as_the_update_lasts() -> None:
    """The offer says so, durably; others keep to their locks."""
    bed = Bed(2, "{lock: {path: /run/busy}}")
    fleet = bed.desk.fleet
    assert steering.override(fleet, SERVICE, "pi-2", WHO) == "the update of shop.web on pi-2 minds no lock"
    assert steering.override(fleet, SERVICE, "pi-2", WHO) == "the update of shop.web on pi-2 minds no lock already"
    bed.desk.turn()
    assert [bed.desk.offers(pi.name).offers[0].overrides_lock for pi in bed.pis] == [False, True]
    bed.rounds()
    newest, *older = history.shown(fleet, SERVICE)
    assert newest.notes == (f"shop.web on pi-2: {WHO} overrode the lock at {fleet.wall}",)
    assert [row.notes for row in older] == [()]
    refused = steering.override(fleet, SERVICE, "pi-2", WHO)
    assert isinstance(refused, Refusal)
    assert refused.reason == "no update of shop.web waits on pi-2"


@pytest.mark.parametrize("situation", [halted, failed, promoting, back_halted, confirmed])
def test_what_an_operator_ordered_survives_a_restart(tmp_path: Path, situation: Callable[[], Bed]) -> None:
    """The record is whole: the state, the cause and the reason are the same after a load."""
    bed = situation()
    rollout, slots = bed.rollout, {task: bed.desk.fleet.slots[task] for task in bed.desk.fleet.slots}
    store = Store(tmp_path / "controller.db")
    for task in slots:
        bed.desk.fleet.slots.drop(task)
    for task, slot in slots.items():
        bed.desk.fleet.slots.put(task, slot)
    store.save(bed.desk.fleet)
    fleet = Fleet("default", Terms())
    store.load(fleet)
    store.close()
    assert fleet.rollouts[SERVICE] == rollout
    assert {task: fleet.slots[task] for task in fleet.slots} == slots


def test_a_lost_task_is_forgiven_and_keeps_its_place() -> None:
    """It counts as failed no more; only its own report gives its place back."""
    bed = Bed(3, "{lost: fail}", parallelism="2")
    assert bed.ask() == ["pi-1", "pi-2"]
    bed.leave(bed.pis[0])
    bed.settle_there()
    assert bed.rollout.state is PAUSED
    assert "1 of 3 that were seen failed" in bed.rollout.reason
    bed.end("pi-2")
    steering.resume(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    assert bed.rollout.state is ROLLING
    assert bed.states()[0] is SlotState.LOST
    assert bed.rounds() == [["pi-3"]]
    bed.come_back(bed.pis[0])
    bed.end()
    assert bed.rollout.state is DONE
