"""Reports of newer peers: their words are read as the ones by which nobody acts too early; what asks for something stays strict."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import delivery, desired, envelope, observed, operator, topics
from protocol.calling import Queue, QueueMode
from protocol.container import Container
from protocol.envelope import FactMark, Packet, Received
from protocol.function import FunctionSpec
from protocol.refusal import Refusal
from protocol.reports import OTHERWISE, UNKNOWN_CHARS
from protocol.trigger import Dialect, TriggerSpec

F, N = "default", "pi-1"
NEW = "mooring"

EVENT = observed.SensorEvent("5f1d", 7, N, "doorbell", "pressed", "", "b", 12, observed.Clock.SYNCED, value=True)
TASKS = tuple(observed.TaskStatus(f"t{state}", "r", state) for state in observed.TaskState)
OFFERS = tuple(observed.OfferStatus("r1", f"t{state}", "rev", state) for state in observed.OfferState)
RESULT = observed.Result("i1", N, "porch", "greet", observed.ResultStatus.DONE, 1)

REPORTS: list[tuple[topics.Topic, Any]] = [
    (topics.StackStatusTopic(F, "porch"), operator.StackStatus("porch", operator.Verdict.ACCEPTED, "abc")),
    (topics.PresenceTopic(F, N), observed.Presence(observed.Link.OFFLINE, 4)),
    (topics.StatusTopic(F, N), observed.NodeStatus(N, 4, 9, tasks=TASKS, offers=OFFERS)),
    (topics.EventTopic(F, N, "doorbell"), EVENT),
    (topics.ResultTopic(F, N, "i1"), RESULT),
    (topics.HealthTopic(F, N), observed.Health(12.5, 0.1, 10**9, 10**10, clock=observed.Clock.SYNCED)),
]


def lists_in(hint: Any) -> Iterator[type[StrEnum]]:
    """Every list of words that stands somewhere within a type."""
    for inner in get_args(hint) if get_origin(hint) else ():
        yield from lists_in(inner)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        for within in get_type_hints(hint, include_extras=True).values():
            yield from lists_in(within)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        yield hint


def words_in(value: Any, *path: Any) -> Iterator[tuple[tuple[Any, ...], StrEnum]]:
    """Every word of such a list that stands somewhere within a value, and where."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from words_in(getattr(value, field.name), *path, field.name)
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from words_in(part, *path, number)
    elif isinstance(value, StrEnum):
        yield path, value


