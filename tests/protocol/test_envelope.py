"""Bytes become messages or refusals, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import container, delivery, desired, envelope, load, observed, operator, topics
from protocol.envelope import FactMark, Packet, Received
from protocol.refusal import Refusal
from protocol.shapes import write

F, N = "default", "pi-1"

EVENT = observed.SensorEvent(
    "5f1d", 7, N, "doorbell", "pressed", "2026-11-21T00:38:30.662Z", "b00t", 12345, value=1, pin=17, taken=("a1", "b2")
)
PIN = {"pin": 17}
TASK = desired.TaskSpec(
    "porch.dashboard.1",
    "porch",
    "dashboard",
    "0a1b2c3d4e5f",
    container.Container("dashboard:2", command=("serve",), environment={"A": "ü"}, ports=(container.Port(80, 8080),)),
)

SAMPLES: list[tuple[topics.Topic, Any]] = [
    (topics.StackStatusTopic(F, "porch"), operator.StackStatus("porch", operator.Verdict.ACCEPTED, "abc")),
    (topics.OrderTopic(F, "o1"), operator.OperatorOrder(operator.OrderVerb.DRAIN, N, {"why": ["x", None, 1.5]})),
    (topics.AnswerTopic(F, "o1"), observed.Answer("o1", ok=True, message="done")),
    (topics.ControllerPresenceTopic(F), operator.ControllerPresence("online", 1, "0.1.0")),
    (topics.PresenceTopic(F, N), observed.Presence(observed.Link.ONLINE, 4, "b00t", "0.1.0")),
    (topics.HelloTopic(F, N), observed.Hello(N, 4, "b00t", "0.1.0", observed.Inventory(N, "armv7l", labels={"a": "b"}))),
    (topics.StatusTopic(F, N), observed.NodeStatus(N, 4, 9, tasks=(observed.TaskStatus("t", "r", observed.TaskState.RUNNING),))),
    (topics.EventTopic(F, N, "doorbell"), EVENT),
    (topics.ResultTopic(F, N, "i1"), observed.Result("i1", N, "porch", "greet", observed.ResultStatus.DONE, 1, exit_code=0)),
    (topics.NodeInvocationTopic(F, N, "i1"), desired.Invocation("i1", "porch", "greet", {"id": "x"}, "{}")),
    (topics.RequestTopic(F, N), observed.Request("r1", "t", "rev", "0123456789ab")),
    (topics.HealthTopic(F, N), observed.Health(12.5, 0.1, 10**9, 10**10, temperature_celsius=41.0)),
    (topics.LoadTopic(F, N), load.Load((load.FunctionLoad("porch.greet", 2, 1), load.FunctionLoad("porch.ask", instances=1)))),
    (topics.NodeAnswerTopic(F, N, "c1"), observed.Answer("c1", ok=False, message="no such pin")),
    (topics.AssignmentTopic(F, N), desired.Assignment(N, 1, 2, (TASK,), (desired.SensorSpec("d", "porch", "button", PIN),))),
    (topics.OfferTopic(F, N), desired.Offers(N, 1, 3, (desired.Offer("r1", TASK),))),
    (topics.GrantTopic(F, N), desired.Grant("t", "rev", "0123456789ab")),
    (topics.InvocationTopic(F, N, "i1"), desired.Invocation("i1", "porch", "greet", {"id": "x"}, "{}")),
    (topics.AckTopic(F, N), desired.Ack("5f1d", 7, (9, 11))),
    (topics.CommandTopic(F, N, "c1"), desired.Command("c1", desired.Verb.DRIVE, "17", "high")),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "message"), SAMPLES, ids=lambda value: type(value).__name__)
def test_every_message_reads_back_as_itself(topic: topics.Topic, message: Any) -> None:
    """What one side packs, the other unpacks, with its mark."""
    row_is_fact = type(topic) in (topics.EventTopic, topics.HelloTopic, topics.ResultTopic)
    mark = FactMark("5f1d", 7, 3) if row_is_fact else None
    packet = envelope.pack(topic, message, mark)
    assert isinstance(packet, Packet)
    assert envelope.unpack(packet) == Received(topic, message, mark)


def test_of_a_property_that_comes_twice_the_first_counts() -> None:
    """The version, the mark and an event's attributes are read by one rule."""
    packet = envelope.pack(topics.EventTopic(F, N, "doorbell"), EVENT, FactMark("5f1d", 7, 3))
    assert isinstance(packet, Packet)
    again = replace(packet, properties=packet.properties + tuple((key, "other") for key, _ in packet.properties))
    assert envelope.unpack(again) == envelope.unpack(packet)


