"""The loop around the decisions: what is said only after the commit, and what waits for the link."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from controller.decide.effects import Reply
from controller.decide.fleet import Fleet
from controller.decide.inputs import Heard, Unreadable
from controller.decide.nodes import node_row
from controller.decide.report import stack_status
from controller.decide.terms import Terms
from controller.decide.unsaid import REMEDY
from controller.loop import SAFETY_S, Loop, read
from controller.packing import answer
from controller.settings import Settings
from controller.settings import read as read_settings
from controller.store import Store
from link.broker import Subscriptions
from link.inputs import Arrived, Busy, LinkDown, LinkUp, Published, Sent
from protocol.envelope import FactMark, Packet, pack
from protocol.observed import Answer, Hello, Inventory, SensorEvent
from protocol.operator import OperatorOrder, OrderVerb
from protocol.refusal import Refusal
from protocol.topics import EventTopic, HelloTopic, ManifestTopic, OrderTopic
from tests.controller.desk import FLEET, web


class TapedWire:
    """A wire that writes down what it is given, and takes no more than it has room for."""

    def __init__(self) -> None:
        self.dials: list[int] = []
        self.packets: list[Packet] = []
        self.room = 1000
        self.is_quick = True
        """Whether the broker confirms each packet at once."""
        self.tell: Callable[[object], object] = lambda _: None

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Write down the call."""
        assert will is not None
        assert birth is not None
        assert subscriptions
        self.dials.append(epoch)

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Take a packet while there is room."""
        if len(self.packets) >= self.room:
            return Busy("full")
        self.packets.append(packet)
        if self.is_quick:
            self.confirm(len(self.packets))
        return Published(len(self.packets))

    def close(self) -> None:
        """Nobody hangs up here."""
        raise AssertionError

    def confirm(self, token: int) -> None:
        """Have the broker confirm a packet."""
        self.tell(Sent(self.dials[-1], (token,)))


def room(tmp_path: Path) -> tuple[Loop, TapedWire]:
    """A loop that is connected."""
    wire = TapedWire()
    loop = Loop(Fleet(FLEET, Terms()), Store(tmp_path / "controller.db"), wire, SimpleQueue())
    wire.tell = loop.inbox.put
    loop.turn(0.0)
    loop.inbox.put(LinkUp(1))
    loop.turn(0.0)
    return loop, wire


def hello(node: str) -> Packet:
    """A node's first word."""
    packet = pack(
        HelloTopic(FLEET, node), Hello(node, 1, "b", "1", Inventory(node, "aarch64", engine="20")), FactMark(node, 1, 1)
    )
    assert isinstance(packet, Packet)
    return packet


def manifest(text: str) -> Packet:
    """An operator's word."""
    return Packet(str(ManifestTopic(FLEET, "shop")), text.encode(), qos=1, retain=True)


def topics_of(wire: TapedWire) -> list[str]:
    """What was said, shortened."""
    return [packet.topic.removeprefix(f"bramble/v1/{FLEET}/") for packet in wire.packets]


def test_a_turn_serves_everything_that_waits(tmp_path: Path) -> None:
    """One transaction, one answer to each."""
    loop, wire = room(tmp_path)
    loop.inbox.put(Arrived(1, (hello("pi-1"), hello("pi-2"))))
    loop.inbox.put(Arrived(1, (manifest(web(mode="global")),)))
    loop.turn(1.0)
    assert topics_of(wire) == [
        "node/pi-1/down/assignment", "node/pi-2/down/assignment", "stack/shop/status", "node/pi-1/down/ack", "node/pi-2/down/ack",
    ]  # fmt: skip
    assert loop.turn(1.0) == ()


def test_nothing_is_said_that_is_not_committed(tmp_path: Path) -> None:
    """A commit that fails leaves the wire silent: the process ends, and the store tells what was true."""
    loop, wire = room(tmp_path)
    loop.inbox.put(Arrived(1, (hello("pi-1"), manifest(web()))))
    loop.store.close()
    with pytest.raises(Exception, match="closed"):
        loop.turn(1.0)
    assert wire.packets == []


