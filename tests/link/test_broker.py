"""What a real Mosquitto and a real network do to a link, and what the link makes of it."""

from __future__ import annotations

import os
import queue
import resource
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from link.broker import Broker
from link.connection import STUCK_S
from link.courier import WINDOW, Courier
from link.inputs import Busy, LinkDown, LinkUp, Published, PublishRefused, Sent
from link.outbox import Outbox, row_of
from link.settings import LinkSettings
from protocol.envelope import Packet
from protocol.refusal import Refusal
from tests.link.ends import QUICK, End, RealWorld
from tests.link.relay import Relay

pytestmark = pytest.mark.broker


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RealWorld]:
    made = RealWorld(tmp_path)
    yield made
    made.close()


def up(world: RealWorld, name: str, *filters: str, **changed: Any) -> End:
    end = world.end(name, **changed)
    end.dial(*filters)
    world.until(lambda: end.is_up, f"{name} up")
    return end


def publish_all(world: RealWorld, end: End, packets: list[Packet]) -> None:
    """Publish within the window, and wait until the broker has them all."""
    before = len(end.tokens)
    for packet in packets:
        while isinstance(end.link.publish(packet), Busy):
            world.take()
            time.sleep(0.0005)
    world.until(lambda: len(end.tokens) == before + len(packets), "all confirmed")


def test_retained_state_that_a_killed_broker_lost_is_nothing_we_depend_on(world: RealWorld) -> None:
    """A fact on its way survives SIGKILL in the outbox; the retained status is gone from the broker and said again."""
    store = sqlite3.connect(":memory:")
    outbox, courier = Outbox(store), Courier()
    reader, sender = up(world, "reader", "x/#"), up(world, "sender")
    status = Packet("x/status", b"running", qos=1, retain=True)
    publish_all(world, sender, [status])
    world.until(lambda: reader.payloads == [b"running"])
    world.kill()
    outbox.add([row_of(1, Packet("x/fact", b"pressed", qos=1))])
    world.until(lambda: bool(sender.downs and reader.downs))
    courier.link_down(time.monotonic())
    world.mosquitto.restart(lose_retained=True)
    for end, filters in ((reader, ("x/#",)), (sender, ())):
        end.dial(*filters)
        world.until(lambda end=end: end.is_up)
    courier.link_up()
    (row,) = courier.due(outbox.outstanding(WINDOW), sender.link.free, time.monotonic())
    publish_all(world, sender, [outbox.packet(row), status])
    world.until(lambda: reader.payloads == [b"running", b"pressed", b"running"])


def test_the_broker_s_own_limit_is_respected(tmp_path: Path) -> None:
    """A packet beyond the broker's Maximum Packet Size is refused before it is sent, and the link stays up."""
    world = RealWorld(tmp_path, {"max_packet_size": "2000"})
    end = up(world, "a", "x/#")
    refused = end.link.publish(Packet("x/1", b"x" * 2500, qos=1))
    assert isinstance(refused, Refusal)
    assert "more than the 2000" in refused.reason
    publish_all(world, end, [Packet("x/1", b"x" * 1500, qos=1)])
    world.until(lambda: len(end.packets) == 1)
    assert end.downs == []
    world.close()


def test_a_large_packet_that_comes_in_many_pieces_is_whole(world: RealWorld) -> None:
    """A packet larger than one read arrives as one, between its neighbours."""
    end = up(world, "a", "x/#")
    bodies = [b"1", os.urandom(250_000), b"3"]
    publish_all(world, end, [Packet("x/1", body, qos=1) for body in bodies])
    world.until(lambda: len(end.packets) == 3)
    assert end.payloads == bodies


def test_a_callback_that_raises_ends_the_connection_and_says_so(world: RealWorld) -> None:
    """No thread dies in silence: the fault comes as `LinkDown`, and the next connection works."""
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def deliver(item: Any) -> None:
        if isinstance(item, Sent):
            raise OSError("planted")
        told.put(item)

    link = Broker(LinkSettings("127.0.0.1", world.mosquitto.port, "a", pace=QUICK), deliver, told.qsize)
    link.dial(1, None, None, ())
    assert told.get(timeout=5) == LinkUp(1)
    link.publish(Packet("x/1", b"", qos=1))
    down = told.get(timeout=5)
    assert isinstance(down, LinkDown)
    assert "a fault of ours" in down.reason
    assert "planted" in down.reason
    link.dial(2, None, None, ())
    assert told.get(timeout=5) == LinkUp(2)
    link.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_cannot_even_say_that_it_died_is_seen_by_the_watchdog(world: RealWorld) -> None:
    """With an inbox that takes nothing, `is_alive` turns false."""

    def deliver(_: Any) -> None:
        raise OSError("planted")

    link = Broker(LinkSettings("127.0.0.1", world.mosquitto.port, "a", pace=QUICK), deliver, lambda: 0)
    assert link.is_alive(time.monotonic())
    link.dial(1, None, None, ())
    world.until(lambda: not link.is_alive(time.monotonic()), "death noticed")
    link.close()
    assert link.is_alive(time.monotonic())


