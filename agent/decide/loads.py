"""What this node has to do with functions, told to the controller: when it changed, once a second at most, and with each health.

A sample: nobody waits for it, and a node without functions says nothing. It is made of the queue and of the instances that are
ready; a function without either is not named.
"""

from __future__ import annotations

from collections import Counter

from agent.decide.invocation import State
from agent.decide.marks import Told
from agent.decide.node import Node, Now
from protocol.ids import service_key
from protocol.load import FunctionLoad, Load
from protocol.topics import LoadTopic

EVERY_S = 1.0
# The controller looks at the load of a function once a second.


def follow(node: Node, now: Now) -> None:
    """Say the load, if it is news, or if this connection has not heard it for long."""
    if node.link is None or not node.link.up:
        return
    told, ready = node.told, _ready(node)
    is_first, is_again = told.epoch != node.link.epoch, node.was_hosted
    if not (is_first or is_again) and (told.version, told.ready) == (node.runs.version, ready):
        return
    if not is_first and not now.has_come(told.at_mono_s + EVERY_S):
        return
    load = load_of(node)
    node.told = Told(node.link.epoch, now.mono_s, load, node.runs.version, ready)
    is_quiet = load == told.load and not (is_first or is_again)
    if not is_quiet and (load.functions or told.load.functions or node.sections().functions):
        node.say(LoadTopic(node.fleet, node.name), load)
    elif is_quiet:
        node.told = Told(told.epoch, told.at_mono_s, load, node.runs.version, ready)


def load_of(node: Node) -> Load:
    """All work, by function."""
    runs = node.runs.values()
    in_flight = Counter(service_key(run.stack, run.function) for run in runs if run.state is State.DISPATCHED)
    pending = Counter(service_key(run.stack, run.function) for run in runs if run.state is State.PENDING)
    ready = Counter(_ready(node))
    keys = sorted({*in_flight, *pending, *ready})
    return Load(tuple(FunctionLoad(key, in_flight[key], pending[key], ready[key]) for key in keys))


def _ready(node: Node) -> tuple[str, ...]:
    """The function of each instance that may be asked."""
    return tuple(sorted(service_key(one.stack, one.function) for one in node.instances.values() if one.is_ready))
