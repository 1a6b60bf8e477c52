"""What finds no room on the link waits for it: each sample by itself, and of a retained topic the newest alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.decide.effects import Say
from agent.mail import Mail
from link.inputs import Busy, Published, Sent
from link.outgoing import SAMPLES_MOST
from protocol.envelope import Packet, Received, unpack
from protocol.observed import NodeStatus, Request
from protocol.topics import RequestTopic, StatusTopic
from tests.fakes.agent import FLEET, NAME, Rig

ROOM = 20


@dataclass(slots=True)
class Window:
    """A link that has room for so many packets."""

    free: int = ROOM
    taken: list[Packet] = field(default_factory=list)

    def publish(self, packet: Packet) -> Published | Busy:
        if not self.free:
            return Busy("full")
        self.free -= 1
        self.taken.append(packet)
        return Published(len(self.taken))

    def said(self) -> list[object]:
        return [received.message for received in map(unpack, self.taken) if isinstance(received, Received)]


def _asks(mail: Mail, rig: Rig, number: int) -> list[Request]:
    requests = [Request("r-1", f"porch.web.{one}", "a", f"{one:016}") for one in range(number)]
    for request in requests:
        mail.act(Say(RequestTopic(FLEET, NAME), request), rig.loop.node)
    return requests


def test_every_request_that_found_no_room_is_said_when_there_is(tmp_path: Path) -> None:
    """Fifty tasks that are staged at once ask at once, through a window of twenty."""
    rig, window = Rig(tmp_path), Window()
    mail = Mail(window, rig.loop.store.outbox)  # type: ignore[arg-type] # what is said is all that matters here
    requests = _asks(mail, rig, 50)
    while mail.next_mono_s(0.0) == 0.0:
        window.free = ROOM
        mail.send(rig.now)
    assert window.said() == requests


def test_an_older_word_of_a_retained_topic_never_follows_a_newer_one(tmp_path: Path) -> None:
    """One found no room, its successor did: the first is not said any more."""
    rig, window = Rig(tmp_path), Window(free=0)
    mail = Mail(window, rig.loop.store.outbox)  # type: ignore[arg-type]
    first, second = (NodeStatus(NAME, 1, at) for at in (1, 2))
    mail.act(Say(StatusTopic(FLEET, NAME), first), rig.loop.node)
    window.free = ROOM
    mail.act(Say(StatusTopic(FLEET, NAME), second), rig.loop.node)
    mail.send(rig.now)
    assert window.said() == [second]


def test_a_word_waits_until_the_broker_has_the_one_before(tmp_path: Path) -> None:
    """Of a retained topic two are never on their way: the older one might arrive last, and stay."""
    rig, window = Rig(tmp_path), Window()
    mail = Mail(window, rig.loop.store.outbox)  # type: ignore[arg-type]
    said = [NodeStatus(NAME, 1, at) for at in (1, 2, 3)]
    for status in said:
        mail.act(Say(StatusTopic(FLEET, NAME), status), rig.loop.node)
        mail.send(rig.now)
    assert window.said() == said[:1]
    assert mail.next_mono_s(0.0) > 0.0
    mail.told(Sent(1, (1,)), rig.now)
    mail.send(rig.now)
    assert window.said() == [said[0], said[2]]


def test_what_waits_is_bounded_and_the_oldest_request_is_let_go(tmp_path: Path) -> None:
    """Whoever asked asks again; what is let go is counted, and the status stays."""
    rig, window = Rig(tmp_path), Window(free=0)
    mail = Mail(window, rig.loop.store.outbox)  # type: ignore[arg-type]
    status = NodeStatus(NAME, 1, 1)
    mail.act(Say(StatusTopic(FLEET, NAME), status), rig.loop.node)
    requests = _asks(mail, rig, SAMPLES_MOST + 3)
    window.free = 2 * SAMPLES_MOST
    mail.send(rig.now)
    assert window.said() == [status, *requests[3:]]
    assert rig.loop.node.counts[("samples_dropped",)] == 3
