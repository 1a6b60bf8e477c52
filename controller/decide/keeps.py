"""How many instances of a warm function each node keeps ready: decided here, told with the assignment (`FunctionSpec.keep`).

`scaling` says how many over all nodes that are online, and where. What is kept on a node that goes away stays its own, so that its
return disturbs nothing; the others make up for it meanwhile, and when it is back there are too many for a while. A function is
looked at when its load, its hosts or its manifest changed, at most once a second, and at the moments that `scaling` names.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide import scaling
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Availability
from controller.decide.scaling import Keep, Watch
from protocol.function import FunctionSpec, Mode
from protocol.ids import service_key
from protocol.load import FunctionLoad
from protocol.stack import Stack

KIND = "keep"

LOOK_EVERY_S = 1.0
"""A node says its load once a second at most; a thousand of them need not be added up more often than that."""


def heard(fleet: Fleet, node: str, said: tuple[FunctionLoad, ...]) -> None:
    """A node says what it has to do; of functions that it does not host it can say nothing."""
    hosted = [one for one in said if node in fleet.hosts.get(one.function, ())]
    fleet.unsettled.scales |= fleet.loads.put(node, hosted)


def gone(fleet: Fleet, node: str) -> None:
    """A node is away: nobody knows what it has to do."""
    fleet.unsettled.scales |= fleet.loads.put(node, ())
    look_at(fleet, node)


def look_at(fleet: Fleet, node: str) -> None:
    """A node came or went: whoever hosts its functions with it is counted anew."""
    devices = fleet.devices.get(node)
    fleet.unsettled.scales |= {key for key in (devices.functions if devices else ()) if is_warm(fleet, key)}


def changed(fleet: Fleet, *stacks: Stack) -> None:
    """These stacks came, went, or host their functions elsewhere."""
    fleet.unsettled.scales |= {service_key(stack.name, name) for stack in stacks for name in stack.functions}


def settle(fleet: Fleet, now_mono_s: float) -> None:
    """Decide on what changed."""
    functions, fleet.unsettled.scales = sorted(fleet.unsettled.scales), set()
    for key in functions:
        if not is_warm(fleet, key):
            _forget(fleet, key)
            continue
        watch = fleet.scalings.setdefault(key, Watch())
        if now_mono_s < watch.looked_mono_s + LOOK_EVERY_S:
            _look_again(fleet, key, watch.looked_mono_s + LOOK_EVERY_S)
        else:
            watch.looked_mono_s = now_mono_s
            _settle(fleet, key, watch, now_mono_s)


def is_warm(fleet: Fleet, key: str) -> bool:
    """Whether a function (`stack.function`) is kept running between its calls."""
    function = fleet.catalogue.functions.get(key)
    return function is not None and function.spec.mode is Mode.WARM


def kept(fleet: Fleet, key: str, node: str) -> int:
    """How many instances a node is to keep ready."""
    keep = fleet.keeps.get(key)
    return keep.nodes.get(node, 0) if keep is not None else 0


def filled(fleet: Fleet, node: str, functions: tuple[FunctionSpec, ...]) -> tuple[FunctionSpec, ...]:
    """The functions of a node, each with what it keeps ready of it."""
    if not fleet.keeps:
        return functions
    return tuple(replace(one, keep=kept(fleet, service_key(one.stack, one.name), node)) for one in functions)


def _settle(fleet: Fleet, key: str, watch: Watch, now_mono_s: float) -> None:
    scale, hosts = fleet.catalogue.functions[key].spec.scale, fleet.hosts.get(key, set())
    before = fleet.keeps.get(key) or Keep(key)
    stays = {n: min(c, scale.max_per_node) for n, c in before.nodes.items() if n in hosts and _may_keep(fleet, n)}
    has = sum(count for node, count in stays.items() if _is_online(fleet, node))
    placeless = len(fleet.ledger.of("work", (key, "")))
    found = scaling.wanted(scale, has, fleet.loads.busy(key) + placeless, watch.scaling, now_mono_s)
    watch.scaling = found.scaling
    if placeless:  # nobody says when they have found their node, and its next load may be what it was
        _look_again(fleet, key, now_mono_s + LOOK_EVERY_S)
    elif found.look_mono_s is not None:
        _look_again(fleet, key, found.look_mono_s)
    else:
        fleet.deadlines.drop(KIND, key)
    if min(found.count, len(hosts) * scale.max_per_node) != has:
        there = [node for node in hosts if _is_online(fleet, node) and _may_keep(fleet, node)]
        busy = {node: fleet.loads.of(node, key).busy for node in there}
        stays = {node: count for node, count in stays.items() if node not in busy}
        stays |= scaling.spread(found.count, before.nodes, busy, scale.max_per_node, fleet.laden)
    if stays != before.nodes:
        _keep(fleet, before, Keep(key, dict(sorted(stays.items()))))


def _keep(fleet: Fleet, before: Keep, after: Keep) -> None:
    more = sum(after.nodes.values()) - sum(before.nodes.values())
    if after.nodes:
        fleet.keeps.put(after.function, after)
    else:
        fleet.keeps.drop(after.function)
    nodes = before.nodes.keys() | after.nodes.keys()
    fleet.unsettled.assignments |= {node for node in nodes if before.nodes.get(node) != after.nodes.get(node)}
    if more:
        fleet.tally_function("scalings", after.function, "more" if more > 0 else "fewer")


def _forget(fleet: Fleet, key: str) -> None:
    """A function is gone, or is warm no longer."""
    fleet.scalings.pop(key, None)
    fleet.deadlines.drop(KIND, key)
    if (before := fleet.keeps.get(key)) is not None:
        _keep(fleet, before, Keep(key))


def _look_again(fleet: Fleet, key: str, due_mono_s: float) -> None:
    fleet.deadlines.set(KIND, key, due_mono_s)


def _may_keep(fleet: Fleet, node: str) -> bool:
    """One that is drained starts instances for its own events, and keeps none ready for others."""
    return fleet.nodes[node].availability is not Availability.DRAIN


def _is_online(fleet: Fleet, node: str) -> bool:
    return fleet.presence(node) is Presence.ONLINE
