"""When the passing of time calls a function: `every_s` on each node that hosts it; what its clock calls is `trigger_times`'s.

A timer keeps its time over restarts of the agent. Where `catchup` says nothing, the time that the node was off does not count,
a late timer fires once, and what came without an engine is let go; where it does, `ticks` tells what is made good. A tick has a
number of its own in this store, so its invocation id is new each time and the same for each repetition.
"""

from __future__ import annotations

from agent.decide import invocations, ticks, trigger, trigger_times
from agent.decide.hosting import can_take
from agent.decide.node import Deadline, Node, Now
from protocol.ids import service_key
from protocol.triggers import matching
from protocol.triggers.matching import Place, tick

MOVED_S = 0.001
# What is lost in the sums when a moment is moved from one boot to the next; more than this means a quicker timer.


def fire(node: Node, now: Now) -> None:
    """Call what is due, and follow what is in force."""
    trigger.follow(node)
    trigger.settle(node, now)
    trigger_times.fire(node, now)
    wanted = node.directory.intervals
    for key in node.timers:
        if key not in wanted:
            node.timers.drop(key)
    for key, place in wanted.items():
        follow = _lenient if matching.spec_of(place).catchup is None else _counted
        node.timers.put(key, follow(node, place, node.timers.get(key), now))


def _lenient(node: Node, place: Place, timer: Deadline | None, now: Now) -> Deadline:
    """A timer that makes nothing good."""
    (function, _), every_s = place, matching.spec_of(place).every_s
    due_s = _due_s(timer, every_s, now)
    if not now.has_come(due_s):
        return Deadline(due_s)
    if can_take(node, function):
        _call(node, place, {}, now)
    else:
        node.tally("ticks_missed", service_key(function.stack, function.name))
    return Deadline(max(due_s + every_s, now.mono_s + every_s / 2))


def _counted(node: Node, place: Place, timer: Deadline | None, now: Now) -> Deadline:
    """A timer none of whose ticks is lost sight of; without an engine it waits."""
    (function, _), spec = place, matching.spec_of(place)
    if timer is None or not now.has_come(timer.due_mono_s - spec.every_s - MOVED_S):
        timer = ticks.dated(_due_s(timer, spec.every_s, now), node.boot, now)
    timer = ticks.followed(timer, node.boot, now)
    if not can_take(node, function) or not now.has_come(timer.due_mono_s):
        return timer
    moments, missed, next_mono_s = ticks.come(spec, timer.due_mono_s, now)
    for mono_s in moments:
        _call(node, place, {"planned": now.wall_at(mono_s)}, now)
    if missed:
        node.tally("ticks_missed", service_key(function.stack, function.name), number=missed)
    return ticks.dated(next_mono_s, node.boot, now)


def _due_s(timer: Deadline | None, every_s: float, now: Now) -> float:
    """When a timer is due: one that is new, or quicker than it was, after its interval."""
    return now.mono_s + every_s if timer is None else min(timer.due_mono_s, now.mono_s + every_s)


def _call(node: Node, place: Place, said: dict[str, str], now: Now) -> None:
    function, number = place
    cause = f"{node.stream}-tick-{node.count('tick')}"
    source = f"/bramble/{node.fleet}/node/{node.name}/timer/{function.name}"
    attributes = {"source": source, "time": now.wall, **said, "node": node.name, "clock": str(now.clock)}
    invocations.take(node, tick(cause, function, number, attributes), now)
