"""What an operator wants to read of a task's log: the last lines of its container, or why there are none.

Reading is the engine's business and an effect. Nothing is followed: a log that flows on would take the whole of a slow line.
"""

from __future__ import annotations

from agent.decide.effects import ReadLog
from agent.decide.inputs import CommandDone
from agent.decide.node import Node
from protocol.desired import Command

LINES_MOST = 5_000
"""A screen holds fifty; whoever looks for something older looks on the node."""


def read(node: Node, command: Command) -> ReadLog | CommandDone:
    """What is to be done for a command that names a task and a number of lines."""
    name, text = command.target[:127], command.value
    task = node.tasks.get(command.target)
    if task is None:
        return CommandDone(command.id, ok=False, message=f"there is no task {name!r} on this node")
    if not task.container:
        said = f": {task.reason}" if task.reason else ""
        return CommandDone(command.id, ok=False, message=f"{name} has no container yet{said}")
    lines = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(LINES_MOST)) else 0
    if not 1 <= lines <= LINES_MOST:
        return CommandDone(command.id, ok=False, message=f"{text[:63]!r} is no number of lines from 1 to {LINES_MOST}")
    return ReadLog(command.id, task.container, lines)
