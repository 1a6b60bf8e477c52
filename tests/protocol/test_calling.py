"""What manifests say of how functions are called: what is read, and what is refused with which sentence."""

from __future__ import annotations

import pytest

from protocol.calling import Action, Backoff, Queue, QueueMode, Rate
from protocol.function import FunctionSpec
from protocol.reading import stackfile
from protocol.stack import Stack

STACK = """
actuators:
  lamp: {kind: led, pin: 27}
  horn: {kind: buzzer, pin: 22, nodes: [node.labels.a == b]}
functions:
  other: {image: "other:1"}
  greet: {image: "greet:1", KEYS}
"""


def said(keys: str) -> FunctionSpec | str:
    """The function that is meant, or what is wrong with it."""
    found = stackfile.read(STACK.replace("KEYS", keys).encode(), "porch")
    if isinstance(found, Stack):
        return found.functions["greet"].spec
    return "; ".join(f"{fault.path} {fault.reason}; {fault.remedy}" for fault in found)


def read(keys: str) -> FunctionSpec:
    """The function that is meant."""
    spec = said(keys)
    assert isinstance(spec, FunctionSpec), spec
    return spec


@pytest.mark.parametrize(
    ("keys", "field", "meant"),
    [
        ("retries: 1", "queue", Queue(QueueMode.QUEUED, 1000)),
        ("queue: single", "queue", Queue(QueueMode.SINGLE, 1)),
        ("queue: restart", "queue", Queue(QueueMode.RESTART, 1)),
        ("queue: parallel", "queue", Queue(QueueMode.PARALLEL, 10)),
        ("queue: {mode: parallel, max: 3}", "queue", Queue(QueueMode.PARALLEL, 3)),
        ("queue: {max: 5}", "queue", Queue(QueueMode.QUEUED, 5)),
        ("backoff: {delay: 2s}", "backoff", Backoff(2.0, 60.0)),
        ("rate: 10/s", "rate", Rate(10, 1.0)),
        ("rate: 1/30s", "rate", Rate(1, 30.0)),
        ("rate: 5/m", "rate", Rate(5, 60.0)),
        ("expires: 2h", "expires_s", 7200.0),
        ("then: [{set: lamp}]", "then", (Action(set="lamp"),)),
        ("then: [{set: lamp, to: on}]", "then", (Action(set="lamp", value="on"),)),
        ("then: [{set: lamp, to: true}]", "then", (Action(set="lamp", value="on"),)),
        (
            "then: [{publish: a/b, payload: {c: 1}, retain: true}]",
            "then",
            (Action(publish="a/b", value={"c": 1}, retain=True),),
        ),
        ("then: [{call: other, payload: hello}]", "then", (Action(call="other", value="hello"),)),
        ("then: [{set: horn}], nodes: [node.labels.a == b]", "then", (Action(set="horn"),)),
    ],
)
def test_what_it_says_is_what_nodes_are_told(keys: str, field: str, meant: object) -> None:
    """Short forms are written out, and values are in the spelling of the actuator's kind."""
    assert getattr(read(keys), field) == meant


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("queue: often", "queue.mode"),
        ("queue: {mode: single, max: 2}", "one call at a time"),
        ("queue: {mode: parallel, max: 65}", "at most 64 runs"),
        ("queue: single, concurrency: 2", "says itself how many"),
        ("queue: parallel, concurrency: 2", "says itself how many"),
        ("queue: restart, mode: warm", "not stopped within a call"),
        ("backoff: {delay: 5m}", "more than max_delay"),
        ("rate: fast", "'fast' is no rate"),
        ("rate: 0/s", "'0/s' is no rate"),
        ("rate: 1/0s", "'1/0s' is no rate"),
        ("then: [{}]", "one of set, publish and call"),
        ("then: [{set: lamp, call: other}]", "one of set, publish and call"),
        ("then: [{call: other, to: on}]", "to goes with set, not with call"),
        ("then: [{set: lamp, retain: true}]", "retain goes with publish, not with set"),
        ("then: [{set: light}]", "no actuator 'light'; this stack has lamp, horn"),
        ("then: [{set: lamp, to: red}]", "not 'red'"),
        ("then: [{set: horn}]", "may run on a node that has no 'horn'; add 'node.labels.a == b'"),
        ("then: [{call: nobody}]", "no function 'nobody'; this stack has other, greet"),
        ("then: [{publish: bramble/x}]", "no topic of another device"),
        ("then: [{publish: 'a/#'}]", "no topic of another device"),
    ],
)
def test_what_fits_nothing_is_refused(keys: str, sentence: str) -> None:
    """A key that would do nothing, and a word that means nothing here, are refused with a sentence."""
    refused = said(keys)
    assert isinstance(refused, str)
    assert sentence in refused


def test_a_function_has_another_revision_only_for_what_it_says() -> None:
    """What is left out is no part of a revision, so that new words of ours change no function."""
    plain = read("retries: 1")
    assert plain.revision == read("retries: 1").revision
    assert (
        len({read(keys).revision for keys in ("retries: 1", "retries: 1, queue: single", "retries: 1, rate: 1/s")}) == 3
    )
