"""Everything a controller decides in one turn, in order: the table of contents of the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.decide import (
    decommission,
    greeting,
    images,
    invocations,
    keeps,
    leases,
    manifests,
    observe,
    orders,
    report,
    resay,
    steadiness,
    streams,
    twins,
)
from controller.decide.assignments import assign
from controller.decide.effects import Effect, Say
from controller.decide.fleet import Fleet
from controller.decide.home_assistant import announce
from controller.decide.placement import replacements
from controller.decide.placement.hosts import host
from controller.decide.placement.scheduler import schedule
from controller.decide.rollouts import granting, patience, planning
from controller.decide.rollouts.rollout import roll
from link.intake import Intake
from protocol.delivery import BY_TOPIC
from protocol.topics import AckTopic, Topic


def cycle(fleet: Fleet, now_mono_s: float) -> tuple[Effect, ...]:
    """Decide, and hand out the effects; repeated without an input at the same moment there are none."""
    _wake(fleet, now_mono_s)
    observe.heed(fleet, now_mono_s)
    decommission.leave(fleet)
    host(fleet)
    replacements.settle(fleet, now_mono_s)
    schedule(fleet)
    replacements.tidy(fleet)
    roll(fleet, now_mono_s)
    keeps.settle(fleet, now_mono_s)
    assign(fleet)
    resay.hello_answered(fleet)
    invocations.dispatch(fleet, now_mono_s)
    report.report(fleet, now_mono_s)
    announce.settle(fleet, now_mono_s)
    _acknowledge(fleet)
    effects, fleet.effects = _newest(fleet.effects), []
    return effects


def _wake(fleet: Fleet, now_mono_s: float) -> None:
    """Look at whatever is due."""
    for kind, key in fleet.deadlines.take_due(now_mono_s):
        _DUE[kind](fleet, key, now_mono_s)


_DUE: Mapping[str, Callable[[Fleet, str, float], object]] = {
    leases.KIND: leases.expire,
    twins.KIND: leases.look_alone,
    invocations.REPEAT: lambda fleet, key, _: fleet.unsettled.invocations.add(key),
    invocations.EXPIRY: lambda fleet, key, _: invocations.expire(fleet, key),
    keeps.KIND: lambda fleet, key, _: fleet.unsettled.scales.add(key),
    orders.KIND: lambda fleet, key, _: orders.unanswered(fleet, key),
    observe.UNKNOWN: lambda fleet, key, _: observe.still_unknown(fleet, key),
    planning.KIND: planning.go_on,
    images.KIND: lambda fleet, key, _: manifests.come_into_force(fleet, images.late(fleet, key)),
    resay.KIND: lambda fleet, _, now_mono_s: resay.go_on(fleet, now_mono_s),
    granting.KIND: lambda fleet, key, _: fleet.unsettled.judged.add(key),
    patience.KIND: patience.over,
    replacements.AWAY: replacements.look_after,
    replacements.STEADY: replacements.steady,
    steadiness.KIND: lambda fleet, key, _: steadiness.calm(fleet, key),
    announce.KIND: lambda fleet, key, _: announce.wake(fleet, key),
    announce.PACE: lambda fleet, key, _: announce.pace(fleet, key),
    announce.EMPTY: lambda fleet, key, _: announce.empty(fleet, key),
    announce.BIRTH: lambda fleet, _, now_mono_s: announce.born(fleet, now_mono_s),
    report.KIND: lambda fleet, key, _: fleet.unsettled.reports.add(key),
}
"""What each kind of deadline wakes."""


def _newest(effects: list[Effect]) -> tuple[Effect, ...]:
    """Of what is retained, only the last word of a turn is said."""
    kept: list[Effect] = []
    said: set[Topic] = set()
    for effect in reversed(effects):
        if isinstance(effect, Say) and BY_TOPIC[type(effect.topic)].retain:
            if effect.topic in said:
                continue
            said.add(effect.topic)
        kept.append(effect)
    return tuple(reversed(kept))


def _acknowledge(fleet: Fleet) -> None:
    """Say what is committed of each stream that something came on; the loop sends it after the commit."""
    acks, fleet.unsettled.acks = fleet.unsettled.acks, set()
    asks, fleet.unsettled.asks = fleet.unsettled.asks, set()
    for node, stream in sorted(acks | asks):
        intake = fleet.intakes.get(streams.key_of(node, stream)) or Intake()
        said_epoch, said_sequence = greeting.newest_status(fleet, node, stream)
        ack = replace(
            intake.ack(stream),
            epoch=fleet.epoch_of(node),
            said_epoch=said_epoch,
            said_sequence=said_sequence,
            asks=(node, stream) in asks,
        )
        fleet.say(AckTopic(fleet.name, node), ack)
