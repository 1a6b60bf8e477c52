"""How each message travels: one table, from which the wire, the documentation and the broker's access rules are made.

Three classes, and every message is exactly one of them:

* **state** - the latest wins; retained; a mailbox with one slot.
* **fact** - each one counts: it waits in an outbox until the receiver has said that it committed it.
* **sample** - may be lost: the next one says it again, or the one who asked asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from protocol import desired, load, observed, operator, topics

KIB = 1024

PACKET_BYTES = 256 * KIB
"""Little else of ours is larger: a Pi Zero keeps 20 of them in flight, and MQTT brokers of small sites allow it."""

RUN_BYTES = 640 * KIB
"""What a function is given, and what it says: 256 KiB of text whose every character JSON may escape, and what stands beside it."""

MANIFEST_BYTES = 256 * KIB
"""A stack of a thousand services fits; larger is a mistake (a disk image, a log) and is refused in words."""


class Class(StrEnum):
    """What a message is worth."""

    STATE = "state"
    FACT = "fact"
    SAMPLE = "sample"


class Writer(StrEnum):
    """Who alone may publish on a topic (law 5)."""

    OPERATOR = "operator"
    CONTROLLER = "controller"
    NODE = "node"
    ANYONE = "anyone allowed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row: `message` is None where the payload is an operator's own document."""

    topic: type[topics.Topic]
    message: type[Any] | None
    delivery_class: Class
    qos: int
    retain: bool
    writer: Writer
    purpose: str
    limit_bytes: int = PACKET_BYTES

    @property
    def is_fact(self) -> bool:
        """Whether each one counts."""
        return self.delivery_class is Class.FACT


def _row(topic: type[topics.Topic], message: type[Any] | None, kind: Class, writer: Writer, purpose: str) -> Delivery:
    qos = 0 if kind is Class.SAMPLE else 1
    return Delivery(topic, message, kind, qos, kind is Class.STATE, writer, purpose)


_STATE, _FACT, _SAMPLE = Class.STATE, Class.FACT, Class.SAMPLE
_OPERATOR, _CONTROLLER, _NODE = Writer.OPERATOR, Writer.CONTROLLER, Writer.NODE