def test_a_thread_that_hangs_is_seen_by_the_watchdog(world: RealWorld) -> None:
    """A turn that does not end in `STUCK_S` is no life."""
    end = up(world, "a")
    assert end.link.is_alive(time.monotonic())
    assert not end.link.is_alive(time.monotonic() + STUCK_S + 1)


def test_a_slow_consumer_holds_a_bounded_number_of_inputs(world: RealWorld) -> None:
    """While the owner does not drain his inbox the socket is not read; once he does, the link goes on."""
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    slow = Broker(LinkSettings("127.0.0.1", world.mosquitto.port, "slow", backlog=5), inbox.put, inbox.qsize)
    slow.dial(1, None, None, (("x/#", 1),))
    assert inbox.get(timeout=5) == LinkUp(1)
    writer = up(world, "writer")
    publish_all(world, writer, [Packet("x/1", b"%04d" % i + b"x" * 1000, qos=1) for i in range(1500)])
    assert 5 <= inbox.qsize() <= 6
    last = Packet("x/last", b"last", qos=1)
    writer.link.publish(last)
    seen: list[Packet] = []
    deadline_mono_s = time.monotonic() + 5
    while time.monotonic() < deadline_mono_s and last not in seen:
        seen += getattr(inbox.get(timeout=5), "packets", ())
        if inbox.empty() and last not in seen:
            writer.link.publish(last)  # the broker's queue of 1,000 dropped the newest: why facts have an outbox
    assert last in seen
    slow.close()


def test_ten_thousand_retained_topics_do_not_stop_the_link(world: RealWorld) -> None:
    """A stock broker does not deliver them all to a wildcard; the link works on, and a topic asked for by name is delivered."""
    writer = up(world, "writer")
    publish_all(world, writer, [Packet(f"x/{i}", b"1", qos=1, retain=True) for i in range(10_000)])
    reader = up(world, "reader", "x/#", "y/#")
    world.until(lambda: len(reader.packets) >= 1000, "the first thousand")
    while b"live" not in reader.payloads:
        publish_all(world, writer, [Packet("y/live", b"live", qos=1)])
        world.take()
    retained = [packet for packet in reader.packets if packet.retain]
    assert len(retained) < 10_000
    by_name = up(world, "by-name", "x/9999")
    world.until(lambda: by_name.payloads == [b"1"])
    assert reader.downs == []


def test_a_late_will_names_an_older_epoch(world: RealWorld) -> None:
    """The will of a connection that hung comes after the birth of its successor; the epochs in them tell who lives."""
    reader = up(world, "reader", "node/#")
    with Relay(world.mosquitto.port) as relay:
        hung = world.end("a-by-relay", port=relay.port, keepalive_s=1)
        hung.link.dial(
            1, Packet("node/a", b"offline 1", qos=1, retain=True), Packet("node/a", b"online 1", qos=1, retain=True), ()
        )
        world.until(lambda: reader.payloads == [b"online 1"])
        newer = world.end("a")
        newer.link.dial(
            2, Packet("node/a", b"offline 2", qos=1, retain=True), Packet("node/a", b"online 2", qos=1, retain=True), ()
        )
        world.until(lambda: reader.payloads == [b"online 1", b"online 2"])
    world.until(lambda: len(reader.payloads) == 3)
    assert reader.payloads[-1] == b"offline 1"
    newest = max(reader.payloads, key=lambda said: int(said.split()[1]))
    assert newest == b"online 2"


