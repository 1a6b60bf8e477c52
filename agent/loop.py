"""The only imperative code of the agent: take → observe → cycle → commit → act. One thread owns the state.

Callbacks and workers put frozen values into the inbox, and a turn drains it whole, so that one transaction serves everything that
happened meanwhile. Nothing is said or done before the commit that it follows from. The same code turns in the simulator: time,
broker, board, workers and host are arguments.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Protocol

from agent.actions import NO_RELEASES, Actions, BoardSeam, ProcessesSeam, ReleasesSeam, WorkersSeam
from agent.decide import instances, publications, report
from agent.decide.cycle import cycle
from agent.decide.effects import Effect, Forget, Note
from agent.decide.inputs import EngineHint, HostSeen, StepEnded, Touched
from agent.decide.node import Node
from agent.decide.now import Now
from agent.decide.observe import observe
from agent.mail import BrokerSeam, Mail
from agent.store import TABLES, Store, Written
from link.courier import WINDOW
from link.inputs import Arrived
from protocol.observed import Clock
from sensors.header import HEADER, MOCK
from sensors.sluice import Basin, Flooded
from sensors.stage import NS_PER_S, Faulted, Reading

log = logging.getLogger(__name__)

TICK_S = 1.0
# After a turn that decided something: that may let something else be decided, which has not asked for its moment yet.
SAFETY_S = 15.0
# After one that decided nothing, when nothing is due earlier. It bounds what no deadline covers: a wall clock that was set, and the
# watchdog's word, which is due every 20 s. The engine is looked at as often, so it costs nothing.
RECEIPTS_S = 1.0
# What others have need not be let go of at once: the next commit does it in passing. A crash before only says it once more, and
# everybody knows it again. While more facts wait than are on their way, each receipt makes room, and is taken at once.
EXPIRE_EVERY_S = 3600.0
# Facts live for days; an hour more or less does not matter.


class HostSeam(Protocol):
    """What the loop asks of the host."""

    def look(self, now: Now) -> HostSeen:
        """Read what the host is made of and how it is doing."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """Whatever touches the world: real, or simulated."""

    broker: BrokerSeam
    workers: WorkersSeam
    board: BoardSeam
    host: HostSeam
    releases: ReleasesSeam = NO_RELEASES
    processes: ProcessesSeam | None = None


class Loop:
    """One agent."""

    safety_s = SAFETY_S
    """How long it sleeps at most."""

    def __init__(
        self, node: Node, store: Store, adapters: Adapters, inbox: SimpleQueue[object], health_s: float = 30.0
    ) -> None:
        self.node, self.store, self.inbox = node, store, inbox
        self.mail = Mail(adapters.broker, store.outbox)
        self._host, self._health_s = adapters.host, health_s
        self._actions = Actions(adapters.board, adapters.workers, inbox.put, adapters.releases, adapters.processes)
        self._board = adapters.board
        self._taken: deque[object] = deque()
        self._is_dated = False
        self._held: tuple[Written, tuple[Effect, ...]] | None = None
        self._said = node.said
        self._host_due_mono_s = self._expire_due_mono_s = float("-inf")
        self._next_mono_s = float("-inf")

    def turn(self, now: Now) -> tuple[Effect, ...]:
        """Take everything in, decide, commit, act. Returns what was decided.

        What cannot be committed is held back whole, and no more is decided before it is: containers go on, facts that were
        committed go out, and of what arrives only the answers to our own work are kept.
        """
        if self._held is not None:
            self._forgo()
            return self._committed(*self._held, now)
        seen = self._drain(now)
        written, is_news = Written(poison=self.mail.unwanted()), False
        for one in seen:
            is_news = observe(self.node, one, now) or is_news
            written.poison += self.mail.told(one, now)
            if isinstance(one, StepEnded):
                log.info(
                    "step_ended kind=%s key=%s outcome=%s", type(one.step).__name__.lower(), one.step.key, one.outcome
                )
        if not is_news and not self._is_due(now) and self.store.outbox.size <= WINDOW:
            self._next_mono_s = min(self._next_mono_s, self._receipts_due_mono_s(now))
            return self._committed(written, (), now)
        publications.settled(self.node, self.mail.posting.settled())
        effects = self._decided(now)
        written.notes += [effect for effect in effects if isinstance(effect, Note)]
        written.forgets += [effect for effect in effects if isinstance(effect, Forget)]
        return self._committed(written, effects, now)

    def _is_due(self, now: Now) -> bool:
        """Whether a moment has come at which something is to be decided."""
        return now.mono_s >= min(self._next_mono_s, self._edge_mono_s)

    def _receipts_due_mono_s(self, now: Now) -> float:
        """When to let go of what others have by now, if nothing else is committed before."""
        is_waiting = self.node.effects or self.mail.posting.has_settled
        return now.mono_s + RECEIPTS_S if is_waiting else float("inf")

    @property
    def _edge_mono_s(self) -> float:
        """When the next reading of a pin is believed."""
        dues_ns = [state.deadline_ns for state in self.node.edges.values() if state.deadline_ns is not None]
        return min(dues_ns) / NS_PER_S if dues_ns else float("inf")

    def _decided(self, now: Now) -> tuple[Effect, ...]:
        """What is to be done, and when to decide again: if nothing is, not before the next moment that was asked for."""
        node, before = self.node, _changes(self.node)
        effects = cycle(node, now)
        rest_s = self.safety_s if before == _changes(node, effects) else TICK_S
        self._next_mono_s = min(now.next_mono_s, now.mono_s + rest_s)
        return effects

    def _committed(self, written: Written, effects: tuple[Effect, ...], now: Now) -> tuple[Effect, ...]:
        """Commit, then act; or hold both back, and say so."""
        self.store.commit(self.node, now, written)
        if self.store.fault:
            if self._held is None:
                log.error("store_unwritable reason=%r", self.store.fault)
                report.tell_unwritable(self.node, self._said, self.store.fault)
                told, self.node.effects = tuple(self.node.effects), []
                self._act(told)
            self._held, effects = (written, effects), ()
        elif self._held is not None:
            log.info("store_writable")
            self._held = None
        if self._held is None:
            self._said = self.node.said
        self._act(effects)
        self._date(now)
        self.mail.send(now, is_asking=instances.is_asked(self.node))
        self._expire(now)
        return effects

    def _date(self, now: Now) -> None:
        """Once the clock is right, and before they go out, give stored events the time that they happened at."""
        self._is_dated = self.store.redate(self.node.boot, now) if not self._is_dated else now.clock is Clock.SYNCED

    def _forgo(self) -> None:
        """Drop what nobody has been promised: readings, messages that will come again, hints."""
        for _ in range(self.inbox.qsize()):
            self._take(self.inbox.get())
        self._taken = deque(
            replace(seen, glance=None) if isinstance(seen, StepEnded) else seen  # it will be too old to be believed
            for seen in self._taken
            if not isinstance(seen, Arrived | EngineHint | Faulted | Flooded | Reading | Touched)
        )

    def wait_s(self, now: Now) -> float:
        """How long nothing is due, if nothing happens."""
        if self._held is not None:
            return TICK_S  # deadlines that are over stay so until the store takes something again
        if not self.inbox.empty():
            return 0.0
        if self.store.outbox.size and now.clock is Clock.SYNCED and not self._is_dated:
            return TICK_S
        decisions_mono_s = min(self._next_mono_s, self._edge_mono_s)
        chores_mono_s = min(self._host_due_mono_s, self.mail.next_mono_s(now.mono_s + TICK_S))
        if self.store.outbox.size:
            chores_mono_s = min(chores_mono_s, self._expire_due_mono_s)
        return max(0.0, min(decisions_mono_s, chores_mono_s) - now.mono_s)

    def wait(self, timeout_s: float) -> None:
        """Sleep until something happens, or for so long."""
        try:
            self._take(self.inbox.get(timeout=timeout_s))
        except Empty:
            return

    def _take(self, one: object) -> None:
        """Take one input in; a basin stands for what waits in it."""
        self._taken.extend(one.drain() if isinstance(one, Basin) else (one,))

    def _drain(self, now: Now) -> tuple[object, ...]:
        if now.mono_s >= self._host_due_mono_s:
            self._host_due_mono_s = now.mono_s + self._health_s
            self._taken.append(self._hosted(self._host.look(now)))
        for _ in range(self.inbox.qsize()):
            self._take(self.inbox.get())
        seen = tuple(self._taken)
        self._taken.clear()
        return seen

    def _hosted(self, seen: HostSeen) -> HostSeen:
        outbox = self.store.outbox
        health = replace(
            seen.health,
            outbox_rows=outbox.size,
            outbox_dropped_total=sum(outbox.dropped.values()),
            edges_suppressed_total=sum(chain.suppressed for chain in self.node.edges.values()),
            readings_dropped_total=sum(n for name, n in self.node.counts.items() if name[0] == "readings_dropped"),
        )
        factory = self._board.factory_name
        pins = HEADER if factory.lower().partition(" ")[0] == MOCK else seen.inventory.pins
        return HostSeen(replace(seen.inventory, pin_factory=factory, pins=pins), health)

    def _act(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if not isinstance(effect, Note | Forget) and not self.mail.act(effect, self.node):
                self._actions.act(effect)

    def _expire(self, now: Now) -> None:
        if now.mono_s >= self._expire_due_mono_s:
            self._expire_due_mono_s = now.mono_s + EXPIRE_EVERY_S
            self.store.expire(now)
            self.store.take_ballast()


def _changes(node: Node, decided: tuple[Effect, ...] = ()) -> tuple[object, ...]:
    """What a decision can change that another one depends on, as far as it is cheap to see."""
    changes = sum([table.version for table in TABLES(node)])
    return changes, len(node.effects) + len(decided), node.engine, node.looking_mono_s
