"""Warm functions on a node: started on demand, kept while they are used, replaced, ended, and never a run lost between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.creation import LABEL
from agent.decide.effects import Run, Stop, Warm
from protocol.desired import Command, Invocation, Verb
from protocol.function import FunctionSpec, Mode, Scale
from protocol.observed import Answer, Result, ResultStatus
from protocol.topics import CommandTopic, InvocationTopic
from protocol.trigger import TriggerSpec
from sim.boxes import Box
from sim.images import Behaviour
from tests.fakes.agent import DOORBELL, FLEET, LAMP, NAME, Rig, function

WELL = Behaviour(answer=lambda *_: '{"actuators": {"lamp": "on"}}')


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("greet:1", WELL)
    rig.registry.push("fail:1", Behaviour(exit_code=1))
    rig.registry.push("hang:1", Behaviour(answers_after_s=None))
    rig.registry.push("deaf:1", Behaviour(is_deaf=True))
    rig.registry.push("brief:1", Behaviour(exits_after_s=30.0, exit_code=1))
    rig.run(2)
    return rig


def warm(name: str = "greet", scale: Scale | None = None, **given: Any) -> FunctionSpec:
    return function(name, mode=Mode.WARM, scale=scale or Scale(zero_after_s=60.0), **given)


def assign(rig: Rig, *functions: FunctionSpec, generation: int = 1) -> None:
    rig.assign(generation, sensors=(DOORBELL,), actuators=(LAMP,), functions=functions)
    rig.run(5)


def call(rig: Rig, number: int = 1, name: str = "greet") -> None:
    made = Invocation(f"call-{number}", "porch", name, {"id": "event-1"}, "{}", epoch=1)
    rig.send(InvocationTopic(FLEET, NAME, made.id), made)


def running(rig: Rig) -> list[Box]:
    return [box for box in rig.engine.running() if f"{LABEL}instance" in box.labels]


def results(rig: Rig) -> dict[str, ResultStatus]:
    return {result.id: result.status for result in rig.messages(Result)}


def test_nothing_runs_before_somebody_calls(rig: Rig) -> None:
    """From zero: the first call starts an instance, and is answered by it."""
    assign(rig, warm())
    assert running(rig) == []
    call(rig)
    rig.run(2)
    assert results(rig) == {"call-1": ResultStatus.DONE}
    assert rig.outputs == {"lamp": "on"}
    assert len(running(rig)) == 1


def test_what_it_said_can_be_read(rig: Rig) -> None:
    """By the name of its function, as long as it has an instance."""
    assign(rig, warm())

    def read() -> Answer:
        rig.send(CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.LOGS, "porch.greet", "25"))
        rig.run(1)
        answer: Answer = rig.messages(Answer)[-1]
        return answer

    assert read() == Answer("c1", ok=False, message="porch.greet has no instance on this node now")
    call(rig)
    rig.run(2)
    (box,) = running(rig)
    assert read() == Answer("c1", ok=True, result=f"25 of {box.id}\n")


def test_an_event_reaches_it_without_a_network(rig: Rig) -> None:
    """A press runs a warm function while the link is away, and its output sets the lamp."""
    assign(rig, warm(triggers=(TriggerSpec("doorbell", "pressed"),)))
    rig.cut()
    rig.run(5)
    rig.read("doorbell", on=True)
    rig.run(2)
    assert rig.outputs == {"lamp": "on"}


def test_many_calls_share_one_instance(rig: Rig) -> None:
    """No container is made for what one that runs can answer, one at a time where that is its concurrency."""
    assign(rig, warm(scale=Scale(target=100)))
    for number in range(20):
        call(rig, number)
    rig.run(5)
    assert set(results(rig).values()) == {ResultStatus.DONE}
    assert len(results(rig)) == 20
    assert sum(isinstance(effect, Warm) for effect in rig.effects) == 1


def test_more_work_starts_more_instances_up_to_the_most(rig: Rig) -> None:
    """Each is meant for `target` of the work; `max_per_node` bounds them, however much waits."""
    rig.registry.push("greet:1", replace(WELL, answers_after_s=2.0))
    assign(rig, warm(scale=Scale(target=2, max_per_node=3, zero_after_s=60.0)))
    for number in range(4):
        call(rig, number)
    rig.run(2)
    assert len(running(rig)) == 2
    for number in range(4, 40):
        call(rig, number)
    rig.run(3)
    assert len(running(rig)) == 3
    rig.run(60)
    assert len(results(rig)) == 40


def test_concurrency_is_of_each_instance(rig: Rig) -> None:
    """Two instances of concurrency 2 have four runs under way, and not a fifth."""
    rig.registry.push("greet:1", replace(WELL, answers_after_s=5.0))
    assign(rig, warm(concurrency=2, scale=Scale(min_per_node=2, max_per_node=2)))
    rig.run(5)
    for number in range(6):
        call(rig, number)
    rig.run(1)
    assert sum(isinstance(effect, Run) for effect in rig.effects) == 4
    assert sorted(len(one.runs) for one in rig.node.instances.values()) == [2, 2]


def test_it_goes_back_to_zero_when_nobody_calls(rig: Rig) -> None:
    """After `zero_after` without work nothing of it is left; the next call starts it again."""
    assign(rig, warm())
    call(rig)
    rig.run(50)
    assert len(running(rig)) == 1
    rig.run(30)
    assert [box for box in rig.engine.boxes.values() if f"{LABEL}instance" in box.labels] == []
    call(rig, 2)
    rig.run(5)
    assert results(rig)["call-2"] is ResultStatus.DONE


def test_one_that_is_being_stopped_gets_no_more_work(rig: Rig) -> None:
    """A call that comes while the idle instance ends waits for the next one, and has failed nothing."""
    assign(rig, warm())
    call(rig)
    rig.run(2)
    while not any(isinstance(effect, Stop) for effect in rig.effects):
        rig.run(0.01)
    call(rig, 2)
    rig.run(10)
    assert rig.engine.ran == [("call-1", 1), ("call-2", 1)]
    assert results(rig)["call-2"] is ResultStatus.DONE


@pytest.mark.parametrize("given", [{"scale": Scale(min_per_node=1)}, {"keep": 1}], ids=["min_per_node", "keep"])
def test_what_is_kept_runs_before_the_first_call(rig: Rig, given: dict[str, Any]) -> None:
    """Kept instances are there from the assignment on, stay without work, and go with the wish."""
    assign(rig, warm(**given))
    assert len(running(rig)) == 1
    rig.run(600)
    assert len(running(rig)) == 1
    assign(rig, warm(scale=Scale(zero_after_s=10.0)), generation=2)
    rig.run(30)
    assert running(rig) == []


def test_a_number_that_changes_makes_no_container_anew(rig: Rig) -> None:
    """`keep` is no part of the revision: the instances that stay are the same containers."""
    assign(rig, warm(scale=Scale(max_per_node=3), keep=1))
    (first,) = running(rig)
    assign(rig, warm(scale=Scale(max_per_node=3), keep=3), generation=2)
    assert len(running(rig)) == 3
    assert first.id in {box.id for box in running(rig)}


def test_a_new_revision_replaces_the_old_one(rig: Rig) -> None:
    """Calls go to the new instance; the old one is stopped and removed once it has nothing under way."""
    assign(rig, warm(keep=1))
    assign(rig, replace(warm(keep=1), revision="r2"), generation=2)
    rig.run(10)
    assert [box.labels[f"{LABEL}revision"] for box in running(rig)] == ["r2"]
    assert len([box for box in rig.engine.boxes.values() if f"{LABEL}instance" in box.labels]) == 1


def test_a_run_under_way_ends_in_the_old_revision(rig: Rig) -> None:
    """A replacement takes nobody's answer away."""
    rig.registry.push("greet:1", replace(WELL, answers_after_s=4.0))
    assign(rig, warm(keep=1))
    call(rig)
    rig.run(1)
    assign(rig, replace(warm(keep=1), revision="r2"), generation=2)
    rig.run(10)
    assert results(rig) == {"call-1": ResultStatus.DONE}
    assert rig.engine.ran == [("call-1", 1)]


