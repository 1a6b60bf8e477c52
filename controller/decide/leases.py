"""Who is there: births, wills and silence, as presence of the fleet's nodes.

A lease is counted from what the controller itself has heard, on its own clock. While its own link is down it hears nobody, so
nothing is held against them: leases begin anew when the link is back. Silence is found by a deadline per node, never by a scan.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from controller.decide import invocations, keeps, node_events, steadiness, twins
from controller.decide.fleet import Fleet
from controller.decide.placement import replacements
from controller.decide.presence import Lease, Presence, Seen, advance
from controller.decide.records import stack_of
from controller.decide.rollouts import attendance, patience, rollout
from protocol.observed import Link
from protocol.observed import Presence as Said

KIND = "lease"


def spoke(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node said something by itself."""
    fleet.heard_mono_s[node] = now_mono_s
    lease = fleet.leases.get(node)
    if lease is None or lease.presence is not Presence.ONLINE:
        _move(fleet, lease or Lease(node, Presence.OFFLINE), Seen.SIGN, "", now_mono_s)


def said(fleet: Fleet, node: str, word: Said, now_mono_s: float) -> None:
    """A birth, or a will; one of an older connection says nothing about this one."""
    lease = fleet.leases.get(node) or Lease(node, Presence.OFFLINE)
    if word.state is Link.ONLINE and twins.born(fleet, node, word, now_mono_s):
        _quarantine(fleet, lease, now_mono_s)
    if word.epoch < lease.epoch:
        fleet.tally("late_wills")
        return
    fleet.leases.put(node, replace(fleet.leases.get(node) or lease, epoch=word.epoch))
    if word.state is Link.ONLINE:
        spoke(fleet, node, now_mono_s)
    else:
        _move(fleet, fleet.leases[node], Seen.WILL, "its connection broke", now_mono_s)


def link_up(fleet: Fleet, now_mono_s: float) -> None:
    """We can hear again: every lease begins anew, by the moment that is remembered here."""
    fleet.is_up, fleet.up_mono_s = True, now_mono_s
    for presence in (Presence.ONLINE, Presence.SUSPECT):
        for node in fleet.leases.of("presence", presence):
            if not fleet.deadlines.has(KIND, node):
                fleet.deadlines.set(KIND, node, _due_mono_s(fleet, fleet.leases[node]))
    replacements.link_up(fleet, now_mono_s)
    patience.link_up(fleet)


def expire(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """Look at a node whose deadline has come."""
    lease = fleet.leases[node]
    due_mono_s = _due_mono_s(fleet, lease)
    if lease.presence is Presence.OFFLINE or not fleet.is_up:
        return
    if lease.presence is Presence.QUARANTINED:
        return
    if now_mono_s < due_mono_s:
        fleet.deadlines.set(KIND, node, due_mono_s)
    elif lease.presence is Presence.ONLINE:
        _move(fleet, lease, Seen.SILENCE, f"it said nothing for {fleet.terms.lease_s:g} s", now_mono_s)
    else:
        _move(fleet, lease, Seen.GRACE_OVER, lease.reason, now_mono_s)


def look_alone(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """Look whether one device alone has spoken under a quarantined name for so long that nobody need say which it is."""
    since_s, heard_s = now_mono_s - twins.alone(fleet, node).since_mono_s, _silence_s(fleet, node, now_mono_s)
    if not fleet.is_up or since_s < twins.ALONE_S or heard_s > fleet.terms.lease_s:
        fleet.deadlines.set(twins.KIND, node, now_mono_s + twins.LOOK_EVERY_S)
        return
    fleet.remark(
        node, f"one device alone has spoken under this name for {twins.ALONE_S / 60:g} min: it is a node again"
    )
    release(fleet, node, now_mono_s)


def release(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """One device is left under a name."""
    twins.release(fleet, node)
    fleet.unsettled.assignments.add(node)
    fleet.unsettled.offers.add(node)
    _move(fleet, fleet.leases[node], Seen.ALONE, "", now_mono_s)


def _quarantine(fleet: Fleet, lease: Lease, now_mono_s: float) -> None:
    node = lease.node
    if lease.presence is not Presence.QUARANTINED:
        twins.quarantine(fleet, node)
        _move(fleet, lease, Seen.TWINS, "", now_mono_s)


def _silence_s(fleet: Fleet, node: str, now_mono_s: float) -> float:
    return now_mono_s - max(fleet.heard_mono_s.get(node, -inf), fleet.up_mono_s)


def _due_mono_s(fleet: Fleet, lease: Lease) -> float:
    heard_mono_s = max(fleet.heard_mono_s.get(lease.node, fleet.up_mono_s), fleet.up_mono_s)
    if lease.presence is Presence.SUSPECT:
        suspect_mono_s = fleet.suspect_mono_s.get(lease.node, fleet.up_mono_s)
        return max(heard_mono_s, suspect_mono_s, fleet.up_mono_s) + fleet.terms.suspect_grace_s
    return heard_mono_s + fleet.terms.lease_s


def _move(fleet: Fleet, before: Lease, seen: Seen, reason: str, now_mono_s: float) -> None:
    after = replace(before, presence=advance(before.presence, seen), reason=reason)
    if after.presence is before.presence is Presence.QUARANTINED:
        return
    fleet.leases.put(after.node, after)
    if after.presence is before.presence:
        return
    fleet.tally("presence", after.presence.value)
    if after.presence is Presence.SUSPECT:
        fleet.suspect_mono_s[after.node] = now_mono_s
    else:
        fleet.suspect_mono_s.pop(after.node, None)
    fleet.deadlines.set(KIND, after.node, _due_mono_s(fleet, after))
    _tell(fleet, after, now_mono_s)
    node_events.happened(fleet, before.presence, after, now_mono_s)


def _tell(fleet: Fleet, lease: Lease, now_mono_s: float) -> None:
    """Whoever depends on a node's presence looks again."""
    node = lease.node
    if lease.presence is Presence.QUARANTINED:
        fleet.deadlines.set(twins.KIND, node, now_mono_s + twins.LOOK_EVERY_S)
        rollout.absent(fleet, node)
        fleet.remark(node, twins.sentence(fleet, node))
        fleet.look_at(node)
    if lease.presence is Presence.OFFLINE:
        attendance.went(fleet, node, now_mono_s)
        rollout.absent(fleet, node)
        fleet.remark(node, f"is offline: {lease.reason}" if lease.reason else "is offline")
        fleet.unsettled.leaving.add(node)
        steadiness.fell(fleet, node, now_mono_s)
        replacements.gone(fleet, node, now_mono_s)
        invocations.vanished(fleet, node)
        keeps.gone(fleet, node)
    if lease.presence is Presence.ONLINE:
        attendance.came(fleet, node, now_mono_s)
        rollout.returned(fleet, node)
        invocations.returned(fleet, node)
        keeps.look_at(fleet, node)
        replacements.returned(fleet, node, now_mono_s)
        fleet.look_at(node)
    fleet.unsettled.reports |= {stack_of(task) for task in fleet.tasks.of("node", node)}
