"""One task with everything that its next step depends on, gathered from the node before the plan looks at it.

Whether the image comes before or after what runs is stopped, what is kept for the way back, and which images make room, stands in
it as the update's strategy has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.decide.effects import Pull
from agent.decide.inputs import ContainerSeen, EngineSeen
from agent.decide.node import Node
from agent.decide.pulls import pull
from agent.decide.ready import is_ready
from agent.decide.refresh import is_due
from agent.decide.shedding import shed
from agent.decide.strategies import kept, order, tries_late
from agent.decide.target import Target
from agent.decide.task import Task
from protocol.desired import Order


@dataclass(frozen=True, slots=True)
class Scene:
    """`missing` brings the image, `fresher` one that is here, anew. `kept` are what the stopped containers may be of.

    `lock` is the path at which the container that runs may have put a file, so that a trial does not stop it. `is_late`: what runs
    is stopped, and the images `sheds` are removed, before one is brought.
    """

    key: str
    target: Target | None
    task: Task | None
    container: ContainerSeen | None
    others: tuple[ContainerSeen, ...]
    missing: Pull | None
    order: Order
    kept: tuple[Target, ...] = ()
    held: bool = False
    fresher: Pull | None = None
    lock: str = ""
    is_late: bool = False
    sheds: tuple[str, ...] = ()


def scene_of(
    node: Node, key: str, target: Target | None, container: ContainerSeen | None, here: tuple[ContainerSeen, ...]
) -> Scene:
    """Gather it, from the last look; but for its lock, which depends on the time."""
    others = tuple(other for other in here if container is None or other.id != container.id)
    task = node.tasks.get(key)
    if target is None:
        return Scene(key, None, task, container, others, None, Order.STOP_FIRST)
    others = tuple(other for other in others if not is_ready(node, other))
    wanted, seen = target.spec.container, node.engine
    is_here = isinstance(seen, EngineSeen) and seen.has(wanted.image)
    brings = pull(node, key, target.spec.stack, wanted)
    is_stale = is_due(node, key, wanted)
    is_late = (not is_here or is_stale) and tries_late(node, key)
    return Scene(
        key, target, task, container, others,
        missing=None if is_here else brings,
        order=order(node, key),
        kept=kept(node, key),
        held=key in node.held,
        fresher=brings if is_stale else None,
        is_late=is_late,
        sheds=shed(node, key) if is_late else (),
    )  # fmt: skip
