"""What happens to a service's containers makes events on their node."""

from __future__ import annotations

from dataclasses import replace

from protocol.desired import SensorSpec
from protocol.observed import Result, SensorEvent
from protocol.trigger import TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import Rig, function, task

WEB = SensorSpec("web-life", "porch", "container", {"service": "web"})


def said(rig: Rig) -> list[str]:
    """The events, in order."""
    return [one.type for one in rig.messages(SensorEvent)]


def test_what_runs_already_is_no_event(rig: Rig) -> None:
    """The sensor begins with what it finds."""
    rig.assign(2, task("a"), sensors=(WEB,))
    rig.run(20)
    assert said(rig) == []


def test_a_container_that_ends_and_is_started_again_is_two_events(rig: Rig) -> None:
    """With its exit code, and with the task that it is of."""
    rig.assign(2, task("a"), sensors=(WEB,))
    rig.run(5)
    (box,) = rig.engine.running()
    box.end(7, rig.now_s)
    rig.run(30)
    assert said(rig) == ["died", "started"]
    died = rig.messages(SensorEvent)[0].value
    assert (died["task"], died["exit_code"]) == ("porch.web.1", 7)


def test_a_function_is_called_by_the_way_a_container_ended(rig: Rig) -> None:
    """Conditions look into the event's value: what was killed for want of memory calls, what ended by itself does not."""
    condition = {"exact": {"data.value.exit_code": "137", "data.value.task": "porch.web.1"}}
    alarm = function(triggers=(TriggerSpec("web-life", "died", when=(condition,)),))
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.1))
    rig.assign(2, task("a"), sensors=(WEB,), functions=(alarm,))
    rig.run(5)
    for code, calls in ((7, 0), (137, 1)):
        (box,) = rig.engine.running()
        box.end(code, rig.now_s)
        rig.run(30)
        assert len(rig.messages(Result)) == calls


def test_an_update_is_seen_as_what_it_does(rig: Rig) -> None:
    """The old container ends and the new one starts, and a service of another name makes no event."""
    other = SensorSpec("db-life", "porch", "container", {"service": "db"})
    rig.assign(2, task("a"), sensors=(WEB, other))
    rig.run(5)
    rig.assign(3, task("b"), sensors=(WEB, other))
    rig.run(30)
    assert sorted(said(rig)) == ["died", "started"]


def test_an_engine_that_was_away_makes_no_events(rig: Rig) -> None:
    """Nobody saw what happened meanwhile, so what it shows is the beginning again."""
    rig.assign(2, task("a"), sensors=(WEB,))
    rig.run(5)
    rig.engine.daemon_stops()
    rig.run(30)
    rig.engine.daemon_starts()
    rig.run(60)
    events = said(rig)
    assert "died" not in events


def test_a_sensor_that_is_gone_leaves_nothing_behind(rig: Rig) -> None:
    """However many names there have been."""
    for number in range(2, 6):
        rig.assign(number, task("a"), sensors=(replace(WEB, name=f"life-{number}"),))
        rig.run(20)
    assert list(rig.node.lives) == ["life-5"]
