"""Triggers with a memory, in the whole agent: what they remember survives, and what they call waits for nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.decide.effects import Pull, Run
from protocol.container import Container
from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.observed import NodeStatus, Result, SensorEvent
from protocol.trigger import Dialect, Figure, RollingWindow, Step, TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import DOORBELL, Rig, function


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.1))
    rig.run(2)
    return rig


def assign(rig: Rig, *triggers: TriggerSpec, generation: int = 1) -> None:
    rig.assign(generation, sensors=(DOORBELL,), functions=(function(triggers=triggers),) if triggers else ())
    rig.run(2)


def press(rig: Rig, seconds: float = 0.1) -> None:
    rig.read("doorbell", on=True)
    rig.run(seconds)
    rig.read("doorbell", on=False)
    rig.run(0.4)


def runs(rig: Rig) -> int:
    return len({result.id for result in rig.messages(Result)})


COOL = TriggerSpec("doorbell", "pressed", cooldown_s=30.0)


@pytest.mark.parametrize("end", ["crash", "cut_power"])
def test_a_cooldown_outlives_the_agent(rig: Rig, end: str) -> None:
    """A press within the cooldown calls nothing, also after a crash or a power cut; one after it does."""
    assign(rig, COOL)
    press(rig)
    getattr(rig, end)()
    rig.run(3)
    press(rig)
    rig.run(5)
    assert runs(rig) == 1
    rig.run(25)
    press(rig)
    rig.run(5)
    assert runs(rig) == 2
    taken = [event.taken for event in rig.messages(SensorEvent) if event.type == "pressed"]
    assert [len(ids) for ids in taken] == [1, 0, 1]


def test_what_a_trigger_with_a_memory_calls_waits_for_the_engine(rig: Rig) -> None:
    """Nobody else can match it, so the node takes it although nothing can run now."""
    assign(rig, COOL)
    rig.engine.daemon_stops()
    rig.run(20)
    press(rig)
    rig.run(5)
    assert runs(rig) == 0
    rig.engine.daemon_starts()
    rig.run(30)
    assert runs(rig) == 1


def test_nothing_is_remembered_of_what_is_gone(rig: Rig) -> None:
    """Without its function, or as another one, a trigger leaves no memory."""
    assign(rig, COOL)
    press(rig)
    assert len(rig.node.memories) == 1
    assign(rig, TriggerSpec("doorbell", "pressed"), generation=2)
    assert len(rig.node.memories) == 0


STANDS = TriggerSpec("doorbell", "pressed", for_s=10.0, until="released")


def test_a_press_that_stands_calls_a_function(rig: Rig) -> None:
    """Ten seconds after the press, and not before; one that is let go calls nothing."""
    assign(rig, STANDS)
    press(rig, 9.0)
    rig.run(30)
    assert runs(rig) == 0
    rig.read("doorbell", on=True)
    rig.run(9.5)
    assert rig.node.runs.values() == ()
    rig.run(1.0)
    assert runs(rig) == 1


@pytest.mark.parametrize(("still", "called"), [(True, 1), (False, 0)])
def test_a_wait_outlives_the_power(rig: Rig, still: bool, called: int) -> None:
    """After a power cut the rest of the time is waited for, if the button is still down when the sensor is opened."""
    assign(rig, STANDS)
    rig.stands = {"doorbell": still}
    rig.read("doorbell", on=True)
    rig.run(7)
    rig.cut_power()
    rig.run(2)
    assert runs(rig) == 0
    rig.run(12)
    assert runs(rig) == called


def test_death_at_any_moment_leaves_one_call(tmp_path: Path) -> None:
    """Wherever the power is cut around the end of a wait, the function is called once for it."""
    for boundary in range(60):
        rig = Rig(tmp_path / str(boundary), dies_hard=True)
        rig.registry.push("greet:1", Behaviour(exits_after_s=0.1))
        rig.run(2)
        assign(rig, STANDS)
        rig.stands = {"doorbell": True}
        rig.read("doorbell", on=True)
        rig.run(8)
        rig.fuse = boundary
        rig.run(20)
        is_over, rig.fuse = rig.fuse is not None, None
        rig.run(20)
        assert runs(rig) == 1, (boundary, rig.died_at)
        rig.store.close()
        if is_over:
            assert boundary > 3
            return
    pytest.fail("there are more boundaries than this test looks at")


def chained(rig: Rig, *functions: FunctionSpec) -> None:
    for one in functions:
        said = Behaviour(exits_after_s=0.1, exit_code=int(one.name == "bad"), answer=lambda *_: "said")
        rig.registry.push(f"{one.name}:1", said)
    rig.assign(1, sensors=(DOORBELL,), functions=functions)
    rig.run(2)


def after(name: str, on: str = "done") -> TriggerSpec:
    return TriggerSpec(function=name, on=on)


def ran(rig: Rig) -> list[str]:
    return [result.function for result in {result.id: result for result in rig.messages(Result)}.values()]


def test_a_function_calls_another_without_a_network(rig: Rig) -> None:
    """By how it ended; the other one reads what came out, and the controller hears who has taken what."""
    first = function("first", triggers=(TriggerSpec("doorbell", "pressed"),))
    chained(
        rig, first, function("bad", triggers=(after("first"),)), function("last", triggers=(after("bad", "failed"),))
    )
    rig.cut()
    press(rig)
    rig.run(10)
    rig.mend()
    rig.run(10)
    assert ran(rig) == ["first", "bad", "last"]
    told = {result.function: result for result in rig.messages(Result)}
    assert told["first"].taken == (told["bad"].id,)
    assert [told[name].depth for name in ("first", "bad", "last")] == [0, 1, 2]
    (read,) = (effect for effect in rig.effects if isinstance(effect, Run) and effect.function.name == "bad")
    assert json.loads(read.body) == {"event_type": "done", "value": "said", "reason": "", "exit_code": 0}


def test_a_circle_of_functions_comes_to_an_end(rig: Rig) -> None:
    """Whoever calls itself runs once and eight times more, and the last result says why there is no further one."""
    chained(rig, function("ring", triggers=(TriggerSpec("doorbell", "pressed"), after("ring"))))
    press(rig)
    rig.run(30)
    assert ran(rig) == ["ring"] * 9
    assert rig.messages(Result)[-1].reason == "calls nothing more, because 8 functions have called each other"


def test_death_at_any_moment_leaves_one_call_after_another(tmp_path: Path) -> None:
    """Wherever the power is cut, what follows from a result is called once, under one id."""
    for boundary in range(60):
        rig = Rig(tmp_path / str(boundary), dies_hard=True)
        rig.run(2)
        chained(
            rig,
            function("first", triggers=(TriggerSpec("doorbell", "pressed"),)),
            function("last", triggers=(after("first"),)),
        )
        rig.read("doorbell", on=True)
        rig.run(0.05)
        rig.fuse = boundary
        rig.run(15)
        is_over, rig.fuse = rig.fuse is not None, None
        rig.run(15)
        assert sorted(ran(rig)) == ["first", "last"], (boundary, rig.died_at)
        rig.store.close()
        if is_over:
            assert boundary > 5
            return
    pytest.fail("there are more boundaries than this test looks at")


@pytest.mark.parametrize("end", ["crash", "cut_power"])
@pytest.mark.parametrize(
    "trigger",
    [
        TriggerSpec("doorbell", "pressed", window=RollingWindow(Figure.COUNT, within_s=60, above=2)),
        TriggerSpec(sequence=(Step("doorbell", "pressed"),) * 3, within_s=60),
    ],
    ids=["window", "sequence"],
)
def test_what_was_gathered_outlives_the_agent(rig: Rig, trigger: TriggerSpec, end: str) -> None:
    """Two presses before and one after make three."""
    assign(rig, trigger)
    press(rig)
    press(rig)
    getattr(rig, end)()
    rig.run(3)
    assert runs(rig) == 0
    press(rig)
    rig.run(3)
    assert runs(rig) == 1


@pytest.mark.parametrize("end", ["", "crash", "cut_power"])
def test_what_is_only_remembered_here_is_asked_of_the_controller(rig: Rig, end: str) -> None:
    """Its triggers remember over a crash, and what they call goes up once, as a fact; nothing is run or pulled."""
    trigger = TriggerSpec("doorbell", "pressed", for_s=5.0, until="released")
    away = FunctionSpec("greet", "porch", "r1", Container(""), triggers=(COOL, trigger), is_away=True)
    rig.assign(1, sensors=(DOORBELL,), functions=(away,))
    rig.run(2)
    rig.read("doorbell", on=True)
    rig.run(1)
    if end:
        rig.stands["doorbell"] = True
        getattr(rig, end)()
    rig.run(10)
    asked = {one.id: one for one in rig.messages(Invocation)}
    assert len(asked) == 2
    (pressed,) = {event.id: event for event in rig.messages(SensorEvent) if event.type == "pressed"}.values()
    assert pressed.taken == ()
    assert {(one.stack, one.function, one.attributes["id"]) for one in asked.values()} == {
        ("porch", "greet", pressed.id)
    }
    assert (runs(rig), rig.engine.ran, rig.store.outbox.size) == (0, [], 0)
    assert not any(isinstance(effect, Run | Pull) for effect in rig.effects)


def test_a_condition_that_cannot_be_told_is_counted_and_named_once(rig: Rig) -> None:
    """The node goes on, calls nothing by it, and says which trigger it is until that is another one."""
    deep = TriggerSpec("doorbell", "pressed", when=({"cel": "event.data.value.deep > 1"},), dialects=(Dialect.CEL,))
    assign(rig, deep, TriggerSpec("doorbell", "pressed", when=({"cel": "event.data.value"},), dialects=(Dialect.CEL,)))
    for _ in range(3):
        press(rig)
    rig.run(5)
    assert runs(rig) == 3
    assert rig.loop.node.counts["conditions_unclear", "porch.greet"] == 3
    (said,) = [reason for reason in rig.messages(NodeStatus)[-1].reasons if "trigger" in reason]
    assert said == "trigger 0 of porch.greet calls nothing: its condition cannot be told: bool has no keys"
    assign(rig, TriggerSpec("doorbell", "pressed"), generation=2)
    rig.run(2)
    assert not any("trigger" in reason for reason in rig.messages(NodeStatus)[-1].reasons)


def test_a_condition_over_the_end_of_another_function_is_told_alike(rig: Rig) -> None:
    """The node that ran the one asks for the other."""
    asking = TriggerSpec(
        function="greet", on="done", when=({"cel": "double(event.data.value) > 1.0"},), dialects=(Dialect.CEL,)
    )
    called, calling = function("log", triggers=(asking,)), function(triggers=(TriggerSpec("doorbell", "pressed"),))
    rig.assign(1, sensors=(DOORBELL,), functions=(calling, called))
    rig.run(2)
    press(rig)
    rig.run(3)
    assert runs(rig) == 1
    assert rig.loop.node.counts["conditions_unclear", "porch.log"] == 1
