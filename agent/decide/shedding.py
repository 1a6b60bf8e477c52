"""Which images make room before another is brought, for `delete-then-download` alone: what the task was, and whatever else is idle.

Removed is only what this node pulled itself, what no container is of, and what nothing else on the node needs; the images to which
a rollback of this very service would return are among it. What Docker keeps after all is not asked for twice: the pull has to do
with the room there is.
"""

from __future__ import annotations

from agent.decide import sections, storage
from agent.decide.inputs import EngineSeen
from agent.decide.node import Node
from agent.decide.strategies import deletes, failed
from protocol.ids import full_reference, service_key
from protocol.observed import OfferState


def shed(node: Node, task: str) -> tuple[str, ...]:
    """The ids of the images that go first."""
    seen, tried = node.engine, node.trying(task)
    makes_room = deletes(tried.offer) if tried is not None else failed(node, task) is not None
    if not isinstance(seen, EngineSeen) or not makes_room:
        return ()
    node.images.shed &= {image.id for image in seen.stored}
    spare = storage.garbage(node, seen, _needed(node, task))
    return tuple(id_ for id_ in spare if id_ not in node.images.shed)


def _needed(node: Node, task: str) -> frozenset[str]:
    """What everything else needs, and what this task is to be."""
    specs = [target.spec for target in node.targets().values()]
    specs += [target.spec for key, target in (*node.assigned.items(), *node.settled().items()) if key != task]
    live = (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING, OfferState.SETTLED)
    specs += [t.offer.task for t in node.trials.values() if t.state in live and t.task != task]
    images = {spec.container.image for spec in specs}
    images |= {one.container.image for one in sections.functions(node.assignment, node.trials.values())}
    ours = node.settled().get(task)
    service = service_key(ours.spec.stack, ours.spec.service) if ours is not None else ""
    lines = [node.lineages.get(key) for key in node.lineages if key != service]
    images |= {image for line in lines if line is not None for image in (line.current, line.previous) if image}
    return frozenset(map(full_reference, images))
