"""paho, and its only home: one client for one connection, read in bulk underneath.

Made for one connection epoch and then dropped: paho keeps queues, states and identifiers from one connection to the
next, which is how messages come twice or never. paho does the greeting, keepalive and subscriptions; `read` takes 64 KiB
at a time from the socket, turns PUBLISH into `Packet` values itself (`link.frames`), answers a whole read with one send of
PUBACKs, and gives every packet but PUBLISH and PUBACK to paho's own handling. That uses private names of paho
(`_in_packet`, `_packet_handle`, `_loop_rc_handle`, `_sock_recv`, `_sock_send`, `_sock_close`, `_mid_generate`): its version
is pinned to a minor, and tests/link/test_wire.py holds both hands together. What is written is gathered, and leaves in one
piece.

paho's callbacks run inside `read`, `loop_write` and `loop_misc`, and only note what they were told: `accepted`,
`subscribed`, `ended`. What may fail: `open` raises OSError; everything later ends in a non-empty `ended`.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from link import frames, haste
from link.settings import LinkSettings
from protocol.envelope import Packet

CHUNK_BYTES = 64 * 1024
# What one read takes at most: some 150 events. Larger reads gain nothing measurable and make an input of the inbox heavier.

_DISCONNECT_WITH_WILL = 0x04


class Wire(mqtt.Client):
    """A paho client for one connection. All its methods belong to one thread."""

    def __init__(self, settings: LinkSettings, will: Packet | None) -> None:
        """Prepare a connection; nothing is opened yet."""
        super().__init__(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        self.settings = settings
        self.ended = ""
        self.accepted = False
        self.subscribed = False
        self.largest_bytes = settings.send_bytes
        self.inflight = settings.inflight
        self.arrived: list[Packet] = []
        self.answered: list[tuple[int, str]] = []
        self._rest = bytearray()
        self._needed_bytes = 0
        self._unsent = bytearray()
        self._sent_bytes = 0
        self._samples: deque[tuple[int, int]] = deque()
        self._awaited: set[int] = set()
        self._filters: list[str] = []
        self.unheard: list[tuple[str, str]] = []
        self._heard: tuple[str, ...] = ()
        self._asked: dict[int, list[str]] = {}
        self.connect_timeout = settings.connect_timeout_s
        if settings.username:
            self.username_pw_set(settings.username, settings.password or None)
        if will is not None:
            self.will_set(will.topic, will.payload, will.qos, will.retain, _properties(will))
        self._listen()

    def _listen(self) -> None:
        self.on_connect = self._note_connack
        self.on_subscribe = self._note_suback
        self.on_disconnect = self._note_end
        self.on_message = self._note_message
        self.on_socket_open = lambda _client, _own, opened: haste.begin(opened)
        self.on_socket_register_write = _leave_to_our_loop

    def open(self) -> None:
        """Connect and greet; raises OSError. The answer shows in `accepted` or `ended` after a `read`."""
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.MaximumPacketSize = self.settings.receive_bytes
        self.connect(
            self.settings.host,
            self.settings.port,
            keepalive=self.settings.keepalive_s,
            clean_start=True,
            properties=asked,
        )

    def ask_for(self, subscriptions: tuple[tuple[str, int], ...]) -> None:
        """Subscribe; the answer shows in `subscribed` or `ended`."""
        self._filters = [topic for topic, _ in subscriptions]
        self.subscribe([(topic, SubscribeOptions(qos=qos)) for topic, qos in subscriptions])

    def listen(self, topics: tuple[str, ...]) -> None:
        """Subscribe to these besides, and no longer to others of before; what is refused shows in `unheard`."""
        if topics == self._heard:
            return
        gone = [topic for topic in self._heard if topic not in topics]
        new = [topic for topic in topics if topic not in self._heard]
        self._heard = topics
        if gone:
            self.unsubscribe(gone)
        if new:
            _, mid = self.subscribe([(topic, SubscribeOptions(qos=1)) for topic in new])
            self._asked[mid or 0] = new

    def send(self, packet: Packet) -> int:
        """Queue a packet; its identifier comes back in `answered` (QoS 1: with the PUBACK; QoS 0: once written)."""
        identifier = self._mid_generate()
        self._unsent += frames.written(packet, identifier)
        if packet.qos:
            self._awaited.add(identifier)
        else:
            self._samples.append((self._sent_bytes + len(self._unsent), identifier))
        return identifier

    def want_write(self) -> bool:
        """Whether anything waits for the socket."""
        return bool(self._unsent) or super().want_write()

    def loop_write(self) -> MQTTErrorCode:
        """Send all that waits at once. paho would go to the kernel for each packet, and for the interpreter's lock after each."""
        result = super().loop_write() if super().want_write() else MQTTErrorCode.MQTT_ERR_SUCCESS
        self._flush()
        return result

    def hang_up(self) -> None:
        """Say goodbye in a way that lets the broker publish our will."""
        self.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=_DISCONNECT_WITH_WILL))
        self.loop_write()

    def drop(self) -> None:
        """Close the socket without a word."""
        self._sock_close()

    def read(self) -> None:
        """Take one chunk from the socket, and what is whole of it to where it belongs."""
        try:
            chunk = self._sock_recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"the connection to {self.settings.place} broke: {error.strerror or error}")
            return
        if not chunk:
            self._lose(f"{self.settings.place} closed the connection")
            return
        self._last_bytes_received = time.monotonic()
        try:
            self._take(chunk)
        except (frames.MalformedError, MQTTException) as error:
            self._lose(f"{self.settings.place} sent what is no MQTT: {error}")
        haste.acknowledge_quickly(self.socket())

    def _sock_send(self, buf: bytes | bytearray) -> int:
        """For paho this was sent: its greeting, its pings, its subscriptions."""
        self._unsent += buf
        return len(buf)

    def _sock_close(self) -> None:
        """A goodbye is the last that paho sends before it closes: it is still here."""
        self._flush()
        super()._sock_close()

    def _flush(self) -> None:
        opened = self.socket()
        try:
            while self._unsent and opened is not None:
                sent = opened.send(self._unsent)
                del self._unsent[:sent]
                self._sent_bytes += sent
        except BlockingIOError:
            pass
        except OSError as error:
            self._unsent.clear()
            self._lose(f"the connection to {self.settings.place} broke: {error.strerror or error}")
        while self._samples and self._samples[0][0] <= self._sent_bytes:
            self.answered.append((self._samples.popleft()[1], ""))

    def _take(self, chunk: bytes) -> None:
        data = self._whole(chunk)
        if not data:
            return
        acknowledged: list[int] = []
        end = 0
        for first, start, end in frames.frames(data):
            if first >> 4 == frames.PUBLISH and first & 0x06 != 0x04:
                packet, identifier = frames.publish(data, first, start, end)
                self.arrived.append(packet)
                if identifier:
                    acknowledged.append(identifier)
            elif first == frames.PUBACK:
                self._answered(*frames.puback(data, start, end))
            else:
                self._leave_to_paho(first, data[start:end])
            if self.ended:
                return
        self._keep(data[end:])
        if acknowledged:
            self._unsent += b"".join(frames.PUBACK_BYTES + identifier.to_bytes(2, "big") for identifier in acknowledged)

    def _answered(self, identifier: int, refusal: str) -> None:
        """A PUBACK; one that nobody waits for means nothing."""
        if identifier in self._awaited:
            self._awaited.discard(identifier)
            self.answered.append((identifier, refusal))

    def _whole(self, chunk: bytes) -> bytes:
        """What is to be looked through now: nothing while the packet that has begun is not whole."""
        if not self._rest:
            return chunk
        self._rest += chunk
        if len(self._rest) < self._needed_bytes:
            return b""
        data = bytes(self._rest)
        self._rest.clear()
        return data

    def _keep(self, rest: bytes) -> None:
        if not rest:
            return
        self._needed_bytes = frames.needed_bytes(rest)
        if self._needed_bytes > self.settings.receive_bytes:
            raise frames.MalformedError(
                f"a packet of {self._needed_bytes} bytes, where {self.settings.receive_bytes} were agreed"
            )
        self._rest = bytearray(rest)

    def _leave_to_paho(self, first: int, body: bytes) -> None:
        packet = self._in_packet
        packet["command"], packet["packet"] = first, bytearray(body)
        packet["remaining_length"] = packet["to_process"] = len(body)
        packet["pos"] = 0
        result = self._packet_handle()
        if result > 0 and not self.ended:
            self._loop_rc_handle(result)

    def _lose(self, reason: str) -> None:
        self.ended = self.ended or reason
        self._sock_close()

    def _note_connack(self, _client: Any, _own: Any, _flags: Any, reason: ReasonCode, said: Properties | None) -> None:
        if reason.is_failure:
            self.ended = f"{self.settings.place} refused the connection: {_words(reason)}"
            return
        self.largest_bytes = min(self.largest_bytes, getattr(said, "MaximumPacketSize", self.largest_bytes))
        self.inflight = min(self.inflight, getattr(said, "ReceiveMaximum", self.inflight))
        self.accepted = True

    def _note_suback(self, _client: Any, _own: Any, mid: int, reasons: list[ReasonCode], _said: Any) -> None:
        asked = self._asked.pop(mid, None)
        if asked is not None:
            answers = zip(asked, reasons, strict=False)
            self.unheard += [(topic, _words(reason)) for topic, reason in answers if reason.is_failure]
            return
        refused = [
            f"{topic} ({_words(reason)})"
            for topic, reason in zip(self._filters, reasons, strict=False)
            if reason.is_failure
        ]
        if refused:
            self.ended = f"{self.settings.place} refused a subscription: {', '.join(refused)}"
        self.subscribed = True

    def _note_end(self, _client: Any, _own: Any, flags: mqtt.DisconnectFlags, reason: ReasonCode, _said: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            why = f"{self.settings.place} hung up: {_words(reason)}"
        elif reason == "Keep alive timeout":
            why = f"no answer from {self.settings.place} for {2 * self._keepalive} s"
        else:
            why = f"the connection to {self.settings.place} was lost: {_words(reason)}"
        self.ended = self.ended or why

    def _note_message(self, _client: Any, _own: Any, message: mqtt.MQTTMessage) -> None:
        """Only QoS 2 comes this way, which we never subscribe to."""
        self.arrived.append(packet_of(message))


def packet_of(message: mqtt.MQTTMessage) -> Packet:
    """The packet in paho's form of a message."""
    said = message.properties
    return Packet(
        message.topic,
        bytes(message.payload),
        tuple(getattr(said, "UserProperty", ())),
        message.qos,
        bool(message.retain),
        getattr(said, "ContentType", ""),
        getattr(said, "ResponseTopic", ""),
        bytes(getattr(said, "CorrelationData", b"")),
    )


def _properties(will: Packet) -> Properties:
    made = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    if will.properties:
        made.UserProperty = list(will.properties)
    if will.content_type:
        made.ContentType = will.content_type
    if will.response_topic:
        made.ResponseTopic = will.response_topic
    if will.correlation:
        made.CorrelationData = will.correlation
    return made


def _words(reason: ReasonCode) -> str:
    return reason.getName().lower().replace("authorized", "authorised")


def _leave_to_our_loop(_client: Any, _own: Any, _opened: Any) -> None:
    """Without this callback paho would write from within `publish`."""
