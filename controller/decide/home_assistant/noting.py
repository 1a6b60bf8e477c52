"""Which device a change of the fleet is about: watchers on its shelves note it, so that nothing else is looked at (law 10)."""

from __future__ import annotations

from dataclasses import dataclass

from controller.decide.fleet import Fleet
from controller.decide.home_assistant import controller, ends, functions, node, service
from controller.decide.home_assistant.desk import Subject
from controller.decide.invocation import OPEN, Entry
from controller.decide.presence import Lease
from controller.decide.records import Node, StackRecord
from protocol.desired import Assignment
from protocol.ids import service_key
from protocol.observed import NodeStatus


@dataclass(frozen=True, slots=True)
class Noting:
    """The watchers of one fleet; each is told of a record before and after."""

    fleet: Fleet

    def begin(self) -> None:
        """Note every change from now on."""
        fleet = self.fleet
        if fleet.home_assistant.is_on:
            fleet.nodes.watch(self.node)
            fleet.leases.watch(self.lease)
            fleet.statuses.watch(self.status)
            fleet.assignments.watch(self.assignment)
            fleet.stacks.watch(self.stack)
            fleet.ledger.watch(self.entry)
            fleet.home_assistant.opened = ends.opened(fleet)

    def node(self, before: Node | None, after: Node | None) -> None:
        """What is shown of a node itself; the numbers of what it was told change with each word."""
        known = after or before
        if before is None or after is None:
            self._look_at(controller.of(self.fleet))
        if known is not None and _shown_of(before) != _shown_of(after):
            self._look_at(node.of(known.name), whole=True)

    def lease(self, before: Lease | None, after: Lease | None) -> None:
        """Whether it is there."""
        known = after or before
        if known is not None and (before and before.presence) != (after and after.presence):
            self._look_at(node.of(known.node))
            self._look_at(controller.of(self.fleet))
            self._look_at_stacks(self.fleet.assignments.get(known.node), None)

    def status(self, before: NodeStatus | None, after: NodeStatus | None) -> None:
        """How its devices stand."""
        if after is not None and (before is None or _devices_of(before) != _devices_of(after)):
            self._look_at(node.of(after.node))

    def assignment(self, before: Assignment | None, after: Assignment | None) -> None:
        """Which devices it has."""
        known = after or before
        if known is not None and (before and _devices_of(before)) != (after and _devices_of(after)):
            self._look_at(node.of(known.node), whole=True)
        if (before and before.functions) != (after and after.functions):
            self._look_at_stacks(before, after)

    def stack(self, before: StackRecord | None, after: StackRecord | None) -> None:
        """Which services there are."""
        if (before and before.stack) is not (after and after.stack):
            for key in _services_of(before) | _services_of(after):
                self._look_at(service.of(key), whole=True)
            for record in (before, after):
                if record is not None and record.stack is not None and record.stack.functions:
                    self._look_at(functions.of(record.stack.name), whole=True)

    def entry(self, before: Entry | None, after: Entry | None) -> None:
        """Which functions have something to do."""
        was, now = (one is not None and one.state in OPEN for one in (before, after))
        known, opened = after or before, self.fleet.home_assistant.opened
        if known is not None and was is not now:
            opened[known.function] = opened.get(known.function, 0) + (1 if now else -1)
            if not opened[known.function]:
                del opened[known.function]
            self._look_at(functions.of(known.invocation.stack))

    def _look_at_stacks(self, *told: Assignment | None) -> None:
        """Where functions may run has changed."""
        for stack in {one.stack for assignment in told if assignment is not None for one in assignment.functions}:
            self._look_at(functions.of(stack))

    def _look_at(self, subject: Subject, *, whole: bool = False) -> None:
        self.fleet.home_assistant.look_at(subject, whole=whole)


def _shown_of(one: Node | None) -> tuple[object, ...]:
    return () if one is None else (one.inventory, one.version, one.availability, one.set_labels)


def _devices_of(one: NodeStatus | Assignment) -> tuple[object, ...]:
    return one.sensors, one.actuators


def _services_of(record: StackRecord | None) -> set[str]:
    stack = record.stack if record is not None else None
    return {service_key(stack.name, name) for name in stack.services} if stack is not None else set()
