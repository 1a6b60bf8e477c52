"""Whatever happens to a node between a call and its result: one effect for each invocation id (law 8)."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.decide.effects import SetActuator
from protocol.calling import Action, Backoff, Queue, QueueMode, Rate
from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.observed import Result, ResultStatus
from protocol.topics import InvocationTopic
from sim.images import Behaviour
from tests.fakes.agent import FLEET, LAMP, NAME, Rig, function

CALLS = 4
RETRIES = 2
SETTLED_S = 240.0
# The longest of what may follow: attempts with their pauses, an engine that was away, and a rate of one each two seconds.

FAILS = Behaviour(exits_after_s=0.3, exit_code=1)
WORKS = Behaviour(exits_after_s=0.7, answer=lambda *_: "on")

THEN = (Action(set="lamp"), Action(publish="home/door"), Action(call="next"))
QUEUES = {
    "queued": {"concurrency": 2, "retries": RETRIES},
    "limited": {"concurrency": 2, "retries": RETRIES, "rate": Rate(1, 2.0)},
    "single": {"queue": Queue(QueueMode.SINGLE, 1), "retries": RETRIES},
    "restart": {"queue": Queue(QueueMode.RESTART, 1), "retries": RETRIES},
    "parallel": {"queue": Queue(QueueMode.PARALLEL, 3), "retries": RETRIES},
}
MOST = {"queued": 2, "limited": 2, "single": 1, "restart": 1, "parallel": 3}

MISHAPS = ("crash", "cut_power", "cut", "mend", "engine_away", "engine_back")
CALL = st.integers(1, CALLS).map(lambda number: f"call {number}")
FUSE = st.integers(0, 9).map(lambda number: f"fuse {number}")
STEPS = st.tuples(
    st.one_of(CALL, CALL, CALL, FUSE, st.sampled_from(MISHAPS)), st.sampled_from([0.05, 0.2, 0.5, 0.8, 1.5])
)
"""What happens, and how long nothing does then."""


class History:
    """A node to which things happen; it is watched all the time."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.rig, self.kind = Rig(folder), kind
        self.rig.registry.push("greet:1", WORKS)
        self.rig.registry.push("next:1", WORKS)
        self.rig.registry.push("fail:1", FAILS)
        self.rig.run(2)
        self.rig.assign(1, actuators=(LAMP,), functions=self.functions)
        self.rig.run(3)
        self.most = 0

    @property
    def functions(self) -> tuple[FunctionSpec, ...]:
        asked = (function(name, then=THEN, backoff=Backoff(0.5, 2.0)) for name in ("greet", "fail"))
        return (*(replace(one, **QUEUES[self.kind]) for one in asked), function("next", concurrency=9))

    def step(self, name: str) -> None:
        rig = self.rig
        match name.split():
            case ["call", number]:
                self.call(int(number))
            case ["fuse", number]:
                rig.fuse = int(number)
            case ["engine_away"]:
                rig.engine.daemon_stops()
            case ["engine_back"]:
                rig.engine.daemon_starts()
            case _:
                getattr(rig, name)()

    def call(self, number: int) -> None:
        """The controller asks, perhaps once more; the last of them never succeeds."""
        name = "fail" if number == CALLS else "greet"
        made = Invocation(f"call-{number}", "porch", name, {"id": f"event-{number}"}, "{}", epoch=1)
        self.rig.send(InvocationTopic(FLEET, NAME, made.id), made)

    def wait(self, seconds: float) -> None:
        """Let time pass, and count what runs side by side."""
        until_s = self.rig.now_s + seconds
        while self.rig.now_s < until_s:
            self.rig.run(min(0.25, until_s - self.rig.now_s))
            images = [box.labels.get("io.bramble.invocation", "") for box in self.rig.engine.running()]
            self.most = max(self.most, sum(name.startswith("call-") and name != f"call-{CALLS}" for name in images))

    def settle(self) -> None:
        """Everything is well again, and each call is repeated until it has ended, as a controller does."""
        self.rig.fuse = None
        self.rig.engine.daemon_starts()
        self.rig.mend()
        self.wait(2.0)
        for number in range(1, CALLS + 1):
            self.call(number)
            self.wait(2.0)
        self.wait(SETTLED_S)


def check(history: History) -> None:
    """The laws."""
    rig = history.rig
    marks: dict[str, set[object]] = {}
    found: dict[str, Result] = {}
    for one in rig.said:
        if isinstance(one.message, Result):
            marks.setdefault(one.message.id, set()).add((one.mark.stream, one.mark.sequence) if one.mark else None)
            found[one.message.id] = one.message
    assert {len(one) for one in marks.values()} == {1}, "one result each"
    assert {name for name in found if name.startswith("call-")} == {f"call-{n}" for n in range(1, CALLS + 1)}
    assert set(Counter(rig.engine.ran).values()) <= {1}, "no attempt runs twice"
    assert all(result.attempt <= RETRIES + 1 for result in found.values())
    assert found[f"call-{CALLS}"].status in (ResultStatus.FAILED, ResultStatus.SKIPPED)
    assert history.most <= MOST[history.kind]
    done = [name for name, result in found.items() if name.startswith("call-") and result.status is ResultStatus.DONE]
    sets = sum(isinstance(effect, SetActuator) for effect in rig.effects)
    assert sets <= len(done), "an actuator is set at most once for each"
    assert {packet.said()["id"] for packet in rig.posted} == {f"{name}-1" for name in done}
    followed = [result for result in found.values() if result.function == "next"]
    assert sorted(result.cause for result in followed) == sorted(done), "each success calls once"
    assert len(rig.node.runs) == len(rig.node.publications) == 0
    assert rig.store.outbox.size == 0


@pytest.mark.parametrize("kind", QUEUES)
@settings(max_examples=5, deadline=None)
@given(steps=st.lists(STEPS, min_size=5, max_size=16), is_hard=st.booleans())
def test_each_invocation_has_one_effect(kind: str, steps: list[tuple[str, float]], is_hard: bool) -> None:
    """Calls that come again, an agent that dies anywhere, power cuts, an engine and a link that come and go."""
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder), kind)
        history.rig.dies_hard = is_hard
        for name, pause_s in steps:
            history.step(name)
            history.wait(pause_s)
        history.settle()
        check(history)
        history.rig.store.close()
