"""What an operator wants to read of a task's log, or a warm function's: the last lines of its container, or why there are none.

Reading is the engine's business and an effect. Nothing is followed: a log that flows on would take the whole of a slow line.
"""

from __future__ import annotations

from agent.decide.effects import ReadLog
from agent.decide.inputs import CommandDone, EngineSeen, InstanceSeen, Phase
from agent.decide.node import Node
from protocol.desired import Command
from protocol.function import FunctionSpec

LINES_MOST = 5_000
"""A screen holds fifty; whoever looks for something older looks on the node."""


def read(node: Node, command: Command) -> ReadLog | CommandDone:
    """What is to be done for a command that names a task, or a function as `stack.name`, and a number of lines."""
    text = command.value
    container, why = _container(node, command.target)
    if not container:
        return CommandDone(command.id, ok=False, message=why)
    lines = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(LINES_MOST)) else 0
    if not 1 <= lines <= LINES_MOST:
        return CommandDone(command.id, ok=False, message=f"{text[:63]!r} is no number of lines from 1 to {LINES_MOST}")
    return ReadLog(command.id, container, lines)


def _container(node: Node, target: str) -> tuple[str, str]:
    """Whose log it is, or why there is none."""
    name, task = target[:127], node.tasks.get(target)
    if task is not None:
        said = f": {task.reason}" if task.reason else ""
        return task.container, f"{name} has no container yet{said}"
    stack, _, function = target.partition(".")
    if spec := node.directory.functions.get((stack, function)):
        return _instance(node, spec), f"{name} has no instance on this node now"
    return "", f"there is no task {name!r} on this node"


def _instance(node: Node, function: FunctionSpec) -> str:
    """The container of an instance: of one that runs sooner than of one that has ended, of the revision in force, of the first."""
    here = node.engine.instances if isinstance(node.engine, EngineSeen) else ()
    its = [one for one in here if (one.stack, one.function) == (function.stack, function.name)]

    def rank(one: InstanceSeen) -> tuple[bool, bool, int]:
        return one.phase is not Phase.RUNNING, one.revision != function.revision, one.number

    return min(its, key=rank).id if its else ""
