"""Sensors, timers and calls make invocations, and each has one effect and one result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.decide import invocations
from agent.decide.effects import Run
from agent.decide.inputs import RunEnded
from protocol.calling import WAITING_MOST
from protocol.desired import Command, Invocation, Login, Verb
from protocol.function import FunctionSpec
from protocol.observed import Answer, Result, ResultStatus, SensorEvent
from protocol.topics import CommandTopic, InvocationTopic
from protocol.trigger import TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import DOORBELL, FLEET, LAMP, NAME, Rig, function

PRESSED = TriggerSpec("doorbell", "pressed")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.5, answer=lambda *_: '{"actuators": {"lamp": "on"}}'))
    rig.registry.push("fail:1", Behaviour(exits_after_s=0.5, exit_code=1))
    rig.registry.push("hang:1", Behaviour())
    rig.run(2)
    return rig


def assign(rig: Rig, *functions: FunctionSpec, generation: int = 1) -> None:
    rig.assign(generation, sensors=(DOORBELL,), actuators=(LAMP,), functions=functions)
    rig.run(2)


def press(rig: Rig) -> None:
    rig.read("doorbell", on=True)
    rig.run(0.1)
    rig.read("doorbell", on=False)
    rig.run(0.1)


def call(rig: Rig, number: int = 1, name: str = "greet", **given: float) -> None:
    made = Invocation(f"call-{number}", "porch", name, {"id": "event-1"}, "{}", **given)
    rig.send(InvocationTopic(FLEET, NAME, made.id), made)


def test_a_press_runs_a_function_that_lights_the_lamp(rig: Rig) -> None:
    """The event, its invocation and its result carry one id, and the output sets an actuator of the node."""
    assign(rig, function(triggers=(PRESSED,)))
    press(rig)
    rig.run(5)
    pressed = next(event for event in rig.messages(SensorEvent) if event.type == "pressed")
    (result,) = rig.messages(Result)
    assert pressed.taken == (result.id,)
    assert (result.status, result.cause, result.exit_code) == (ResultStatus.DONE, pressed.id, 0)
    assert rig.outputs == {"lamp": "on"}


def test_it_works_offline_and_is_told_once_afterwards(rig: Rig) -> None:
    """Without a link the function runs all the same; event and result arrive once when the link is back."""
    assign(rig, function(triggers=(PRESSED,)))
    rig.cut()
    rig.run(5)
    press(rig)
    rig.run(10)
    assert rig.outputs == {"lamp": "on"}
    assert rig.messages(Result) == []
    rig.mend()
    rig.run(60)
    assert len(rig.messages(Result)) == 1
    assert [event.type for event in rig.messages(SensorEvent)] == ["pressed", "released"]
    assert rig.store.outbox.size == 0


def test_an_event_survives_a_power_cut_before_the_link(rig: Rig) -> None:
    """An accepted event is in the outbox, whatever happens next."""
    assign(rig)
    rig.cut()
    rig.run(2)
    press(rig)
    rig.cut_power()
    rig.mend()
    rig.run(5)
    assert [event.type for event in rig.messages(SensorEvent)] == ["pressed", "released"]


def test_without_an_engine_events_go_up_untaken(rig: Rig) -> None:
    """A node without a container engine takes no function, so the controller finds another node."""
    assign(rig, function(triggers=(PRESSED,)))
    rig.engine.daemon_stops()
    rig.run(20)
    press(rig)
    rig.run(2)
    assert all(event.taken == () for event in rig.messages(SensorEvent))
    assert rig.messages(Result) == []


def test_a_repeated_invocation_is_dropped(rig: Rig) -> None:
    """The same id runs once, while it waits, while it runs, and after it ended, also after a restart."""
    assign(rig, function())
    for _ in range(3):
        call(rig)
        rig.run(0.3)
    rig.run(5)
    call(rig)
    rig.run(1)
    rig.crash()
    rig.run(2)
    call(rig)
    rig.run(5)
    assert rig.engine.ran == [("call-1", 1)]
    assert len({one.mark for one in rig.said if isinstance(one.message, Result)}) == 1


def test_a_failing_function_is_retried_and_then_given_up(rig: Rig) -> None:
    """With two retries there are three attempts and one result."""
    assign(rig, function("fail", retries=2))
    call(rig, name="fail")
    rig.run(20)
    (result,) = rig.messages(Result)
    assert (result.status, result.attempt, result.exit_code) == (ResultStatus.FAILED, 3, 1)
    assert [attempt for _, attempt in rig.engine.ran] == [1, 2, 3]


def test_concurrency_is_never_exceeded(rig: Rig) -> None:
    """Of five calls two run at a time, in order of arrival."""
    assign(rig, function(concurrency=2))
    for number in range(5):
        call(rig, number)
    most = 0
    for _ in range(80):
        rig.run(0.1)
        most = max(most, len(rig.engine.running()))
    assert most == 2
    assert [name for name, _ in rig.engine.ran] == [f"call-{number}" for number in range(5)]
    assert len(rig.messages(Result)) == 5


def test_a_call_that_waited_too_long_expires(rig: Rig) -> None:
    """What could not start in time is told as expired, and never runs."""
    assign(rig, function("hang", timeout_s=30.0))
    call(rig, 1, "hang")
    call(rig, 2, "hang", valid_s=5.0)
    rig.run(40)
    by_id = {result.id: result for result in rig.messages(Result)}
    assert by_id["call-2"].status is ResultStatus.EXPIRED
    assert by_id["call-1"].status is ResultStatus.FAILED
    assert "timeout" in by_id["call-1"].reason
    assert rig.engine.ran == [("call-1", 1)]


def test_a_call_for_a_function_that_is_not_here_fails_with_its_name(rig: Rig) -> None:
    """The reason names function and stack."""
    assign(rig)
    call(rig, name="nobody")
    rig.run(1)
    assert "function nobody of stack porch" in rig.messages(Result)[0].reason


def test_a_full_queue_fails_at_once(rig: Rig) -> None:
    """Beyond the bound an invocation fails with the reason, and nothing grows."""
    assign(rig, function())
    made = Invocation("x", "porch", "greet")
    for number in range(WAITING_MOST + 5):
        invocations.take(rig.node, replace(made, id=f"q-{number}"), rig.now)
    assert len(rig.node.runs) == WAITING_MOST
    refused = [note.message for note in rig.node.effects if isinstance(getattr(note, "message", None), Result)]
    assert len(refused) == 5
    assert "queue full" in refused[0].reason


def test_a_run_that_was_under_way_is_taken_over_after_a_crash(rig: Rig) -> None:
    """The agent's death within a run does not run it twice."""
    assign(rig, function())
    call(rig)
    rig.run(0.2)
    assert len(rig.engine.running()) == 1
    rig.crash()
    rig.run(10)
    assert rig.engine.ran == [("call-1", 1)]
    assert [result.status for result in rig.messages(Result)] == [ResultStatus.DONE]


