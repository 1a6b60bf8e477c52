"""Triggers tried on a trace: what is printed, what is refused, and that a node would have done the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.triggers_replay import read, replayed
from protocol.desired import Command, Verb
from protocol.observed import Answer, Result
from protocol.operator import OperatorOrder, OrderVerb
from protocol.reading import stackfile
from protocol.stack import Stack
from protocol.topics import CommandTopic
from sim.images import Behaviour
from tests.fakes.agent import FLEET, NAME, Rig
from tests.fakes.session import FakeSession, operate, yes

STACK = """
name: porch
sensors:
  doorbell: {kind: button, pin: 17, debounce: 30ms, hold: 0s}
  door: {kind: digital, pin: 22}
functions:
  greet:
    image: greet:1
    triggers:
      - {sensor: doorbell, on: pressed, cooldown: 2s}
      - {sensor: doorbell, on: released, when: [{exact: {data.pin: 17}}]}
  alarm:
    image: alarm:1
    triggers:
      - {sensor: door, on: activated, for: 3s}
      - {sequence: [{sensor: door, on: activated}, {sensor: doorbell, on: pressed}], within: 2s}
  crowd:
    image: crowd:1
    triggers:
      - {sensor: doorbell, on: pressed, window: {of: count, within: 5s, above: 2}}
"""

FOREIGN = """
name: porch
services:
  web: {image: "web:1"}
sensors:
  life: {kind: container, service: web}
  knob: {kind: mqtt, topic: zigbee2mqtt/knob, value: action, shows: event}
functions:
  alarm:
    image: alarm:1
    triggers:
      - {sensor: life, on: died, when: [{exact: {data.value.exit_code: 137}}]}
      - {sensor: knob, on: received, when: [{exact: {data.value.turn: right}}]}
"""

EDGES = [
    ("doorbell", False, 0.0), ("door", False, 0.0), ("doorbell", True, 1.0), ("doorbell", False, 1.2), ("door", True, 1.5),
    ("doorbell", True, 2.0), ("doorbell", False, 2.01), ("doorbell", True, 3.5), ("doorbell", False, 4.0),
    ("door", False, 6.0), ("door", True, 7.0),
]  # fmt: skip
"""A bell that is pressed three times, once with a bounce, and a door that is opened twice."""

GOLDEN = """\
AT         EVENT               VALUE   FUNCTION   TRIGGER
1.000 s    doorbell pressed    true    greet      0
1.200 s    doorbell released   false   greet      1
2.000 s    doorbell pressed    true    alarm      1
2.030 s    doorbell released   false   greet      1
3.500 s    doorbell pressed    true    greet      0
3.500 s    doorbell pressed    true    crowd      0
4.000 s    doorbell released   false   greet      1
4.500 s    door activated      true    alarm      0
10.000 s   door activated      true    alarm      0
"""


def lines(edges: list[tuple[str, bool, float]]) -> str:
    """A trace as the flight recorder has it."""
    return "".join(
        json.dumps({"sensor": s, "value": v, "at_ns": round(t * 1e9) + 5_000_000_000}) + "\n" for s, v, t in edges
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "trace.jsonl").write_text(lines(EDGES))
    return tmp_path


def tried(folder: Path, *words: str) -> list[str]:
    return ["triggers", "test", "-f", str(folder / "stack.yaml"), "--trace", str(folder / "trace.jsonl"), *words]


def test_a_trace_shows_what_would_have_run(folder: Path) -> None:
    """Each call with its time, its event and its trigger, also what is waited for after the last reading."""
    session = FakeSession()
    done = operate(session, *tried(folder))
    assert (done.exit_code, done.stderr, session.dialled) == (0, "", [])
    assert [line.split() for line in done.stdout.splitlines()] == [line.split() for line in GOLDEN.splitlines()]


def test_the_same_as_json(folder: Path) -> None:
    """A document for programs."""
    first, *_ = json.loads(operate(FakeSession(), *tried(folder, "-o", "json")).stdout)
    assert first == {
        "at_s": 1.0, "function": "greet", "trigger": 0, "sensor": "doorbell", "event": "pressed", "value": True
    }  # fmt: skip


def test_nothing_is_said_to_be_nothing(folder: Path) -> None:
    """Without edges nothing runs; the first reading of a sensor is its baseline."""
    (folder / "trace.jsonl").write_text(lines(EDGES[:2]))
    assert operate(FakeSession(), *tried(folder)).stdout == "nothing would have run\n"


def test_conditions_in_cel_are_tried_and_those_without_an_answer_are_said(folder: Path) -> None:
    """As on a node; the output is what would have run, and the warning is beside it."""
    stack = STACK.replace("when: [{exact: {data.pin: 17}}]", "when: [{cel: event.data.pin == 17 && !event.data.value}]")
    stack += "      - {sensor: door, on: activated, when: [{cel: event.data.reason != ''}]}\n"
    (folder / "stack.yaml").write_text(stack)
    done = operate(FakeSession(), *tried(folder))
    assert [line.split() for line in done.stdout.splitlines()] == [line.split() for line in GOLDEN.splitlines()]
    said = "warning: trigger 1 of porch.crowd calls nothing: its condition cannot be told: there is no key 'reason'\n"
    assert done.stderr == said


def test_what_is_not_replayed_is_said(folder: Path) -> None:
    """A sensor that the stack does not have, and functions that the time alone calls, a node that comes or goes, or a function."""
    more = "      - {every: 1h}\n      - {node: offline}\n    then: [{call: greet}]\n"
    more += "  tell: {image: t, triggers: [{function: crowd, on: failed}]}\n"
    (folder / "stack.yaml").write_text(STACK + more)
    (folder / "trace.jsonl").write_text(lines([("gate", True, 0.0)]))
    said = operate(FakeSession(), *tried(folder)).stderr
    assert "the trace has a sensor 'gate', and the stack 'porch' has none of that name" in said
    assert "crowd is also called by the time alone" in said
    assert [
        name for name in ("greet", "tell", "crowd") if f"{name} is also called by what other functions" in said
    ] == ["greet", "tell"]
    assert "crowd is also called when nodes come or go, which no node records" in said


def test_a_node_that_comes_or_goes_is_written_into_a_trace(folder: Path) -> None:
    """With its labels, so that conditions are tried; then nothing is left to warn of."""
    of_home = "when: [{exact: {data.labels.site: home}}]"
    (folder / "stack.yaml").write_text(STACK + f"      - {{node: offline, {of_home}}}\n")
    gone = [{"node": "pi-7", "event": word, "at_ns": 2 * 10**9} for word in ("online", "offline")]
    gone += [{"node": "pi-8", "event": "offline", "at_ns": 3 * 10**9, "labels": {"site": "home"}}]
    (folder / "trace.jsonl").write_text("".join(json.dumps(line) + "\n" for line in gone))
    done = operate(FakeSession(), *tried(folder, "-o", "json"))
    assert done.stderr == ""
    assert json.loads(done.stdout) == [
        {"at_s": 1.0, "function": "crowd", "trigger": 1, "sensor": "pi-8", "event": "offline", "value": None}
    ]


def test_what_other_devices_and_containers_say_is_replayed(folder: Path) -> None:
    """Their triggers and conditions are like any other's."""
    (folder / "stack.yaml").write_text(FOREIGN)
    died = {"event": "died", "task": "porch.web.1", "container": "c", "exit_code": 137}
    edges = [("life", {"running": []}, 0.0), ("knob", None, 0.0), ("life", died | {"exit_code": 0}, 1.0)]
    edges += [("life", died, 2.0), ("knob", {"turn": "left"}, 3.0), ("knob", {"turn": "right"}, 4.0)]
    opened = {"life", "knob"}
    text = ""
    for sensor, value, at_s in edges:
        line = {"sensor": sensor, "value": value, "at_ns": round(at_s * 1e9), "opening": sensor in opened}
        opened.discard(sensor)
        text += json.dumps(line) + "\n"
    (folder / "trace.jsonl").write_text(text)
    found = json.loads(operate(FakeSession(), *tried(folder, "-o", "json")).stdout)
    assert [(one["at_s"], one["event"], one["trigger"]) for one in found] == [(2.0, "died", 0), (4.0, "received", 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "1: this is no JSON"),
        ("\n{}", "2: sensor: field required"),
        ('{"node": "pi-1", "event": "gone", "at_ns": 1}', "1: event: a node becomes online, offline, quarantined"),
        (lines([EDGES[3], EDGES[2]]), "2: a trace goes forward in time"),
    ],
)
def test_a_line_that_is_none_is_named(folder: Path, text: str, words: str) -> None:
    """With its number, and what a line looks like."""
    (folder / "trace.jsonl").write_text(text)
    done = operate(FakeSession(), *tried(folder))
    assert done.exit_code == 1
    assert words in done.stderr