def test_every_kind_of_message_has_a_sample() -> None:
    """A new message joins the list above."""
    with_models = {row.topic for row in delivery.TABLE if row.message is not None}
    assert with_models == {type(topic) for topic, _ in SAMPLES}


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
sample_topics = st.sampled_from([str(topic) for topic, _ in SAMPLES])


def answer(topic: str, payload: bytes, properties: tuple[tuple[str, str], ...] = ()) -> Received | Refusal:
    """What unpack makes of it."""
    return envelope.unpack(Packet(topic, payload, properties))


@given(sample_topics, st.binary(max_size=200))
def test_no_bytes_make_it_raise(topic: str, payload: bytes) -> None:
    """Whatever arrives is a message or a refusal with a reason."""
    got = answer(topic, payload)
    assert isinstance(got, Received) or got.reason


odd_properties = st.dictionaries(
    st.sampled_from(["bramble", "id", "stream", "sequence", "base", "subject", "monotonic", "specversion"]),
    st.text(max_size=30),
)


@given(sample_topics, any_json, odd_properties)
def test_no_document_and_no_property_makes_it_raise(topic: str, document: object, properties: dict[str, str]) -> None:
    """NaN, infinities, huge numbers and odd properties included."""
    payload = json.dumps(document).encode()
    got = answer(topic, payload, tuple(properties.items()))
    assert isinstance(got, Received) or got.reason


@settings(max_examples=300)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_message_with_one_part_changed_never_raises(sample: tuple[topics.Topic, Any], data: st.DataObject) -> None:
    """Real messages with a value replaced, a key added or a byte flipped are read or refused."""
    packet = envelope.pack(*sample)
    assert isinstance(packet, Packet)
    spoilt = bytearray(packet.payload)
    if spoilt:
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    got = answer(packet.topic, bytes(spoilt), packet.properties)
    assert isinstance(got, Received) or got.reason


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not readable as JSON"),
        (b"\xff\xfe", "not UTF-8: byte 0 is 0xff"),
        (b'{"state":"online","epoch":NaN}', "NaN is not a number"),
        (b'{"state":"online","epoch":1,"epoch":2}', "the key 'epoch' stands twice"),
        (b'{"state":"online","epoch":1' + b"0" * 5000 + b"}", "not readable as JSON"),
        (b'{"state":"online","epoch":99999999999999999999}', "99999999999999999999 is beyond 2^53"),
        (b"[" * 5000 + b"]" * 5000, "nested deeper than 32"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32"),
        (b'{"state":1,"epoch":1}', "state: input should be 'online' or 'offline'"),
        (b'{"state":"online","epoch":"1"}', "epoch: input should be a valid integer"),
        (b'{"state":"online"}', "epoch: field required"),
        (b"[]", "the document: input should be a dictionary"),
    ],
)
def test_a_refusal_says_where_and_why(payload: bytes, says: str) -> None:
    """One sentence that an operator can act on."""
    got = answer(str(topics.PresenceTopic(F, N)), payload)
    assert isinstance(got, Refusal)
    assert says in str(got)


def with_novelty(packet: Packet, *steps: Any) -> Packet:
    """The packet of a newer peer: one more key in the document, or in a part of it."""
    document = json.loads(packet.payload)
    part = document
    for step in steps:
        part = part[step]
    part["mood"] = {"of": "the day"}
    return replace(packet, payload=json.dumps(document).encode())


