"""Stories of updates in virtual time: absence, restarts, bad revisions, and a registry that is away."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.porch import a_fleet, lamps, reasons, said


def test_an_absent_node_waits_its_turn_and_follows_when_it_returns() -> None:
    """A node that was away during a rollout is updated later, within the same budget, without a new rollout."""
    with a_fleet(nodes=4) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()

        fleet.cut("pi-4")
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=10)
        assert fleet.settled("porch.lamp", "lamp:two") == {"pi-1", "pi-2", "pi-3"}
        rollout = said(fleet, "porch").services[0].rollout
        assert rollout is not None
        assert (rollout.updated, rollout.unseen, rollout.failed) == (3, 1, 0)

        fleet.mend("pi-4")
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:two") == {"pi-1", "pi-2", "pi-3", "pi-4"}
        assert fleet.invariants.most_down["porch.lamp"] == 1


def test_a_controller_that_restarts_in_the_middle_goes_on() -> None:
    """Killed again and again during a rollout, the controller finishes it within the budget and starts no second one."""
    with a_fleet(nodes=4) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(seconds=2)
        first = said(fleet, "porch").services[0].rollout
        for _ in range(5):
            fleet.head.kill()
            fleet.run_for(seconds=9)
        fleet.run_until_converged()

        last = said(fleet, "porch").services[0].rollout
        assert first is not None
        assert last is not None
        assert last.id == first.id
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)
        assert fleet.invariants.most_down["porch.lamp"] == 1


def test_a_flapping_node_delays_nobody_but_itself() -> None:
    """A node whose link comes and goes holds up no other, and arrives in the end."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two"))
        for _ in range(10):
            fleet.cut("pi-2")
            fleet.run_for(seconds=50)
            fleet.mend("pi-2")
            fleet.run_for(seconds=4)
        assert {"pi-1", "pi-3"} <= fleet.settled("porch.lamp", "lamp:two")
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:two") == {"pi-1", "pi-2", "pi-3"}


@pytest.mark.parametrize("moment", range(0, 40, 2))
def test_a_power_cut_at_any_turn_of_an_update_leaves_it_whole(moment: int) -> None:
    """Wherever the agent dies during its update, the node ends up with one container, of the new revision."""
    with a_fleet(nodes=2, seed=moment) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two"))
        fleet.nodes["pi-1"].process.fuse = moment
        fleet.run_for(seconds=20)
        fleet.nodes["pi-1"].cut_power()
        fleet.run_for(seconds=30)
        fleet.nodes["pi-1"].power()
        fleet.run_until_converged()
        assert fleet.running("porch.lamp") == {"pi-1": ["lamp:two"], "pi-2": ["lamp:two"]}


@pytest.mark.parametrize("image", ["lamp:sick", "lamp:crashing", "lamp:nowhere"])
def test_a_bad_revision_is_tried_once_and_taken_back(image: str) -> None:
    """What is unhealthy, crashes or does not exist reaches at most one node, which falls back by itself; the reason is told."""
    with a_fleet(nodes=3) as fleet:
        fleet.invariants.bad.add(image)
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps(image, failure_action="rollback"))
        fleet.run_for(minutes=5)
        assert fleet.running("porch.lamp") == {name: ["lamp:one"] for name in fleet.nodes}
        assert fleet.invariants.most_down.get("porch.lamp", 0) <= 1
        rollout = said(fleet, "porch").services[0].rollout
        assert rollout is not None
        assert rollout.state == "rolled_back"
        assert rollout.failed >= 1
        assert any(rollout.reasons)


def test_a_withdrawn_trial_holds_its_place_until_the_old_lamp_burns_again() -> None:
    """A newer revision in the middle of a trial waits: the node that falls back is down for a while too."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:slow"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(seconds=3)
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:one") == set(fleet.nodes)
        assert fleet.invariants.most_down["porch.lamp"] == 1


def test_a_lamp_that_was_stopped_for_a_withdrawn_trial_burns_again_at_once() -> None:
    """Wherever the newer revision comes in, the stop that we asked for is no failure of the old lamp: it waits for nothing."""
    for late_ms in range(0, 400, 20):
        with a_fleet(nodes=1, seed=late_ms) as fleet:
            fleet.publish("porch", lamps("lamp:slow"))
            fleet.run_until_converged()
            fleet.publish("porch", lamps("lamp:crashing"))
            fleet.run_for(seconds=1 + late_ms / 1000)
            fleet.publish("porch", lamps("lamp:slow"))
            fleet.run_for(seconds=8)
            assert fleet.running("porch.lamp") == {"pi-1": ["lamp:slow"]}, late_ms


def test_a_node_that_is_drained_in_the_middle_of_its_trial_blocks_nobody() -> None:
    """Its place is held until it has stopped, and then the others go on without it."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:slow"))
        while not (trying := [name for name in fleet.nodes if fleet.invariants.tries(name, "porch.lamp")]):
            fleet.run_for(seconds=0.1)
        fleet.drain(trying[0])
        fleet.run_for(minutes=2)
        assert fleet.settled("porch.lamp", "lamp:slow") == set(fleet.nodes) - {trying[0]}
        assert fleet.running("porch.lamp").keys() == set(fleet.nodes) - {trying[0]}


def test_an_image_that_does_not_exist_stops_nothing_else() -> None:
    """A stack whose image nobody has says so, while another is deployed and updated beside it."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("shed", lamps("lamp:nowhere"))
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_for(minutes=2)
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=2)
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)
        assert not said(fleet, "shed").converged
        assert "lamp:nowhere" in reasons(fleet, "shed")


def test_a_registry_that_is_down_takes_no_place_and_is_asked_again() -> None:
    """While nothing can be pulled the old revision runs everywhere; once the registry is back the update goes on by itself."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.registry.up = False
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=5)
        assert fleet.running("porch.lamp") == {name: ["lamp:one"] for name in fleet.nodes}
        assert fleet.invariants.most_down.get("porch.lamp", 0) == 0

        fleet.registry.up = True
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:two") == set(fleet.nodes)


def private(image: str, password: str) -> bytes:
    """The lamps, with a login for their registry."""
    login = {"registries": {"docker.io": {"username": "ann", "password": password}}}
    return json.dumps(json.loads(lamps(image)) | {"x-bramble": login}).encode()


def test_a_corrected_login_has_the_nodes_try_again_by_themselves() -> None:
    """The registry refuses the image, and the update pauses; published with the right login it goes on, and nobody resumes it."""
    with a_fleet(nodes=3) as fleet:
        fleet.publish("porch", private("lamp:one", "wrong"))
        fleet.run_until_converged()
        fleet.publish("porch", private("lamp:private", "wrong"))
        fleet.run_for(minutes=2)
        rollout = said(fleet, "porch").services[0].rollout
        assert rollout is not None
        assert (rollout.state, rollout.updated) == ("paused", 0)
        assert rollout.failed > 0

        fleet.registry.push("lamp:private")
        fleet.run_for(minutes=30)
        assert fleet.settled("porch.lamp", "lamp:private") == set()
        fleet.publish("porch", private("lamp:private", "right"))
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:private") == {"pi-1", "pi-2", "pi-3"}
        last = said(fleet, "porch").services[0].rollout
        assert last is not None
        assert last.id == rollout.id
        assert fleet.invariants.most_down["porch.lamp"] == 1