def test_what_the_link_cannot_take_waits_the_newest_of_each_retained_topic(tmp_path: Path) -> None:
    """A slow link gets the last word, not every word."""
    loop, wire = room(tmp_path)
    loop.inbox.put(Arrived(1, (hello("pi-1"),)))
    loop.turn(1.0)
    wire.room = len(wire.packets)
    for number in range(5):
        loop.inbox.put(Arrived(1, (manifest(web(f"web:{number}", replicas=str(number + 1))),)))
        loop.turn(2.0 + number)
    wire.room = 1000
    loop.turn(8.0)
    assert topics_of(wire).count("node/pi-1/down/assignment") == 1
    assert topics_of(wire).count("stack/shop/status") == 1


def test_two_words_on_one_retained_topic_are_never_on_their_way_together(tmp_path: Path) -> None:
    """Whatever reorders packets on their way, the broker keeps the last one said."""
    loop, wire = room(tmp_path)
    wire.is_quick = False
    loop.inbox.put(Arrived(1, (manifest(web()),)))
    loop.turn(1.0)
    loop.inbox.put(Arrived(1, (manifest(""),)))
    loop.turn(2.0)
    assert topics_of(wire) == ["stack/shop/status"]
    wire.confirm(1)
    loop.turn(3.0)
    assert [packet.payload == b"" for packet in wire.packets] == [False, True]
    assert loop.outgoing_length == 0


def test_what_no_message_may_hold_is_read_where_an_operator_looks(tmp_path: Path) -> None:
    """In the status of the stack and with the node, as long as it is so; the node goes on with what it was told last."""
    loop, _ = room(tmp_path)
    large = json.dumps({"services": {"a": {"image": "web:1", "environment": {"X": "x" * 100_000}}}}).encode()
    loop.inbox.put(Arrived(1, (hello("pi-1"),)))
    for number, text in ((1, large), (2, large), (3, large), (2, b"")):
        loop.inbox.put(Arrived(1, (Packet(str(ManifestTopic(FLEET, f"shop-{number}")), text),)))
        for _ in range(3):
            loop.turn(2.0)
        fleet = loop.fleet
        status, row = stack_status(fleet, fleet.stacks["shop-1"]), node_row(fleet, fleet.nodes["pi-1"], 2.0)
        said = [one for one in (*status.services[0].reasons, *row.reasons) if "cannot be told: " in one]
        assert len(said) == (2 if (number, text) == (3, large) else 0)
        assert all(one.endswith(REMEDY) for one in said)


def test_a_fallen_link_is_dialled_anew_and_what_waited_for_it_is_dropped(tmp_path: Path) -> None:
    """Everything is said again by its own rule, so an old word never waits."""
    loop, wire = room(tmp_path)
    wire.room = 0
    loop.inbox.put(Arrived(1, (hello("pi-1"), manifest(web()))))
    loop.turn(1.0)
    assert loop.outgoing_length == 3
    loop.inbox.put(LinkDown(1, "broker gone"))
    loop.turn(2.0)
    assert (wire.dials, loop.outgoing_length, loop.fleet.is_up) == ([1, 2], 0, False)
    wire.room = 1000
    loop.inbox.put(Arrived(1, (hello("pi-9"),)))
    loop.inbox.put(LinkUp(2))
    loop.turn(3.0)
    assert "pi-9" not in loop.fleet.nodes
    assert "node/pi-1/down/assignment" in topics_of(wire)


