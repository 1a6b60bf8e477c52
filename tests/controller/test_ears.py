"""A controller hears who is in charge before it speaks, and says so again when somebody else says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from controller.__main__ import NOT_IN_CHARGE
from controller.decide.charge import ABSENCE_S, LISTEN_S
from controller.decide.fleet import Fleet
from controller.decide.terms import Terms
from controller.ears import Ears, Overheard
from controller.loop import Loop
from controller.store import Store
from link.broker import Subscriptions
from link.inputs import Arrived, Busy, LinkDown, LinkInput, LinkUp, Published
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import Answer, Link
from protocol.operator import ControllerPresence, OperatorOrder
from protocol.topics import AnswerTopic, ControllerPresenceTopic
from tests.controller.desk import FLEET

TOPIC = ControllerPresenceTopic(FLEET)


class Line:
    """A link that writes down what is done with it."""

    def __init__(self) -> None:
        self.dials: list[tuple[Packet | None, Subscriptions]] = []
        self.packets: list[Packet] = []
        self.is_up = self.is_closed = False

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Write down the call."""
        assert (will is None) is (birth is None)
        assert epoch == len(self.dials) + 1
        self.dials.append((birth, subscriptions))

    def publish(self, packet: Packet) -> Published | Busy:
        """Take a packet while the link is up."""
        if not self.is_up:
            return Busy("down")
        self.packets.append(packet)
        return Published(len(self.packets))

    def close(self) -> None:
        """Hang up."""
        self.is_closed = True


class Office:
    """One controller with ears, and what its two links do."""

    def __init__(self, path: Path, lot: int = 7, *, takes_over: bool = False) -> None:
        self.main, self.low = Line(), Line()
        self.main.is_up = True
        store = Store(path)
        self.loop = Loop(Fleet(FLEET, Terms()), store, self.main, SimpleQueue())
        self.loop.ears, self.loop.takes_over = Ears(self.low, FLEET, "listener"), takes_over
        self.loop.lot = lambda _: lot
        self.loop.host, self.loop.wall = "desk", lambda: "2026-11-21T10:00:00+00:00"
        self.now = 0.0
        self.loop.turn(0.0)

    def hear(self, *told: LinkInput, after_s: float = 0.0) -> None:
        """The listening link tells something."""
        self.now += after_s
        for one in told:
            self.loop.inbox.put(Overheard(one))
        self.loop.turn(self.now)

    def up(self) -> None:
        """The listening link is there."""
        self.low.is_up = True
        self.hear(LinkUp(len(self.low.dials)))

    @property
    def birth(self) -> ControllerPresence | None:
        """What it said of itself when it dialled as the controller."""
        return said(self.main.dials[-1][0]) if self.main.dials else None


def said(packet: Packet | None) -> Any:
    """The message of a packet."""
    received = unpack(packet) if packet is not None else None
    assert isinstance(received, Received)
    return received.message


def retained(presence: ControllerPresence) -> Arrived:
    """What stands on the topic."""
    packet = pack(TOPIC, presence)
    assert isinstance(packet, Packet)
    return Arrived(1, (packet,))


THEM = ControllerPresence(Link.ONLINE, 3, "1", "abc", 1, "def", "attic", "2026-11-01T00:00:00+00:00")


def test_it_dials_as_the_controller_only_when_nobody_else_is_one(tmp_path: Path) -> None:
    """Its birth says who it is: store, process, host and since when."""
    office = Office(tmp_path / "c.db")
    assert [topics for _, topics in office.low.dials] == [
        (("bramble/v1/default/controller/presence", 1), ("bramble/v1/default/answer/listener", 1))
    ]
    office.up()
    assert office.main.dials == []
    office.hear(after_s=LISTEN_S)
    assert office.low.is_closed
    assert office.birth == ControllerPresence(Link.ONLINE, 1, "", "7", 1, "7", "desk", "2026-11-21T10:00:00+00:00")


def test_it_ends_without_a_word_where_another_answers(tmp_path: Path) -> None:
    """The question goes out as soon as the link is up, also where the topic was heard before that."""
    office = Office(tmp_path / "c.db")
    office.hear(retained(THEM))
    assert office.low.packets == []
    office.up()
    (question,) = office.low.packets
    assert isinstance(said(question), OperatorOrder)
    answer = pack(AnswerTopic(FLEET, "listener"), Answer("listener", ok=False, message="name a node"))
    assert isinstance(answer, Packet)
    office.hear(Arrived(1, (answer,)), after_s=0.1)
    assert "host attic, epoch 3, since 2026-11-01T00:00:00+00:00" in office.loop.dismissed
    assert office.main.dials == []
    assert office.loop.turn(100.0) == ()


