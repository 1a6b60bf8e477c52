"""Which way an update goes: back at its own pace, and after the services that it depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.decide.rollouts import precedence, steering
from controller.decide.rollouts.census import Census
from controller.decide.rollouts.slot import Rollout, RolloutState, returning
from protocol.desired import Conduct, Lock, Order, Strategy, Window
from protocol.update import Batch, Disruption, FailureAction, Portion, Update
from tests.controller.desk import Desk
from tests.controller.gradual import SERVICE, Bed
from tests.controller.pi import Pi

NIGHT, BUSY, SITE = Window("0 2 * * *", 3600.0), Lock("/run/busy"), Disruption("site", Portion(1))
FORWARD = Update(
    Portion(2), 9.0, 8.0, 0.5, FailureAction.ROLLBACK, Order.START_FIRST, (Batch("canary"),), 2.0, SITE,
    conduct=Conduct(60.0, Strategy.HAND_OVER, NIGHT, BUSY, keeps_previous=True),
)  # fmt: skip
BACK = Update(Portion(0), 1.0, 2.0, 0.25, FailureAction.CONTINUE, Order.STOP_FIRST)


@pytest.mark.parametrize(
    ("field", "own", "given"),
    [
        ("parallelism", Portion(2), Portion(0)),
        ("delay_s", 9.0, 1.0),
        ("monitor_s", 8.0, 2.0),
        ("max_failure_ratio", 0.5, 0.25),
        ("failure_action", FailureAction.PAUSE, FailureAction.CONTINUE),
        ("order", Order.START_FIRST, Order.STOP_FIRST),
        ("batches", (), ()),
        ("ramp", 1.0, 1.0),
        ("disruption", SITE, SITE),
        ("conduct", Conduct(60.0, Strategy.HAND_OVER, None, BUSY), Conduct(60.0, Strategy.DOWNLOAD_THEN_KILL, None, BUSY)),
    ],
)  # fmt: skip
def test_a_rollback_goes_by_its_own_policy_or_by_that_of_the_update(field: str, own: object, given: object) -> None:
    """At once everywhere and at any hour; budgets of groups and locks hold as ever."""
    assert getattr(returning(FORWARD, None), field) == own
    assert getattr(returning(FORWARD, BACK), field) == given


def test_a_rollback_goes_at_the_pace_of_rollback_config() -> None:
    """The update went one by one through a canary; all go back at once."""
    bed = Bed(4, "{canary: {}}", rollback="parallelism: 0, monitor: 1s")
    for _ in range(3):
        bed.end(*bed.ask())
    steering.abort(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    bed.ask()
    assert {offer.monitor_s for pi in bed.pis for offer in bed.desk.offers(pi.name).offers} == {1.0}
    bed.end()
    bed.rounds()
    assert (bed.rollout.state, bed.images()) == (RolloutState.ROLLED_BACK, ["web:1"] * 4)


@pytest.mark.parametrize(
    ("state", "counts", "says"),
    [
        (RolloutState.DONE, Census(settled=3), ""),
        (RolloutState.ROLLING, Census(settled=2, open=1), "waits for shop.db: 1 of 3 are still to be updated"),
        (RolloutState.ROLLING, Census(settled=2, trying=1), "waits for shop.db: 1 of 3 are still to be updated"),
        (RolloutState.ROLLING, Census(settled=2, away=1), ""),
        (RolloutState.ROLLING, Census(settled=2, lost=1), ""),
        (RolloutState.ROLLING, Census(settled=2, failed=1), ""),
        (RolloutState.PAUSED, Census(settled=2, open=1), "waits for shop.db: its rollout is paused"),
        (RolloutState.ROLLING_BACK, Census(settled=3), "waits for shop.db: its rollout is being taken back"),
        (RolloutState.ROLLBACK_PAUSED, Census(failed=3), "waits for shop.db: its rollout is paused on its way back"),
        (RolloutState.ROLLED_BACK, Census(settled=3), "waits for shop.db: its rollout was taken back"),
    ],
)
def test_what_a_service_depends_on_goes_first(state: RolloutState, counts: Census, says: str) -> None:
    """It is waited for as long as somebody who is there has still to be updated, or something is wrong with it."""
    assert precedence.awaited(Rollout("r1", "shop.db", "b", "a", state), counts) == says


TWO = """
services:
  db: {{image: "db:{tag}", deploy: {{mode: global, update_config: {{parallelism: 0}}}}}}
  web: {{image: "web:{tag}", depends_on: [db], deploy: {{mode: global, update_config: {{parallelism: 0}}}}}}
