"""What a node was to be told and was not, because no message may hold it: its operator reads it wherever he would look (law 9).

The node goes on with what it was told last, so this is a reason and no failure. It is found when the message is made, after the
commit of the turn that wanted it, and ends with the first one that fits.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.inputs import Unsaid
from controller.decide.records import service_of, stack_of
from protocol.topics import AssignmentTopic, OfferTopic

WHAT = {AssignmentTopic: "what it should run", OfferTopic: "its updates"}
REMEDY = "it goes on with what it has; have fewer services there, or smaller configs and handlers"


def take(fleet: Fleet, seen: Unsaid) -> None:
    """Keep why something was not said, or that it was."""
    topic = seen.topic
    if not isinstance(topic, AssignmentTopic | OfferTopic) or topic.node not in fleet.nodes:
        return
    known = fleet.unsaid.get(topic.node, {})
    if known.get(type(topic), "") == seen.reason:
        return
    now = {kind: reason for kind, reason in known.items() if kind is not type(topic)}
    now |= {type(topic): seen.reason} if seen.reason else {}
    fleet.unsaid[topic.node] = now
    if not now:
        del fleet.unsaid[topic.node]
    fleet.unsettled.reports |= {stack_of(task) for task in fleet.tasks.of("node", topic.node)}


def sentences(fleet: Fleet, node: str) -> list[str]:
    """What a node was not told, and why."""
    return [f"{WHAT[kind]} cannot be told: {reason}; {REMEDY}" for kind, reason in fleet.unsaid.get(node, {}).items()]


def of_service(fleet: Fleet, service: str) -> list[str]:
    """The same of every node that has a task of a service."""
    nodes = [
        node
        for node in sorted(fleet.unsaid)
        if any(service_of(task) == service for task in fleet.tasks.of("node", node))
    ]
    return [f"{node}: {sentence}" for node in nodes for sentence in sentences(fleet, node)]
