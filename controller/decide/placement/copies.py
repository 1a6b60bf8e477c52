"""The two copies of a replaced task as the fleet knows them, and which of them stays."""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.placement import filters, scheduler
from controller.decide.placement.need import need_of
from controller.decide.placement.reconcile import Copies, Stays, stays
from controller.decide.presence import Presence
from controller.decide.records import Original, Task
from controller.decide.rollouts.slot import HOLDING
from protocol.observed import TaskState
from protocol.stack import Disconnect, Service


def choose(fleet: Fleet, original: Original, placed: Task) -> Stays:
    """Which copy stays; later, while an update has one of them in its hands."""
    service, slot = fleet.catalogue.services[placed.service], fleet.slots.get(placed.task)
    if slot is not None and slot.state in HOLDING:
        return Stays.LATER
    said = service.disconnect or Disconnect()
    shown = fleet.seen.get((original.node, original.task))
    seen = Copies(
        runs(fleet, original.node, original.task),
        runs(fleet, placed.node, placed.task),
        is_current=original.revision == placed.revision,
        is_welcome=_is_welcome(fleet, service, original.node),
        is_unsteady=fleet.unsteady(original.node),
        is_same_container=shown is not None and shown.container == original.container,
        is_better=_is_better(fleet, service, original.node, placed.node),
    )
    return stays(said.reconcile, seen)


def runs(fleet: Fleet, node: str, task: str) -> bool:
    """Whether a node is there and shows that it runs a task."""
    shown = fleet.seen.get((node, task))
    return shown is not None and shown.state is TaskState.RUNNING and fleet.presence(node) is Presence.ONLINE


def _is_welcome(fleet: Fleet, service: Service, node: str) -> bool:
    """Whether nothing but presence speaks against the node, which may have been given something else meanwhile."""
    need = need_of(fleet, service)
    one = filters.candidate(fleet, node, need)
    return not filters.any_objection((*filters.LEAVING, *filters.BROKEN, *filters.CROWDING), one, need)


def _is_better(fleet: Fleet, service: Service, original: str, replacement: str) -> bool:
    """Whether the scheduler would rather choose the original's node; the copy itself counts for neither."""
    crowd, tasks, *rest = scheduler.score(fleet, service, replacement)
    return scheduler.score(fleet, service, original) < (crowd - 1, tasks - 1, *rest)
