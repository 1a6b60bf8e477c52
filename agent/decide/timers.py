"""When the passing of time calls a function: `every_s` on each node that hosts it; what its clock calls is `trigger_times`'s.

A timer keeps its time over restarts of the agent; the time that the node was off does not count. A late timer fires once and does
not catch up. A tick has a number of its own in this store, so its invocation id is new each time and the same for each repetition.
"""

from __future__ import annotations

from agent.decide import invocations, trigger, trigger_times
from agent.decide.hosting import can_take
from agent.decide.node import Deadline, Node, Now
from protocol.function import FunctionSpec
from protocol.triggers import tick


def fire(node: Node, now: Now) -> None:
    """Call what is due, and follow what is in force."""
    trigger.follow(node)
    trigger.settle(node, now)
    trigger_times.fire(node, now)
    wanted = {
        f"{function.stack} {function.name} {number}": (function, number, trigger.every_s)
        for function in node.sections().functions
        for number, trigger in enumerate(function.triggers)
        if trigger.every_s > 0
    }
    for key in node.timers:
        if key not in wanted:
            node.timers.drop(key)
    for key, (function, number, every_s) in wanted.items():
        timer = node.timers.get(key)
        due_s = now.mono_s + every_s if timer is None else min(timer.due_mono_s, now.mono_s + every_s)
        if now.has_come(due_s):
            _call(node, function, number, now)
            due_s = max(due_s + every_s, now.mono_s + every_s / 2)
        node.timers.put(key, Deadline(due_s))


def _call(node: Node, function: FunctionSpec, number: int, now: Now) -> None:
    if not can_take(node, function):
        node.tally("ticks_missed", function.name)
        return
    cause = f"{node.stream}-tick-{node.count('tick')}"
    source = f"/bramble/{node.fleet}/node/{node.name}/timer/{function.name}"
    attributes = {"source": source, "time": now.wall, "node": node.name, "clock": str(now.clock)}
    invocations.take(node, tick(cause, function, number, attributes), now)
