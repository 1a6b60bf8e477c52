"""Which sensors, actuators and functions a node is told to have, and which come with an offer: they change with its services.

A node has those that are wanted once all of the stack's tasks there are of the wanted revisions; until then it keeps what it was
assigned, and each offer of the stack brings the others. A rollback brings back those from before the update, everywhere that a
service of it runs. Where the stack has no task, and where none of them changes, they change at once. A node that is new to the
stack begins with those from before, as its tasks do. A pinned task, and one that failed, keep their node as it is.

What a stack has given up and another has claimed since is the other's at once, so nobody waits for a stranger's update.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from controller.decide import sections, templates
from controller.decide.fleet import Fleet
from controller.decide.placement import hosts
from controller.decide.records import Earlier, stack_of
from controller.decide.rollouts.slot import Rollout, RolloutState, Slot
from protocol.desired import Assignment, Offer, Sections, TaskSpec
from protocol.ids import service_key
from protocol.sections import joined, of_stacks, with_remembered, yielding
from protocol.stack import Stack


def assigned(fleet: Fleet, node: str, tasks: tuple[TaskSpec, ...]) -> Sections:
    """What a node has beside these tasks."""
    wanted, parts = sections.wanted(fleet, node), dict[str, Sections]()
    for stack, specs in _of_changing(fleet, tasks).items():
        is_whole = all(spec.revision == rollout.target for spec, rollout in specs)
        parts[stack] = _aim(fleet, node, stack, specs) if is_whole else _kept(fleet, node, stack, specs)
    if not parts:
        return wanted
    rest = of_stacks(wanted, lambda stack: stack not in parts)
    return joined(yielding(joined(*parts.values()), rest), rest)


def offered(fleet: Fleet, node: str, offers: tuple[Offer, ...]) -> dict[str, Sections]:
    """What comes with the offers of each stack to a node; of one that is being kept it goes on coming until that goes."""
    told, before = fleet.assignments.get(node), fleet.offers.get(node)
    stacks = {offer.task.stack for offer in offers if has_any(fleet, offer.task.stack)}
    if not stacks or told is None:
        return {}
    brought = {offer.task.stack for offer in before.whole if offer.sections} if before else set()
    changing = _of_changing(fleet, told.tasks)
    found = {stack: _aimed(fleet, told, stack, changing[stack]) for stack in sorted(stacks & changing.keys())}
    return {
        stack: aim
        for stack, aim in found.items()
        if stack in brought or replace(aim, revisions={}) != sections.told(told, stack)
    }


def kept(fleet: Fleet, slot: Slot) -> None:
    """A node keeps a revision, and what came with it, also where something newer is wanted by now."""
    told = fleet.offers.get(slot.node)
    standing = {(offer.rollout, offer.task.task): offer.sections for offer in (told.whole if told else ())}
    brought = slot.brought or standing.get((slot.wave, slot.task))
    if brought is not None:
        fleet.switched[slot.node, stack_of(slot.service)] = brought


def has_any(fleet: Fleet, stack: str) -> bool:
    """Whether a stack has, or had before its update, anything but services."""
    wanted = fleet.catalogue.stacks.get(stack)
    return stack in fleet.earlier or (wanted is not None and _has_any(wanted))


def remember(fleet: Fleet, before: Stack, after: Stack) -> None:
    """A stack changes: what it had is what a rollback returns to, unless an update is still going on from something earlier."""
    states = (
        fleet.rollouts[key].state
        for name in before.services
        if (key := service_key(before.name, name)) in fleet.rollouts
    )
    is_under_way = any(state is not RolloutState.DONE for state in states)
    if is_under_way and before.name in fleet.earlier:
        return
    if differ(before, after):
        fleet.earlier.put(before.name, Earlier(_bare(before)))
    else:
        fleet.earlier.drop(before.name)


def differ(one: Stack, other: Stack) -> bool:
    """Whether two stacks differ in anything but their services."""
    return _bare(one) != _bare(other)


def _aimed(fleet: Fleet, told: Assignment, stack: str, specs: list[tuple[TaskSpec, Rollout]]) -> Sections:
    """What a node is to have of a stack, and with which revisions."""
    others = of_stacks(sections.wanted(fleet, told.node), lambda one: one != stack)
    aim = yielding(_aim(fleet, told.node, stack, specs), others)
    return replace(aim, revisions={spec.task: rollout.target for spec, rollout in specs})


def _of_changing(fleet: Fleet, tasks: tuple[TaskSpec, ...]) -> dict[str, list[tuple[TaskSpec, Rollout]]]:
    """By stack, the tasks of a node that are being updated, or were; only of stacks that have more than services."""
    found: defaultdict[str, list[tuple[TaskSpec, Rollout]]] = defaultdict(list)
    for spec in tasks:
        rollout = fleet.rollouts.get(service_key(spec.stack, spec.service))
        if rollout is not None and has_any(fleet, spec.stack):
            found[spec.stack].append((spec, rollout))
    return found


def _aim(fleet: Fleet, node: str, stack: str, specs: list[tuple[TaskSpec, Rollout]]) -> Sections:
    """What a node is to have of a stack when all its tasks there are as their rollouts want them."""
    earlier = fleet.earlier.get(stack)
    if earlier is not None and any(rollout.is_back for _, rollout in specs):
        return _hosted(fleet, node, earlier.stack)
    return of_stacks(sections.wanted(fleet, node), lambda one: one == stack)


def _kept(fleet: Fleet, node: str, stack: str, specs: list[tuple[TaskSpec, Rollout]]) -> Sections:
    """What a node goes on with: what it was told, or has switched to although that is wanted no more."""
    told, earlier = fleet.assignments.get(node), fleet.earlier.get(stack)
    switched, revisions = fleet.switched.get((node, stack)), {spec.task: spec.revision for spec, _ in specs}
    if switched is not None and switched.revisions.items() <= revisions.items():
        return replace(switched, revisions={})
    had = sections.told(told, stack) if told is not None else Sections()
    if had != Sections() or (told is not None and any(spec.stack == stack for spec in told.tasks)):
        return had
    return _hosted(fleet, node, earlier.stack if earlier else fleet.catalogue.stacks[stack])


def _hosted(fleet: Fleet, node: str, stack: Stack) -> Sections:
    """What a node would have of a stack that is not in force."""
    at = fleet.nodes[node]
    part = Sections(
        tuple(one.spec for one in stack.sensors.values() if not hosts.objections(at, one)),
        tuple(one.spec for one in stack.actuators.values() if not hosts.objections(at, one)),
        tuple(templates.of_node(one.spec, at) for one in stack.functions.values() if not hosts.objections(at, one)),
    )
    return joined(with_remembered(part, (one.spec for one in stack.functions.values())))


def _bare(stack: Stack) -> Stack:
    return replace(stack, services={}, logins=())


def _has_any(stack: Stack) -> bool:
    return bool(stack.sensors or stack.actuators or stack.functions)
