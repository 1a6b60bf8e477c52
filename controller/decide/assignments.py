"""Everything a node should run, and everything it may stage: each whole, each a pure function of the fleet.

What differs from the last one gets the next generation, which is durable before it is said. The assignment is what is settled, the
offers are what is being tried. A task that another node may still be running waits for that node's word (S2): until then it is
left out here, and the report says for whom it waits. Only a task that was replaced, because its node is away and its service wants
that, stands in two assignments.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide import images, invocations, keeps, sections, templates
from controller.decide.fleet import Fleet
from controller.decide.placement import absence
from controller.decide.presence import Presence
from controller.decide.records import Hold, Task, revision_key
from controller.decide.rollouts import switching
from controller.decide.rollouts.slot import HOLDING, OPEN, Slot, SlotState
from protocol.desired import Assignment, Offer, Offers, TaskSpec
from protocol.observed import NodeStatus
from protocol.topics import AssignmentTopic, OfferTopic


def assign(fleet: Fleet) -> None:
    """Publish what changed for the nodes that something has changed for."""
    nodes = sorted(node for node in fleet.unsettled.assignments if _may_be_told(fleet, node))
    fleet.unsettled.assignments.clear()
    for name in nodes:
        _assign(fleet, name)
        if fleet.slots.of("node", name):
            fleet.unsettled.offers.add(name)
    fleet.switched.clear()
    nodes = sorted(node for node in fleet.unsettled.offers if _may_be_told(fleet, node))
    fleet.unsettled.offers.clear()
    for name in nodes:
        _offer(fleet, name)


def _may_be_told(fleet: Fleet, node: str) -> bool:
    """Whether there is such a node, and one device alone under its name; it is looked at again when there is."""
    return node in fleet.nodes and node not in fleet.quarantines


def assignment(fleet: Fleet, node: str) -> Assignment:
    """What a node should run, under the number of what it was told last."""
    specs = tuple(_spec(fleet, task) for task in _carried(fleet, node) if not _lacks(fleet, task))
    beside = switching.assigned(fleet, node, specs)
    return Assignment(
        node,
        fleet.epoch_of(node),
        fleet.nodes[node].generation,
        specs,
        beside.sensors,
        beside.actuators,
        keeps.filled(fleet, node, beside.functions),
        images.logins(
            fleet, {spec.stack for spec in specs} | {spec.stack for spec in beside.functions if not spec.is_away}
        ),
        images.mirrors(fleet, fleet.nodes[node]),
    )


def _carried(fleet: Fleet, node: str) -> list[Task]:
    """The tasks that a node may run: those that are placed on it and free, and the originals of those that were replaced."""
    carried = [fleet.tasks[task] for task in fleet.tasks.of("node", node) if is_free(fleet, task)]
    originals = (fleet.originals[task] for task in fleet.originals.of("node", node))
    carried += [replace(fleet.tasks[one.task], node=node, revision=one.revision) for one in originals]
    return sorted(carried, key=lambda task: task.task)


def is_free(fleet: Fleet, task: str) -> bool:
    """Whether the node of a task need not wait for any other."""
    return not holders(fleet, task)


def holders(fleet: Fleet, task: str) -> tuple[str, ...]:
    """The other nodes for whose word the node of a task waits, because they may still be running it.

    One that was told to run it goes on, whoever else may. A service that has its tasks replaced does not wait for who is offline.
    """
    hold, placed = fleet.holds.get(task), fleet.tasks.get(task)
    if hold is None or placed is None:
        return hold.nodes if hold else ()
    if placed.node in hold.nodes:
        return ()
    if not absence.policy(fleet, placed).replace:
        return hold.nodes
    return tuple(node for node in hold.nodes if fleet.presence(node) is not Presence.OFFLINE)


def release(fleet: Fleet, status: NodeStatus) -> None:
    """Let go of what a node shows that it has stopped: it knows its newest assignment, and lists the task no more.

    In whatever state it lists it: an ill container has failed, and goes on until it is stopped.
    """
    node = fleet.nodes[status.node]
    if status.is_blind:
        return
    if (status.observed_epoch, status.observed_generation) < (fleet.epoch_of(node.name), node.generation):
        return
    told = fleet.assignments.get(node.name)
    wanted = {spec.task for spec in told.tasks} if told else set()
    shown = {task.task for task in status.tasks}
    for task in sorted(fleet.held.get(node.name, set()) - wanted - shown):
        release_from(fleet, task, node.name)


def release_from(fleet: Fleet, task: str, node: str) -> None:
    """Let go of one task of a node that has to have stopped it."""
    _hold(fleet, task, tuple(name for name in fleet.holds[task].nodes if name != node))
    placed = fleet.tasks.get(task)
    if placed is not None:
        fleet.unsettled.assignments.add(placed.node)


def let_go(fleet: Fleet, node: str) -> None:
    """Let go of everything that a node may still run: it has left the fleet, and takes its copies with it."""
    for task in sorted(fleet.held.pop(node, set())):
        release_from(fleet, task, node)


def _hold(fleet: Fleet, task: str, nodes: tuple[str, ...]) -> None:
    before = fleet.holds.get(task)
    for name in before.nodes if before else ():
        fleet.held.get(name, set()).discard(task)
    for name in nodes:
        fleet.held.setdefault(name, set()).add(task)
    if nodes:
        fleet.holds.put(task, Hold(task, nodes))
    else:
        fleet.holds.drop(task)


def _assign(fleet: Fleet, name: str) -> None:
    node, before, after = fleet.nodes[name], fleet.assignments.get(name), assignment(fleet, name)
    if after == before or (before is None and after == Assignment(name, after.epoch, after.generation)):
        return
    after = replace(after, generation=node.generation + 1)
    fleet.nodes.put(name, replace(node, generation=after.generation))
    fleet.assignments.put(name, after)
    for spec in after.tasks:
        hold = fleet.holds.get(spec.task)
        if hold is None or name not in hold.nodes:
            _hold(fleet, spec.task, (*(hold.nodes if hold else ()), name))
    invocations.look_again(fleet, sections.arrived(before, after))
    fleet.unsettled.reports |= {spec.stack for told in (before, after) if told for spec in told.tasks}
    fleet.say(AssignmentTopic(fleet.name, name), after)


def _lacks(fleet: Fleet, task: Task, revision: str = "") -> bool:
    """Whether a template asks for something that the task's node does not have."""
    content = fleet.revisions[revision_key(task.service, revision or task.revision)]
    return templates.lacks(content.container, fleet.nodes[task.node])


