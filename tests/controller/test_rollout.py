"""When a revision arrives: the signature page, told as stories."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.rollouts.slot import NEXT, ROLLOUT_NEXT, RolloutState, SlotSeen, SlotState, advance
from protocol.observed import OfferState
from protocol.rollouts import RolloutStatus
from tests.controller.desk import Desk
from tests.controller.pi import Pi

HEAD = "services:\n  web:\n    image: {image}\n    deploy:\n      mode: global\n      update_config: {{{update}}}\n"


def web(image: str, **update: str) -> str:
    """A global service with an update policy."""
    said = {"parallelism": "1", "max_failure_ratio": "0", "failure_action": "pause"} | update
    return HEAD.format(image=image, update=", ".join(f"{key}: {value}" for key, value in said.items()))


def begun(nodes: int = 3, path: Path | None = None, **update: str) -> tuple[Desk, list[Pi]]:
    """A fleet that runs web:1 and has just been told of web:2."""
    desk = Desk(path)
    pis = [Pi(desk, f"pi-{number}").join() for number in range(1, nodes + 1)]
    desk.manifest("shop", web("web:1", **update))
    for pi in pis:
        pi.read()
        pi.report()
    desk.manifest("shop", web("web:2", **update))
    for pi in pis:
        pi.read()
    return desk, pis


def images(desk: Desk, pis: list[Pi]) -> list[str]:
    """What every node is assigned."""
    return [next(iter(desk.tasks(pi.name).values())) for pi in pis]


def rollout(desk: Desk) -> RolloutStatus:
    """How the rollout stands."""
    status = desk.stack("shop").services[0].rollout
    assert status is not None
    return status


def test_the_first_deployment_is_no_rollout() -> None:
    """Nothing runs that could be taken down, so nothing is asked for."""
    desk = Desk()
    Pi(desk, "pi-1").join()
    desk.manifest("shop", web("web:1"))
    assert desk.tasks("pi-1") == {"shop.web.pi-1": "web:1"}
    assert desk.stack("shop").services[0].rollout is None


def test_a_new_revision_is_offered_to_all_and_assigned_to_none() -> None:
    """Everybody may stage; nothing moves before a grant."""
    desk, pis = begun()
    assert [len(desk.offers(pi.name).offers) for pi in pis] == [1, 1, 1]
    assert images(desk, pis) == ["web:1"] * 3


def test_one_at_a_time_behind_the_health_gate() -> None:
    """The budget is one: the second request waits for the first report."""
    desk, (one, two, three) = begun()
    one.ask("aaaaaaaa")
    assert one.go() == 1
    two.ask("bbbbbbbb")
    assert two.go() == 0
    one.report()
    one.end(well=True)
    one.report()
    assert images(desk, [one, two, three]) == ["web:2", "web:1", "web:1"]
    assert two.update("cccccccc")
    assert three.update("dddddddd")
    assert rollout(desk).state == "done"
    assert rollout(desk).report == "3 updated"
    one.report()
    assert all(not desk.offers(pi.name).offers for pi in (one, two, three))


def test_a_second_request_for_a_granted_slot_is_granted_again_and_takes_no_more_room() -> None:
    """The grant was lost on the way: the same node may go, under its new nonce, and nobody else."""
    desk, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    one.reboot()
    one.ask("bbbbbbbb")
    two.ask("cccccccc")
    assert (one.go(), two.go()) == (1, 0)
    assert rollout(desk).in_progress == 3


def test_absent_nodes_wait_are_unseen_and_follow_when_they_return() -> None:
    """Two of three are updated; the rollout stays open and needs no new one for the third."""
    desk, (one, two, three) = begun()
    three.gone()
    assert one.update("aaaaaaaa")
    assert two.update("bbbbbbbb")
    assert rollout(desk).report == "2 updated, 1 unseen"
    assert (rollout(desk).state, rollout(desk).unseen) == ("rolling", 1)
    first = rollout(desk).id
    three.reboot()
    three.greet()
    assert three.update("cccccccc")
    assert (rollout(desk).id, rollout(desk).state) == (first, "done")


def test_a_node_that_vanishes_while_it_tries_is_lost_and_holds_its_place() -> None:
    """No time gives the place back; its own report does."""
    desk, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    one.go()
    one.gone()
    desk.turn(86_400.0)
    assert not two.update("bbbbbbbb")
    status = rollout(desk)
    assert "pi-1: lost while it was trying" in status.report
    gone = "pi-1 went offline while it was trying; it keeps its place until it returns, or until `bramble node decommission pi-1`"
    held = "nobody can begin: 1 of 1 places are held by pi-1, lost while trying; "
    ends = "a place is free when its node returns, or after `bramble node decommission pi-1`"
    assert status.reasons == (held + ends, f"pi-1: {gone}")
    one.end(well=True)
    one.greet()
    assert images(desk, [one]) == ["web:2"]
    assert two.update("cccccccc")


def test_a_failure_pauses_and_names_the_reason() -> None:
    """The default tolerates none: nothing more is granted, the failed node runs what it ran."""
    desk, (one, two, _) = begun()
    assert one.update("aaaaaaaa", well=False)
    status = rollout(desk)
    assert (status.state, status.failed) == ("paused", 1)
    assert status.report == "paused: 1 failed, 2 in progress (pi-2: waiting, pi-3: waiting)".replace(
        "paused: ", "paused: 0 updated, "
    )
    assert status.reasons[0] == "1 of 3 that were seen failed; 0 of them is tolerated"
    assert not two.update("bbbbbbbb")
    assert images(desk, [one, two]) == ["web:1", "web:1"]
    assert desk.offers("pi-1").offers == ()


def test_a_failed_slot_is_held_until_its_task_stands_again() -> None:
    """Falling back takes the task down too, so the next one waits for it."""
    desk, (one, two, _) = begun(failure_action="continue")
    one.ask("aaaaaaaa")
    one.go()
    one.report()
    one.end(well=False)
    one.report()
    assert not two.update("bbbbbbbb")
    one.recover()
    one.report()
    assert two.update("cccccccc")
    assert rollout(desk).report == "1 updated, 1 failed, 1 in progress (pi-3: waiting)"


def test_a_tolerated_failure_lets_the_rest_go_on() -> None:
    """One of three is less than half."""
    desk, (one, two, three) = begun(max_failure_ratio="0.5")
    assert one.update("aaaaaaaa", well=False)
    assert two.update("bbbbbbbb")
    assert three.update("cccccccc")
    assert rollout(desk).report == "2 updated, 1 failed"


def test_absent_nodes_do_not_dilute_the_threshold() -> None:
    """One failure of two that were seen is half, however many are away."""
    _, (one, two, three) = begun(max_failure_ratio="0.4")
    three.gone()
    assert one.update("aaaaaaaa", well=False)
    assert not two.update("bbbbbbbb")


def test_a_rollback_takes_the_settled_ones_back_under_the_same_budget() -> None:
    """A higher generation with older content; who never changed is left alone."""
    desk, (one, two, three) = begun(failure_action="rollback")
    assert one.update("aaaaaaaa")
    generation = desk.assignment("pi-1").generation
    untouched = desk.assignment("pi-3")
    assert two.update("bbbbbbbb", well=False)
    assert rollout(desk).state == "rolling_back"
    assert [len(desk.offers(pi.name).offers) for pi in (one, two, three)] == [1, 0, 0]
    assert one.update("cccccccc")
    status = rollout(desk)
    assert (status.state, status.report) == ("rolled_back", "rolled back: 2 back, 1 failed")
    assert images(desk, [one, two, three]) == ["web:1"] * 3
    assert desk.assignment("pi-1").generation > generation
    assert desk.assignment("pi-3") == untouched
    assert desk.stack("shop").converged is False


def test_a_newer_revision_inherits_the_places_that_are_held() -> None:
    """The trial of the second revision ends before the third gets its place."""
    desk, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    one.go()
    desk.manifest("shop", web("web:3"))
    assert not two.update("bbbbbbbb")
    one.end(well=True)
    one.report()
    assert images(desk, [one]) == ["web:2"]
    assert two.update("cccccccc")
    assert images(desk, [two]) == ["web:3"]
    assert one.update("dddddddd")
    assert images(desk, [one]) == ["web:3"]


def test_a_withdrawn_grant_is_free_once_its_node_has_seen_that() -> None:
    """The grant never arrived, and the offer is gone: the node's own word gives the place back."""
    desk, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    one.reboot()
    desk.manifest("shop", web("web:3"))
    assert not two.update("bbbbbbbb")
    one.read()
    one.report()
    assert two.update("cccccccc")