def test_it_waits_for_one_that_is_gone_and_then_claims_a_higher_epoch(tmp_path: Path) -> None:
    """Meanwhile it says why it does not speak, and is woken in time."""
    office = Office(tmp_path / "c.db")
    office.up()
    office.hear(retained(replace(THEM, state=Link.OFFLINE)))
    assert "replaced after 300 s" in office.loop.standing
    assert office.loop.wait_s(ABSENCE_S - 0.5) <= 0.5
    office.hear(after_s=ABSENCE_S)
    assert office.birth is not None
    assert (office.birth.epoch, office.loop.standing) == (4, "")


def test_told_to_take_over_it_does_so_at_once(tmp_path: Path) -> None:
    """What is durable before it is said: the next start goes on under the same epoch."""
    office = Office(tmp_path / "c.db", takes_over=True)
    office.up()
    office.hear(retained(THEM))
    assert office.birth is not None
    office.loop.store.close()
    again = Office(tmp_path / "c.db", lot=8)
    again.up()
    again.hear(retained(replace(office.birth, state=Link.OFFLINE)))
    assert again.birth is not None
    assert (again.birth.epoch, again.birth.store, again.birth.starts, again.birth.instance) == (4, "7", 2, "8")


def test_it_listens_again_when_the_broker_falls(tmp_path: Path) -> None:
    """Nothing that a fallen link told counts, and time without one does not either."""
    office = Office(tmp_path / "c.db")
    office.up()
    office.hear(LinkDown(1, "gone"))
    assert len(office.low.dials) == 2
    office.hear(after_s=1000.0)
    assert office.main.dials == []


def in_charge(path: Path) -> Office:
    """A controller that speaks."""
    office = Office(path)
    office.up()
    office.hear(after_s=LISTEN_S)
    office.loop.inbox.put(LinkUp(1))
    office.loop.turn(office.now)
    return office


def test_it_gives_its_link_up_and_asks_when_another_claims_a_higher_epoch(tmp_path: Path) -> None:
    """It ends only where that one answers; nothing of what it decided meanwhile is said."""
    office = in_charge(tmp_path / "c.db")
    before = len(office.main.packets)
    office.main.is_up = office.low.is_closed = False
    office.loop.inbox.put(retained(THEM))
    office.loop.turn(office.now)
    assert office.main.is_closed
    office.loop.turn(office.now)
    assert (office.loop.fleet.is_up, len(office.low.dials)) == (False, 2)
    office.up()
    office.hear(replace(retained(THEM), epoch=2))
    answer = pack(AnswerTopic(FLEET, "listener"), Answer("listener", ok=False))
    assert isinstance(answer, Packet)
    office.hear(Arrived(2, (answer,)))
    assert "another controller is in charge" in office.loop.dismissed
    assert len(office.main.packets) == before


def test_a_lie_on_the_topic_drives_it_off_for_a_second(tmp_path: Path) -> None:
    """Whoever may write there by mistake ends no controller: it comes back under the epoch that it had."""
    office = in_charge(tmp_path / "c.db")
    office.loop.inbox.put(retained(THEM))
    office.loop.turn(office.now)
    office.loop.turn(office.now)
    office.up()
    assert office.birth is not None
    office.hear(replace(retained(replace(office.birth, state=Link.OFFLINE)), epoch=2))
    assert len(office.main.dials) == 1
    office.hear(after_s=LISTEN_S)
    assert len(office.main.dials) == 2
    assert office.birth.epoch == 1
    assert office.loop.dismissed == ""


def test_a_late_will_on_its_topic_is_put_right(tmp_path: Path) -> None:
    """Whoever reads the topic must not find a controller that is gone, or one that has nothing to say."""
    office = in_charge(tmp_path / "c.db")
    packet = retained(replace(THEM, state=Link.OFFLINE)).packets[0]
    office.loop.inbox.put(Arrived(1, (replace(packet, retain=False),)))
    office.loop.turn(office.now)
    assert said(office.main.packets[-1]) == office.birth
    assert office.loop.dismissed == ""


def test_it_listens_again_before_it_calls_again(tmp_path: Path) -> None:
    """Another may have taken its place while it was cut off; only where none has is it the controller again."""
    office = in_charge(tmp_path / "c.db")
    office.low.is_closed = False
    office.loop.inbox.put(LinkDown(1, "cut"))
    office.loop.turn(office.now)
    assert (len(office.low.dials), len(office.main.dials)) == (2, 1)
    assert not office.loop.fleet.is_up
    office.up()
    office.hear(replace(retained(THEM), epoch=2))
    assert office.low.packets
    answer = pack(AnswerTopic(FLEET, "listener"), Answer("listener", ok=False))
    assert isinstance(answer, Packet)
    office.hear(Arrived(2, (answer,)))
    assert office.loop.dismissed
    assert len(office.main.dials) == 1


def test_systemd_leaves_one_alone_that_is_not_in_charge() -> None:
    """It would else start it again every five seconds."""
    unit = Path("systemd/bramble-controller.service").read_text()
    assert f"RestartPreventExitStatus={NOT_IN_CHARGE}\n" in unit
