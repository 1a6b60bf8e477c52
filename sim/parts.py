"""What the real loop of an agent is given in virtual time: pins, a host, workers before an engine, and a link that can kill.

Everything that is done to the world goes through `Process.spark`, so the process may be killed there. A worker's step is carried
out some time after it was given and answered later still; what a dead process had under way may have been done or not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from agent.adapters.troubles import ENGINE_RETRY_S
from agent.decide.effects import Probe, ReadLog, Remove, Run, Step
from agent.decide.inputs import CommandDone, Done, EngineHint, HostSeen, Retry, StepEnded
from agent.decide.now import Now
from link.inputs import Busy, LinkDown, LinkInput, Published, Sent
from link.settings import LinkSettings
from protocol.claims import pins_of
from protocol.desired import ActuatorSpec, SensorSpec
from protocol.envelope import Packet
from protocol.observed import Clock, DeviceStatus, Health, Inventory
from protocol.options import place_of
from protocol.refusal import Refusal
from protocol.topics import ROOT, parse
from sensors.header import PinState
from sensors.sluice import Sluice
from sensors.stage import NS_PER_S, Reading
from sim.diligence import Diligence
from sim.engine import FakeEngine
from sim.interests import Subscriptions
from sim.link import SimLink
from sim.process import Process
from sim.violation import ViolationError

LOOK_S = 0.02
"""One list of containers and one of images over Docker's socket."""

REACHED = 0.5
"""Chance that a request of a process that was killed meanwhile is carried out all the same: dockerd does not ask who waits."""

HINT_LATE_S = 0.05
GLANCE_LOST = 0.3
"""Share of the steps whose container could not be looked at alone: what follows then comes from a whole look."""


class FusedLink(SimLink):
    """A link whose owner may be killed before each of its packets leaves."""

    def __init__(self, process: Process, settings: LinkSettings, deliver: Callable[[LinkInput], object]) -> None:
        super().__init__(process.world.broker, settings, self._told)
        self._process, self._owner = process, deliver
        self._on_way: dict[int, str] = {}
        self.waiting = lambda: process.waiting

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew."""
        self._process.spark(f"dials under epoch {epoch}")
        super().dial(epoch, will, birth, subscriptions)

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Send a packet."""
        name = packet.topic.removeprefix(f"{ROOT}/")
        self._process.spark(f"says {name} {zlib.crc32(packet.payload):08x}")
        self._process.world.mail.append(packet)
        taken = super().publish(packet)
        if (
            isinstance(taken, Published) and packet.retain and parse(packet.topic)
        ):  # or functions say it, each in its turn
            if packet.topic in self._on_way.values():
                raise ViolationError(
                    "law 6", f"two words on {packet.topic} are on their way, and the older may arrive last"
                )
            self._on_way[taken.token] = packet.topic
        return taken

    def _told(self, seen: LinkInput) -> None:
        """Whatever the link tells its owner."""
        if isinstance(seen, LinkDown):
            self._on_way.clear()
        for token in seen.tokens if isinstance(seen, Sent) else ():
            self._on_way.pop(token, None)
        self._owner(seen)


class SimBoard:
    """The pins of a node. Sensors are pressed by the story; outputs remember their value."""

    factory_name = "sim"

    def __init__(self, process: Process, deliver: Callable[[Any], None]) -> None:
        self._process, self._deliver = process, Sluice(deliver).put
        self.sensors: dict[str, SensorSpec] = {}
        self.outputs: dict[str, tuple[ActuatorSpec, str]] = {}

    def open(
        self, sensors: tuple[SensorSpec, ...], actuators: tuple[ActuatorSpec, ...]
    ) -> tuple[tuple[DeviceStatus, ...], tuple[DeviceStatus, ...]]:
        """Have exactly these open."""
        self._process.spark(f"opens {len(sensors)} sensors, {len(actuators)} actuators")
        for spec in sensors:
            if self.sensors.get(spec.name) != spec:
                self._deliver(Reading(spec.name, value=False, at_ns=self._ns(), opening=True))
        self.sensors = {spec.name: spec for spec in sensors}
        self.outputs = {spec.name: self.outputs.get(spec.name, (spec, spec.safe)) for spec in actuators}
        stands = tuple(DeviceStatus(spec.name, spec.kind, place_of(spec)) for spec in sensors)
        return stands, tuple(self._output(name) for name in self.outputs)

    def apply(self, name: str, value: str) -> DeviceStatus | Refusal:
        """Put one actuator to a value."""
        self._process.spark(f"sets {name} {value}")
        if name not in self.outputs:
            return Refusal(f"there is no actuator {name!r} here", name)
        self.outputs[name] = (self.outputs[name][0], value)
        return self._output(name)

    def drive(self, pin: int, *, high: bool) -> PinState | Refusal:
        """Put a mock pin to a level; here a finger presses by `press`."""
        del high
        return Refusal(f"pin {pin} is pressed by the story alone")

    def show(self, name: str, value: float) -> Refusal | None:
        """Have a gauge show a value; here the story does."""
        del value
        return Refusal(f"{name} is shown by the story alone")

    def pins(self) -> tuple[PinState, ...]:
        """Every pin in use."""
        return tuple(
            PinState(pin, "input", high=False, user=spec.name)
            for spec in self.sensors.values()
            for pin in pins_of(spec)
        )

    def press(self, name: str, seconds: float) -> bool:
        """Press a button for a while; False when there is none to press."""
        if name not in self.sensors:
            return False
        self._deliver(Reading(name, value=True, at_ns=self._ns()))
        self._process.world.after(seconds, lambda: self._deliver(Reading(name, value=False, at_ns=self._ns())))
        return True

    def _output(self, name: str) -> DeviceStatus:
        spec, value = self.outputs[name]
        return DeviceStatus(spec.name, spec.kind, place_of(spec), value)

    def _ns(self) -> int:
        return round(self._process.mono_s * NS_PER_S)