def test_a_trace_that_is_not_there_is_3(folder: Path) -> None:
    """Nothing was found."""
    (folder / "trace.jsonl").unlink()
    assert operate(FakeSession(), *tried(folder)).exit_code == 3


def test_a_node_gives_its_trace() -> None:
    """What the node has recorded is printed a line each, as the trial reads it."""
    rows = [{"sensor": "doorbell", "value": True, "at_ns": 5}]
    session = FakeSession(answers={OrderVerb.COMMAND: yes(rows)})
    done = operate(session, "triggers", "record", "pi-1")
    assert session.orders == [OperatorOrder(OrderVerb.COMMAND, "pi-1", {"verb": "trace", "target": "", "value": ""})]
    assert done.stdout == '{"sensor":"doorbell","value":true,"at_ns":5}\n'


def test_a_node_did_what_its_trace_says(tmp_path: Path) -> None:
    """The calls of a real agent are those that the replay of its own flight recorder shows."""
    stack = stackfile.read(STACK.encode(), "porch")
    assert isinstance(stack, Stack)
    rig = Rig(tmp_path)
    for name in stack.functions:
        rig.registry.push(f"{name}:1", Behaviour(exits_after_s=0.1))
    rig.run(2)
    sensors, functions = ([one.spec for one in part.values()] for part in (stack.sensors, stack.functions))
    rig.assign(1, sensors=tuple(sensors), functions=tuple(functions))
    rig.run(2)
    begun_s = rig.now_s
    for sensor, value, at_s in EDGES:
        rig.run(begun_s + at_s - rig.now_s)
        rig.read(sensor, on=value)
    rig.run(20)
    rig.send(CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.TRACE))
    rig.run(1)
    trace = read("\n".join(map(json.dumps, rig.messages(Answer)[-1].result)))
    assert not isinstance(trace, str)
    ran = {result.id: result.function for result in rig.messages(Result)}
    assert sorted(one.function for one in replayed(stack, trace)[0]) == sorted(ran.values())
    assert len(ran) == len(GOLDEN.splitlines()) - 1
