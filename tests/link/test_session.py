"""A conversation from a terminal, over a link that does what the test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from link.inputs import Arrived, Busy, LinkDown, LinkUp, Published, PublishRefused, Sent
from link.session import Session, UnreachableError
from link.settings import LinkSettings
from protocol.envelope import Packet, pack
from protocol.observed import Answer
from protocol.operator import ControllerPresence, OperatorOrder, OrderVerb, StackStatus, Verdict
from protocol.refusal import Refusal
from protocol.topics import AnswerTopic, ControllerPresenceTopic, ManifestTopic, StackStatusTopic, Topic

ASK = OperatorOrder(OrderVerb.STACKS)
STATUS = StackStatus("porch", Verdict.ACCEPTED)


def packet(topic: Topic, message: Any) -> Packet:
    packed = pack(topic, message)
    assert isinstance(packed, Packet)
    return packed


@dataclass
class ScriptedLink:
    """A link whose broker is up or down by a list, and which reacts to each packet as the test says."""

    ups: list[bool] = field(default_factory=lambda: [True])
    reaction: Callable[[ScriptedLink, Packet], None] = lambda link, _packet: link.confirm()
    busy: int = 0
    sent: list[Packet] = field(default_factory=list)
    subscribed: tuple[tuple[str, int], ...] = ()
    is_closed: bool = False
    epoch: int = 0

    def __call__(
        self, _settings: LinkSettings, deliver: Callable[[Any], None], _backlog: Callable[[], int]
    ) -> ScriptedLink:
        self.deliver = deliver
        return self

    def dial(self, epoch: int, _will: Packet | None, _birth: Packet | None, subscriptions: Any) -> None:
        self.epoch, self.subscribed = epoch, subscriptions
        is_up = self.ups.pop(0) if self.ups else False
        self.deliver(LinkUp(epoch) if is_up else LinkDown(epoch, "connection refused"))

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        if self.busy:
            self.busy -= 1
            self.deliver(Sent(self.epoch, ()))
            return Busy("20 packets are on their way")
        self.sent.append(packet)
        self.reaction(self, packet)
        return Published(len(self.sent))

    def confirm(self) -> None:
        self.deliver(Sent(self.epoch, (len(self.sent),)))

    def bring(self, *packets: Packet) -> None:
        self.deliver(Arrived(self.epoch, packets))

    def fall(self) -> None:
        self.deliver(LinkDown(self.epoch, "hung up"))

    def close(self) -> None:
        self.is_closed = True


def session(link: ScriptedLink, *filters: str, away_s: float = 5.0) -> Session:
    return Session(LinkSettings("nas", 1883, "me"), "home", filters, make=link, away_s=away_s)  # type: ignore[arg-type]


def answering(link: ScriptedLink, asked: Packet) -> None:
    """Confirm, and answer the order as the controller does."""
    link.confirm()
    said = packet(AnswerTopic("home", "x"), Answer(asked.topic.rsplit("/", 1)[1], True, "yes"))
    link.bring(replace(said, topic=asked.response_topic, correlation=asked.correlation))


def test_it_subscribes_to_its_answers_the_presence_and_what_was_named() -> None:
    """A link subscribes when it connects, so everything is named before."""
    link = ScriptedLink()
    with session(link, "bramble/v1/home/stack/+/status"):
        filters = [text for text, _ in link.subscribed]
    assert filters[0].startswith("bramble/v1/home/answer/")
    assert filters[1:] == ["bramble/v1/home/controller/presence", "bramble/v1/home/stack/+/status"]
    assert link.is_closed


def test_a_broker_that_is_not_there_ends_it_with_the_reason() -> None:
    """The first dial is the only one: a person waits."""
    with pytest.raises(UnreachableError, match="connection refused"), session(ScriptedLink(ups=[False])):
        pass


def test_a_link_that_falls_is_dialled_again_and_the_question_repeated() -> None:
    """The order goes out again under its own id, and its answer ends the wait."""

    def once_lost(link: ScriptedLink, asked: Packet) -> None:
        link.fall() if len(link.sent) == 1 else answering(link, asked)

    link = ScriptedLink(ups=[True, False, True], reaction=once_lost)
    with session(link) as talk:
        answer = talk.ask(ASK, 5.0)
    assert isinstance(answer, Answer)
    assert (answer.message, link.epoch) == ("yes", 3)
    assert link.sent[0].topic == link.sent[1].topic


def test_a_broker_that_stays_away_ends_it() -> None:
    """After a while it is no blink any more; the last reason is told."""
    link = ScriptedLink(reaction=lambda link, _packet: link.fall())
    with pytest.raises(UnreachableError, match="connection refused"), session(link, away_s=0.01) as talk:
        talk.ask(ASK, 5.0)


def test_a_full_window_is_waited_for() -> None:
    """Busy is no failure."""
    link = ScriptedLink(busy=2, reaction=answering)
    with session(link) as talk:
        assert isinstance(talk.ask(ASK, 5.0), Answer)


def test_silence_is_none() -> None:
    """No answer in time is an outcome, and the caller's to tell."""
    with session(ScriptedLink()) as talk:
        assert talk.ask(ASK, 0.01) is None