def put(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    """A value with another part at a path."""
    if not path:
        return part
    step, *rest = path
    if isinstance(value, tuple):
        return (*value[:step], put(value[step], tuple(rest), part), *value[step + 1 :])
    if isinstance(value, list | dict):
        value[step] = put(value[step], tuple(rest), part)
        return value
    return replace(value, **{step: put(getattr(value, step), tuple(rest), part)})


def spoken(topic: topics.Topic, message: Any, path: tuple[Any, ...], word: Any) -> Packet:
    """The packet of a peer that says another word at a place."""
    packet = envelope.pack(topic, message, FactMark("5f1d", 7, 3))
    assert isinstance(packet, Packet)
    if isinstance(topic, topics.EventTopic):
        properties = tuple((key, word if (key,) == path else said) for key, said in packet.properties)
        return replace(packet, properties=properties)
    return replace(packet, payload=json.dumps(put(json.loads(packet.payload), path, word)).encode())


PLACES = [(topic, message, *place) for topic, message in REPORTS for place in words_in(message)]


def test_every_list_of_a_report_says_how_a_new_word_is_read() -> None:
    """Exactly one word for each; a list that joins a report joins the table, and the places tried below."""
    lists = {kind for topic in delivery.REPORTS for kind in lists_in(delivery.BY_TOPIC[topic].message)}
    assert sorted(kind.__name__ for kind in lists) == sorted(type(word).__name__ for word in OTHERWISE)
    assert {type(word) for word in OTHERWISE} == {type(word) for _, _, _, word in PLACES}


@pytest.mark.parametrize(("topic", "message", "path", "word"), PLACES, ids=str)
def test_a_new_word_is_read_as_the_one_that_its_list_names(
    topic: topics.Topic, message: Any, path: tuple[Any, ...], word: StrEnum
) -> None:
    """Everything else of the report counts, and where the new word stands is told."""
    other = next(one for one in OTHERWISE if type(one) is type(word))
    got = envelope.unpack(spoken(topic, message, path, NEW))
    assert isinstance(got, Received)
    assert got.message == put(message, path, other)
    assert got.unknown == f"{'.'.join(map(str, path))} '{NEW}'"
    known = envelope.unpack(spoken(topic, message, path, str(word)))
    assert isinstance(known, Received)
    assert (known.message, known.unknown) == (message, "")


@given(st.sampled_from(PLACES), st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_report_with_any_new_word_is_read(place: tuple[Any, ...], word: str) -> None:
    """However long or odd; what is told of it is short."""
    topic, message, path, _ = place
    got = envelope.unpack(spoken(topic, message, path, word))
    assert isinstance(got, Received)
    assert bool(got.unknown) is (word not in set(type(place[3])))
    assert len(got.unknown) <= UNKNOWN_CHARS


@pytest.mark.parametrize(
    ("topic", "message", "path", "word"), [one for one in PLACES if one[0] != REPORTS[3][0]], ids=str
)
@pytest.mark.parametrize("wrong", [None, 7, True, ["running"], {}])
def test_what_is_no_word_at_all_is_refused(
    topic: topics.Topic, message: Any, path: tuple[Any, ...], word: StrEnum, wrong: Any
) -> None:
    """A newer peer has more words, and no other kind of value for them."""
    got = envelope.unpack(spoken(topic, message, path, wrong))
    assert isinstance(got, Refusal)
    assert ".".join(map(str, path)) in got.reason


def test_several_things_that_are_new_are_passed_over_together() -> None:
    """A key, a word in one task and a word in another: the first is told."""
    topic, status = REPORTS[2]
    packet = spoken(topic, status, ("tasks", 0, "state"), NEW)
    document = put(json.loads(packet.payload), ("tasks", 3, "state"), "moored")
    document["tide"] = "high"
    got = envelope.unpack(replace(packet, payload=json.dumps(document).encode()))
    assert isinstance(got, Received)
    assert [task.state for task in got.message.tasks[:4:3]] == [observed.TaskState.PREPARING] * 2
    assert got.unknown == f"tasks.0.state '{NEW}'"
    wrong = put(document, ("tasks", 1, "attempt"), "two")
    assert isinstance(envelope.unpack(replace(packet, payload=json.dumps(wrong).encode())), Refusal)


FUNCTION = FunctionSpec(
    "greet",
    "porch",
    "r1",
    Container("greet:1"),
    triggers=(TriggerSpec("bell", "pressed", when=({"cel": "true"},), dialects=(Dialect.CEL,)),),
    queue=Queue(QueueMode.SINGLE),
)
TASK = desired.TaskSpec(
    "porch.web.1", "porch", "web", "r1", Container("web:1"), desired.Restart(desired.RestartCondition.NONE)
)
DESIRED: list[tuple[topics.Topic, Any]] = [
    (topics.OrderTopic(F, "o1"), operator.OperatorOrder(operator.OrderVerb.DRAIN, N, {})),
    (topics.CommandTopic(F, N, "c1"), desired.Command("c1", desired.Verb.DRIVE, "17", "high")),
    (topics.AssignmentTopic(F, N), desired.Assignment(N, 1, 2, (TASK,), functions=(FUNCTION,))),
    (topics.OfferTopic(F, N), desired.Offers(N, 1, 3, (desired.Offer("r1", TASK, order=desired.Order.START_FIRST),))),
]
ASKED = [(topic, message, *place) for topic, message in DESIRED for place in words_in(message)]


@pytest.mark.parametrize(("topic", "message", "path", "word"), ASKED, ids=str)
def test_what_asks_for_something_is_refused_with_its_word(
    topic: topics.Topic, message: Any, path: tuple[Any, ...], word: StrEnum
) -> None:
    """Nothing is done by half: the whole is refused, and the sentence names the place and the word."""
    packet = envelope.pack(topic, message)
    assert isinstance(packet, Packet)
    document = json.loads(packet.payload)
    part = document
    for step in path[:-1]:
        part = part[step] if isinstance(part, list) else part.setdefault(step, {})
    part[path[-1]] = NEW
    got = envelope.unpack(replace(packet, payload=json.dumps(document).encode()))
    assert isinstance(got, Refusal)
    assert f"{'.'.join(map(str, path))}: input should be " in got.reason
    assert f"not '{NEW}'" in got.reason
