"""Carries out the effects on pins and engine. Pins answer at once, the engine through its workers; both answers are inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol

from agent.decide.effects import (
    Discard,
    DriveGauge,
    DrivePin,
    Effect,
    Look,
    OpenDevices,
    ReadLog,
    ReadPins,
    Run,
    SetActuator,
    Step,
)
from agent.decide.inputs import CommandDone, DevicesOpened, ProcessesSeen, RunEnded
from agent.decide.release import KeepRelease, LeaveRelease, ReleaseEffect, StageRelease, SwitchRelease
from protocol.desired import ActuatorSpec, SensorSpec
from protocol.function import FunctionSpec, Mode
from protocol.observed import DeviceStatus
from protocol.refusal import Refusal
from sensors.header import PinState

log = logging.getLogger(__name__)

Statuses = tuple[DeviceStatus, ...]


class BoardSeam(Protocol):
    """What the agent asks of its pins (`sensors.board.Board`)."""

    @property
    def factory_name(self) -> str:
        """The pin library in use."""

    def open(self, sensors: tuple[SensorSpec, ...], actuators: tuple[ActuatorSpec, ...]) -> tuple[Statuses, Statuses]:
        """Have exactly these open."""

    def apply(self, name: str, value: str) -> DeviceStatus | Refusal:
        """Put one actuator to a value."""

    def drive(self, pin: int, *, high: bool) -> PinState | Refusal:
        """Put a mock pin to a level."""

    def show(self, name: str, value: float) -> Refusal | None:
        """Have a gauge on mock pins show a value."""

    def pins(self) -> tuple[PinState, ...]:
        """Every pin that was touched."""


class WorkersSeam(Protocol):
    """Those who wait for the engine."""

    def look(self) -> None:
        """Have the engine looked at."""

    def give(self, step: Step) -> None:
        """Have a step carried out."""

    def read_log(self, effect: ReadLog) -> None:
        """Have a log read; its lines come through the inbox."""


class ProcessesSeam(Protocol):
    """Whoever runs functions as processes (`agent.adapters.processes`)."""

    def look(self) -> None:
        """Have it told which there are."""

    def give(self, step: Run) -> None:
        """Have a function run; its end comes through the inbox, always exactly once."""

    def discard(self, effect: Discard) -> None:
        """Have what a process left removed."""


class ReleasesSeam(Protocol):
    """Whoever can put another release of the agent in place (`agent.adapters.releases`)."""

    def give(self, effect: ReleaseEffect) -> None:
        """Have something done about a release."""


class NoReleases:
    """An agent that nothing can take the place of: its decisions ask for nothing."""

    def give(self, effect: ReleaseEffect) -> None:
        """Never asked."""
        raise AssertionError(effect)


NO_RELEASES = NoReleases()
NO_PROCESSES = "the settings of this node allow no processes (`processes`)"


class Actions:
    """The executor of every effect that is no message."""

    def __init__(
        self,
        board: BoardSeam,
        workers: WorkersSeam,
        deliver: Callable[[object], object],
        releases: ReleasesSeam = NO_RELEASES,
        processes: ProcessesSeam | None = None,
    ) -> None:
        self._board, self._workers, self._deliver, self._releases = board, workers, deliver, releases
        self._processes, self._has_told_of_none = processes, False

    def act(self, effect: Effect) -> None:
        """Carry out one effect; what came of it arrives in the inbox."""
        match effect:
            case OpenDevices():
                sensors, actuators = self._board.open(effect.sensors, effect.actuators)
                self._deliver(DevicesOpened(sensors, actuators))
            case SetActuator():
                self._set(effect)
            case DrivePin():
                self._drive(effect)
            case DriveGauge():
                self._show(effect)
            case ReadPins():
                pins = [asdict(pin) for pin in self._board.pins()]
                self._deliver(CommandDone(effect.command, ok=True, result=pins))
            case StageRelease() | SwitchRelease() | KeepRelease() | LeaveRelease():
                log.info("release kind=%s", type(effect).__name__.lower())
                self._releases.give(effect)
            case _:
                self._work(effect)

    def _work(self, effect: Effect) -> None:
        match effect:
            case Look():
                self._workers.look()
                self._look_for_processes()
            case ReadLog():
                self._workers.read_log(effect)
            case Discard():
                if self._processes is not None:
                    self._processes.discard(effect)
            case Run(function=FunctionSpec(mode=Mode.PROCESS)):
                self._run_process(effect)
            case _:
                self._give(effect)

    def _give(self, effect: Effect) -> None:
        assert isinstance(effect, Step), f"no executor for {effect}"
        log.info("step kind=%s key=%s", type(effect).__name__.lower(), effect.key)
        self._workers.give(effect)

    def _look_for_processes(self) -> None:
        if self._processes is not None:
            self._processes.look()
        elif not self._has_told_of_none:
            self._has_told_of_none = True
            self._deliver(ProcessesSeen())

    def _run_process(self, step: Run) -> None:
        log.info("process function=%s invocation=%s attempt=%d", step.function.name, step.invocation, step.attempt)
        if self._processes is not None:
            self._processes.give(step)
        else:
            self._deliver(RunEnded(step.invocation, step.attempt, None, reason=NO_PROCESSES))

    def _set(self, effect: SetActuator) -> None:
        status = self._board.apply(effect.name, effect.value)
        if isinstance(status, DeviceStatus):
            self._deliver(DevicesOpened((), (status,)))
        fault = str(status) if isinstance(status, Refusal) else status.fault
        if fault:
            log.warning("actuator_not_set name=%s value=%s reason=%r", effect.name, effect.value, fault)
        if effect.command:
            message = fault or f"{effect.name} is {effect.value}"
            self._deliver(CommandDone(effect.command, ok=not fault, message=message))

    def _show(self, effect: DriveGauge) -> None:
        refusal = self._board.show(effect.name, effect.value)
        message = (
            refusal.reason if refusal is not None else f"{effect.name} shows {effect.value:g} from its next reading"
        )
        self._deliver(CommandDone(effect.command, ok=refusal is None, message=message))

    def _drive(self, effect: DrivePin) -> None:
        state = self._board.drive(effect.pin, high=effect.level)
        if not effect.command:
            log.info("pin_driven pin=%d outcome=%s", effect.pin, state)
        elif isinstance(state, Refusal):
            self._deliver(CommandDone(effect.command, ok=False, message=state.reason))
        else:
            message = f"pin {effect.pin} is {'high' if state.high else 'low'}"
            self._deliver(CommandDone(effect.command, ok=True, message=message, result=asdict(state)))