def test_an_answer_to_somebody_elses_question_is_not_ours() -> None:
    """A late answer of an earlier order does not end a later one."""

    def stray(link: ScriptedLink, asked: Packet) -> None:
        link.confirm()
        said = packet(AnswerTopic("home", "x"), Answer("another", True))
        link.bring(replace(said, topic=asked.response_topic, correlation=b"another"))

    with session(ScriptedLink(reaction=stray)) as talk:
        assert talk.ask(ASK, 0.01) is None


def test_an_unreadable_answer_is_a_refusal() -> None:
    """Nonsense on our response topic is told, not raised."""

    def nonsense(link: ScriptedLink, asked: Packet) -> None:
        link.confirm()
        link.bring(Packet(asked.response_topic, b"{", correlation=asked.correlation))

    with session(ScriptedLink(reaction=nonsense)) as talk:
        assert isinstance(talk.ask(ASK, 5.0), Refusal)


def test_a_forbidden_publish_is_a_refusal() -> None:
    """The broker's access rules are told in the broker's words."""

    def forbidden(link: ScriptedLink, said: Packet) -> None:
        link.deliver(PublishRefused(link.epoch, len(link.sent), said.topic, "not authorised"))

    with session(ScriptedLink(reaction=forbidden)) as talk:
        refused = talk.say(ManifestTopic("home", "porch"), b"{}")
    assert isinstance(refused, Refusal)
    assert refused.reason == "not authorised"


def test_what_arrives_while_it_waits_is_kept_in_order() -> None:
    """A status that comes with the PUBACK of its manifest is not lost."""
    topic = StackStatusTopic("home", "porch")

    def status_first(link: ScriptedLink, _said: Packet) -> None:
        link.bring(packet(topic, STATUS), packet(topic, replace(STATUS, converged=True)))
        link.confirm()

    with session(ScriptedLink(reaction=status_first)) as talk:
        assert talk.say(ManifestTopic("home", "porch"), b"{}") is None
        assert [b'"converged":true' in found.payload for found in talk.packets(0.0)] == [False, True]


def test_a_retained_word_is_found_and_the_rest_stays() -> None:
    """Asking for the presence takes nothing away from whoever reads packets."""
    link = ScriptedLink()
    presence = ControllerPresenceTopic("home")
    with session(link) as talk:
        link.bring(
            packet(StackStatusTopic("home", "porch"), STATUS), packet(presence, ControllerPresence("offline", 3))
        )
        assert talk.retained(presence, 1.0).state == "offline"
        assert talk.retained(StackStatusTopic("home", "attic"), 0.0) is None
        assert len(list(talk.packets(0.0))) == 2
