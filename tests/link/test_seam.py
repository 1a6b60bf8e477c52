"""The same stories on a real Mosquitto and on the simulated broker: what the fake promises, the real thing keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from link.inputs import Busy, Published
from protocol.envelope import Packet
from protocol.refusal import Refusal
from tests.link.ends import End, FakeWorld, RealWorld, World

ON = Packet("node/a", b"on", qos=1, retain=True)
OFF = replace(ON, payload=b"off")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.broker)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made: World = FakeWorld() if request.param == "fake" else RealWorld(tmp_path)
    yield made
    made.close()


def up(world: World, name: str, *filters: str, **named: Packet | None) -> End:
    end = world.end(name)
    end.dial(*filters, **named)
    world.until(lambda: end.is_up, f"{name} up")
    return end


def test_a_packet_arrives_with_all_its_properties(world: World) -> None:
    """Topic, payload, user properties, content type, response topic and correlation survive the way."""
    reader, writer = up(world, "reader", "x/#"), up(world, "writer")
    sent = Packet(
        "x/1", b"\x00hello", (("a", "1"), ("a", "ü"), ("", "")), 1, False, "text/plain", "x/answer", b"\x00\x01"
    )
    assert isinstance(writer.link.publish(sent), Published)
    world.until(lambda: reader.packets == [sent], "the packet")


def test_the_broker_confirms_a_packet_of_quality_one(world: World) -> None:
    """A `Sent` with the token follows, and frees the place in the window."""
    end = up(world, "a")
    handed = end.link.publish(Packet("x/1", b"1", qos=1))
    assert end.link.free == 19
    world.until(lambda: end.tokens == [handed.token], "the PUBACK")
    assert end.link.free == 20


def test_beyond_the_window_the_owner_must_wait(world: World) -> None:
    """The 21st unconfirmed packet is not taken."""
    end = up(world, "a")
    outcomes = [end.link.publish(Packet("x/1", b"%d" % i, qos=1)) for i in range(200)]
    busy = [outcome for outcome in outcomes if isinstance(outcome, Busy)]
    assert all(isinstance(outcome, Published) for outcome in outcomes[:20])
    assert busy
    assert "20 packets are on their way" in busy[0].reason


def test_a_packet_that_is_too_large_is_refused_in_words(world: World) -> None:
    """The link refuses it by its size, and stays up for the next."""
    reader, writer = up(world, "reader", "x/#"), up(world, "writer")
    refused = writer.link.publish(Packet("x/1", b"x" * 700_000, qos=1))
    assert isinstance(refused, Refusal)
    assert "bytes are more than the" in refused.reason
    writer.link.publish(Packet("x/1", b"small", qos=1))
    world.until(lambda: reader.payloads == [b"small"])


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b", "a/\ud800"])
def test_a_topic_that_nobody_may_publish_on_is_refused(world: World, topic: str) -> None:
    """Wildcards, NUL, half characters and nothing at all never reach the wire."""
    end = up(world, "a")
    assert isinstance(end.link.publish(Packet(topic, b"", qos=1)), Refusal)


def test_a_birth_is_seen_and_a_goodbye_publishes_the_will(world: World) -> None:
    """Who hangs up leaves the will at once, and hears nothing more."""
    reader = up(world, "reader", "node/#")
    end = up(world, "a", will=OFF, birth=ON)
    world.until(lambda: reader.payloads == [b"on"])
    end.link.close()
    world.until(lambda: reader.payloads == [b"on", b"off"])
    assert end.downs == []


def test_who_subscribes_later_reads_what_is_retained(world: World) -> None:
    """A mailbox with one slot: the latest, marked as retained."""
    writer = up(world, "writer")
    for payload in (b"1", b"2"):
        writer.link.publish(replace(ON, payload=payload))
    world.until(lambda: len(writer.tokens) == 2)
    reader = up(world, "reader", "node/#")
    world.until(lambda: [(p.payload, p.retain) for p in reader.packets] == [(b"2", True)])


def test_a_newer_session_of_the_same_name_ends_the_older_one(world: World) -> None:
    """The older one's will and the newer one's birth both arrive; only their epochs tell which counts."""
    reader = up(world, "reader", "node/#")
    older = up(world, "a", will=replace(OFF, payload=b"off 1"), birth=replace(ON, payload=b"on 1"))
    world.until(lambda: reader.payloads == [b"on 1"])
    newer = up(world, "a", will=replace(OFF, payload=b"off 2"), birth=replace(ON, payload=b"on 2"))
    world.until(lambda: len(reader.payloads) == 3 and bool(older.downs))
    assert set(reader.payloads) == {b"on 1", b"off 1", b"on 2"}
    assert [down.epoch for down in older.downs] == [1]
    assert newer.downs == []


def test_a_killed_broker_is_told_once_and_dialled_again(world: World) -> None:
    """One `LinkDown` per epoch; the next connection subscribes again and says its birth again, for the broker forgot both."""
    reader = up(world, "reader", "node/#")
    end = up(world, "a", "x/#", birth=ON)
    world.until(lambda: reader.payloads == [b"on"])
    world.kill()
    world.until(lambda: len(end.downs) == len(reader.downs) == 1)
    assert isinstance(end.link.publish(Packet("x/1", b"", qos=1)), Busy)
    end.dial("x/#")
    world.until(lambda: len(end.downs) == 2)
    assert "connection refused by 127.0.0.1" in end.downs[1].reason
    world.start()
    for who, filters in ((reader, ("node/#",)), (end, ("x/#",))):
        who.dial(*filters, birth=ON if who is end else None)
        world.until(lambda who=who: who.is_up)
    world.until(lambda: reader.payloads == [b"on", b"on"])
    reader.link.publish(Packet("x/1", b"again", qos=1))
    world.until(lambda: end.payloads == [b"again"])
    assert [down.epoch for down in end.downs] == [1, 2]


def test_a_topic_that_is_asked_for_besides_is_read_until_it_is_not(world: World) -> None:
    """What is retained of it comes at once; the connection stays as it is."""
    writer, reader = up(world, "writer"), up(world, "reader", "x/#")
    writer.link.publish(replace(ON, topic="door"))
    world.until(lambda: len(writer.tokens) == 1)
    reader.link.listen(("door",))
    world.until(lambda: [(p.topic, p.retain) for p in reader.packets] == [("door", True)], "what is retained")
    writer.link.publish(replace(OFF, topic="door"))
    world.until(lambda: reader.payloads == [b"on", b"off"])
    writer.link.publish(Packet("window", b"1", qos=1, retain=True))
    world.until(lambda: len(writer.tokens) == 3)
    reader.link.listen(("window",))
    world.until(lambda: reader.payloads == [b"on", b"off", b"1"])
    writer.link.publish(Packet("door", b"2", qos=1))
    writer.link.publish(Packet("x/1", b"3", qos=1))
    world.until(lambda: reader.payloads == [b"on", b"off", b"1", b"3"])
    assert reader.downs == []