"""


def both(nodes: int = 2) -> tuple[Desk, list[Pi]]:
    """Two services, one of which depends on the other, and both of which are being updated."""
    desk = Desk()
    pis = [Pi(desk, f"pi-{number}").join() for number in range(1, nodes + 1)]
    desk.manifest("shop", TWO.format(tag=1))
    for pi in pis:
        pi.read()
        pi.report()
    desk.manifest("shop", TWO.format(tag=2))
    return desk, pis


def granted(pi: Pi, nonce: str) -> list[str]:
    """What a node begins when it asks for all it has."""
    pi.read()
    pi.ask(nonce)
    pi.go()
    pi.report()
    return sorted(task.split(".")[1] for task in pi.down)


def test_services_of_a_stack_are_updated_in_the_order_of_their_dependencies() -> None:
    """On no node does the second begin before the first is done on all that are there."""
    desk, (one, two) = both()
    assert granted(one, "aaaaaaaa") == ["db"]
    one.end(well=True)
    one.report()
    reasons = [service.rollout.reasons for service in desk.stack("shop").services if service.rollout]
    assert ("waits for shop.db: 1 of 2 are still to be updated",) in reasons
    assert granted(one, "bbbbbbbb") == []
    assert granted(two, "cccccccc") == ["db"]
    two.end(well=True)
    two.report()
    assert one.go() == 1
    assert granted(two, "eeeeeeee") == ["web"]


def test_nobody_waits_for_the_dependency_of_an_absent_node() -> None:
    """It is updated when it returns: there, too, the first goes first."""
    _, (one, two) = both()
    two.gone()
    assert granted(one, "aaaaaaaa") == ["db"]
    one.end(well=True)
    one.report()
    assert granted(one, "bbbbbbbb") == ["web"]
    one.end(well=True)
    one.report()
    two.reboot()
    two.greet()
    assert granted(two, "cccccccc") == ["db"]
    two.end(well=True)
    two.report()
    assert granted(two, "dddddddd") == ["web"]


def test_a_paused_dependency_is_waited_for() -> None:
    """And the reason says so."""
    desk, (one, _) = both()
    steering.pause(desk.fleet, "shop.db")
    assert granted(one, "aaaaaaaa") == []
    reasons = [service.rollout.reasons for service in desk.stack("shop").services if service.rollout]
    assert ("waits for shop.db: its rollout is paused",) in reasons


def test_a_rollback_waits_for_nobody() -> None:
    """Both may be on their way back, in whichever order."""
    desk, _ = both()
    for service in ("shop.db", "shop.web"):
        rollout = desk.fleet.rollouts[service]
        desk.fleet.rollouts.put(service, replace(rollout, state=RolloutState.ROLLING_BACK))
    assert precedence.objection(desk.fleet, desk.fleet.rollouts["shop.web"]) == ""


def test_who_is_lost_fails_what_it_was_granted_for_and_nothing_else() -> None:
    """With `lost: fail` the update is taken back; the rollback, and the next update, are not held to account for it."""
    bed = Bed(4, "{lost: fail}", parallelism="2", failure_action="rollback")
    bed.end(*bed.ask())
    assert bed.images().count("web:2") == 2
    bed.ask()
    bed.leave(bed.pis[2])
    bed.settle_there()
    bed.end("pi-4")
    assert bed.rollout.state is RolloutState.ROLLING_BACK
    bed.rounds()
    assert (bed.rollout.state, bed.images()) == (RolloutState.ROLLING_BACK, ["web:1"] * 4)
    bed.publish("web:3")
    bed.rounds()
    assert (bed.rollout.state, bed.images().count("web:3")) == (RolloutState.ROLLING, 3)
    bed.come_back(bed.pis[2])
    bed.end()
    bed.rounds()
    assert (bed.rollout.state, bed.images()) == (RolloutState.DONE, ["web:3"] * 4)