class SimHost:
    """A Raspberry Pi with these labels."""

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self.inventory = Inventory(name, "arm64", "Raspberry Pi 4 Model B", labels=labels, pin_factory="sim")

    def look(self, now: Now) -> HostSeen:
        """Always the same host, a little older."""
        health = Health(now.mono_s, 0.1, 3 << 29, 10 << 30, 48.5, clock=Clock.SYNCED)
        return HostSeen(self.inventory, health)


class SimWorkers:
    """The threads before an engine: each look, step and run answers after a while."""

    def __init__(self, process: Process, engine: FakeEngine, deliver: Callable[[Any], None]) -> None:
        self._process, self._engine, self._deliver = process, engine, deliver
        self._life, self._boot = process.life, process.boot
        self._hint_s = float("inf")
        self._diligence = Diligence(process.name)

    def look(self) -> None:
        """Have the engine looked at."""
        self._after(LOOK_S, self._look)

    def give(self, step: Step) -> None:
        """Have a step carried out, or a function run."""
        kind = type(step).__name__.lower()
        self._process.spark(f"{kind} {step.key}")
        if not isinstance(step, Probe):  # it changes nothing, so it may be asked for at any time
            self._diligence.gives(kind, step.key)
        if isinstance(step, Run):
            self._after(LOOK_S, lambda: self._begin(step))
            return
        cost_s = self._engine.cost_s(step)
        self._after(cost_s, lambda: self._carry_out(step))

    def read_log(self, effect: ReadLog) -> None:
        """Have a log read; no container says anything here."""
        self._deliver(CommandDone(effect.command, ok=False, message="a simulated container says nothing"))

    def _look(self) -> None:
        seen, looked_s = self._engine.look(), self._process.world.now_s
        self._answer(LOOK_S, seen, lambda: self._diligence.saw(looked_s))

    def _begin(self, step: Run) -> None:
        if not self._is_lost():
            wait_s = self._engine.begin(step)
            self._process.world.touched.append(self._process.name)
            self._process.world.say(self._process.name, f"runs {step.invocation} for {wait_s:.3f} s")
            self._process.world.after(wait_s, lambda: self._end(step))

    def _end(self, step: Run) -> None:
        if self._process.is_alive and self._process.life == self._life:
            self._answer(LOOK_S, self._engine.end(step), lambda: self._diligence.ended(step.key))

    def _carry_out(self, step: Step) -> None:
        if self._is_lost():
            return
        assert not isinstance(step, Run)
        outcome = self._engine.carry_out(step)
        self._process.world.touched.append(self._process.name)
        self._process.world.say(self._process.name, f"did {type(step).__name__.lower()} {step.key}: {_word(outcome)}")
        self._diligence.did(step.key, self._process.world.now_s)
        is_glanced = isinstance(outcome, Done) and self._process.world.chances.random() >= GLANCE_LOST
        seen = self._engine.glance(step) if is_glanced else None
        is_seen = seen is not None or (
            isinstance(step, Remove) and isinstance(outcome, Done)
        )  # what is gone needs no look
        end = StepEnded(step, outcome, seen)
        self._answer(ENGINE_RETRY_S / 100, end, lambda: self._diligence.ended(step.key, is_seen=is_seen))
        self._hint()

    def _hint(self) -> None:
        """Tell the agent when a container changes by itself."""
        next_s = self._engine.next_change_s()
        if next_s is None or next_s >= self._hint_s:
            return
        self._hint_s = next_s
        self._process.world.broker.at(next_s + HINT_LATE_S, self._hinted)

    def _hinted(self) -> None:
        self._hint_s = float("inf")
        if self._process.world.chances.random() >= self._process.world.pace.hint_lost:
            self._deliver(EngineHint())
        self._hint()

    def _is_lost(self) -> bool:
        """What a process that is dead now had asked for has an even chance to have reached its engine, unless the host fell too."""
        if self._process.boot != self._boot:
            return True
        is_same = self._process.is_alive and self._process.life == self._life
        return not is_same and self._process.world.chances.random() < REACHED

    def _after(self, delay_s: float, act: Callable[[], None]) -> None:
        self._process.world.after(delay_s * self._process.world.chances.uniform(0.5, 1.5), act)

    def _answer(self, delay_s: float, what: Any, learn: Callable[[], None]) -> None:
        def answer() -> None:
            learn()
            self._deliver(what)

        self._after(delay_s, answer)


def _word(outcome: object) -> str:
    return f"retry, {outcome.reason}" if isinstance(outcome, Retry) else type(outcome).__name__.lower()