def test_going_back_by_manifest_is_an_update_like_any_other() -> None:
    """The older revision under a newer rollout; nodes that never left it are done at once."""
    desk, (one, two, three) = begun()
    assert one.update("aaaaaaaa")
    desk.manifest("shop", web("web:1"))
    assert rollout(desk).updated == 2
    assert one.update("bbbbbbbb")
    assert rollout(desk).state == "done"
    assert images(desk, [one, two, three]) == ["web:1"] * 3


def test_the_pause_between_two_updates_is_kept() -> None:
    """`delay` counts from the last settled one, on the controller's clock."""
    desk, (one, two, _) = begun(delay="60s")
    assert one.update("aaaaaaaa")
    assert not two.update("bbbbbbbb")
    desk.turn(60.0)
    assert two.update("cccccccc")


def test_no_budget_means_all_at_once() -> None:
    """Swarm's parallelism 0."""
    desk, pis = begun(parallelism="0")
    for number, pi in enumerate(pis):
        pi.ask(f"aaaaaaa{number}")
    assert [pi.go() for pi in pis] == [1, 1, 1]
    assert rollout(desk).in_progress == 3


def test_a_node_that_joins_during_a_rollout_begins_with_the_settled_revision() -> None:
    """It has not been proved yet, so it does not skip the queue; then it is updated like the others."""
    desk, (one, _, _) = begun()
    one.ask("aaaaaaaa")
    one.go()
    late = Pi(desk, "pi-4").join()
    assert images(desk, [late]) == ["web:1"]
    one.end(well=True)
    one.report()
    assert late.update("bbbbbbbb")
    assert images(desk, [late]) == ["web:2"]