def _spec(fleet: Fleet, task: Task, revision: str = "") -> TaskSpec:
    stack, service = task.service.split(".")
    content = fleet.revisions[revision_key(task.service, revision or task.revision)]
    return TaskSpec(
        task.task,
        stack,
        service,
        content.revision,
        templates.rendered(content.container, fleet.nodes[task.node], task.service, task.task),
        content.restart,
        content.depends_on,
        content.job,
        content.stop_after_s,
        content.release,
    )


def offers(fleet: Fleet, node: str) -> Offers:
    """What a node may stage, under the number of what it was told last."""
    slots = [fleet.slots[task] for task in sorted(fleet.slots.of("node", node))]
    plain = tuple(_offered(fleet, slot) for slot in slots if _is_offered(fleet, slot))
    generation = fleet.nodes[node].offers_generation
    return Offers(node, fleet.epoch_of(node), generation, plain, switching.offered(fleet, node, plain))


def _is_offered(fleet: Fleet, slot: Slot) -> bool:
    """A granted slot keeps its offer while the rollout wants it; a settled one until the node has it in its assignment.

    So does one that failed for want of its image: its node stages it again when a login is corrected.
    """
    rollout = fleet.rollouts[slot.service]
    if not rollout.owns(slot) or slot.task not in fleet.tasks:
        return False
    if fleet.tasks[slot.task].node != slot.node or _lacks(fleet, fleet.tasks[slot.task], slot.revision):
        return False
    is_corrigible = slot.state is SlotState.FAILED and slot.was_staging
    return slot.state in (*OPEN, *HOLDING) or (slot.state is SlotState.SETTLED and not slot.is_kept) or is_corrigible


def _offered(fleet: Fleet, slot: Slot) -> Offer:
    rollout = fleet.rollouts[slot.service]
    policy, spec = rollout.policy, _spec(fleet, fleet.tasks[slot.task], slot.revision)
    is_confirmed = rollout.is_confirmed and not rollout.is_back
    return Offer(slot.wave, spec, policy.monitor_s, policy.order, policy.conduct, is_confirmed, slot.overrides_lock)


def _offer(fleet: Fleet, name: str) -> None:
    node, before, after = fleet.nodes[name], fleet.offers.get(name), offers(fleet, name)
    if after == before or (before is None and not after.offers):
        return
    after = replace(after, generation=node.offers_generation + 1)
    fleet.nodes.put(name, replace(node, offers_generation=after.generation))
    fleet.offers.put(name, after)
    _mark_withdrawn(fleet, name, before, after)
    fleet.say(OfferTopic(fleet.name, name), after)


def _mark_withdrawn(fleet: Fleet, name: str, before: Offers | None, after: Offers) -> None:
    """A slot that is still held while its offer is gone is free once the node has seen these offers; it may yet have kept it."""
    offered = {(offer.rollout, offer.task.task, offer.task.revision) for offer in after.offers}
    brought = {offer.task.task: offer.sections for offer in before.whole} if before is not None else {}
    for task in sorted(fleet.slots.of("node", name)):
        slot = fleet.slots[task]
        is_gone = slot.state in HOLDING and (slot.wave, slot.task, slot.revision) not in offered
        if is_gone and not slot.withdrawn_at:
            fleet.slots.put(task, replace(slot, withdrawn_at=after.generation, brought=brought.get(task)))
        elif slot.withdrawn_at and not is_gone:
            fleet.slots.put(task, replace(slot, withdrawn_at=0, brought=None))
