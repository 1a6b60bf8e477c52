"""When a fleet is at rest: everything that is wanted is so, everywhere, by ground truth; else the first thing that is not."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import TYPE_CHECKING

from controller.decide.fleet import Fleet
from controller.decide.invocation import OPEN, Entry, InvocationState
from controller.decide.rollouts.slot import RolloutState
from protocol.desired import Assignment, TaskSpec
from protocol.envelope import unpack
from protocol.ids import full_reference, service_key
from protocol.operator import StackStatus, Verdict
from protocol.stack import Mode, Service
from protocol.topics import StackStatusTopic
from sim.node import SimNode
from sim.release_promises import unsettled_release
from sim.straits import AMPLE
from sim.truth import WELL, is_passing, is_warm, owns, revision_of, service_of, task_of

if TYPE_CHECKING:
    from sim.fleet import SimFleet


def unsettled(fleet: SimFleet) -> str:
    """The first thing that is not yet as it should be; empty when all is."""
    knows = fleet.head.fleet
    if knows is None or not knows.is_up:
        return "the controller is away"
    nodes = (why for node in fleet.nodes.values() for why in _node(fleet, knows, node))
    return next(chain(_stacks(fleet, knows), nodes, _ledger(fleet, knows), fleet.invariants.follows.unsettled()), "")


def status_of(fleet: SimFleet, stack: str) -> StackStatus | None:
    """What an operator reads of a stack: the retained status."""
    packet = fleet.world.broker.retained.get(str(StackStatusTopic(fleet.head.name, stack)))
    read = unpack(packet) if packet else None
    message = getattr(read, "message", None)
    return message if isinstance(message, StackStatus) else None


def _stacks(fleet: SimFleet, knows: Fleet) -> Iterator[str]:
    for name, manifest in fleet.manifests.items():
        record, said = knows.stacks.get(name), status_of(fleet, name)
        if not manifest:
            if record is not None:
                yield f"stack {name} was removed and is still there"
        elif record is None or said is None or said.manifest != fleet.digest(manifest):
            yield f"stack {name} has no verdict on its newest manifest"
        elif record.verdict is Verdict.ACCEPTED and not said.converged:
            yield f"stack {name} is not said to have converged: {said.services}"
        else:
            for service in record.stack.services.values() if record.stack else ():
                yield from _service(fleet, knows, service)


def _service(fleet: SimFleet, knows: Fleet, service: Service) -> Iterator[str]:
    key = service_key(service.stack, service.name)
    if service.mode.is_job:
        yield from fleet.invariants.ways.works.undone(knows, service, fleet.nodes)
        return
    running = fleet.running(key)
    count = sum(len(images) for images in running.values())
    open_nodes = fleet.nodes.keys() - fleet.drained if not service.constraints else running.keys()
    wanted = len(open_nodes) if service.mode is Mode.GLOBAL else service.replicas
    if count != wanted:
        yield f"{count} of {wanted} containers of {key} run"
    for name, images in running.items():
        if set(images) != {service.container.image}:
            yield f"{name} runs {images} for {key} and not {service.container.image}"
    rollout = knows.rollouts.get(key)
    if rollout is not None and rollout.state is not RolloutState.DONE:
        yield f"the rollout of {key} is {rollout.state}: {rollout.reason}"


def _node(fleet: SimFleet, knows: Fleet, node: SimNode) -> Iterator[str]:
    if node.node is None or not node.node.is_up or node.is_cut or node.engine.away:
        yield f"{node.name} is away"
        return
    assert node.store is not None
    told = knows.assignments.get(node.name) or Assignment(node.name, 0, 0)
    if node.node.assignment != told:
        yield f"{node.name} has assignment {node.node.assignment.generation}, and was told {told.generation}"
    jobs = fleet.invariants.ways.works.services
    wanted = sorted(f"{spec.task} {spec.revision}" for spec in told.tasks if _is_contained(spec, jobs))
    ours = [box for box in node.engine.boxes.values() if owns(node.fleet, node.name, box.labels) and not is_warm(box)]
    ours = [box for box in ours if service_of(task_of(box)) not in jobs and not is_passing(box, fleet.world.now_s)]
    there = sorted(f"{task_of(box)} {revision_of(box)}" for box in ours)
    if there != wanted:
        yield f"{node.name} has the containers {there} and should have {wanted}"
    for box in ours:
        if not box.runs or box.health(fleet.world.now_s) not in WELL:
            yield f"{box.name} on {node.name} does not run well"
    if node.node.busy or len(node.node.runs) or node.store.outbox.size or len(node.node.publications):
        left = (
            f"{len(node.node.runs)} runs, {node.store.outbox.size} facts and {len(node.node.publications)} publications"
        )
        yield f"{node.name} is at work on {sorted(node.node.busy)}, and has {left} to get rid of"
    missing = [
        f.name for f in told.functions if not f.is_away and full_reference(f.container.image) not in node.engine.images
    ]
    if missing:
        yield f"{node.name} has not got the images of {missing}"
    yield from unsettled_release(node, knows)
    yield from _devices(fleet, node)
    yield from _told(fleet, knows, node)


def _is_contained(spec: TaskSpec, jobs: AbstractSet[str]) -> bool:
    """Whether a task has a container for as long as it is wanted."""
    return spec.release is None and service_of(spec.task) not in jobs


def _devices(fleet: SimFleet, node: SimNode) -> Iterator[str]:
    """Every stack that is in force has its sensors watched, on every node that its constraints let through."""
    watched = set(node.board.sensors) if node.board is not None else set()
    for name, sensors in fleet.sensors.items():
        absent = sensors - watched if fleet.manifests.get(name) else set()
        if absent:
            yield f"{node.name} does not watch {sorted(absent)} of {name}"
    for name, actuators in fleet.actuators.items():
        absent = actuators - set(node.board.outputs if node.board is not None else ())
        if absent:
            yield f"{node.name} does not have {sorted(absent)} of {name}"


def _told(fleet: SimFleet, knows: Fleet, node: SimNode) -> Iterator[str]:
    """The controller knows what the node says, and its ledger what the node's says, unless a lost ledger was told, or nobody."""
    assert node.node is not None
    said, known = node.node.said, knows.statuses.get(node.name)
    if said is None or known is None or (said.epoch, said.sequence) != (known.epoch, known.sequence):
        yield f"{node.name} says a status that the controller does not have"
    is_known = not fleet.invariants.is_restored and fleet.straits is AMPLE  # a full outbox lets go of results, too
    for key in node.node.ended if is_known else ():
        entry, ended = knows.ledger.get(key), node.node.ended.get(key)
        if entry is not None and entry.node == node.name and entry.state.value != ended and not _is_late(knows, entry):
            yield f"{key} is {ended} on {node.name} and {entry.state} on the ledger"


