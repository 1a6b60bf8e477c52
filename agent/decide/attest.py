"""Whether a container is of the very image that its task names by digest, after each look: when it settles, after a boot, always.

A container keeps the image it was made of, whatever its name says by now, so one that is of another is no success and no settled
state. It is told, taken for no container of its task, and so made anew, once; if the new one is of the wrong image too, that one
runs on, is told, and no trial of it is settled. Only a digest can be attested, and only while the image that has it is here: a tag
says nothing, and neither does a platform, of which one digest has several.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.decide.inputs import ContainerSeen, EngineSeen, ImageSeen
from agent.decide.node import Node
from agent.decide.stored import Stray
from agent.decide.target import Target
from protocol.observed import STORED_MOST, stored_name

SHOWN_CHARS = 19
# `sha256:` and what Docker shows of an id.


def looked(node: Node) -> None:
    """Take in a look: which containers are of another image than they should be."""
    seen = node.engine
    if not isinstance(seen, EngineSeen):
        return
    node.stored = tuple(sorted(_largest(seen.stored)))
    known = {image.id for image in seen.stored}
    named, targets = _named(seen.stored), (node.targets(), node.settled())
    node.strays = {}
    for container in seen.containers:
        ids = _wanted(targets, container, named)
        if ids and container.image in known and container.image not in ids:
            _strayed(node, container, ids)
    node.mended = {key: first for key, first in node.mended.items() if key.partition(" ")[0] in node.tasks}


def reason(node: Node, task: str) -> str:
    """What is to be said of a task's container; nothing while it is of the right image."""
    return next((stray.reason for stray in node.strays.values() if stray.task == task), "")


def is_condemned(node: Node, container: ContainerSeen) -> bool:
    """Whether a container is to be made anew."""
    stray = node.strays.get(container.id)
    return stray is not None and stray.is_condemned


def _strayed(node: Node, container: ContainerSeen, ids: frozenset[str]) -> None:
    content = f"{container.task} {container.revision} {container.spec_hash}"
    if content not in node.mended:
        node.tally("strays")
    first = node.mended.setdefault(content, container.id)
    wanted = " or ".join(id_[:SHOWN_CHARS] for id_ in sorted(ids))
    said = f"its container is of the image {container.image[:SHOWN_CHARS]}, not of {wanted}"
    again = "; it is made anew" if first == container.id else ", also after it was made anew"
    node.strays[container.id] = Stray(container.task, said + again, is_condemned=first == container.id)


def _wanted(
    targets: tuple[dict[str, Target], ...], container: ContainerSeen, named: dict[str, frozenset[str]]
) -> frozenset[str]:
    """The ids that a container's digest stands for here; none where nothing can be said."""
    content = f"{container.revision} {container.spec_hash}"
    found = (target for one in targets if (target := one.get(container.task)) is not None)
    target = next((target for target in found if target.content == content), None)
    if target is None or target.spec.container.platform:
        return frozenset()
    return named.get(target.spec.container.image.partition("@")[2], frozenset())


def _named(stored: Iterable[ImageSeen]) -> dict[str, frozenset[str]]:
    """Which images have a digest."""
    named: dict[str, frozenset[str]] = {}
    for image in stored:
        for digest in {reference.partition("@")[2] for reference in image.references} - {""}:
            named[digest] = named.get(digest, frozenset()) | {image.id}
    return named


def _largest(stored: Iterable[ImageSeen]) -> set[str]:
    """What there is on the disk, as a status names it."""
    names: set[str] = set()
    for image in sorted(stored, key=lambda image: (-image.size_bytes, image.id)):
        names |= {stored_name(reference) for reference in image.references} - {""}
        if len(names) >= STORED_MOST:
            break
    return set(sorted(names)[:STORED_MOST])