def test_what_is_taken_away_is_removed(rig: Rig) -> None:
    """A function that leaves the node takes its instances along."""
    assign(rig, warm(keep=1))
    assign(rig, generation=2)
    rig.run(10)
    assert [box for box in rig.engine.boxes.values() if f"{LABEL}instance" in box.labels] == []


def test_one_that_hangs_is_made_anew(rig: Rig) -> None:
    """A run that times out ends its instance, so the next one gets a new container."""
    assign(rig, warm("hang", timeout_s=2.0, retries=1))
    call(rig, name="hang")
    rig.run(20)
    (result,) = rig.messages(Result)
    assert (result.status, result.attempt) == (ResultStatus.FAILED, 2)
    assert "killed after its timeout" in result.reason
    assert len({(box.id, box.starts) for box in rig.engine.boxes.values()}) <= 1
    assert sum(isinstance(effect, Warm) for effect in rig.effects) == 2


def test_one_that_answers_with_an_error_is_kept(rig: Rig) -> None:
    """An answer that is no success fails the attempt, and says nothing against the instance."""
    assign(rig, warm("fail", retries=1, scale=Scale(zero_after_s=300.0)))
    call(rig, name="fail")
    rig.run(30)
    (result,) = rig.messages(Result)
    assert (result.status, result.attempt) == (ResultStatus.FAILED, 2)
    assert "answered 500" in result.reason
    assert sum(isinstance(effect, Warm) for effect in rig.effects) == 1


