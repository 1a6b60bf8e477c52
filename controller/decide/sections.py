"""What nodes have of the stacks' sensors, actuators and functions: what is wanted of them, and what they were told.

The two differ while an update is under way (`rollouts.switching` says when a node gets which). Events and calls go by what nodes
were told: an old sensor calls the old functions, and a new function is called where it is.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide import templates
from controller.decide.fleet import Fleet
from protocol.desired import Assignment, Sections
from protocol.function import FunctionSpec
from protocol.ids import service_key
from protocol.observed import SensorEvent
from protocol.sections import of_stacks, with_remembered


def wanted(fleet: Fleet, node: str) -> Sections:
    """All that the stacks in force want of a node; what it was looked at for may be gone since, within this turn."""
    devices, stacks = fleet.devices.get(node), fleet.catalogue.stacks
    if devices is None:
        return Sections()
    sensors, actuators = ([key.split(".") for key in keys] for keys in (devices.sensors, devices.actuators))
    functions = [fleet.catalogue.functions[key].spec for key in devices.functions if key in fleet.catalogue.functions]
    part = Sections(
        tuple(stacks[one].sensors[name].spec for one, name in sensors if one in stacks and name in stacks[one].sensors),
        tuple(
            stacks[one].actuators[name].spec
            for one, name in actuators
            if one in stacks and name in stacks[one].actuators
        ),
        tuple(templates.of_node(spec, fleet.nodes[node]) for spec in functions),
    )
    sensing = sorted({stack for stack, _ in sensors if stack in stacks})
    return with_remembered(part, [spec for stack in sensing for spec in fleet.catalogue.functions_of(stack)])


def told(assignment: Assignment, stack: str) -> Sections:
    """What a node was told to have of a stack; how many instances it keeps ready is no part of it."""
    functions = tuple(replace(one, keep=0) if one.keep else one for one in assignment.functions)
    whole = Sections(assignment.sensors, assignment.actuators, functions)
    return of_stacks(whole, lambda one: one == stack)


def sensed_by(fleet: Fleet, event: SensorEvent) -> tuple[str, tuple[FunctionSpec, ...]]:
    """Whose sensor an event came from, and which functions it may call; nobody's if it was taken away meanwhile.

    One that its node was not told of has come with an offer, and calls what came with it.
    """
    assignment, devices = fleet.assignments.get(event.node), fleet.devices.get(event.node)
    stack = next((one.stack for one in (assignment.sensors if assignment else ()) if one.name == event.sensor), "")
    if not stack:
        keys = devices.sensors if devices else ()
        stack = next((key.partition(".")[0] for key in keys if key.endswith(f".{event.sensor}")), "")
        return stack, fleet.catalogue.functions_of(stack)
    earlier, functions = fleet.earlier.get(stack), fleet.catalogue.functions_of(stack)
    if earlier is None or assignment is None:
        return stack, functions
    if told(assignment, stack) == of_stacks(wanted(fleet, event.node), lambda one: one == stack):
        return stack, functions
    names = {function.name for function in functions}
    return stack, tuple(one.spec for name, one in earlier.stack.functions.items() if name in names)


def arrived(before: Assignment | None, after: Assignment) -> list[str]:
    """The functions (`stack.name`) that come to a node with what it is told now."""
    had = {(one.stack, one.name) for one in before.functions if not one.is_away} if before else set()
    coming = (one for one in after.functions if not one.is_away and (one.stack, one.name) not in had)
    return [service_key(one.stack, one.name) for one in coming]


def can_call(fleet: Fleet, node: str, function: str) -> bool:
    """Whether a node that is to have a function (`stack.name`) has it already, as far as is known here."""
    stack, _, name = function.partition(".")
    assignment = fleet.assignments.get(node)
    if stack not in fleet.earlier:
        return True
    functions = assignment.functions if assignment is not None else ()
    return any((one.stack, one.name) == (stack, name) and not one.is_away for one in functions)
