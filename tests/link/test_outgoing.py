"""What waits for the link: the newest of each retained topic, everything else once and in its turn, and not without bound."""

from __future__ import annotations

from link.inputs import Busy, Published
from link.outgoing import SAMPLES_MOST, Outgoing
from protocol.envelope import Packet


class Room:
    """A wire that takes so many packets, and writes them down."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[Packet] = []

    def publish(self, packet: Packet) -> Published | Busy:
        """Take it, or not."""
        if len(self.taken) >= self.room:
            return Busy("full")
        self.taken.append(packet)
        return Published(len(self.taken))


def sent(outgoing: Outgoing, room: int = 10_000) -> list[bytes]:
    """What goes out when there is so much room."""
    wire = Room(room)
    assert outgoing.send(wire.publish) == []
    return [packet.payload for packet in wire.taken]


def test_what_is_said_again_while_it_waits_goes_out_once() -> None:
    """An invocation that is repeated every half minute does not fill a link that is stuck."""
    outgoing = Outgoing()
    for payload in (b"one", b"two", b"one"):
        outgoing.add(Packet("a/b", payload, qos=1))
    assert sent(outgoing) == [b"one", b"two"]


def test_it_may_be_said_again_after_it_has_gone() -> None:
    """A repetition is a word of its own."""
    outgoing = Outgoing()
    for _ in range(2):
        outgoing.add(Packet("a/b", b"one", qos=1))
        assert sent(outgoing) == [b"one"]


def test_samples_are_lost_beyond_a_bound_the_oldest_first() -> None:
    """A storm of acknowledgements or answers costs a slow link its oldest ones; nothing else is ever lost."""
    outgoing = Outgoing()
    assert outgoing.add(Packet("a/fact", b"fact", qos=1), is_fact=True)
    storm = (Packet("a/ack", str(number).encode(), qos=number % 2) for number in range(SAMPLES_MOST + 50))
    lost = [not outgoing.add(packet) for packet in storm]
    assert sum(lost) == 50
    assert len(outgoing) == SAMPLES_MOST + 1
    assert sent(outgoing, 2) == [b"fact", b"50"]
    assert outgoing.add(Packet("a/ack", b"more"))
    assert len(sent(outgoing)) == SAMPLES_MOST


def test_of_a_retained_topic_only_the_newest_waits() -> None:
    """An older word must not arrive last."""
    outgoing = Outgoing()
    for payload in (b"old", b"new"):
        outgoing.add(Packet("a/state", payload, qos=1, retain=True))
    assert sent(outgoing) == [b"new"]
