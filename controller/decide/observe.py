"""What a message changes: the one place where something from outside enters the fleet.

Every fact is counted in by its mark first, and acknowledged after the commit; a fact that was counted before changes nothing. The
topic is the authority, because access rules are written for topics: a message may only speak of what its topic names (S10). What
cannot be read is counted and, where an operator waits, answered; a node that never said hello is told about once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controller.decide import (
    arrivals,
    brief,
    decommission,
    greeting,
    images,
    invocations,
    keeps,
    leases,
    manifests,
    nodes,
    orders,
    releases,
    resay,
    streams,
    twins,
    unsaid,
)
from controller.decide.assignments import release
from controller.decide.fleet import Fleet
from controller.decide.home_assistant import announce, commands, events
from controller.decide.inputs import Heard, HomeAssistantSaid, Input, Inspected, Unreadable, Unsaid
from controller.decide.records import stack_of
from controller.decide.rollouts import planning, rollout
from link.inputs import LinkDown, LinkUp
from protocol import delivery, topics
from protocol.delivery import MANIFEST_BYTES
from protocol.observed import Answer, Hello, Link, NodeStatus
from protocol.operator import ManifestFault

UNKNOWN = "unknown"

TOLD_OUT = (
    "more than {} names speak here that are no nodes of this fleet; no further ones are told of, and all are counted as refusals "
    "(unknown_node): see who may write to the broker"
)
"""Who makes up names fills neither our memory nor the log with them."""

UNHEEDED: tuple[type[topics.Topic], ...] = (topics.HelloTopic, topics.StatusTopic, topics.RequestTopic)
"""What says how a node stands, and what it wants: of two devices under one name it would be true of one of them."""


def observe(fleet: Fleet, happened: Input, now_mono_s: float) -> None:
    """Take one input in."""
    match happened:
        case Heard():
            _heard(fleet, happened, now_mono_s)
        case Unreadable():
            _unreadable(fleet, happened)
        case Inspected():
            _inspected(fleet, happened, now_mono_s)
        case Unsaid():
            unsaid.take(fleet, happened)
        case LinkUp():
            leases.link_up(fleet, now_mono_s)
            resay.begin(fleet, now_mono_s)
            announce.link_up(fleet, now_mono_s)
        case HomeAssistantSaid():
            announce.heard(fleet, happened, now_mono_s)
        case LinkDown():
            fleet.is_up = False
            fleet.remark("broker", happened.reason)


def _inspected(fleet: Fleet, seen: Inspected, now_mono_s: float) -> None:
    if seen.plan:
        planning.inspected(fleet, seen, now_mono_s)
    else:
        manifests.come_into_force(fleet, images.inspected(fleet, seen))


def _heard(fleet: Fleet, heard: Heard, now_mono_s: float) -> None:
    topic = heard.received.topic
    if topic.fleet != fleet.name:
        fleet.tally("refusals", "other_fleet")
        return
    if hasattr(topic, "node"):
        _from_node(fleet, heard, now_mono_s)
        return
    match topic:
        case topics.ManifestTopic():
            take = manifests.kept if heard.retained else manifests.publish
            take(fleet, topic.stack, heard.received.message, heard.payload_digest, now_mono_s)
            if not heard.retained:  # the broker's own memory of it is nobody's wish
                manifests.published_again(fleet, topic.stack, now_mono_s)
        case topics.OrderTopic():
            orders.order(fleet, topic.id, heard, now_mono_s)
        case topics.CallTopic():
            orders.call(fleet, topic, heard, now_mono_s)
        case topics.EntityCommandTopic():
            commands.command(fleet, topic, heard, now_mono_s)
        case _:
            fleet.tally("refusals", "unexpected_topic")


def _unreadable(fleet: Fleet, what: Unreadable) -> None:
    topic = what.topic
    if topic is not None and not what.size_bytes and delivery.BY_TOPIC[type(topic)].retain:
        return  # somebody emptied a retained topic; it may have been us
    fleet.tally("refusals", "unreadable")
    fleet.remark(str(topic) if topic else "broker", f"unreadable: {what.refusal.reason}")
    match topic:
        case topics.ManifestTopic():
            too_large = what.size_bytes > MANIFEST_BYTES
            fault = manifests.too_large(what.size_bytes) if too_large else ManifestFault(what.refusal.reason)
            manifests.refuse(fleet, topic.stack, what.payload_digest, (fault,))
        case topics.OrderTopic() | topics.CallTopic():
            answer = Answer(topic.id, ok=False, message=what.refusal.reason)
            response_topic = what.response_topic or str(topics.AnswerTopic(fleet.name, topic.id))
            fleet.reply(response_topic, what.correlation, answer)


def _from_node(fleet: Fleet, heard: Heard, now_mono_s: float) -> None:
    topic, message = heard.received.topic, heard.received.message
    node: str = topic.node  # type: ignore[attr-defined]
    if getattr(message, "node", node) != node:
        _refuse(fleet, node, "other_node", f"speaks for another node, {message.node}")
        return
    mark, is_hello = heard.received.mark, isinstance(message, Hello)
    if node not in fleet.nodes and not is_hello:
        _unknown(fleet, node, heard, now_mono_s)
        return
    _passed_over(fleet, node, heard.received.unknown, is_hello=is_hello)
    events.came(fleet, node, mark, now_mono_s, is_hello=is_hello)
    if mark is not None and not greeting.count_in(fleet, node, mark, is_hello=is_hello):
        return
    if twins.is_quarantined(fleet, node) and type(topic) in UNHEEDED:
        twins.put_aside(fleet, node, topic, message)
        if isinstance(message, Hello):
            twins.greeted(fleet, node, message, now_mono_s)
    else:
        _TAKE[type(topic)](fleet, topic, message, now_mono_s)
    if not heard.retained and not isinstance(topic, topics.PresenceTopic):
        leases.spoke(fleet, node, now_mono_s)


def _passed_over(fleet: Fleet, node: str, unknown: str, *, is_hello: bool) -> None:
    """Keep the first of what a newer agent tells and nobody here knows, until a hello that all is known of."""
    if unknown and node not in fleet.unknown:
        fleet.remark(node, nodes.newer(unknown))
    if unknown:
        fleet.tally("newer_reports")
        fleet.unknown[node] = unknown
    elif is_hello:
        fleet.unknown.pop(node, None)


def heed(fleet: Fleet, now_mono_s: float) -> None:
    """Take in what was said last under a name that was quarantined; what is known from before may be of another device."""
    released, fleet.unsettled.released = sorted(fleet.unsettled.released), set()
    for node in released:
        said = fleet.unheeded.pop(node, {})
        if topics.StatusTopic in said:
            greeting.forget_status(fleet, node)
        else:
            greeting.tell_anew(fleet, node)
        for kind in UNHEEDED:
            topic, message = said.get(kind, (None, None))
            if topic is not None and kind is not topics.RequestTopic:
                _TAKE[kind](fleet, topic, message, now_mono_s)


def _refuse(fleet: Fleet, node: str, kind: str, sentence: str) -> None:
    fleet.tally("refusals", kind)
    fleet.remark(node, sentence)


def still_unknown(fleet: Fleet, node: str) -> None:
    """A node has spoken and had time for a hello."""
    if node not in fleet.nodes:
        fleet.remark(node, "is no node of this fleet: it speaks, and has not said hello")


def _unknown(fleet: Fleet, node: str, heard: Heard, now_mono_s: float) -> None:
    """A birth comes before the hello, and is no news; for anything else a hello must follow, or it is told about once.

    What the last connection of a node that has left leaves on the broker is cleared. Any other node whose store was never heard of
    is asked: to one that stays connected while our store is put back as it was before the node joined, we have but begun again.
    """
    if isinstance(heard.received.topic, topics.PresenceTopic):
        if node in fleet.departed and heard.received.message.state is Link.OFFLINE:
            decommission.clear(fleet, node)
        return
    fleet.tally("refusals", "unknown_node")
    mark = heard.received.mark
    stream = mark.stream if mark is not None else getattr(heard.received.message, "stream", "")
    if stream and node not in fleet.departed and streams.key_of(node, stream) not in fleet.intakes:
        streams.ask(fleet, node, stream)
    if node in fleet.told:
        return
    if len(fleet.told) < fleet.terms.answers_kept:
        fleet.told.add(node)
        fleet.deadlines.set(UNKNOWN, node, now_mono_s + fleet.terms.suspect_grace_s)
    elif not fleet.is_told_out:
        fleet.is_told_out = True
        fleet.remark("broker", TOLD_OUT.format(fleet.terms.answers_kept))


def _status(fleet: Fleet, topic: topics.StatusTopic, status: NodeStatus, now_mono_s: float) -> None:
    if status.stream and not streams.is_present(fleet, topic.node, status.stream):
        fleet.tally("stale_statuses")
        streams.ask(fleet, topic.node, status.stream)
        return
    before = fleet.statuses.get(topic.node)
    if before is not None and (status.epoch, status.sequence) <= (before.epoch, before.sequence):
        fleet.tally("stale_statuses")
        return
    status = brief.heard(status)
    greeting.shown(fleet, status)
    fleet.statuses.put(topic.node, status)
    for task in before.tasks if before else ():
        fleet.seen.pop((topic.node, task.task), None)
    for task in status.tasks:
        fleet.seen[topic.node, task.task] = task
    release(fleet, status)
    decommission.shown(fleet, status)
    rollout.report(fleet, status, now_mono_s)
    releases.seen(fleet, status)
    arrivals.seen(fleet, status)
    named = {task.task for task in status.tasks} | set(fleet.tasks.of("node", topic.node))
    stacks = {stack_of(task) for task in named}
    devices = fleet.devices.get(topic.node)
    if devices is not None:
        stacks |= {stack_of(key) for key in (*devices.sensors, *devices.actuators, *devices.functions)}
    fleet.unsettled.reports |= stacks & set(fleet.catalogue.stacks)


def _presence(fleet: Fleet, topic: topics.PresenceTopic, message: Any, now_mono_s: float) -> None:
    leases.said(fleet, topic.node, message, now_mono_s)


def _event(fleet: Fleet, topic: topics.EventTopic, message: Any, now_mono_s: float) -> None:
    if message.sensor != topic.sensor:
        _refuse(fleet, topic.node, "other_topic", f"says an event of {message.sensor} on the topic of {topic.sensor}")
        return
    fleet.tally("events")
    events.sensed(fleet, message)
    invocations.sensed(fleet, message, now_mono_s)


def _asked(fleet: Fleet, topic: topics.NodeInvocationTopic, message: Any, now_mono_s: float) -> None:
    if message.id != topic.id:
        _refuse(fleet, topic.node, "other_topic", f"asks for another invocation on the topic of {topic.id}")
        return
    invocations.asked(fleet, topic.node, message, now_mono_s)


def _result(fleet: Fleet, topic: topics.ResultTopic, message: Any, now_mono_s: float) -> None:
    if message.id != topic.id:
        _refuse(fleet, topic.node, "other_topic", f"says a result of another invocation on the topic of {topic.id}")
        return
    invocations.ended(fleet, message, now_mono_s)


def _request(fleet: Fleet, topic: topics.RequestTopic, message: Any, __: float) -> None:
    fleet.requests.append((topic.node, message))


def _health(fleet: Fleet, topic: topics.HealthTopic, message: Any, __: float) -> None:
    fleet.health[topic.node] = message
    resay.lagging(fleet, topic.node)


def _load(fleet: Fleet, topic: topics.LoadTopic, message: Any, __: float) -> None:
    keeps.heard(fleet, topic.node, message.functions)


def _node_answer(fleet: Fleet, topic: topics.NodeAnswerTopic, message: Any, __: float) -> None:
    orders.answered(fleet, topic.node, topic.id, message)


_TAKE: dict[type[topics.Topic], Callable[[Fleet, Any, Any, float], None]] = {
    topics.HelloTopic: greeting.hello,
    topics.PresenceTopic: _presence,
    topics.StatusTopic: _status,
    topics.EventTopic: _event,
    topics.ResultTopic: _result,
    topics.NodeInvocationTopic: _asked,
    topics.RequestTopic: _request,
    topics.HealthTopic: _health,
    topics.LoadTopic: _load,
    topics.NodeAnswerTopic: _node_answer,
}