def test_one_that_never_listens_fails_the_call_and_says_why(rig: Rig) -> None:
    """A call does not wait for ever for what cannot be, and the node's status tells it."""
    assign(rig, warm("deaf"))
    call(rig, name="deaf")
    rig.run(10)
    (result,) = rig.messages(Result)
    assert (result.status, result.reason) == (
        ResultStatus.FAILED,
        "it was not ready within 30 s: nothing listens there",
    )
    assign(rig, warm("deaf", keep=1), generation=2)
    assert [reason.partition(":")[2] for reason in rig.status().reasons if "porch.deaf" in reason] == [
        f" {result.reason}"
    ]


def test_one_that_ends_by_itself_comes_back_later_each_time(rig: Rig) -> None:
    """A kept instance that crashes is started again, and not in a tight loop."""
    assign(rig, warm("brief", keep=1))
    rig.run(300)
    starts = sum(isinstance(effect, Warm) for effect in rig.effects)
    assert 4 <= starts <= 11
    rig.run(2)
    assert len(running(rig)) <= 1


def test_one_that_falls_ill_is_replaced(rig: Rig) -> None:
    """An instance whose image has a health check is made anew when that fails, and its reason is told."""
    rig.registry.push("greet:1", replace(WELL, health=((0.0, "starting"), (8.0, "unhealthy"))))
    assign(rig, warm(keep=1))
    (before,) = running(rig)
    said: set[str] = set()
    for _ in range(50):
        rig.run(0.2)
        said |= set(rig.status().reasons)
    assert "function porch.greet-r1-1: its health check fails" in said
    assert before.id not in {box.id for box in rig.engine.boxes.values()}
    assert len(running(rig)) == 1


def test_on_the_nodes_own_network_the_old_one_goes_first(rig: Rig) -> None:
    """There is one port 8080: a new revision is not started beside the old one."""
    shared = warm(keep=1)
    shared = replace(shared, container=replace(shared.container, network_mode="host"))
    assign(rig, shared)
    rig.assign(2, functions=(replace(shared, revision="r2"),))
    most = 0
    for _ in range(100):
        rig.run(0.05)
        most = max(most, len(running(rig)))
    assert (most, [box.labels[f"{LABEL}revision"] for box in running(rig)]) == (1, ["r2"])


def test_a_run_whose_instance_breaks_off_is_tried_again(rig: Rig) -> None:
    """The container is killed while it works: the attempt has failed, and the next one gets a new instance."""
    rig.registry.push("greet:1", replace(WELL, answers_after_s=3.0))
    assign(rig, warm(keep=1, retries=2))
    call(rig)
    rig.run(1)
    (box,) = running(rig)
    box.end(137, rig.now_s)
    rig.run(30)
    (result,) = rig.messages(Result)
    assert (result.status, result.attempt) == (ResultStatus.DONE, 2)


def test_a_crash_of_the_agent_asks_again_with_the_same_id(rig: Rig) -> None:
    """Whoever died during a run finds the instance, and asks it with the same id and attempt; there is one result."""
    rig.registry.push("greet:1", replace(WELL, answers_after_s=3.0))
    assign(rig, warm(keep=1))
    (before,) = running(rig)
    call(rig)
    rig.run(1)
    rig.crash()
    rig.run(20)
    asked = [(step.invocation, step.attempt) for step in rig.effects if isinstance(step, Run)]
    assert asked == [("call-1", 1), ("call-1", 1)]
    assert results(rig) == {"call-1": ResultStatus.DONE}
    assert [box.id for box in running(rig)] == [before.id]


def test_warm_functions_outlive_their_engine(rig: Rig) -> None:
    """The daemon is away and its containers go on: a call is answered all the same."""
    assign(rig, warm(keep=1, triggers=(TriggerSpec("doorbell", "pressed"),)))
    rig.engine.daemon_stops()
    rig.run(30)
    rig.read("doorbell", on=True)
    rig.run(2)
    assert rig.outputs == {"lamp": "on"}


def test_a_power_cut_leaves_nothing_running_twice(rig: Rig) -> None:
    """After a boot the kept instance is started again: the same container, and only that one."""
    assign(rig, warm(keep=1))
    (before,) = running(rig)
    rig.cut_power()
    rig.run(20)
    assert len(running(rig)) == 1
    assert len([box for box in rig.engine.boxes.values() if f"{LABEL}instance" in box.labels]) == 1
    assert before.labels == running(rig)[0].labels


@pytest.mark.parametrize("fuse", range(0, 40, 3))
def test_a_process_may_die_anywhere(rig: Rig, fuse: int) -> None:
    """Wherever the agent dies between a call and its result, there is one result, one instance, and one effect."""
    assign(rig, warm())
    rig.fuse = fuse
    call(rig)
    rig.run(40)
    assert results(rig) in ({"call-1": ResultStatus.DONE}, {})
    assert len(running(rig)) <= 1
    if not results(rig):  # it died before it had taken the call: the controller repeats it
        rig.fuse = None
        call(rig)
        rig.run(10)
    assert results(rig) == {"call-1": ResultStatus.DONE}