def test_a_revision_that_cannot_be_staged_fails_without_taking_a_place() -> None:
    """An image that does not exist is found out before anything is stopped."""
    desk, (one, _, _) = begun()
    for key in one.states:
        one.states[key] = OfferState.FAILED
    one.report()
    assert (rollout(desk).state, rollout(desk).failed) == ("paused", 1)


@pytest.mark.parametrize("step", ["asked", "granted", "trying", "settled"])
def test_a_controller_that_restarts_in_the_middle_goes_on(tmp_path: Path, step: str) -> None:
    """Slots are durable before a grant is sent: nobody else gets the place, and nothing is lost."""
    desk, (one, two, _) = begun(path=tmp_path)
    if step != "asked":
        one.ask("aaaaaaaa")
    if step in ("trying", "settled"):
        one.go()
        one.report()
    desk.restart()
    if step == "settled":
        one.end(well=True)
        one.report()
        desk.restart()
        assert images(desk, [one]) == ["web:2"]
    else:
        assert one.update("bbbbbbbb") is (step != "trying")
    assert two.update("cccccccc") is (step != "trying")


@pytest.mark.parametrize("state", SlotState)
@pytest.mark.parametrize("seen", SlotSeen)
def test_a_pair_that_is_not_in_the_table_changes_nothing(state: SlotState, seen: SlotSeen) -> None:
    """Over an at-least-once link a stale observation is weather, not a bug."""
    assert advance(state, seen) is NEXT.get((state, seen), state)


def test_every_state_of_both_machines_is_reached_by_its_table() -> None:
    """No state stands in the enum that nothing leads to, but the first ones."""
    assert {*NEXT.values(), SlotState.WAITING} == set(SlotState)
    assert {*ROLLOUT_NEXT.values(), RolloutState.ROLLING} == set(RolloutState)
