"""What Home Assistant wants of a thing, as the order or the command that an operator would give.

It has no ear for a refusal, so the last one stands in an entity of the device, and in the log; whoever names a response topic is
answered there. A command that a broker has kept was meant for another time, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from controller.decide import orders
from controller.decide.fleet import Fleet
from controller.decide.home_assistant import acting, functions, node, payloads, refusals, service
from controller.decide.home_assistant.desk import NODE, SERVICE, STACK, Sort, Subject
from controller.decide.inputs import Heard
from controller.decide.records import Availability
from protocol.desired import ActuatorSpec, Verb
from protocol.envelope import Received
from protocol.ids import service_key
from protocol.observed import Answer
from protocol.operator import OperatorOrder, OrderVerb
from protocol.refusal import Refusal
from protocol.rollouts import RolloutStatus
from protocol.topics import AnswerTopic, CallTopic, EntityCommandTopic, OrderTopic

PAYLOAD_BYTES = 1024
"""A light's JSON has a hundred; more is a mistake."""

SHOWN = 40
"""Characters of a wrong payload that its refusal repeats."""

PROMOTION = "promotion"
"""Why a rollout is paused that waits for somebody to confirm a batch."""

_AVAILING: Mapping[str, OrderVerb] = {
    Availability.ACTIVE: OrderVerb.ACTIVATE,
    Availability.PAUSE: OrderVerb.PAUSE,
    Availability.DRAIN: OrderVerb.DRAIN,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A function is to be called: `stack.function`."""

    function: str


def command(fleet: Fleet, topic: EntityCommandTopic, heard: Heard, now_mono_s: float) -> None:
    """Have done what Home Assistant wants, or say why not."""
    subject, key = Subject(topic.subject, topic.name), f"home-assistant-{fleet.epoch}-{fleet.count('home-assistant')}"
    asked = _asked(fleet, topic, heard)
    response_topic = heard.response_topic or str(AnswerTopic(fleet.name, key))
    if isinstance(asked, Refusal):
        answer = Answer(key, ok=False, message=asked.reason)
        fleet.reply(response_topic, heard.correlation, answer)
        refusals.told(fleet, subject, answer)
        return
    if isinstance(asked, Call):
        _call(fleet, asked, key, heard, now_mono_s)
        return
    received = Received(OrderTopic(fleet.name, key), asked)
    fleet.home_assistant.asked[key] = subject
    orders.order(fleet, key, Heard(received, False, response_topic, heard.correlation), now_mono_s)


def _call(fleet: Fleet, asked: Call, key: str, heard: Heard, now_mono_s: float) -> None:
    """A call like anybody's: it is on the ledger, and its answer comes with its result."""
    topic, before = CallTopic(fleet.name, asked.function, key), len(fleet.backlog)
    orders.call(fleet, topic, replace(heard, received=Received(topic, b"")), now_mono_s)
    is_taken = len(fleet.backlog) > before
    said = "" if is_taken else "too many invocations are open; call again later"
    refusals.told(fleet, functions.of(asked.function.partition(".")[0]), Answer(key, ok=is_taken, message=said))


def _asked(fleet: Fleet, topic: EntityCommandTopic, heard: Heard) -> OperatorOrder | Call | Refusal:
    payload: bytes = heard.received.message
    if heard.retained:
        return Refusal("a command that the broker has kept is nobody's wish now; publish it without retain")
    if len(payload) > PAYLOAD_BYTES:
        return Refusal(f"a command of {len(payload)} bytes; no command has more than {PAYLOAD_BYTES}")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        return Refusal(f"a command is text in UTF-8; byte {error.start} is not")
    order = _ORDERS.get((topic.subject, topic.sort, "" if topic.sort in _DEVICES else topic.entity))
    if order is None:
        return Refusal(f"there is nothing to command at {topic}")
    return order(fleet, topic, text)


_DEVICES = (Sort.ACTUATOR, Sort.OFF, Sort.FUNCTION)


def _set(fleet: Fleet, topic: EntityCommandTopic, text: str) -> OperatorOrder | Refusal:
    spec = _actuator(fleet, topic)
    if isinstance(spec, Refusal):
        return spec
    status = fleet.statuses.get(topic.name)
    present = next((one.value for one in status.actuators if one.name == spec.name), "") if status else ""
    value = payloads.value(spec, text, present)
    if isinstance(value, Refusal):
        return value
    target = service_key(spec.stack, spec.name)
    return OperatorOrder(OrderVerb.COMMAND, topic.name, {"verb": Verb.SET.value, "target": target, "value": value})


def _actuator(fleet: Fleet, topic: EntityCommandTopic) -> ActuatorSpec | Refusal:
    found = (one for one in node.actuators(fleet, topic.name) if acting.name_of(one) == topic.entity)
    return next(found, None) or Refusal(f"there is no actuator {topic.entity!r} on the node {topic.name!r}")


def _availed(_: Fleet, topic: EntityCommandTopic, text: str) -> OperatorOrder | Refusal:
    verb = _AVAILING.get(text)
    if verb is None:
        return Refusal(f"a node's availability is {', '.join(_AVAILING)}; not {text[:SHOWN]!r}")
    return OperatorOrder(verb, topic.name)


def _scaled(_: Fleet, topic: EntityCommandTopic, text: str) -> OperatorOrder | Refusal:
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        return Refusal(f"replicas are a whole number, not {text[:SHOWN]!r}")
    return OperatorOrder(OrderVerb.SCALE, topic.name, {"replicas": int(digits)})


def _restarted(_: Fleet, topic: EntityCommandTopic, text: str) -> OperatorOrder | Refusal:
    if text != service.RESTART:
        return Refusal(f"a restart is asked for by {service.RESTART!r}, not {text[:SHOWN]!r}")
    return OperatorOrder(OrderVerb.RESTART, topic.name)


def _installed(fleet: Fleet, topic: EntityCommandTopic, text: str) -> OperatorOrder | Refusal:
    """A rollout that waits for a person goes on; one that goes by itself, or has ended, needs nobody."""
    if text != service.INSTALL:
        return Refusal(f"an update is asked for by {service.INSTALL!r}, not {text[:SHOWN]!r}")
    stands = fleet.home_assistant.services.get(topic.name)
    rollout: RolloutStatus | None = stands.rollout if stands is not None else None
    if rollout is None or not rollout.paused_by:
        return Refusal(
            f"no update of {topic.name} waits for anybody: a rollout goes by itself when its manifest changes"
        )
    verb = OrderVerb.ROLLOUT_CONFIRM if rollout.paused_by == PROMOTION else OrderVerb.ROLLOUT_RESUME
    return OperatorOrder(verb, topic.name)


def _called(fleet: Fleet, topic: EntityCommandTopic, text: str) -> Call | Refusal:
    key = service_key(topic.name, topic.entity)
    if topic.entity not in functions.shown(fleet, topic.name).values():
        return Refusal(f"there is no function {key!r}")
    if text != functions.CALL:
        return Refusal(f"a function is called by {functions.CALL!r}, not {text[:SHOWN]!r}")
    if not functions.is_hosted(fleet, key):
        return Refusal(f"no node that is online may run {key}; it is not called later")
    return Call(key)


_Order = Callable[[Fleet, EntityCommandTopic, str], OperatorOrder | Call | Refusal]

_ORDERS: Mapping[tuple[str, str, str], _Order] = {
    (NODE, Sort.ACTUATOR, ""): _set,
    (NODE, Sort.OFF, ""): _set,
    (STACK, Sort.FUNCTION, ""): _called,
    (NODE, Sort.OWN, node.AVAILABILITY): _availed,
    (SERVICE, Sort.OWN, service.REPLICAS): _scaled,
    (SERVICE, Sort.OWN, service.RESTART): _restarted,
    (SERVICE, Sort.OWN, service.UPDATE): _installed,
}
"""What, of which sort, and which of its own things → the order."""
