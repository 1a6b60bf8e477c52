"""What a node says of itself, and what it takes from others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.decide.node import LOOK_EVERY_S
from agent.decide.report import AGAIN_S
from link.inputs import Arrived, Busy, LinkDown, LinkUp, Published
from protocol.desired import Ack, Assignment, Offers
from protocol.envelope import Packet
from protocol.observed import Health, Hello, NodeStatus, SensorEvent
from protocol.refusal import Refusal
from protocol.topics import AckTopic, AssignmentTopic, OfferTopic
from sim.engine import VERSION
from sim.pace import HEALTH_S
from tests.fakes.agent import DOORBELL, FLEET, NAME, Rig, offer, task


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("web:a")
    rig.run(2)
    return rig


def test_each_connect_says_hello_and_the_whole_status(rig: Rig) -> None:
    """Hello carries the connection's epoch and the engine; the status follows although nothing changed."""
    assert [hello.epoch for hello in rig.messages(Hello)] == [1]
    assert rig.messages(Hello)[0].inventory.engine == VERSION
    statuses = len(rig.messages(NodeStatus))
    rig.loop.inbox.put(LinkDown(1, "the broker is gone"))
    rig.run(2)
    assert [hello.epoch for hello in rig.messages(Hello)] == [1, 2]
    assert len(rig.messages(NodeStatus)) == statuses + 1


def test_a_hello_names_what_is_known_under_each_number(rig: Rig) -> None:
    """By the content of assignment and offers, as their sender names it; of offers that never came there is nothing to name."""
    assert rig.messages(Hello)[0].offers_hash == ""
    rig.registry.push("web:b")
    rig.assign(1, task("a"))
    rig.offer(3, offer(task("b")))
    rig.run(2)
    rig.loop.inbox.put(LinkDown(1, "the broker is gone"))
    rig.run(2)
    told = Offers(NAME, 1, 3, (offer(task("b")),))
    hello = rig.messages(Hello)[-1]
    assert (hello.offers_generation, hello.offers_hash) == (3, told.content_hash)
    assert hello.offers_hash != replace(told, offers=()).content_hash


def test_epochs_never_come_again(rig: Rig) -> None:
    """Each dial has a new epoch, over restarts and power cuts too, and it is on the disk before it is dialled."""
    rig.crash()
    rig.run(1)
    rig.cut_power()
    rig.run(1)
    assert rig.epochs == [1, 2, 3]


def test_the_end_of_an_older_connection_means_nothing(rig: Rig) -> None:
    """A late LinkDown or LinkUp of an earlier epoch changes nothing, and so does an old packet."""
    rig.loop.inbox.put(LinkDown(1, "gone"))
    rig.run(1)
    rig.loop.inbox.put(LinkDown(1, "gone"))
    rig.loop.inbox.put(LinkUp(1))
    rig.loop.inbox.put(Arrived(1, (Packet("nonsense", b""),)))
    rig.run(1)
    assert rig.node.is_up
    assert rig.epochs == [1, 2]
    assert rig.status().reasons == ()


def test_an_assignment_for_another_node_is_refused_and_told(rig: Rig) -> None:
    """It is not applied, it is counted, and the status says so until a right one comes."""
    rig.send(AssignmentTopic(FLEET, NAME), Assignment("pi-9", 1, 9, (task("a"),)))
    rig.send(OfferTopic(FLEET, NAME), Offers("pi-9", 1, 9))
    rig.run(3)
    assert "pi-9" in rig.status().reasons[0]
    assert rig.node.counts[("refusals",)] == 2
    assert rig.boxes() == {}
    rig.assign(1, task("a"))
    rig.run(5)
    assert rig.status().reasons == ()


def test_bytes_that_are_no_message_are_refused(rig: Rig) -> None:
    """Whatever arrives on a topic of ours gives a reason and disturbs nothing."""
    rig.loop.inbox.put(Arrived(1, (Packet(str(AssignmentTopic(FLEET, NAME)), b'{"node": NaN}'),)))
    rig.run(1)
    assert "refused:" in rig.status().reasons[0]


def test_a_newer_store_of_the_controller_goes_before_a_higher_generation(rig: Rig) -> None:
    """Order is (epoch, generation): a controller that lost its store counts anew and is followed."""
    rig.assign(50, task("a"))
    rig.run(3)
    rig.send(AssignmentTopic(FLEET, NAME), Assignment(NAME, 2, 1))
    rig.run(3)
    assert rig.boxes() == {}
    assert (rig.status().observed_epoch, rig.status().observed_generation) == (2, 1)


def test_an_unknown_kind_of_sensor_ends_nothing(rig: Rig) -> None:
    """An assignment of a newer controller with a kind that this agent lacks: the rest goes on, also after a restart."""
    strange = type(DOORBELL)("radar", "porch", "radar", {"pin": 22})
    rig.assign(1, task("a"), sensors=(strange, DOORBELL))
    rig.run(5)
    rig.crash()
    rig.run(2)
    rig.read("doorbell", on=True)
    rig.run(1)
    assert [event.type for event in rig.messages(SensorEvent)] == ["pressed"]


def test_health_is_a_sample_every_half_minute(rig: Rig) -> None:
    """Two minutes bring four."""
    before = len(rig.messages(Health))
    rig.run(120)
    assert len(rig.messages(Health)) - before == 4