def test_a_fact_is_acknowledged_once_it_is_committed(tmp_path: Path) -> None:
    """A process that dies before its commit has acknowledged nothing; the next one takes the repetition in."""
    loop, wire = room(tmp_path)
    event = SensorEvent("s", 1, "pi-1", "door", "pressed", "2026-01-01T00:00:00Z", "b", 1)
    packet = pack(EventTopic(FLEET, "pi-1", "door"), event, FactMark("s", 1, 1))
    assert isinstance(packet, Packet)
    loop.inbox.put(Arrived(1, (hello("pi-1"), packet, packet)))
    loop.turn(1.0)
    assert loop.fleet.counts["events",] == 1
    assert loop.fleet.counts["fact_duplicates",] == 1
    assert topics_of(wire).count("node/pi-1/down/ack") == 2


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"null", b"[" * 1000, b'{"a": NaN}', b"x" * 300_000])
@pytest.mark.parametrize(
    "topic", ["manifest/shop", "order/o1", "node/pi-1/up/status", "node/pi-1/up/event/x", "what/ever"]
)
def test_no_bytes_stop_the_loop(tmp_path: Path, payload: bytes, topic: str) -> None:
    """Whatever arrives is an input, and the next turn is as good as the last."""
    loop, _ = room(tmp_path)
    packet = Packet(f"bramble/v1/{FLEET}/{topic}", payload)
    assert isinstance(read(packet), Heard | Unreadable)
    loop.inbox.put(Arrived(1, (packet,)))
    loop.turn(1.0)
    loop.inbox.put(Arrived(1, (hello("pi-1"),)))
    loop.turn(2.0)
    assert "pi-1" in loop.fleet.nodes


def test_it_sleeps_until_something_is_due(tmp_path: Path) -> None:
    """At most so long that the watchdog hears of it, and not at all while something waits."""
    loop, wire = room(tmp_path)
    assert loop.wait_s(5.0) == SAFETY_S
    loop.inbox.put(Arrived(1, (hello("pi-1"), manifest(web()))))
    assert loop.wait_s(5.0) == 0.0
    wire.room = 0
    loop.turn(5.0)
    assert loop.wait_s(5.0) == pytest.approx(0.02)


def test_settings_come_from_a_file_under_the_environment(tmp_path: Path) -> None:
    """The environment has the last word; a key that nobody knows is refused by name."""
    path = tmp_path / "controller.toml"
    path.write_text('fleet = "porch"\nbroker_port = 1884\n[terms]\nlease_s = 30\n')
    settings = read_settings(path, {"BRAMBLE_BROKER_PORT": "1885"})
    assert isinstance(settings, Settings)
    assert (settings.fleet, settings.broker_port, settings.terms.lease_s) == ("porch", 1885, 30.0)
    path.write_text("flet = 1\n")
    assert "flet" in str(read_settings(path, {}))
    assert "no number" in str(read_settings(None, {"BRAMBLE_METRICS_PORT": "many"}))
    assert isinstance(read_settings(tmp_path / "none.toml", {}), Refusal)


@pytest.mark.parametrize(
    ("response_topic", "is_answered"),
    [
        ("my/desk", True),
        ("bramble/v1/default/answer/o1", True),
        ("bramble/v1/default/manifest/shop", False),
        ("bramble/v1/default/node/pi-1/down/command/c1", False),
        ("bramble/v1/other/answer/o1", False),
        ("bramble/v1/default/nonsense", False),
        ("$SYS/broker", False),
        ("a/#", False),
    ],
)
def test_an_answer_goes_nowhere_where_only_others_may_speak(
    tmp_path: Path, response_topic: str, *, is_answered: bool
) -> None:
    """Whoever may ask chooses where the answer goes, and must not borrow the controller's rights for that."""
    loop, wire = room(tmp_path)
    order = pack(OrderTopic(FLEET, "o1"), OperatorOrder(OrderVerb.NODES))
    assert isinstance(order, Packet)
    loop.inbox.put(Arrived(1, (replace(order, response_topic=response_topic),)))
    loop.turn(1.0)
    assert [packet.topic for packet in wire.packets] == ([response_topic] if is_answered else [])
    assert loop.fleet.counts.get(("refusals", "own_message"), 0) == (not is_answered)


def test_an_answer_that_is_too_large_is_answered_by_saying_so() -> None:
    """A function may print more than a packet holds beside what an answer adds; its caller is not left to wait."""
    packet = answer(Reply("my/desk", b"7", Answer("o1", ok=True, result="x" * 10_000_000)), FLEET)
    assert isinstance(packet, Packet)
    assert (packet.topic, packet.correlation) == ("my/desk", b"7")
    assert b"10000" in packet.payload
    assert b'"ok":false' in packet.payload
