"""The images of functions are brought to the node when they are assigned, not when they are first called.

The first event may come on a day without a network, and a doorbell does not wait for a pull. What cannot be fetched is told in
the node's status, and tried again.
"""

from __future__ import annotations

from agent.decide.inputs import EngineSeen
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from protocol.desired import FunctionSpec

KEY_PREFIX = "function "
# Tells a function's fetch from a task's step; no task id holds a space.


def fetch(node: Node, now: Now) -> None:
    """Have the image of every assigned function here."""
    if not isinstance(node.engine, EngineSeen):
        return
    for function in node.assignment.functions:
        key = key_of(function)
        if node.engine.has(function.container.image) or key in node.busy or key in node.unseen:
            continue
        if node.waits.get(key, 0.0) <= now.mono_s:
            node.busy.add(key)
            node.effects.append(pull(node, key, function.stack, function.container))


def forget(node: Node) -> None:
    """Remember nothing of functions that are not assigned."""
    keys = set(map(key_of, node.assignment.functions))
    node.unfetched = {key: reason for key, reason in node.unfetched.items() if key in keys}


def key_of(function: FunctionSpec) -> str:
    """Under which key a function's image is fetched."""
    return f"{KEY_PREFIX}{function.stack}.{function.name}"


def unfetched(node: Node) -> tuple[str, ...]:
    """Why functions of the assignment cannot run here yet."""
    keys = {key_of(function): function for function in node.assignment.functions}
    return tuple(f"{key}: {node.unfetched[key]}" for key in keys if key in node.unfetched)