TABLE: tuple[Delivery, ...] = (
    Delivery(topics.ManifestTopic, None, _STATE, 1, True, _OPERATOR,
             "a stack, YAML or JSON; an empty payload removes the stack", MANIFEST_BYTES),
    _row(topics.StackStatusTopic, operator.StackStatus, _STATE, _CONTROLLER,
         "the verdict on the manifest, and how the stack stands"),
    Delivery(topics.OrderTopic, operator.OperatorOrder, _FACT, 1, False, _OPERATOR,
             "an order or a question; the operator waits for the answer and asks again with the same id"),
    Delivery(topics.AnswerTopic, observed.Answer, _SAMPLE, 1, False, _CONTROLLER,
             "the answer to an order or a call, where its response topic names no other", RUN_BYTES),
    Delivery(topics.CallTopic, None, _FACT, 1, False, Writer.ANYONE,
             "a direct call of a function: the payload is its standard input"),
    _row(topics.ControllerPresenceTopic, operator.ControllerPresence, _STATE, _CONTROLLER, "birth and will"),
    _row(topics.PresenceTopic, observed.Presence, _STATE, _NODE, "birth and will of one connection, with its epoch"),
    _row(topics.HelloTopic, observed.Hello, _FACT, _NODE, "the first word of a connection: where the node stands"),
    _row(topics.StatusTopic, observed.NodeStatus, _STATE, _NODE, "everything the node runs, whole"),
    _row(topics.EventTopic, observed.SensorEvent, _FACT, _NODE, "something sensed, as a CloudEvent in binary mode"),
    Delivery(topics.ResultTopic, observed.Result, _FACT, 1, False, _NODE, "the end of an invocation", RUN_BYTES),
    _row(topics.NodeInvocationTopic, desired.Invocation, _FACT, _NODE,
         "a run of a function that a trigger with a memory asks for, and that the node does not do itself"),
    Delivery(topics.RequestTopic, observed.Request, _SAMPLE, 1, False, _NODE,
             "asks for a rollout grant; repeated with a new nonce until granted"),
    _row(topics.HealthTopic, observed.Health, _SAMPLE, _NODE, "temperature, load, memory, disk"),
    _row(topics.LoadTopic, load.Load, _SAMPLE, _NODE, "what it has to do with each function: in flight, pending, instances"),
    Delivery(topics.NodeAnswerTopic, observed.Answer, _SAMPLE, 1, False, _NODE, "the answer to a command"),
    _row(topics.AssignmentTopic, desired.Assignment, _STATE, _CONTROLLER, "everything the node should run, whole"),
    _row(topics.OfferTopic, desired.Offers, _STATE, _CONTROLLER, "revisions to stage and to try when granted"),
    Delivery(topics.GrantTopic, desired.Grant, _SAMPLE, 1, False, _CONTROLLER,
             "answers a request; a lost one is asked for again"),
    Delivery(topics.InvocationTopic, desired.Invocation, _FACT, 1, False, _CONTROLLER,
             "a run of a function; repeated until its result has come", RUN_BYTES),
    _row(topics.AckTopic, desired.Ack, _SAMPLE, _CONTROLLER, "which facts of the node are committed, whole every time"),
    Delivery(topics.CommandTopic, desired.Command, _SAMPLE, 1, False, _CONTROLLER,
             "an operator's command for this node; the operator waits for the answer"),
    _row(topics.EntityStateTopic, None, _STATE, _CONTROLLER, "how a thing stands, in the words of Home Assistant"),
    Delivery(topics.EntityEventTopic, None, _SAMPLE, 1, False, _CONTROLLER,
             "something that a sensor has just said, in the words of Home Assistant"),
    Delivery(topics.EntityCommandTopic, None, _SAMPLE, 1, False, _OPERATOR,
             "what Home Assistant wants of a thing; heard only by a controller that is told of Home Assistant"),
)  # fmt: skip

BESIDE: tuple[Delivery, ...] = (
    _row(topics.DiscoveryTopic, None, _STATE, _CONTROLLER, "a device and all its things; an empty payload removes it"),
)
"""What stands beside our root, because another system says where."""

SHOWN = (topics.ControllerPresenceTopic, topics.HealthTopic, topics.EntityStateTopic, topics.EntityEventTopic)
"""What Home Assistant reads below our root."""

OPTIONAL = frozenset({topics.EntityCommandTopic})
"""What the controller hears only where it is told to."""

REPORTS = frozenset({
    topics.StackStatusTopic, topics.AnswerTopic, topics.ControllerPresenceTopic, topics.PresenceTopic, topics.HelloTopic,
    topics.StatusTopic, topics.EventTopic, topics.ResultTopic, topics.HealthTopic, topics.LoadTopic,
    topics.NodeAnswerTopic,
})  # fmt: skip
"""What tells how something stands: a newer peer may tell more than its reader knows. What asks for something is read strictly."""

BY_TOPIC: dict[type[topics.Topic], Delivery] = {row.topic: row for row in (*TABLE, *BESIDE)}


def subscriptions(fleet: str, node: str | None = None) -> tuple[tuple[str, int], ...]:
    """What to subscribe to, with the quality of service: what the controller reads, or what is for one node.

    A node also hears the controller's birth: what it said while nobody listened, it says again then.
    """
    if node is None:
        rows = [row for row in TABLE if row.writer is not _CONTROLLER and row.topic not in OPTIONAL]
        return tuple((topics.filter_of(row.topic, fleet), row.qos) for row in rows)
    rows = [row for row in TABLE if row.writer is _CONTROLLER and "node" in row.topic.__dataclass_fields__]
    rows.append(BY_TOPIC[topics.ControllerPresenceTopic])
    return tuple((topics.filter_of(row.topic, fleet, node=node), row.qos) for row in rows)