def test_the_end_of_an_earlier_attempt_means_nothing(rig: Rig) -> None:
    """Only the attempt that is under way can end an invocation."""
    assign(rig, function("hang"))
    call(rig, name="hang")
    rig.run(2)
    rig.loop.inbox.put(RunEnded("call-1", 0, 0))
    rig.loop.inbox.put(RunEnded("call-9", 1, 0))
    rig.run(2)
    assert rig.messages(Result) == []
    assert len(rig.node.runs) == 1


def test_what_a_run_leaves_is_removed(rig: Rig) -> None:
    """No container of an ended run stays for longer than a look."""
    assign(rig, function())
    call(rig)
    rig.run(40)
    assert rig.engine.boxes == {}


def test_an_unknown_actuator_is_told_in_the_result(rig: Rig) -> None:
    """The function did its work, and the result says what could not be set."""
    rig.registry.push(
        "wild:1", Behaviour(exits_after_s=0.1, answer=lambda *_: '{"actuators": {"siren": "on", "lamp": "red"}}')
    )
    assign(rig, function("wild"))
    call(rig, name="wild")
    rig.run(3)
    (result,) = rig.messages(Result)
    assert result.status is ResultStatus.DONE
    assert "no actuator 'siren'" in result.reason
    assert "not 'red'" in result.reason


