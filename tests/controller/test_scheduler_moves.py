"""Draining moves one service's budget at a time; a job that is done stays done."""

from __future__ import annotations

import pytest

from controller.decide.placement.scheduler import abandon
from controller.decide.presence import Presence
from controller.decide.records import Availability
from protocol.desired import Job
from protocol.observed import TaskState, TaskStatus
from protocol.operator import OrderVerb
from protocol.stack import Mode, Needs
from protocol.update import Portion, Update
from tests.controller.desk import Desk, web
from tests.controller.yard import Yard, service


def two_nodes(parallelism: int = 1, replicas: int = 3, **more: object) -> Yard:
    """All tasks of a service run on the first of two nodes, which is to be drained."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(replicas=replicas, update=Update(parallelism=Portion(parallelism)), **more))
    yard.turn()
    yard.runs("pi-1")
    yard.node("pi-2")
    yard.turn()
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    return yard


@pytest.mark.parametrize(("parallelism", "moved"), [(1, 1), (2, 2), (5, 3), (0, 3)])
def test_of_each_service_no_more_are_under_way_than_its_budget(parallelism: int, moved: int) -> None:
    """`update_config.parallelism`; 0 is all at once."""
    assert list(two_nodes(parallelism).placed.values()).count("pi-2") == moved


def test_the_next_goes_when_the_one_before_runs() -> None:
    """What is on its way must have been seen running where it went."""
    yard = two_nodes()
    for moved in (1, 2, 3):
        yard.turn()
        assert list(yard.placed.values()).count("pi-2") == moved
        yard.runs("pi-2", TaskState.PREPARING)
        yard.turn()
        assert list(yard.placed.values()).count("pi-2") == moved
        yard.runs("pi-2")
        yard.turn()
    assert yard.placed == dict.fromkeys(("shop.web.1", "shop.web.2", "shop.web.3"), "pi-2")


def test_each_service_has_a_budget_of_its_own() -> None:
    """Two services go side by side."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service("one", replicas=2), service("two", replicas=2))
    yard.turn()
    yard.node("pi-2")
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    assert yard.placed == {"shop.one.1": "pi-2", "shop.one.2": "pi-1", "shop.two.1": "pi-2", "shop.two.2": "pi-1"}


def test_a_node_that_is_active_again_keeps_what_has_not_gone() -> None:
    """What waited its turn waits no more."""
    yard = two_nodes()
    yard.change("pi-1", availability=Availability.ACTIVE)
    yard.turn()
    yard.runs("pi-2")
    yard.turn()
    assert sorted(yard.placed.values()) == ["pi-1", "pi-1", "pi-2"]
    assert not yard.fleet.moves.waiting("shop.web")


def test_what_has_nowhere_to_go_ends_and_says_why() -> None:
    """A drained node is emptied; nothing waits behind a task that will never arrive."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(replicas=2))
    yard.turn()
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    assert (yard.placed, yard.reasons("web")) == ({}, ("pi-1: is drained",))


def test_a_service_that_wants_fewer_gives_up_those_that_must_go() -> None:
    """They would have moved; now nobody needs to."""
    yard = two_nodes()
    yard.publish(service(replicas=1))
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-2"}


def test_an_unplugged_device_takes_its_task_elsewhere_or_leaves_it_pending() -> None:
    """A new hello without the device is the cause; with it again, the task is placed again."""
    yard = Yard()
    yard.node("pi-1", devices=("/dev/ttyUSB0",))
    yard.publish(service(needs=Needs(devices=("/dev/ttyUSB0",))))
    yard.turn()
    yard.node("pi-1", devices=())
    yard.turn()
    assert (yard.placed, yard.reasons("web")) == ({}, ("pi-1: has no /dev/ttyUSB0",))
    yard.node("pi-2", devices=("/dev/ttyUSB0",))
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-2"}


@pytest.mark.parametrize("state", TaskState)
def test_nobody_starts_what_the_one_before_still_lists(state: TaskState) -> None:
    """S2: an ill container has failed and goes on until it is stopped; its node lists it until nothing of it runs."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.runs("pi-1")
    desk.hello("pi-2")
    desk.order(OrderVerb.DRAIN, "pi-1")
    desk.status("pi-1", (TaskStatus("shop.web.1", "one", state),))
    assert (desk.tasks("pi-1"), desk.tasks("pi-2")) == ({}, {})
    desk.status("pi-1", ())
    assert sorted(desk.tasks("pi-2")) == ["shop.web.1"]


