"""The network thread of one connection epoch: waits, connects, subscribes, says the birth, carries packets, and ends once.

It alone touches the wire. The owner's thread puts packets into `outgoing` and wakes it through a socket pair; everything
that happens goes to `deliver`. The socket is not read while the owner's inbox is full, so memory stays bounded whatever
comes (TCP slows the broker). Waiting is done by `selectors` (epoll): paho's own loop uses select(), which fails silently
for file numbers of 1,024 and more.

Exactly one `LinkDown` ends an epoch, unless the owner hung up. A fault of ours, in a callback or in `deliver`, also ends
in `LinkDown` and is logged with its traceback; if not even that can be delivered, the thread is dead, `is_alive` says so,
and the watchdog acts. Packets may arrive before `LinkUp`: a broker sends what is retained before it confirms.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from link.inputs import Arrived, LinkDown, LinkInput, LinkUp, ListenRefused, PublishRefused, Sent
from link.settings import LinkSettings
from link.wire import Wire
from protocol.envelope import Packet

TURN_S = 1.0
# The longest sleep: keepalive is counted in tens of seconds, and the watchdog wants to see us turn.

HELD_BACK_S = 0.005
# How often to look whether the owner has made room; his turns take some milliseconds.

STUCK_S = 45.0
# A turn that takes longer is stuck. Looking up a name may take 30 s (two tries at three servers of 5 s each).

_WAKE_BYTES = 4096

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dial:
    """What one connection is to be."""

    epoch: int
    will: Packet | None
    birth: Packet | None
    subscriptions: tuple[tuple[str, int], ...]
    pause_s: float


class Connection:
    """One epoch. Made and commanded by the owner's thread; attributes below `# shared` have one writer each."""

    def __init__(
        self,
        settings: LinkSettings,
        dial: Dial,
        deliver: Callable[[LinkInput], object],
        backlog: Callable[[], int],
        wake: socket.socket,
    ) -> None:
        """Prepare; `start` begins. `wake` is the end of a socket pair that becomes readable when the owner did something."""
        self._settings = settings
        self._dial = dial
        self._deliver = deliver
        self._backlog = backlog
        self._wake = wake
        self._tokens: dict[int, tuple[int, Packet]] = {}
        self._has_asked = False
        self._watched = 0
        self._misc_mono_s = self._up_mono_s = 0.0
        # shared, written by the owner
        self.outgoing: deque[tuple[int, Packet]] = deque()
        self.is_hung_up = False
        self.wanted: tuple[str, ...] = ()
        # shared, written by the network thread
        self.is_up = False
        self.is_over = False
        self.lived_s = 0.0
        self.turned_mono_s = time.monotonic()
        self.settled = 0
        self.settled_samples = 0
        self.largest_bytes = settings.send_bytes
        self.inflight = settings.inflight
        self._thread = threading.Thread(target=self._run, name=f"link-{dial.epoch}", daemon=True)

    def start(self) -> None:
        """Begin the epoch."""
        self._thread.start()

    def join(self, within_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(within_s)

    def is_alive(self, now_mono_s: float) -> bool:
        """Whether the thread still turns, or has properly ended."""
        return self.is_over or (self._thread.is_alive() and now_mono_s - self.turned_mono_s < STUCK_S)

    def _run(self) -> None:
        wire = Wire(self._settings, self._dial.will)
        try:
            reason = self._serve(wire)
        except Exception as error:
            log.exception("the link's thread failed")
            reason = f"a fault of ours in the link: {error!r}"
        finally:
            self.lived_s = time.monotonic() - self._up_mono_s if self.is_up else 0.0
            self.is_up = False
            wire.drop()
        if not self.is_hung_up:
            self._deliver(LinkDown(self._dial.epoch, reason))
        self.is_over = True

    def _serve(self, wire: Wire) -> str:
        """Live; the reason of the end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            self._wait(selector)
            if self.is_hung_up:
                return ""
            trouble = _open(wire, self._settings)
            if trouble:
                return trouble
            due_mono_s = time.monotonic() + self._settings.connect_timeout_s
            while not wire.ended and not self.is_hung_up:
                self._turn(wire, selector)
                if not self.is_up and time.monotonic() > due_mono_s:
                    return f"{self._settings.place} accepted but did not answer within {self._settings.connect_timeout_s:g} s"
            if self.is_hung_up:
                wire.hang_up()
            return wire.ended

    def _wait(self, selector: selectors.BaseSelector) -> None:
        """Pass the pause before dialling, in short turns."""
        until_mono_s = time.monotonic() + self._dial.pause_s
        while not self.is_hung_up:
            self.turned_mono_s = time.monotonic()
            left_s = until_mono_s - self.turned_mono_s
            if left_s <= 0:
                return
            if selector.select(min(left_s, TURN_S)):
                self._awake()

    def _turn(self, wire: Wire, selector: selectors.BaseSelector) -> None:
        is_full = self._backlog() >= self._settings.backlog
        self._watch(wire, selector, wants_read=not is_full)
        ready = selector.select(HELD_BACK_S if is_full else TURN_S)
        for key, events in ready:
            if key.fileobj is self._wake:
                self._awake()
            elif events & selectors.EVENT_READ:
                wire.read()
        self.turned_mono_s = time.monotonic()
        self._advance(wire)
        self._tell(wire)
        if self.is_up:
            wire.listen(self.wanted)
            self._send(wire)
        if wire.want_write():
            wire.loop_write()
        if self.turned_mono_s - self._misc_mono_s >= TURN_S:
            self._misc_mono_s = self.turned_mono_s
            wire.loop_misc()

    def _watch(self, wire: Wire, selector: selectors.BaseSelector, *, wants_read: bool) -> None:
        """Have the selector watch the socket for what we want of it now."""
        wanted = (selectors.EVENT_READ if wants_read else 0) | (selectors.EVENT_WRITE if wire.want_write() else 0)
        opened = wire.socket()
        if wanted == self._watched or opened is None:
            return
        if not self._watched:
            selector.register(opened, wanted)
        elif wanted:
            selector.modify(opened, wanted)
        else:
            selector.unregister(opened)
        self._watched = wanted

    def _advance(self, wire: Wire) -> None:
        """Go through the greeting: accepted, subscribed, born, up."""
        if self.is_up or not wire.accepted or wire.ended:
            return
        if self._dial.subscriptions and not self._has_asked:
            self._has_asked = True
            wire.ask_for(self._dial.subscriptions)
        if self._dial.subscriptions and not wire.subscribed:
            return
        if self._dial.birth is not None:
            wire.send(self._dial.birth)
        self.largest_bytes, self.inflight = wire.largest_bytes, wire.inflight
        self._up_mono_s = self.turned_mono_s
        self.is_up = True
        self._deliver(LinkUp(self._dial.epoch, _address(wire)))

    def _tell(self, wire: Wire) -> None:
        """Deliver what came and what the broker answered."""
        if wire.arrived:
            arrived, wire.arrived = wire.arrived, []
            self._deliver(Arrived(self._dial.epoch, tuple(arrived)))
        if wire.unheard:
            unheard, wire.unheard = wire.unheard, []
            for topic, reason in unheard:
                self._deliver(ListenRefused(self._dial.epoch, topic, reason))
        if wire.answered:
            answered, wire.answered = wire.answered, []
            self._settle(answered)

    def _settle(self, answered: list[tuple[int, str]]) -> None:
        sent = []
        for identifier, refusal in answered:
            token, packet = self._tokens.pop(identifier, (0, None))
            if packet is None:
                self._born(refusal)
                continue
            if packet.qos == 0:
                self.settled_samples += 1
                continue
            self.settled += 1
            if refusal:
                self._deliver(PublishRefused(self._dial.epoch, token, packet.topic, refusal))
            else:
                sent.append(token)
        if sent:
            self._deliver(Sent(self._dial.epoch, tuple(sent)))

    def _born(self, refusal: str) -> None:
        """The broker has answered the birth, which has no token: who may not even say that it is there must hear of it."""
        if refusal and self._dial.birth is not None:
            self._deliver(PublishRefused(self._dial.epoch, 0, self._dial.birth.topic, refusal))

    def _send(self, wire: Wire) -> None:
        while self.outgoing:
            token, packet = self.outgoing.popleft()
            self._tokens[wire.send(packet)] = (token, packet)

    def _awake(self) -> None:
        self._wake.recv(_WAKE_BYTES)


def _open(wire: Wire, settings: LinkSettings) -> str:
    """Connect; why it did not work, in words."""
    place = settings.place
    try:
        wire.open()
    except ConnectionRefusedError:
        return f"connection refused by {place}"
    except TimeoutError:
        return f"no answer from {place} within {settings.connect_timeout_s:g} s"
    except socket.gaierror:
        return f"nobody knows the address of {settings.host!r}"
    except OSError as error:
        return f"{place} cannot be reached: {error.strerror or error}"
    return ""


def _address(wire: Wire) -> str:
    """Ours on this connection, for others to use: none where the broker is on this very host."""
    opened = wire.socket()
    try:
        address = str(opened.getsockname()[0]) if isinstance(opened, socket.socket) else ""
    except OSError:
        return ""
    plain = address.partition("%")[0].removeprefix("::ffff:")
    return "" if plain == "::1" or plain.startswith("127.") else plain
