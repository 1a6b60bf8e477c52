"""The controller's only loop (signatures; the body follows): drain → observe → cycle → commit → act."""

from __future__ import annotations

import queue
from typing import Protocol

from controller.decide.fleet import Fleet
from controller.store import Store
from link.broker import Subscriptions
from link.inputs import Busy, LinkInput, Published
from protocol.envelope import Packet
from protocol.refusal import Refusal


class Wire(Protocol):
    """What the loop needs of `link.broker.Broker`; the simulator brings its own."""

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew."""

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Hand over one packet."""


class Controller:
    """One thread owns it. `inbox.put` is all that callbacks do."""

    def __init__(self, fleet: Fleet, store: Store, wire: Wire, version: str = "") -> None:
        """Take a fleet that the store has already filled; dialling happens in the first turn."""
        self.inbox: queue.SimpleQueue[LinkInput] = queue.SimpleQueue()
        raise NotImplementedError

    def turn(self, now_mono_s: float) -> int:
        """Take everything out of the inbox, decide, commit, speak. Returns how many effects there were."""
        raise NotImplementedError

    def wait_s(self, now_mono_s: float) -> float:
        """How long the loop may sleep if nothing arrives."""
        raise NotImplementedError
