"""Facts give way for a moment to what somebody waits for: a warm function that is being asked, and what it had published."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.decide.invocation import State
from agent.mail import HELD_S
from link.courier import WINDOW
from link.inputs import Busy, Published
from protocol.calling import Action
from protocol.desired import Invocation
from protocol.envelope import Packet
from protocol.function import Mode, Scale
from protocol.topics import InvocationTopic
from protocol.trigger import TriggerSpec
from sim.images import Behaviour
from tests.fakes.agent import DOORBELL, FLEET, NAME, Rig, function

ANSWERS_S = 0.004


@dataclass(slots=True)
class OrderedRig(Rig):
    """Knows what went out in which order, and when."""

    went: list[tuple[float, str]] = field(default_factory=list)

    def publish(self, packet: Packet) -> Published | Busy:
        self.went.append((self.now_s, packet.topic.split("/")[-2]))
        return Rig.publish(self, packet)


@pytest.fixture
def rig(tmp_path: Path) -> OrderedRig:
    rig = OrderedRig(tmp_path)
    rig.registry.push("greet:1", Behaviour(answers_after_s=ANSWERS_S))
    rig.registry.push("slow:1", Behaviour(answers_after_s=5.0))
    rig.run(2)
    return rig


PRESSED = (TriggerSpec("doorbell", "pressed"),)


def assign(rig: OrderedRig, name: str, triggers: tuple[TriggerSpec, ...] = PRESSED) -> None:
    """Have the button ask a function that is kept ready, and its success published."""
    given = {"scale": Scale(min_per_node=1, target=1000), "then": (Action(publish="home/lamp", value="on"),)}
    called = function(name, mode=Mode.WARM, triggers=triggers, **given)
    rig.assign(1, sensors=(DOORBELL,), functions=(called,))
    rig.run(5)
    rig.went.clear()


def test_what_a_function_had_published_goes_before_the_facts_of_its_event(rig: OrderedRig) -> None:
    """The event and the result follow together, once the broker has what was published."""
    assign(rig, "greet")
    rig.read("doorbell", on=True)
    rig.run(1)
    assert [word for _, word in rig.went if word != "up"] == ["home", "result", "event"]
    moments = {word: at_s for at_s, word in rig.went}
    assert moments["event"] == moments["result"]


def test_a_slow_function_holds_facts_up_for_a_moment_only(rig: OrderedRig) -> None:
    """The event has gone out long before the answer."""
    assign(rig, "slow")
    begun_s = rig.now_s
    rig.read("doorbell", on=True)
    rig.run(1)
    (event_s,) = (at_s for at_s, word in rig.went if word == "event")
    assert event_s - begun_s == pytest.approx(HELD_S, abs=0.002)


def test_a_call_from_elsewhere_holds_nothing_up(rig: OrderedRig) -> None:
    """Its end is a fact that somebody waits for, however many others are being asked."""
    assign(rig, "slow", triggers=())
    call = Invocation("call-1", "porch", "slow", {"id": "event-1"}, "{}", epoch=1)
    rig.send(InvocationTopic(FLEET, NAME, call.id), call)
    rig.run(1)
    assert [run.state for run in rig.node.runs.values()] == [State.DISPATCHED]
    begun_s = rig.now_s
    rig.read("doorbell", on=True)
    rig.run(HELD_S)
    assert [at_s - begun_s for at_s, word in rig.went if word == "event"] == [0.0]


def test_a_full_window_gives_way_to_nothing(rig: OrderedRig) -> None:
    """Where as many facts wait as may be on their way, they go at once, whoever is being asked."""
    assign(rig, "slow")
    rig.cut()
    for number in range(WINDOW):
        rig.read("doorbell", on=not number % 2)
        rig.run(0.1)
    assert rig.store.outbox.size >= WINDOW
    mended_s = rig.now_s
    rig.mend()
    rig.run(1)
    assert min(at_s for at_s, word in rig.went if word == "event") - mended_s < HELD_S
