"""The flight recorder: the last readings that this node took in, for whoever wants to know why a function was called, or was not.

Kept in memory only: a card would wear out by it. What it gives is a trace that `bramble triggers test` reads.
"""

from __future__ import annotations

from agent.decide.inputs import CommandDone
from agent.decide.node import Node
from protocol.desired import Command
from protocol.shapes import JsonValue, write

TRACE_BYTES = 128 * 1024
# Half of what a packet may hold: readings of other devices' topics can be long.


def told(node: Node, command: Command) -> CommandDone:
    """The newest readings that fit into an answer, the oldest first."""
    lines: list[JsonValue] = []
    size = 0
    for reading in reversed(node.flight):
        line = {"sensor": reading.sensor, "value": reading.value, "at_ns": reading.at_ns}
        line |= {"opening": True} if reading.opening else {}
        size += len(write(line))
        if size > TRACE_BYTES:
            break
        lines.append(line)
    return CommandDone(command.id, ok=True, message=f"the last {len(lines)} readings", result=lines[::-1])
