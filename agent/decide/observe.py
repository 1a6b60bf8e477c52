"""Fold one input into the node: where each kind of input goes. What waits for other inputs of the same turn is `cycle`'s part."""

from __future__ import annotations

from agent.decide import (
    attest,
    damage,
    devices,
    greeting,
    instances,
    invocations,
    locks,
    overheard,
    pacing,
    processes,
    pulls,
    releases,
    report,
    silence,
    steps,
    trials,
    wants,
)
from agent.decide.effects import DrivePin, Probe, Warm
from agent.decide.inputs import (
    CommandDone,
    DevicesOpened,
    EngineHint,
    EngineLost,
    EngineSeen,
    HostSeen,
    ProcessesSeen,
    Pulling,
    RunEnded,
    StepEnded,
    Touched,
)
from agent.decide.node import Node, Now
from agent.decide.release import ReleaseMoved, ReleaseSeen, ReleaseStaged
from link.inputs import Arrived, LinkDown, LinkUp, ListenRefused, PublishRefused, Sent
from protocol.desired import Ack, Assignment, Command, Grant, Invocation, Offers
from protocol.envelope import Packet, Received, unpack
from protocol.operator import ControllerPresence
from protocol.refusal import Refusal
from protocol.topics import CommandTopic, InvocationTopic
from sensors.sluice import Flooded
from sensors.stage import Faulted, Reading


def observe(node: Node, seen: object, now: Now) -> bool:
    """Take in one input: a value of `agent.decide.inputs`, `link.inputs` or `sensors.stage.Reading`.

    Says whether something is to be decided because of it: nothing depends on a receipt, the broker's or the controller's, or on a
    further hint before there was a look.
    """
    match seen:
        case Sent():
            return False
        case EngineHint() if node.hinted:
            return False
        case Arrived():
            return _arrived(node, seen, now)
        case Flooded():
            node.tally("readings_dropped", seen.sensor, number=seen.readings)
        case Reading() | Faulted():
            devices.sensed(node, seen, now)
        case LinkUp() | LinkDown() | ListenRefused() | PublishRefused():
            _link(node, seen, now)
        case StepEnded() | Pulling() | RunEnded() | EngineSeen() | EngineLost() | EngineHint():
            _engine(node, seen, now)
        case _:
            _local(node, seen, now)
    return True


def _link(node: Node, seen: object, now: Now) -> None:
    match seen:
        case LinkUp():
            greeting.up(node, seen)
        case LinkDown():
            greeting.down(node, seen)
        case ListenRefused():
            overheard.refused(node, seen, now)
        case PublishRefused():
            wants.refuse(node, Refusal(f"the broker did not take it: {seen.reason}", seen.topic))


def _engine(node: Node, seen: object, now: Now) -> None:
    match seen:
        case Pulling():
            pulls.progressed(node, seen)
        case StepEnded(step=Probe()):
            locks.probed(node, seen, now)
        case StepEnded(step=Warm()):
            invocations.warmed(node, seen, now)
        case StepEnded():
            seen = damage.weighed(node, pacing.paced(node, seen))
            steps.ended(node, seen, now)
            trials.staged(node, seen, now)
            locks.stopped(node, seen, now)
        case RunEnded():
            instances.freed(node, seen, now)
            invocations.ended(node, seen, now)
        case EngineSeen() | EngineLost():
            steps.looked(node, seen)
            damage.looked(node)
            attest.looked(node)
        case _:
            node.hinted = True


def _local(node: Node, seen: object, now: Now) -> None:
    match seen:
        case ReleaseSeen() | ReleaseStaged() | ReleaseMoved():
            releases.take(node, seen, now)
        case DevicesOpened():
            devices.opened(node, seen)
        case CommandDone():
            devices.answered(node, seen)
        case ProcessesSeen():
            processes.seen(node, seen)
        case Touched():
            node.effects.append(DrivePin("", seen.pin, seen.level))
        case HostSeen():
            report.hosted(node, seen)


def _arrived(node: Node, seen: Arrived, now: Now) -> bool:
    if node.link is None or seen.epoch != node.link.epoch:
        return False
    told = [_packet(node, packet, now) for packet in seen.packets]
    return any(told)


def _packet(node: Node, packet: Packet, now: Now) -> bool:
    """Take in one; whether it says more than that facts have arrived."""
    if overheard.arrived(node, packet, now):
        return True
    received = unpack(packet)
    if wants.is_outranked(node, received, now, retained=packet.retain):
        return True
    is_receipt, was_doubted = greeting.is_receipt(node, received), node.is_doubted
    silence.heard(node, packet)
    _received(node, received, now)
    if packet.retain:
        node.is_doubted = was_doubted  # what the broker kept is said to everybody who connects
    return not is_receipt


def _received(node: Node, received: Received | Refusal, now: Now) -> None:
    if isinstance(received, Refusal):
        wants.refuse(node, received)
    elif isinstance(received.message, ControllerPresence):
        greeting.met(node, received.message)
    elif not _is_on_topic(node, received):
        wants.refuse(node, Refusal("a message says another node or another id than its topic", str(received.topic)))
    else:
        _message(node, received, now)


def _message(node: Node, received: Received, now: Now) -> None:
    match received.message:
        case Assignment():
            wants.take_assignment(node, received.message)
        case Offers():
            wants.take_offers(node, received.message, now)
        case Grant():
            if not releases.take_grant(node, received.message, now):
                trials.take_grant(node, received.message, now)
        case Invocation():
            invocations.take(node, received.message, now)
        case Ack():
            greeting.asked(node, received.message)
            greeting.forget(node, received.message)
            releases.acknowledged(node, received.message, now)
            greeting.answered(node, received.message)
        case Command():
            devices.obey(node, received.message)


def _is_on_topic(node: Node, received: Received) -> bool:
    """Whether a message is for this node, and of its topic's id: ids become topics and names of containers."""
    topic, message = received.topic, received.message
    if getattr(topic, "node", node.name) != node.name:
        return False
    return not isinstance(topic, InvocationTopic | CommandTopic) or message.id == topic.id