def test_a_file_number_beyond_1024_connects(world: RealWorld) -> None:
    """select() would fail here without a word; epoll does not care."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        end = up(world, "a", "x/#")
        assert max(int(name.name) for name in Path("/proc/self/fd").iterdir()) > 1100
        publish_all(world, end, [Packet("x/1", b"1", qos=1)])
        world.until(lambda: end.payloads == [b"1"])
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_broker_that_falls_silent_is_given_up(world: RealWorld) -> None:
    """A stopped broker answers no ping: after two keepalives the link is down, in words."""
    end = up(world, "a", keepalive_s=1)
    os.kill(world.mosquitto.pid, signal.SIGSTOP)
    try:
        world.until(lambda: bool(end.downs))
        assert "no answer from 127.0.0.1" in end.downs[0].reason
        end.link.close()
        silent = world.end("b", connect_timeout_s=0.2)
        silent.dial()
        world.until(lambda: bool(silent.downs))
        assert "did not answer within 0.2 s" in silent.downs[0].reason
    finally:
        os.kill(world.mosquitto.pid, signal.SIGCONT)


def test_what_the_broker_forbids_is_told(tmp_path: Path) -> None:
    """A publish against the access rules comes back as `PublishRefused`, and its place in the window is free again."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite mine/#\n")
    world = RealWorld(tmp_path, {"acl_file": str(rules)})
    end = up(world, "a")
    handed = end.link.publish(Packet("theirs/1", b"", qos=1))
    assert isinstance(handed, Published)
    world.until(lambda: bool(end.refusals))
    assert end.refusals == [PublishRefused(1, handed.token, "theirs/1", "not authorised")]
    assert end.link.free == 20
    world.close()


def test_a_birth_that_the_broker_forbids_is_told(tmp_path: Path) -> None:
    """A controller or an agent without rights would else be there for nobody, and nobody would know why."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite mine/#\n")
    world = RealWorld(tmp_path, {"acl_file": str(rules)})
    end = world.end("a")
    end.dial(birth=Packet("theirs/presence", b"", qos=1))
    world.until(lambda: bool(end.refusals))
    assert end.refusals == [PublishRefused(1, 0, "theirs/presence", "not authorised")]
    world.close()


def test_a_stranger_is_not_let_in(tmp_path: Path) -> None:
    """A refused greeting is one `LinkDown` that says why."""
    world = RealWorld(tmp_path, {"allow_anonymous": "false"})
    end = world.end("a")
    end.dial()
    world.until(lambda: bool(end.downs))
    assert "not authorised" in end.downs[0].reason
    world.close()


def test_nobody_there_is_said_in_words(world: RealWorld) -> None:
    """A host without a name, and a port without a broker."""
    nowhere = world.end("a", host="no-such-host.invalid")
    nowhere.dial()
    world.until(lambda: bool(nowhere.downs))
    assert "nobody knows the address" in nowhere.downs[0].reason
    closed = world.end("b", port=9)
    closed.dial()
    world.until(lambda: bool(closed.downs))
    assert closed.downs[0].reason == "connection refused by 127.0.0.1:9"


def test_a_poison_row_is_set_aside_and_all_others_arrive(world: RealWorld) -> None:
    """A row that brings the connection down three times alone is refused and counted; its neighbours get through."""
    reader = up(world, "reader", "x/#")
    store = sqlite3.connect(":memory:")
    outbox, courier = Outbox(store), Courier()
    bodies = [b"1", b"2", b"POISON", b"4", b"5"]
    outbox.add(row_of(n, Packet("x/1", body, qos=1)) for n, body in enumerate(bodies, 1))
    with Relay(world.mosquitto.port, deadly=b"POISON") as relay:
        sender = world.end("sender", port=relay.port)
        told = 0
        sender.dial()
        deadline_mono_s = time.monotonic() + 20
        while set(reader.payloads) < {b"1", b"2", b"4", b"5"} or outbox.size > 4:
            assert time.monotonic() < deadline_mono_s, (reader.payloads, outbox.dropped)
            world.take()
            while told < len(sender.told):
                told += 1
                turn(sender.told[told - 1], sender, courier, outbox)
            time.sleep(0.001)
        sender.link.close()
    assert outbox.dropped == {"brought the link down 3 times": 1}
    assert relay.cuts >= 3
    assert b"POISON" not in reader.payloads


def turn(item: Any, sender: End, courier: Courier, outbox: Outbox) -> None:
    """What a loop does with one input of its link."""
    now_mono_s = time.monotonic()
    match item:
        case LinkUp():
            courier.link_up()
        case Sent(_, tokens):
            courier.sent(tokens)
        case LinkDown():
            for sequence in courier.link_down(now_mono_s):
                outbox.refuse(sequence, "brought the link down 3 times")
            sender.dial()
    for row in courier.due(outbox.outstanding(WINDOW), sender.link.free, now_mono_s):
        handed = sender.link.publish(outbox.packet(row))
        if isinstance(handed, Published):
            courier.handed(row.sequence, handed.token, now_mono_s)
