"""One agent as a process: turns at the right moments, signs of life for the supervisor, figures for Prometheus.

`READY` is told when what was running before is looked after again: after the first look at the engine, or at its absence. The
watchdog hears of us only while the link's thread turns too, so that no part can die in silence (S12).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent.adapters.metrics import Metrics, Snapshot
from agent.decide.effects import Effect, Note
from agent.decide.now import Now
from agent.loop import Loop
from agent.settings import Settings
from link.notify import SignsOfLife, Supervisor
from protocol.ids import service_key
from protocol.observed import Result


class Clocks(Protocol):
    """Whoever reads the clocks (`agent.adapters.clocks`)."""

    def now(self) -> Now:
        """The moment of a turn."""

    def mono_s(self) -> float:
        """The monotonic clock alone."""


class Stopping:
    """Wakes the loop so that it ends."""


class Process:
    """Turns a loop until it is stopped."""

    def __init__(self, loop: Loop, settings: Settings, supervisor: Supervisor, clocks: Clocks) -> None:
        self._loop, self._signs, self._clocks = loop, SignsOfLife(supervisor), clocks
        self._metrics = Metrics(settings.metrics_host, settings.metrics_port) if settings.metrics_port else None
        self._is_stopping = False
        self._online_mono_s: float | None = None

    def stop(self) -> None:
        """End after the present turn; may be called from a signal."""
        self._is_stopping = True
        self._loop.inbox.put(Stopping())

    def run(self, is_link_alive: Callable[[float], bool]) -> None:
        """Turn until stopped."""
        while not self._is_stopping:
            now = self._clocks.now()
            effects = self._loop.turn(now)
            is_ready, is_alive = self._loop.node.engine is not None, is_link_alive(now.mono_s)
            self._signs.tell(_words(self._loop), now.mono_s, is_ready=is_ready, is_alive=is_alive)
            self._measure(effects, now)
            if self._loop.inbox.empty():
                took_s = self._clocks.mono_s() - now.mono_s
                self._loop.wait(max(0.0, self._loop.wait_s(now) - took_s))

    def _measure(self, effects: tuple[Effect, ...], now: Now) -> None:
        if self._online_mono_s is None or self._loop.node.is_up:
            self._online_mono_s = now.mono_s
        if self._metrics is None:
            return
        node, outbox = self._loop.node, self._loop.store.outbox
        for effect in effects:
            if isinstance(effect, Note) and isinstance(effect.message, Result) and effect.message.duration_s:
                result = effect.message
                self._metrics.ran(service_key(result.stack, result.function), result.duration_s)
        offline_s = now.mono_s - self._online_mono_s
        suppressed = {name: chain.suppressed for name, chain in node.edges.items()}
        functions = {service_key(*place) for place in node.directory.functions}
        figures = Snapshot(dict(node.counts), outbox.size, outbox.dropped, offline_s, suppressed, functions)
        self._metrics.publish(figures)


def _words(loop: Loop) -> str:
    node = loop.node
    link = "online" if node.is_up else "offline"
    return (
        f"{link}, generation {node.assignment.generation}, {len(node.tasks)} tasks, {loop.store.outbox.size} facts wait"
    )
