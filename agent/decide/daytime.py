"""Sensors that are on between two times of the day: decided here, because it is a matter of the clock and of nothing else.

The clock is used as it is, like that of schedules; events say how far it is to be trusted. When it is set, the level is looked at
anew, and is an event if it is another one: what follows it then stands as it should. A Pi that boots in the past begins with the
level of that past, which is no event.
"""

from __future__ import annotations

from agent.decide import devices
from agent.decide.node import Node, Now
from protocol.options import number
from sensors.stage import NS_PER_S, Reading

KIND = "time-of-day"
DAY_S = 86_400.0


def follow(node: Node, now: Now) -> None:
    """Look at the clock for each of these sensors, and ask to be woken at the next turn of each."""
    specs = node.directory.kinds.get(KIND, [])
    if len(node.levels) > len(specs):
        node.levels = {spec.name: node.levels[spec.name] for spec in specs if spec.name in node.levels}
    for spec in specs:
        chain = node.edges.get(spec.name)
        if chain is not None:
            start_s, end_s = number(spec, "start"), number(spec, "end")
            level = is_between(now.second_of_day, start_s, end_s)
            now.is_past(now.epoch_s + _until(now.second_of_day, end_s if level else start_s))
            if not chain.is_begun or node.levels.get(spec.name) != level:
                node.levels[spec.name] = level
                at_ns = round(now.mono_s * NS_PER_S)
                devices.sensed(node, Reading(spec.name, level, at_ns, opening=not chain.is_begun), now)


def is_between(second_s: float, start_s: float, end_s: float) -> bool:
    """Whether a second of the day is from `start_s` until just before `end_s`, which may be after midnight."""
    return (second_s - start_s) % DAY_S < (end_s - start_s) % DAY_S


def _until(second_s: float, then_s: float) -> float:
    return (then_s - second_s) % DAY_S or DAY_S
