"""What a recorded trace would have called: the nodes' own filters and triggers, over readings, as if one node had all sensors.

Pure: the time is that of the trace. Between two readings every deadline passes in order, and after the last all that are left, so
that a wait which the trace began ends. What time alone calls (`every`, `schedule`) has no place in a trace. What
becomes of a node is in no recorder, but somebody may write it in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.observed import SensorEvent
from protocol.options import pin_of
from protocol.shapes import JsonValue, Shape
from protocol.stack import Stack
from protocol.triggers import matching, nodes
from protocol.triggers.memory import Memory
from protocol.triggers.nodes import WORDS, NodeEvent, called_by
from sensors import edges
from sensors.edges import Chain, Sensed
from sensors.stage import NS_PER_S, Reading

NODE, FLEET, BOOT = "trace", "trace", "trace"


@dataclass(frozen=True, slots=True)
class NodeBecame:
    """A line that tells of a node: `event` is what became of it."""

    node: str
    event: str
    at_ns: int
    reason: str = ""
    labels: dict[str, str] = field(default_factory=dict)


Line = Reading | NodeBecame

_READING, _NODE_BECAME = Shape(Reading), Shape(NodeBecame)


@dataclass(frozen=True, slots=True)
class WouldRun:
    """One call: when, counted in seconds from the beginning of the trace, by which event, and which trigger of the function.

    `sensor` is the node where a node came or went.
    """

    at_s: float
    function: str
    trigger: int
    sensor: str
    event: str
    value: JsonValue


def read(text: str) -> list[Line] | str:
    """The lines of a trace; or the line that is wrong, and how."""
    found: list[Line] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            reading = _line(json.loads(line))
        except json.JSONDecodeError as error:
            return f"{number}: this is no JSON ({error})"
        if isinstance(reading, str):
            return f"{number}: {reading}"
        if found and reading.at_ns < found[-1].at_ns:
            return f"{number}: a trace goes forward in time, and this is before the line above it"
        found.append(reading)
    return found


def _line(content: JsonValue) -> Line | str:
    if not (isinstance(content, dict) and "node" in content):
        return _READING.read(content)
    became = _NODE_BECAME.read(content)
    if isinstance(became, NodeBecame) and became.event not in WORDS:
        return f"event: a node becomes {', '.join(WORDS)}, and never {became.event!r}"
    return became


def replayed(stack: Stack, readings: Iterable[Line]) -> tuple[list[WouldRun], list[str]]:
    """Everything that would have been called, in order; and what is to be said of conditions that had no answer."""
    replay = _Replay(stack.name, tuple(f.spec for f in stack.functions.values()))
    replay.pins = {name: pin_of(sensor.spec) for name, sensor in stack.sensors.items()}
    replay.chains = {name: edges.fresh(sensor.spec) for name, sensor in stack.sensors.items()}
    for reading in readings:
        replay.take(reading)
    replay.pass_on(None)
    return replay.called, list(replay.unclear.values())


def unknown(stack: Stack, readings: Iterable[Line]) -> list[str]:
    """The sensors of a trace that a stack does not have."""
    return sorted({line.sensor for line in readings if isinstance(line, Reading)} - stack.sensors.keys())


@dataclass(slots=True)
class _Replay:
    """The one node of a replay, and how far it is."""

    stack: str
    functions: tuple[FunctionSpec, ...]
    pins: dict[str, int | None] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    called: list[WouldRun] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)
    begun_ns: int | None = None
    sequence: int = 0

    def take(self, reading: Line) -> None:
        if self.begun_ns is None:
            self.begun_ns = reading.at_ns
        self.pass_on(reading.at_ns)
        if isinstance(reading, NodeBecame):
            self._became(reading)
            return
        chain = self.chains.get(reading.sensor)
        if chain is not None:
            self.chains[reading.sensor], sensed = edges.observe(chain, reading)
            self._tell(sensed)

    def pass_on(self, until_ns: int | None) -> None:
        """Let every deadline come, the earliest first, up to a moment; None is for ever."""
        while (due_ns := self._next_ns()) is not None and (until_ns is None or due_ns <= until_ns):
            for name, chain in self.chains.items():
                if chain.deadline_ns == due_ns:
                    self.chains[name], sensed = edges.settle(chain, due_ns)
                    self._tell(sensed)
            after, calls = matching.passes(self.memories.get, self._waiting(), due_ns / NS_PER_S)
            self.memories |= after
            self._note(calls, due_ns)

    def _next_ns(self) -> int | None:
        dues = [chain.deadline_ns for chain in self.chains.values() if chain.deadline_ns is not None]
        waits = [memory.due_mono_s for memory in self.memories.values() if memory.due_mono_s is not None]
        return min([*dues, *(round(due_s * NS_PER_S) for due_s in waits)], default=None)

    def _waiting(self) -> list[matching.Place]:
        return [
            place for place in matching.places(self.stack, self.functions) if matching.key_of(place) in self.memories
        ]

    def _became(self, one: NodeBecame) -> None:
        self.sequence += 1
        event = NodeEvent(f"trace-{self.sequence}", one.node, one.event, one.reason, one.labels)
        self._tell_unclear(nodes.unclear(event, self.functions, FLEET))
        self._note(called_by(event, self.functions, FLEET), one.at_ns)

    def _tell(self, sensed: tuple[Sensed, ...]) -> None:
        for one in sensed:
            self.sequence += 1
            pin = self.pins[one.sensor]
            event = SensorEvent(
                "trace", self.sequence, NODE, one.sensor, one.event, "", BOOT, one.at_ns, value=one.value, pin=pin
            )
            plain = matching.matches(event, self.stack, self.functions, FLEET)
            after, remembered = matching.remembers(self.memories.get, event, self.stack, self.functions, FLEET)
            self.memories |= after
            self._tell_unclear(matching.unclear(event, self.stack, self.functions, FLEET))
            self._note((*plain, *remembered), one.at_ns)

    def _tell_unclear(self, unclear: Iterable[matching.Unclear]) -> None:
        for one in unclear:
            self.unclear.setdefault(matching.key_of(one.place), str(one))

    def _note(self, calls: Iterable[Invocation], at_ns: int) -> None:
        for call in calls:
            cause, said = call.attributes, json.loads(call.body)
            at_s = round((at_ns - (self.begun_ns or 0)) / NS_PER_S, 3)
            number = self._number(call)
            self.called.append(
                WouldRun(at_s, call.function, number, cause["subject"], said["event_type"], said.get("value"))
            )

    def _number(self, call: Invocation) -> int:
        places = matching.places(self.stack, self.functions)
        return next(place[1] for place in places if matching.call_id(call.attributes["id"], place) == call.id)
