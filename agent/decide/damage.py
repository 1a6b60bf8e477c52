"""An image whose container cannot be started at all, on its first start here, may be damaged: it is removed and pulled once more.

A power cut during a pull leaves empty files, and no later pull repairs them, because Docker takes the layer for whole (moby#36135).
So before such an image is believed, its containers and the image itself go, by its id, and it is brought anew. If it is the same,
either the image is broken or the card is, and that is said. An image that has run here once is whole: what its containers do is
their own affair. While an image is being mended, neither it nor its containers are seen by anybody else. Functions' images are not
judged here.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.effects import Clean, Create, Remove, Start
from agent.decide.inputs import ContainerSeen, EngineSeen, GiveUp, Phase, Retry, StepEnded
from agent.decide.node import Node, Now
from agent.decide.restarts import instance
from agent.decide.stored import Pulled
from protocol.ids import full_reference

CANNOT_RUN = (126, 127)
# A shell's, and runc's, word for a program that is there and cannot run, or that is not there.
PROVED_S = 2.0
# A program that cannot be executed ends within milliseconds, and yet a look may find it running before.
AGAIN_S = 1.0
# The container and the image are removed by then, or soon after.

SUSPECT = "pulled once more it is the same: the image is broken, or the storage of this node is suspect"


def weighed(node: Node, seen: StepEnded) -> StepEnded:
    """The end of a step; where it may be the image's fault, the image gets a second chance first."""
    outcome, record = seen.outcome, _record(node, seen)
    if not isinstance(outcome, GiveUp) or not outcome.suspect or record is None:
        return seen
    image = record.ids[-1]
    if record.mended == image:
        return replace(seen, outcome=replace(outcome, reason=f"{outcome.reason}; {SUSPECT}"))
    if record.ran == image:
        return seen
    node.pulled.put(record.reference, replace(record, damaged=image))
    looked(node)
    reason = f"{outcome.reason}; its image may be damaged on the disk, and is pulled once more"
    return replace(seen, outcome=Retry(reason, AGAIN_S))


def looked(node: Node) -> None:
    """After a look: which images have proved whole, which have not, and hide what is being mended."""
    seen = node.engine
    if not isinstance(seen, EngineSeen):
        return
    _note_running(node, seen)
    for record in node.pulled.values():
        if record.ids:
            node.pulled.put(record.reference, _judged(node, record, seen))
    damaged = {record.damaged for record in node.pulled.values() if record.damaged}
    node.images.hidden = tuple(c for c in seen.containers if c.image in damaged and c.phase is not Phase.RUNNING)
    if damaged:
        names = {name for one in seen.stored if one.id in damaged for name in (one.id, *one.references)}
        shown = tuple(container for container in seen.containers if container not in node.images.hidden)
        node.engine = replace(seen, containers=shown, images=seen.images - names)


def hides(node: Node, task: str) -> bool:
    """Whether a container of this task has just shown that its image may be damaged, and is out of sight until it is gone."""
    return any(container.task == task for container in node.images.hidden)


def is_mending(node: Node) -> bool:
    """Whether an image is being brought anew, and its containers are hidden."""
    return any(record.damaged for record in node.pulled.values())


def follow(node: Node, now: Now) -> None:
    """Remove what is left of a damaged image: its containers first, then the image."""
    if not isinstance(node.engine, EngineSeen):
        return
    for record in node.pulled.values():
        key = _key(record)
        if not record.damaged or key in node.busy or key in node.unseen or not now.has_come(node.waits.get(key, 0.0)):
            continue
        held = next((container for container in node.images.hidden if container.image == record.damaged), None)
        node.busy.add(key)
        if held is not None:
            node.effects.append(Remove(key, held.id))
        else:
            node.images.mending.add(key)
            node.effects.append(Clean(key, (record.damaged,)))


def _judged(node: Node, record: Pulled, seen: EngineSeen) -> Pulled:
    image, key = record.ids[-1], _key(record)
    if record.damaged:
        is_gone = record.damaged not in {stored.id for stored in seen.stored}
        if is_gone or (
            key in node.images.mending and key not in node.busy
        ):  # somebody else needs it: it stays as it is
            node.images.mending.discard(key)
            return replace(record, damaged="", mended=record.damaged)
        return record
    if record.ran == image:
        return record
    ends = [container for container in seen.containers if container.image == image]
    if any(_ran(node, container) for container in ends):
        return replace(record, ran=image)
    could_not = any(container.exit_code in CANNOT_RUN for container in ends)
    return replace(record, damaged=image) if could_not and image != record.mended else record


def _ran(node: Node, container: ContainerSeen) -> bool:
    """Whether a container shows that its image can run: it has run for a while, or has come to an end of its own."""
    if container.phase is Phase.RUNNING:
        return _moment(node) - node.images.running[instance(container)] >= PROVED_S
    return container.phase is Phase.EXITED and bool(container.started) and container.exit_code not in CANNOT_RUN


def _note_running(node: Node, seen: EngineSeen) -> None:
    """Remember since when each start is seen running."""
    running, known = [c for c in seen.containers if c.phase is Phase.RUNNING], node.images.running
    at_mono_s = _moment(node)
    node.images.running = {
        start: known.get(start, node.glances.get(container.id, at_mono_s))
        for container in running
        if (start := instance(container))
    }


def _moment(node: Node) -> float:
    """When the present look began."""
    return node.looked_mono_s or 0.0


def _record(node: Node, seen: StepEnded) -> Pulled | None:
    target = node.targets().get(seen.step.key)
    if target is None or not isinstance(seen.step, Create | Start):
        return None
    record = node.pulled.get(full_reference(target.spec.container.image))
    return record if record is not None and record.ids else None


def _key(record: Pulled) -> str:
    return f"image {record.reference}"
