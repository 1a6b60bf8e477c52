"""Which release of the agent each node runs, and what that means for the service whose tasks the agents are.

A task of any other service begins with what is settled, because it begins with nothing. An agent is there already: its task begins
with the release that its node says it runs, and an update reaches it through its slot like any other. Whatever a node is later seen
to run without being asked (its card was swapped, or it kept a release after its offer was withdrawn) is believed, and put right
within the budget.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.records import Node, Revision, Task, revision_key
from controller.decide.rollouts.slot import HOLDING, Slot
from protocol.container import Container
from protocol.desired import Restart
from protocol.ids import service_key, task_id
from protocol.observed import NodeStatus, TaskState
from protocol.release import BASE, SERVICE, STACK, Release
from protocol.shapes import Shape

KEY = service_key(STACK, SERVICE)

_SHAPE = Shape(Release)

IMAGE = "bramble-agent@{}"
"""What people read where other services show an image. With an @ it asks no registry for anything."""


def container(release: Release) -> Container:
    """What stands in for a container, by name alone."""
    return Container(IMAGE.format(release.title))


def running(fleet: Fleet, node: str) -> str:
    """The revision that a node says it runs; what it is made of is remembered, also when nobody here has ordered it."""
    record = fleet.nodes[node]
    revision = record.release or BASE
    key = revision_key(KEY, revision)
    if key not in fleet.revisions:
        release = _known(record, revision)
        fleet.revisions.put(key, Revision(KEY, revision, container(release), Restart(), release=release))
    return revision


def _known(record: Node, revision: str) -> Release:
    """What a node runs, as far as it says so in words that an order could have; the base, otherwise."""
    if revision == BASE:
        return Release()
    image, version = (_SHAPE.read(said) for said in ({"image": record.image}, {"version": record.version}))
    if isinstance(image, Release) and image.revision == revision:
        return image
    return version if isinstance(version, Release) else Release()


def differs(fleet: Fleet, revision: str) -> None:
    """Have an update begin that nobody needed until now: a node turns out to run another release than the wanted one."""
    if KEY not in fleet.rollouts and revision != fleet.catalogue.revisions.get(KEY):
        fleet.unsettled.rollouts.add(KEY)


def seen(fleet: Fleet, status: NodeStatus) -> None:
    """Believe a node that runs another release than it is thought to."""
    task = fleet.tasks.get(task_id(STACK, SERVICE, status.node))
    shown = fleet.seen.get((status.node, task.task)) if task else None
    if task is None or shown is None or shown.state is not TaskState.RUNNING or shown.revision == task.revision:
        return
    slot = fleet.slots.get(task.task)
    if slot is not None and slot.state in HOLDING and not _is_over(slot, status):
        return
    _believe(fleet, task, shown.revision)


def _is_over(slot: Slot, status: NodeStatus) -> bool:
    """Whether its node knows that the offer is gone, and still runs something: then it tries nothing any more."""
    return 0 < slot.withdrawn_at <= status.offers_generation


def _believe(fleet: Fleet, task: Task, revision: str) -> None:
    if fleet.nodes[task.node].release != revision:
        return  # a status of the agent before; the one that spoke last says what it is by its hello
    running(fleet, task.node)
    fleet.tasks.put(task.task, replace(task, revision=revision))
    fleet.slots.drop(task.task)
    differs(fleet, revision)
    fleet.unsettled.slots.add(task.task)
    fleet.unsettled.assignments.add(task.node)
    fleet.unsettled.reports.add(STACK)
