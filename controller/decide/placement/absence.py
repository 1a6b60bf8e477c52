"""For how long a node is away, and what that means for a task of its by its service's `disconnect`: the figures, and the sentences.

`stop_on_client_after` is believed only of a copy that was seen, or told, with it, and that no update has in its hands.
"""

from __future__ import annotations

from math import inf

from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Task, revision_key, service_of
from controller.decide.rollouts.slot import HOLDING
from protocol import durations
from protocol.stack import Disconnect

KEEP = Disconnect(replace=False)
"""What a service without the key asks for: its tasks wait for their nodes."""

DRIFT_RATIO = 0.001
"""By how much two clocks may differ in a time: ten times what a Pi's crystal is off, a warm one against a cold one."""


def since_mono_s(fleet: Fleet, node: str) -> float:
    """When a node gave its last sign of life; not before we could hear."""
    return max(fleet.heard_mono_s.get(node, fleet.up_mono_s), fleet.up_mono_s)


def policy(fleet: Fleet, task: Task) -> Disconnect:
    """What is to become of a task whose node is away."""
    service = fleet.catalogue.services.get(task.service)
    if service is None or service.disconnect is None or service.mode.is_global or task.is_completed:
        return KEEP
    return service.disconnect


def goes_after_s(fleet: Fleet, task: Task) -> float:
    """How long its node must be away before a task is another's."""
    said = policy(fleet, task)
    if said.replace:
        return 0.0
    return min(said.lost_after_s or inf, stopped_after_s(fleet, task.node, task.task) if said.stop_after_s else inf)


def lost_after_s(fleet: Fleet, task: Task) -> float:
    """How long its old node must be away before the original of a replaced task is given up."""
    said = policy(fleet, task)
    original = fleet.originals[task.task]
    return min(said.lost_after_s or inf, stopped_after_s(fleet, original.node, task.task))


def stopped_after_s(fleet: Fleet, node: str, task: str) -> float:
    """How long a node must be away before it has stopped a task by itself, for certain; never, if nothing says that it does."""
    service, slot = service_of(task), fleet.slots.get(task)
    if slot is not None and slot.node == node and slot.state in HOLDING:
        return inf
    shown, told = fleet.seen.get((node, task)), fleet.assignments.get(node)
    revisions = {shown.revision} if shown else set()
    revisions |= {spec.revision for spec in told.tasks if spec.task == task} if told else set()
    known = [fleet.revisions.get(revision_key(service, revision)) for revision in revisions]
    if not known or any(content is None or not content.stop_after_s for content in known):
        return inf
    return fleet.terms.stop_margin_s + max(
        content.stop_after_s * (1 + DRIFT_RATIO) + content.container.stop_grace_s for content in known if content
    )


def may_go(fleet: Fleet, task: Task) -> bool:
    """Whether a task that was found to be an orphan still is one."""
    is_away = fleet.presence(task.node) is Presence.OFFLINE
    return is_away and policy(fleet, task) is not KEEP and task.service in fleet.catalogue.services


def stands_in(fleet: Fleet, task: Task) -> str:
    """For whom a task stands in, and what comes next; empty for any other."""
    original = fleet.originals.get(task.task)
    if original is None:
        return ""
    if fleet.presence(original.node) is Presence.ONLINE:
        return f"stands in for {original.node}, which is back; one of the two copies ends when it has been steady"
    return f"stands in for {original.node}, which is away"


def reason(fleet: Fleet, task: Task) -> str:
    """What is going to become of a task whose node is offline, in one sentence."""
    said = policy(fleet, task)
    if task.task in fleet.orphans:
        return "the node is offline, and no other node may take it"
    if said.lost_after_s and not said.replace:
        after = durations.said(said.lost_after_s)
        return f"the node is offline; after {after} it goes elsewhere, as soon as the node shows that it stopped"
    if said.stop_after_s and not said.replace:
        after = durations.said(said.stop_after_s)
        return f"the node is offline; it stops by itself after {after}, and then another node takes it"
    return "the node is offline"