@pytest.mark.parametrize(
    "output", ["", "hello", "{", '{"actuators": 1}', "[" * 1000, '{"actuators": {"lamp": ["on"]}}']
)
def test_no_output_disturbs_the_agent(rig: Rig, output: str) -> None:
    """Whatever a function prints, its result is told and the lamp stays as it was."""
    rig.registry.push("wild:1", Behaviour(exits_after_s=0.1, answer=lambda *_: output))
    assign(rig, function("wild"))
    call(rig, name="wild")
    rig.run(3)
    (result,) = rig.messages(Result)
    assert (result.status, result.output) == (ResultStatus.DONE, output)
    assert rig.outputs == {"lamp": "off"}


def test_a_timer_calls_its_function_again_and_again(rig: Rig) -> None:
    """Every ten seconds, each time under another id."""
    assign(rig, function(triggers=(TriggerSpec(every_s=10.0),)))
    rig.run(45)
    results = rig.messages(Result)
    assert len(results) == len({result.id for result in results}) == 4


def test_a_timer_keeps_its_time_over_a_restart(rig: Rig) -> None:
    """A node whose agent restarts more often than the timer fires still fires it."""
    assign(rig, function(triggers=(TriggerSpec(every_s=30.0),)))
    for _ in range(5):
        rig.run(12)
        rig.crash()
    rig.run(10)
    assert len(rig.messages(Result)) == 2


def test_debounce_waits_without_input(rig: Rig) -> None:
    """The end of a quiet window is reported although nothing more is read."""
    assign(rig)
    rig.read("doorbell", on=True)
    rig.read("doorbell", on=False)
    rig.run(1)
    assert [event.type for event in rig.messages(SensorEvent)] == ["pressed", "released"]


def command(rig: Rig, verb: Verb, target: str = "", value: str = "") -> Answer:
    rig.send(CommandTopic(FLEET, NAME, "c1"), Command("c1", verb, target, value))
    rig.run(1)
    answer: Answer = rig.messages(Answer)[-1]
    return answer


def test_commands_are_answered(rig: Rig) -> None:
    """Pins are read, mock pins driven by sensor, number, level or event, and actuators set."""
    assign(rig)
    assert command(rig, Verb.PINS).result[0]["user"] == "sensor doorbell"
    assert command(rig, Verb.DRIVE, "doorbell", "pressed").ok
    assert command(rig, Verb.DRIVE, "17", "high").ok
    assert rig.driven == [(17, False), (17, True)]
    assert command(rig, Verb.SET, "lamp", "on").ok
    assert rig.outputs == {"lamp": "on"}


@pytest.mark.parametrize(
    ("verb", "target", "value", "words"),
    [
        (Verb.DRIVE, "gate", "high", "no pin and no sensor"),
        (Verb.DRIVE, "doorbell", "sideways", "say high or low, or pressed or released"),
        (Verb.SET, "siren", "on", "no actuator 'siren'"),
        (Verb.SET, "lamp", "green", "on or off"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(rig: Rig, verb: Verb, target: str, value: str, words: str) -> None:
    """The answer names what is wrong and what would be right."""
    assign(rig)
    answer = command(rig, verb, target, value)
    assert not answer.ok
    assert words in answer.message


def test_a_run_knows_how_its_image_is_brought(rig: Rig) -> None:
    """Should the image have vanished since it was fetched, it is pulled as it was then: with the login of the function's stack."""
    login = Login("docker.io", "ann", "secret", "porch")
    rig.assign(1, functions=(function(),), logins=(login,))
    rig.run(2)
    call(rig)
    rig.run(2)
    (run,) = [effect for effect in rig.effects if isinstance(effect, Run)]
    assert run.pull is not None
    assert (run.pull.image, run.pull.login) == ("greet:1", login)
