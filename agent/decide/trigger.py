"""Which functions of this node an event calls, and what their triggers remember of it: one commit with the event.

A trigger without a memory is matched here first, and by the controller for what this node does not take. One with a memory is
matched here alone; what it calls waits in this node's queue, also while no engine is there.
"""

from __future__ import annotations

from agent.decide import invocations
from agent.decide.node import Node
from protocol import triggers
from protocol.desired import Invocation
from protocol.observed import SensorEvent


def called(node: Node, event: SensorEvent, stack: str) -> tuple[Invocation, ...]:
    """What this node takes for an event of its own sensor."""
    functions = node.sections().functions
    plain = triggers.matches(event, stack, functions, node.fleet) if invocations.can_take(node) else ()
    memories, remembered = triggers.remembers(node.memories.get, event, stack, functions, node.fleet)
    for key, memory in memories.items():
        node.memories.put(key, memory)
    return plain + remembered


def follow(node: Node) -> None:
    """Remember nothing of a trigger that is not in force any more, or is another one."""
    if not len(node.memories):
        return
    wanted = {triggers.key_of((f, i)): t for f in node.sections().functions for i, t in enumerate(f.triggers)}
    for key in node.memories:
        memory = node.memories.get(key)
        if memory is not None and wanted.get(key) != memory.trigger:
            node.memories.drop(key)
