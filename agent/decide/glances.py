"""A look at one container alone, right after the step that changed it: the next step of its task need not wait for a whole look.

What was made, started, stopped or removed is then known as well as after a look, and as the engine shows it (law 7): what a step
should have done is never taken for what it did. A whole look that began before is older than a glance, and gives way to it for this
one container. While an image is being mended, whose containers are hidden, only whole looks count. So they do after a step that did
not work, and where nobody could look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from agent.decide import attest, damage
from agent.decide.effects import Create, Remove, Start, Stop
from agent.decide.inputs import ContainerSeen, Done, EngineSeen, StepEnded
from agent.decide.node import Node, Now

V = TypeVar("V")


def take(node: Node, seen: StepEnded, now: Now) -> bool:
    """Take in what a step's end shows of its container; False if that has still to be looked at."""
    if not isinstance(node.engine, EngineSeen) or not isinstance(seen.outcome, Done) or damage.is_mending(node):
        return False
    match seen.step:
        case Remove() if any(container.id == seen.step.container for container in node.engine.containers):
            _put(node, node.engine, seen.step.container, (), now)
        case Create() | Start() | Stop() if seen.glance is not None and seen.glance.task:
            _put(node, node.engine, seen.glance.id, (seen.glance,), now)
        case _:
            return False
    return True


def kept(node: Node, looked: EngineSeen, began_mono_s: float | None) -> EngineSeen:
    """A look, but for what has been looked at alone since it began."""
    if began_mono_s is not None:
        node.glances = {id_: at for id_, at in node.glances.items() if at > began_mono_s}
    if not isinstance(node.engine, EngineSeen):
        return looked
    before = {container.id: container for container in node.engine.containers}
    newer = tuple(container for container in node.engine.containers if container.id in node.glances)
    others = (container for container in looked.containers if container.id not in node.glances)
    containers = (*(_known(before.get(container.id), container) for container in others), *newer)
    stored, images = _known(node.engine.stored, looked.stored), _known(node.engine.images, looked.images)
    return replace(looked, containers=containers, stored=stored, images=images)


def seen_mono_s(node: Node, container: str) -> float | None:
    """When a container was looked at last, alone or with all others."""
    return node.glances.get(container, node.looked_mono_s)


def _known(before: V | None, seen: V) -> V:
    """What was seen before, where it is seen again: whoever worked something out of it knows it by that (`agent.decide.known`)."""
    return before if before is not None and before == seen else seen


def _put(node: Node, engine: EngineSeen, id_: str, shown: tuple[ContainerSeen, ...], now: Now) -> None:
    others = tuple(container for container in engine.containers if container.id != id_)
    node.engine = replace(engine, containers=(*others, *shown))
    node.glances[id_] = now.mono_s
    damage.looked(node)
    attest.looked(node)
