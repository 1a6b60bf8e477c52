"""One controller as a process: turns at the right moments, signs of life for the supervisor, figures for Prometheus.

`READY` is told after the first turn: what was stored is decided on again, with or without a broker. The watchdog hears of us only
while the link's thread turns too, so that no part can die in silence (S12).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from controller.adapters.metrics import Metrics, Snapshot
from controller.decide.functions import gauges
from controller.decide.presence import Presence
from controller.decide.rollouts.slot import SlotState
from controller.loop import Loop
from controller.settings import Settings
from link.notify import SignsOfLife, Supervisor

MEASURE_S = 1.0
# Prometheus asks every 15 s; counting more often only costs.


class Stopping:
    """Wakes the loop so that it ends."""


class Process:
    """Turns a loop until it is stopped."""

    def __init__(self, loop: Loop, settings: Settings, supervisor: Supervisor, clock: Callable[[], float]) -> None:
        self._loop, self._signs, self._clock = loop, SignsOfLife(supervisor), clock
        self._metrics = Metrics(settings.metrics_host, settings.metrics_port) if settings.metrics_port else None
        self._is_stopping = False
        self._measure_due_mono_s = float("-inf")

    def stop(self) -> None:
        """End after the present turn; may be called from a signal."""
        self._is_stopping = True
        self._loop.inbox.put(Stopping())

    def run(self, is_link_alive: Callable[[float], bool]) -> None:
        """Turn until stopped, or until another controller turns out to be in charge."""
        while not self._is_stopping and not self._loop.dismissed:
            now_mono_s = self._clock()
            self._loop.turn(now_mono_s)
            self._signs.tell(_words(self._loop), now_mono_s, is_ready=True, is_alive=is_link_alive(now_mono_s))
            self._measure(now_mono_s)
            self._loop.wait(self._loop.wait_s(self._clock()))

    def _measure(self, began_mono_s: float) -> None:
        """Time every turn; gather the rest once a second."""
        fleet = self._loop.fleet
        if self._metrics is None:
            fleet.durations.clear()
            return
        self._metrics.turned(time.monotonic() - began_mono_s)
        if began_mono_s < self._measure_due_mono_s:
            return
        self._measure_due_mono_s = began_mono_s + MEASURE_S
        durations, fleet.durations = tuple(fleet.durations), []
        nodes = {presence.value: len(fleet.leases.of("presence", presence)) for presence in Presence}
        slots = {
            (service, state.value): len(fleet.slots.of("state", (service, state)))
            for service in fleet.rollouts
            for state in SlotState
        }
        lengths = (self._loop.inbox_length, self._loop.outgoing_length)
        functions = fleet.catalogue.functions
        shown = Snapshot(fleet.counts, nodes, slots, durations, *lengths, fleet.is_up, tuple(gauges(fleet)), functions)
        self._metrics.publish(shown)


def _words(loop: Loop) -> str:
    fleet = loop.fleet
    if loop.standing:
        return loop.standing
    link = "online" if fleet.is_up else "offline"
    online = len(fleet.leases.of("presence", Presence.ONLINE))
    return f"{link}, {online} of {len(fleet.nodes)} nodes online, {len(fleet.stacks)} stacks"
