"""The only imperative code of the controller: drain → observe → cycle → commit → act. One thread owns the state.

Callbacks put what the link tells into the inbox, and a turn drains it whole, so that one transaction serves everything that came
meanwhile. Nothing is said before the commit that it follows from. What the link cannot take now waits in `link.outgoing`;
when the link falls it is dropped, because everything is said again by its own rule.

It speaks only while it is in charge of its fleet (`controller.decide.charge`): with ears it listens before it does, and when
another one is in charge, it ends.

The same code turns in the simulator: time, wire and store are arguments.
"""

from __future__ import annotations

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Protocol

from controller.decide import charge
from controller.decide.charge import Claim, Us
from controller.decide.cycle import cycle
from controller.decide.effects import Effect, Inspect, Remark, Reply, Say
from controller.decide.fleet import Fleet
from controller.decide.inputs import Input, Inspected, Unsaid
from controller.decide.observe import observe
from controller.decide.records import Number
from controller.decide.revive import revive
from controller.ears import Ears
from controller.packing import answer, packed, read
from controller.store import Store
from link.broker import Subscriptions
from link.inputs import Arrived, LinkDown, LinkUp, PublishRefused, Sent
from link.outgoing import Outgoing, Publisher
from protocol import delivery, topics
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import Link
from protocol.operator import ControllerPresence
from protocol.refusal import Refusal

log = logging.getLogger(__name__)

SAFETY_S = 15.0
# Whatever is due has set a deadline. This bounds the watchdog's word, which is due every 20 s, and what a forgotten deadline costs.

STORE_BITS, INSTANCE_BITS = 52, 32
# What JSON keeps exactly, and what tells the processes of one store apart.

BUSY_S = 0.02
# The link's window is emptied in one round trip; a sample that found no room has no word of its own for that.


class Wire(Publisher, Protocol):
    """What the loop needs of `link.broker.Broker`; the simulator brings its own."""

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew; the pause before it is the wire's own business."""

    def close(self) -> None:
        """Hang up; nothing is told of it."""


class RegistriesSeam(Protocol):
    """What the loop needs of `controller.adapters.registry.Registries`."""

    def ask(self, asked: Inspect) -> None:
        """Ask a registry; the answer comes through the inbox."""


def wall_clock() -> str:
    """What people's clock says."""
    return datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - this is the loop