def test_whatever_waits_says_so() -> None:
    """The stack's status names who must run first, and for whom a held task waits."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web(replicas="2"))
    desk.runs("pi-1")
    desk.hello("pi-2")
    desk.order(OrderVerb.DRAIN, "pi-1")
    assert desk.stack("shop").services[0].reasons == (
        "shop.web.1 on pi-2: waits until pi-1 has stopped it",
        "shop.web.2 on pi-1: must leave, and waits its turn: shop.web.1 must run first",
    )
    desk.runs("pi-1")
    desk.runs("pi-2")
    assert (sorted(desk.tasks("pi-1")), sorted(desk.tasks("pi-2"))) == ([], ["shop.web.1"])
    desk.runs("pi-1")
    assert sorted(desk.tasks("pi-2")) == ["shop.web.1", "shop.web.2"]


def test_a_drain_that_was_begun_goes_on_after_a_restart(tmp_path: object) -> None:
    """Who was under way still is, so no second one follows before it runs."""
    desk = Desk(tmp_path)  # type: ignore[arg-type]
    desk.hello("pi-1")
    desk.manifest("shop", web(replicas="2"))
    desk.runs("pi-1")
    desk.hello("pi-2")
    desk.order(OrderVerb.DRAIN, "pi-1")
    desk.restart()
    assert [desk.fleet.tasks[f"shop.web.{number}"].node for number in (1, 2)] == ["pi-2", "pi-1"]
    desk.turn()
    assert [desk.fleet.tasks[f"shop.web.{number}"].node for number in (1, 2)] == ["pi-2", "pi-1"]


JOB = {"mode": Mode.REPLICATED_JOB, "job": Job()}


def test_a_job_that_is_done_is_never_placed_again() -> None:
    """Not when its node is drained, not when it is gone, not when there is another."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(**JOB))
    yard.turn()
    yard.runs("pi-1", TaskState.STOPPED)
    yard.node("pi-2")
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-1"}
    yard.presence("pi-1", Presence.OFFLINE)
    yard.turn()
    yard.fleet.nodes.drop("pi-1")
    yard.publish(service(**JOB), service("other"))
    yard.turn()
    assert yard.placed == {"shop.other.1": "pi-2", "shop.web.1": "pi-1"}


def test_what_a_job_has_done_outlives_its_node() -> None:
    """A node that leaves the fleet takes no work back; a new revision of the job is work again."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(**JOB))
    yard.turn()
    yard.runs("pi-1", TaskState.STOPPED)
    yard.node("pi-2")
    abandon(yard.fleet, "shop.web.1")
    yard.fleet.nodes.drop("pi-1")
    yard.turn()
    assert yard.placed == {"shop.web.1": ""}
    yard.publish(service(image="web:2", **JOB))
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-2"}


def test_the_status_of_a_job_counts_what_is_done() -> None:
    """A job that is done has converged."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web(mode="replicated-job", replicas="2"))
    desk.runs("pi-1", TaskState.STOPPED)
    status = desk.stack("shop")
    assert status.converged
    service = status.services[0]
    assert (service.mode, service.desired, service.running, service.completed) == ("replicated-job", 2, 0, 2)


def test_a_job_that_is_not_done_moves() -> None:
    """What has not ended well has to be done elsewhere."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(**JOB))
    yard.turn()
    yard.runs("pi-1", TaskState.FAILED)
    yard.node("pi-2")
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-2"}


def test_a_job_with_a_schedule_is_never_done() -> None:
    """It stops between its times, and moves as a service does."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(mode=Mode.REPLICATED_JOB, job=Job("0 3 * * *")))
    yard.turn()
    yard.runs("pi-1", TaskState.STOPPED)
    yard.node("pi-2")
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-2"}


def test_a_job_for_every_node_runs_once_on_each() -> None:
    """A node that joins gets it; one that did it keeps the record."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(mode=Mode.GLOBAL_JOB, job=Job()))
    yard.turn()
    yard.runs("pi-1", TaskState.STOPPED)
    yard.node("pi-2")
    yard.change("pi-1", availability=Availability.DRAIN)
    yard.turn()
    yard.change("pi-1", availability=Availability.ACTIVE)
    yard.turn()
    assert yard.placed == {"shop.web.pi-1": "pi-1", "shop.web.pi-2": "pi-2"}
    assert [task.is_completed for task in yard.tasks("web")] == [True, False]


def test_a_job_that_is_done_takes_no_room() -> None:
    """What it was promised is free again."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(**JOB), service("other"))
    yard.turn()
    yard.runs("pi-1", TaskState.STOPPED)
    assert yard.fleet.rooms.of("pi-1").tasks == 1


def test_a_job_with_fewer_replicas_gives_up_what_is_not_done() -> None:
    """What is done was not for nothing."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(replicas=1, **JOB))
    yard.turn()
    yard.runs("pi-1", TaskState.STOPPED)
    yard.publish(service(replicas=3, **JOB))
    yard.turn()
    yard.publish(service(replicas=1, **JOB))
    yard.turn()
    assert list(yard.placed) == ["shop.web.1"]
