"""Which functions of this node an event calls, and what their triggers remember of it: one commit with the event.

A trigger without a memory is matched here first, and by the controller for what this node does not take. One with a memory is
matched here alone: what it calls waits in this node's queue, also while no engine is there, or goes up to the controller where its
function is elsewhere.
"""

from __future__ import annotations

from agent.decide import invocations, unclear
from agent.decide.hosting import takeable
from agent.decide.node import Node, Now
from protocol import devices
from protocol.desired import Invocation, SensorSpec
from protocol.observed import SensorEvent
from protocol.options import number
from protocol.sensor_words import Nature
from protocol.shapes import JsonValue
from protocol.topics import NodeInvocationTopic
from protocol.triggers import matching
from protocol.triggers.memory import Memory, ended


def called(node: Node, event: SensorEvent, stack: str) -> tuple[Invocation, ...]:
    """What this node takes for an event of its own sensor."""
    functions = node.remembered()
    plain = matching.matches(event, stack, takeable(node), node.fleet)
    memories, remembered = matching.remembers(node.memories.get, event, stack, functions, node.fleet)
    _keep(node, memories)
    unclear.tell(node, matching.unclear(event, stack, functions, node.fleet))
    return plain + _here(node, remembered)


def opened(node: Node, sensor: str, value: JsonValue) -> None:
    """A sensor was opened: of the waits that were begun before, those go on whose event still stands."""
    spec = node.directory.sensors.get(sensor)
    if spec is None or not len(node.memories):
        return
    for place in _places(node):
        memory = node.memories.get(matching.key_of(place))
        if (
            memory is None
            or memory.due_mono_s is None
            or (place[0].stack, memory.trigger.sensor) != (spec.stack, sensor)
        ):
            continue
        if memory.trigger.on != _standing(spec, value):
            node.memories.put(matching.key_of(place), ended(memory))


def settle(node: Node, now: Now) -> None:
    """Call what has been waited for long enough; who may not stand any more is asked first, by opening its sensor."""
    if not len(node.memories):
        return
    due = [
        (memory.due_mono_s, place)
        for place in _places(node)
        if (memory := node.memories.get(matching.key_of(place))) is not None
        and memory.due_mono_s is not None
        and _is_open(node, memory)
        and now.has_come(memory.due_mono_s)
    ]
    waiting = [place for _, place in sorted(due, key=lambda one: one[0])]
    memories, calls = matching.passes(node.memories.get, waiting, now.mono_s)
    _keep(node, memories)
    for call in _here(node, calls):
        invocations.take(node, call, now)


def follow(node: Node) -> None:
    """Remember nothing of a trigger that is not in force any more, or is another one."""
    unclear.follow(node)
    if not len(node.memories):
        return
    wanted = {matching.key_of(place): matching.spec_of(place) for place in _places(node)}
    for key in node.memories:
        memory = node.memories.get(key)
        if memory is not None and wanted.get(key) != memory.trigger:
            node.memories.drop(key)


def _here(node: Node, calls: tuple[Invocation, ...]) -> tuple[Invocation, ...]:
    """Those that this node runs; for the others the controller finds a node: each is a fact, under the same id."""
    away = {(function.stack, function.name) for function in node.remembered() if function.is_away}
    for call in calls:
        if (call.stack, call.function) in away:
            node.note(NodeInvocationTopic(node.fleet, node.name, call.id), call)
    return tuple(call for call in calls if (call.stack, call.function) not in away)


def _places(node: Node) -> list[matching.Place]:
    return [(function, number) for function in node.remembered() for number in range(len(function.triggers))]


def _is_open(node: Node, memory: Memory) -> bool:
    chain = node.edges.get(memory.trigger.sensor)
    return chain is not None and chain.is_begun


def _standing(spec: SensorSpec, value: JsonValue) -> str:
    """The event that led to how a sensor stands, where that can be told."""
    words = devices.words_of(spec.kind, spec.options)
    if words.nature is Nature.LEVEL:
        return words.events[not value]
    if words.nature is Nature.NUMBER and "threshold" in spec.options:
        return words.events[1 if float(value) >= number(spec, "threshold") else 2]
    return ""


def _keep(node: Node, memories: dict[str, Memory]) -> None:
    for key, memory in memories.items():
        if memory == Memory(memory.trigger):
            node.memories.drop(key)
        else:
            node.memories.put(key, memory)