class Loop:
    """One controller. `inbox.put` is all that callbacks do."""

    registries: RegistriesSeam | None = None
    """Who looks images up; without one the terms ask for nobody."""

    wall: Callable[[], str] | None = None
    """What people's clock says; without one nobody is told when."""

    ears: Ears | None = None
    """Hears who else is in charge; without them it is this one, until it meets another."""

    safety_s: float = SAFETY_S
    """How long it sleeps at most."""

    takes_over: bool = False
    """Whether an operator has it replace whoever is in charge."""

    host: str = ""
    """Where it runs, for people."""

    lot: Callable[[int], int] = staticmethod(secrets.randbits)
    """Draws the names of its store and of its process: so many bits."""

    def __init__(
        self, fleet: Fleet, store: Store, wire: Wire, inbox: SimpleQueue[object], version: str = ""
    ) -> None:  # fmt: skip
        """Take an empty fleet and fill it from the store; the first turn dials."""
        self.fleet, self.store, self.inbox = fleet, store, inbox
        self.inbox_length = 0
        self._wire, self._version = wire, version
        self._dials = self._fallen = 0
        self._is_dialled = False
        self._taken: deque[object] = deque()
        self._outgoing = Outgoing()
        self._claim: Claim | None = None
        self._since = ""
        self._too_large: set[str] = set()
        self._own_topic = str(topics.ControllerPresenceTopic(fleet.name))
        store.load(fleet)

    def turn(self, now_mono_s: float) -> tuple[Effect, ...]:
        """Take everything in, decide, commit, act. Returns what was decided."""
        self.fleet.wall = self.wall() if self.wall is not None else ""
        claim = self._claim or self._begin(now_mono_s)
        taken = self._drain()
        self._listen(claim, taken, now_mono_s)
        for seen in taken:
            self._link(seen)
            for happened in self._inputs(seen):
                observe(self.fleet, happened, now_mono_s)
        if claim.is_over:
            return ()
        if taken and all(isinstance(seen, Sent) for seen in taken):
            self._send()  # receipts make room for what waits, and are nothing to decide on
            return ()
        effects = cycle(self.fleet, now_mono_s)
        self.store.save(self.fleet)
        for effect in effects:
            self._act(effect)
        self._send()
        if claim.is_in_charge and not self._is_dialled:
            self._dial()
        return effects

    @property
    def outgoing_length(self) -> int:
        """How many packets wait for the link."""
        return len(self._outgoing)

    def wait_s(self, now_mono_s: float) -> float:
        """How long nothing is due, if nothing happens."""
        if self._taken or not self.inbox.empty():
            return 0.0
        due_mono_s = self.fleet.deadlines.next_mono_s()
        due_s = self.safety_s if due_mono_s is None else due_mono_s - now_mono_s
        due_s = min(due_s, self._claim.until_mono_s - now_mono_s) if self._claim is not None else due_s
        return max(
            0.0, min(self.safety_s, due_s, BUSY_S if self._outgoing.is_held_up and self.fleet.is_up else self.safety_s)
        )

    def wait(self, timeout_s: float) -> None:
        """Sleep until something happens, or for so long."""
        try:
            self._taken.append(self.inbox.get(timeout=timeout_s) if timeout_s > 0 else self.inbox.get_nowait())
        except Empty:
            return

    def _drain(self) -> tuple[object, ...]:
        for _ in range(self.inbox.qsize()):
            self._taken.append(self.inbox.get())
        seen = tuple(self._taken)
        self._taken.clear()
        self.inbox_length = len(seen)
        return seen

    @property
    def dismissed(self) -> str:
        """Why it has nothing more to say, and ends; empty while it goes on."""
        return self.standing if self._claim is not None and self._claim.is_over else ""

    @property
    def standing(self) -> str:
        """Why it does not speak, in one sentence; empty where it does, or does not know yet."""
        return charge.sentence(self._claim, self.fleet.name) if self._claim is not None else ""

    def _begin(self, now_mono_s: float) -> Claim:
        """The first turn: take up what was stored, and listen."""
        fleet = self.fleet
        revive(fleet, now_mono_s)
        store = fleet.numbers.get("store") or Number(self.lot(STORE_BITS))
        fleet.numbers.put("store", store)
        us = Us(f"{store.value:x}", fleet.count("starts"), f"{self.lot(INSTANCE_BITS):x}", fleet.epoch)
        self._claim = claim = Claim(us, self.takes_over)
        if self.ears is None:
            claim.charge, self._since = charge.Charge.IN_CHARGE, fleet.wall
        else:
            self.ears.listen()
        return claim

    def _listen(self, claim: Claim, taken: tuple[object, ...], now_mono_s: float) -> None:
        """Hear of others until it is clear who is in charge; then nothing is heard by the ears any more."""
        if self.ears is None or claim.is_in_charge:
            return
        before = self.standing
        self.ears.take(claim, taken, now_mono_s)
        if self.standing not in ("", before):
            log.warning("not_in_charge said=%r", self.standing)
        if claim.is_in_charge or claim.is_over:
            self.ears.close()
        if claim.is_in_charge:
            self._since = self._since or self.fleet.wall
            self.fleet.raise_epoch(charge.epoch(claim))
            claim.us = replace(claim.us, epoch=self.fleet.epoch)
            log.info("in_charge epoch=%d", self.fleet.epoch)

    def _rival(self, packet: Packet) -> None:
        """Something is said of who is in charge; where it is not so, say how it is."""
        claim, received = self._claim, unpack(packet)
        assert claim is not None, "nothing is heard before the first turn"
        said = received.message if isinstance(received, Received) else None
        if self.ears is not None and isinstance(said, ControllerPresence) and charge.is_rivalled(claim, said):
            self._wire.close()
            self.inbox.put(LinkDown(self._dials, f"another controller claims epoch {said.epoch}"))
        elif not packet.retain and not (isinstance(said, ControllerPresence) and said.instance == claim.us.instance):
            self._queue(self._presence(Link.ONLINE))

    def _link(self, seen: object) -> None:
        match seen:
            case LinkUp():
                log.info("link_up broker_epoch=%d", seen.epoch)
            case LinkDown() if seen.epoch == self._dials:
                log.warning("link_down reason=%r", seen.reason)
                self._outgoing.clear()
                self._fell(seen.epoch)
            case Arrived() if seen.epoch == self._dials:
                for packet in seen.packets:
                    if packet.topic == self._own_topic:
                        self._rival(packet)
            case Sent() if seen.epoch == self._dials:
                self._outgoing.arrived(seen.tokens)
            case PublishRefused():
                self._outgoing.arrived((seen.token,))
                self.fleet.tally("refusals", "broker")
                log.error("publish_refused topic=%s reason=%r", seen.topic, seen.reason)

    def _inputs(self, seen: object) -> Iterator[Input]:
        match seen:
            case Arrived() if seen.epoch == self._dials:
                said = self.fleet.home_assistant.status_topic
                yield from (read(packet, said) for packet in seen.packets if packet.topic != self._own_topic)
            case LinkUp() if seen.epoch == self._dials:
                yield seen
            case LinkDown() if seen.epoch == self._fallen:
                yield seen
            case Inspected() | Unsaid():
                yield seen

    def _fell(self, epoch: int) -> None:
        """The link is gone: call again, or first listen who is in charge by now."""
        self._fallen = epoch
        if self.ears is None or self._claim is None:
            self._dial()
        else:
            self._is_dialled = False
            charge.unlinked(self._claim)
            self.ears.listen()

    def _dial(self) -> None:
        self._dials += 1
        self._is_dialled = True
        name, beside = self.fleet.name, self.fleet.home_assistant.subscriptions(self.fleet.name)
        heard = (*delivery.subscriptions(name), *beside, (self._own_topic, 1))
        self._wire.dial(self._dials, self._presence(Link.OFFLINE), self._presence(Link.ONLINE), heard)

    def _presence(self, state: Link) -> Packet:
        assert self._claim is not None, "who we are is known since the first turn"
        us, epoch = self._claim.us, self.fleet.epoch
        said = ControllerPresence(
            state, epoch, self._version, us.store, us.starts, us.instance, self.host, self._since
        )  # fmt: skip
        packet = pack(topics.ControllerPresenceTopic(self.fleet.name), said)
        assert isinstance(packet, Packet)
        return packet

    def _act(self, effect: Effect) -> None:
        match effect:
            case Say():
                packet = packed(effect)
                self._hold_back(effect, packet)
                self._queue(packet, is_fact=delivery.BY_TOPIC[type(effect.topic)].is_fact)
            case Reply():
                self._queue(answer(effect, self.fleet.name))
            case Inspect() if self.registries is not None:
                self.registries.ask(effect)
            case Remark():
                log.info("remark about=%s said=%r", effect.subject, effect.sentence)

    def _hold_back(self, effect: Say, packet: Packet | Refusal) -> None:
        """Have the next turn know of what no message may hold, and of what fits again."""
        topic = str(effect.topic)
        if isinstance(packet, Refusal):
            self._too_large.add(topic)
            self.inbox.put(Unsaid(effect.topic, packet.reason))
        elif topic in self._too_large:
            self._too_large.remove(topic)
            self.inbox.put(Unsaid(effect.topic))

    def _queue(self, packet: Packet | Refusal, *, is_fact: bool = False) -> None:
        if isinstance(packet, Refusal):
            self.fleet.tally("refusals", "own_message")
            log.error("message_refused topic=%s reason=%r", packet.path, packet.reason)
            return
        if not self._outgoing.add(packet, is_fact=is_fact):
            self.fleet.tally("samples_lost")

    def _send(self) -> None:
        for refused in self._outgoing.send(self._wire.publish):
            self.fleet.tally("refusals", "own_message")
            log.error("message_refused topic=%s reason=%r", refused.path, refused.reason)