def test_a_status_that_found_no_room_is_said_when_there_is(rig: Rig) -> None:
    """The newest status is kept while the window is full, and nothing of it is lost."""
    publish, room = rig.publish, [False]

    def narrow(packet: Packet) -> Published | Busy:
        return publish(packet) if room[0] else Busy("full")

    rig.loop.mail._broker = type("Narrow", (), {"publish": staticmethod(narrow), "free": 0})()
    rig.assign(1, task("a"))
    rig.run(5)
    assert rig.status().observed_generation == 0
    room[0] = True
    rig.run(2)
    assert rig.status().observed_generation == 1
    assert rig.status().tasks[0].state == "running"


def test_the_loop_sleeps_until_the_next_moment_and_no_longer_than_a_debounce(rig: Rig) -> None:
    """An idle node turns for its looks at the engine alone; a pending edge shortens the sleep."""
    rig.assign(1, sensors=(DOORBELL,))
    rig.run(3)
    rig.turn()
    assert 5.0 < rig.loop.wait_s(rig.now) <= LOOK_EVERY_S
    rig.read("doorbell", on=True)
    rig.turn()
    rig.read("doorbell", on=False)
    rig.turn()
    assert rig.loop.wait_s(rig.now) == pytest.approx(0.03)


def test_a_fact_that_the_broker_would_not_take_holds_up_no_other(rig: Rig) -> None:
    """A broker may allow less than we do: what is too large for it is set aside and counted, and the rest goes out."""
    rig.assign(1, sensors=(DOORBELL,))
    rig.run(2)

    def narrow(packet: Packet) -> Published | Refusal:
        return Refusal("too large for it") if b"pressed" in packet.payload else rig.publish(packet)

    rig.loop.mail._broker = type("Narrow", (), {"publish": staticmethod(narrow), "free": 20})()
    rig.read("doorbell", on=True)
    rig.read("doorbell", on=False)
    rig.run(3)
    assert [event.type for event in rig.messages(SensorEvent)] == ["released"]
    assert rig.loop.store.outbox.size == 0
    assert rig.loop.store.outbox.dropped == {"the broker does not take it": 1}


def test_a_status_that_may_have_been_dropped_is_said_again_within_minutes(rig: Rig) -> None:
    """A broker's full queue tells nobody: with a sample of health, the same status comes under a higher number."""
    before = rig.status()
    rig.run(AGAIN_S + HEALTH_S)
    after = rig.status()
    assert after.sequence == before.sequence + 1
    assert replace(after, sequence=before.sequence) == before


def test_a_node_whose_hello_was_heard_and_whose_status_was_not_says_it_again_at_once(rig: Rig) -> None:
    """What a node says before its first hello is of nobody's node; the acknowledgement shows it, and once is enough."""
    rig.acknowledging = False
    rig.loop.inbox.put(LinkDown(1, "the broker is gone"))
    rig.run(2)
    said = len(rig.messages(NodeStatus))
    for known, times in ((0, 1), (0, 1), (rig.node.epoch, 1)):
        rig.send(AckTopic(FLEET, NAME), Ack(rig.node.stream, rig.node.sequence, said_epoch=known))
        rig.run(2)
        assert len(rig.messages(NodeStatus)) - said == times


def test_a_status_that_is_known_is_not_asked_for(rig: Rig) -> None:
    """The usual case: the status came with its hello."""
    rig.acknowledging = False
    rig.loop.inbox.put(LinkDown(1, "the broker is gone"))
    rig.run(2)
    said = len(rig.messages(NodeStatus))
    rig.send(AckTopic(FLEET, NAME), Ack(rig.node.stream, rig.node.sequence, said_epoch=rig.node.epoch))
    rig.run(2)
    assert len(rig.messages(NodeStatus)) == said


def test_a_store_that_is_asked_says_hello_once_more(rig: Rig) -> None:
    """The controller heard another card speak under this name. One hello on its way is enough."""
    assert rig.messages(NodeStatus)[-1].stream == rig.node.stream
    rig.acknowledging = False
    hellos = [rig.node.hello]
    for ack in (Ack("another", 0, asks=True), Ack(rig.node.stream, 0), *[Ack(rig.node.stream, 0, asks=True)] * 2):
        rig.send(AckTopic(FLEET, NAME), ack)
        rig.run(2)
        hellos.append(rig.node.hello)
    asked = hellos[-1]
    assert hellos == [0, 0, 0, asked, asked]
    rig.send(AckTopic(FLEET, NAME), Ack(rig.node.stream, asked, asks=True))
    rig.run(2)
    assert rig.node.hello > asked > 0


def test_a_node_that_has_never_seen_its_engine_says_that_it_is_blind(rig: Rig) -> None:
    """With a lost card it knows of no task that runs: what it does not list would be taken for stopped, and begun elsewhere."""
    rig.engine.daemon_stops()
    rig.store.close()
    for file in rig.folder.iterdir():
        file.unlink()
    rig.start()
    rig.run(2)
    rig.assign(1)
    rig.run(5)
    assert (rig.status().observed_generation, rig.status().is_blind) == (1, True)
    assert rig.status().reasons[0].startswith("no container engine: ")
    rig.engine.daemon_starts()
    rig.run(20)
    assert (rig.status().observed_generation, rig.status().is_blind) == (1, False)