@pytest.mark.parametrize(("topic", "message"), SAMPLES, ids=lambda value: type(value).__name__)
def test_a_report_may_tell_more_than_its_reader_knows(topic: topics.Topic, message: Any) -> None:
    """What is known of it is taken; what asks for something is refused whole, and each says which key was too much."""
    packet = envelope.pack(topic, message, FactMark("5f1d", 7, 3))
    assert isinstance(packet, Packet)
    got = envelope.unpack(with_novelty(packet))
    if isinstance(topic, topics.EventTopic):
        assert got == Received(topic, message, FactMark("5f1d", 7, 3))  # CloudEvents: anybody may add an attribute
    elif type(topic) in delivery.REPORTS:
        assert isinstance(got, Received)
        assert (got.message, got.unknown) == (message, "mood")
    else:
        assert isinstance(got, Refusal)
        assert "mood: unexpected keyword argument" in str(got)


def test_a_report_may_tell_more_deep_within() -> None:
    """Only unknown keys are passed over: a known one that is wrong beside them is refused."""
    topic = topics.StatusTopic(F, N)
    (message,) = [message for at, message in SAMPLES if at == topic]
    packet = envelope.pack(topic, message)
    assert isinstance(packet, Packet)
    got = envelope.unpack(with_novelty(packet, "tasks", 0))
    assert got == Received(topic, message, unknown="tasks.0.mood")
    wrong = replace(packet, payload=packet.payload.replace(b'"running"', b'7,"mood":1'))
    refused = envelope.unpack(wrong)
    assert isinstance(refused, Refusal)
    assert "tasks.0.state: input should be" in str(refused)


def test_brackets_inside_text_do_not_count_as_nesting() -> None:
    """A log line full of brackets is no attack."""
    message = observed.Answer("o1", ok=True, message="[" * 100 + '"\\{')
    packet = envelope.pack(topics.AnswerTopic(F, "o1"), message)
    assert isinstance(packet, Packet)
    assert isinstance(envelope.unpack(packet), Received)


def test_a_message_from_a_newer_conversation_is_refused_by_its_version() -> None:
    """Not by a key that this side does not know yet."""
    got = answer(str(topics.PresenceTopic(F, N)), b'{"new": 1}', (("bramble", "2"),))
    assert isinstance(got, Refusal)
    assert "version '2'" in got.reason


def test_a_message_beyond_its_limit_is_refused_on_both_ways() -> None:
    """The sender refuses to publish it, the receiver refuses to parse it."""
    big = observed.Answer("o1", ok=True, message="x" * 10_000_000)
    out = envelope.pack(topics.AnswerTopic(F, "o1"), big)
    into = answer(str(topics.ManifestTopic(F, "porch")), b"x" * 10_000_000)
    assert isinstance(out, Refusal)
    assert isinstance(into, Refusal)
    assert into.reason == "10000000 bytes are more than the 262144 that a manifest may have"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("1e999", "1e999 is beyond what a number can be"),
        ("-1e999", "-1e999 is beyond what a number can be"),
        ("9007199254740993", "9007199254740993 is beyond 2^53"),
        ("1" * 400, "is beyond 2^53"),
        ('"\\ud800"', "half a character"),
        ('{"\\uDFFF": 1}', "half a character"),
        ('"\\ud83d\\ude00"', ""),
    ],
)
def test_what_cannot_be_written_again_is_not_read(number: str, says: str) -> None:
    """Free-form parts of a message are stored, digested and passed on: whatever is read can be written."""
    packet = envelope.pack(topics.EventTopic(F, N, "doorbell"), EVENT)
    assert isinstance(packet, Packet)
    got = answer(packet.topic, f'{{"event_type": "pressed", "value": {number}}}'.encode(), packet.properties)
    assert (says in got.reason) if isinstance(got, Refusal) else not says
    if isinstance(got, Received):
        write(got.message)
