"""Why each node carries a service or does not: one line per node, from the very filters and scores by which the scheduler chooses.

A question may look at the whole fleet: people ask it, not nodes.
"""

from __future__ import annotations

from controller.decide import twins
from controller.decide.assignments import holders
from controller.decide.fleet import Fleet
from controller.decide.placement import filters
from controller.decide.placement.filters import Candidate, candidate
from controller.decide.placement.groups import Key
from controller.decide.placement.need import Need, need_of
from controller.decide.placement.ranking import score
from controller.decide.placement.scheduler import best_node
from protocol.ids import service_key
from protocol.operator import NodeObjection
from protocol.stack import Service

NEXT = "would be the next to be chosen"

BEHIND = (
    "others have fewer tasks of it",
    "others have fewer tasks",
    "others have a smaller share reserved",
    "others have the image already",
    "others come first by name",
)
"""Why a node comes after the best one, by the first part of their scores that differs."""


def explained(fleet: Fleet, service: Service) -> tuple[NodeObjection, ...]:
    """A line for every node, in the order of their names."""
    need, first = need_of(fleet, service), best_node(fleet, service)
    best = None if first is None else candidate(fleet, first, need)
    carrying: dict[str, list[str]] = {}
    for task in sorted(fleet.tasks.of("service", service_key(service.stack, service.name))):
        carrying.setdefault(fleet.tasks[task].node, []).append(task)
    return tuple(
        _carries(fleet, name, carrying[name]) if name in carrying else _idles(fleet, name, need, best)
        for name in sorted(fleet.nodes)
    )


def _carries(fleet: Fleet, name: str, tasks: list[str]) -> NodeObjection:
    held = [
        f"{task} waits until {', '.join(found)} has stopped it" for task in tasks if (found := holders(fleet, task))
    ]
    leaving = [f"{task} must leave, and waits its turn" for task in tasks if fleet.moves.is_waiting(task)]
    twinned = [said] if (said := twins.sentence(fleet, name)) else []
    return NodeObjection(name, chosen=True, objections=(*held, *leaving, *twinned))


def _idles(fleet: Fleet, name: str, need: Need, best: Candidate | None) -> NodeObjection:
    one = candidate(fleet, name, need)
    against = filters.objections(one, need)
    if not against:
        is_next = best is None or best.node is one.node
        against = (_behind(score(one, need), score(best, need)) if best and not is_next else NEXT,)
    return NodeObjection(name, chosen=False, objections=against)


def _behind(ours: Key, best: Key) -> str:
    """The first difference; a node that scores better is behind because of its group."""
    if ours < best:
        return "other groups have fewer tasks of it"
    return BEHIND[next(index for index, (one, other) in enumerate(zip(ours, best, strict=True)) if one != other)]