def _has_been_told(fleet: SimFleet, knows: Fleet) -> bool:
    """Whether the end of all that is open was told to the ledger that was lost: it stays open here until its time is over."""
    ended = {key for node in fleet.nodes.values() if node.node is not None for key in node.node.ended}
    return all(key in ended for key in knows.ledger if knows.ledger[key].state in OPEN)


def _ledger(fleet: SimFleet, knows: Fleet) -> Iterator[str]:
    waiting = len(knows.ledger) - len(knows.ended)
    if waiting and not (fleet.invariants.is_restored and _has_been_told(fleet, knows)):
        yield f"{waiting} invocations are open"
    if fleet.invariants.has_forgotten or fleet.straits is not AMPLE:
        return  # what was let go of was done by nobody, as far as anybody knows
    known = {key for node in fleet.nodes.values() if node.node is not None for key in node.node.ended}
    expired = [key for key in knows.ended if _has_waited(knows, knows.ledger[key]) and key not in known]
    if expired:
        yield f"nobody has run {expired[0]}, and its time is over"


def _has_waited(knows: Fleet, entry: Entry) -> bool:
    """Whether it has expired as late as ever, though its function is there; one that is wanted at once may have found no node."""
    is_there = entry.function in knows.catalogue.functions
    return entry.state is InvocationState.EXPIRED and is_there and not _is_late(knows, entry)


def _is_late(knows: Fleet, entry: Entry) -> bool:
    """Whether its function wanted it sooner than its result came, which may have been away for minutes."""
    function = knows.catalogue.functions.get(entry.function)
    return entry.state is InvocationState.EXPIRED and function is not None and function.spec.expires_s > 0
