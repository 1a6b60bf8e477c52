"""Whether a container is of the very image that its task names, after each look: when it settles, after a boot, always.

A container keeps the image it was made of, whatever its name says by now, so one that is of another is no success and no settled
state. It is told, taken for no container of its task, and so made anew, once; if the new one is of the wrong image too, that one
runs on, is told, and no trial of it is settled.

A digest, or an image's id, says which image it is. A tag does not, nor does a digest of several platforms: there the image that a
task was first seen to run by that name is attested, and durable (`Node.attested`); another one is wrong as long as the name still
means the first. So it holds for what was built here, too, which no registry has given a digest. An image for another platform than
the one that is asked for is always wrong. Where the name means neither any more, nothing can be said, and nothing is.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_

from agent.decide.inputs import ContainerSeen, EngineSeen, ImageSeen
from agent.decide.known import Named
from agent.decide.node import Node
from agent.decide.stored import Stray
from agent.decide.target import Target
from protocol.container import Container
from protocol.desired import TaskSpec
from protocol.ids import full_reference
from protocol.observed import STORED_MOST, stored_name
from protocol.platform import is_for

SHOWN_CHARS = 19
# `sha256:` and what Docker shows of an id.

ID = "sha256:"


def looked(node: Node) -> None:
    """Take in a look: which containers are of another image than they should be."""
    seen = node.engine
    if not isinstance(seen, EngineSeen):
        return
    named, targets, settled = _called(node, seen.stored), node.targets(), node.settled()
    node.strays, before, sound = {}, node.known.sound, {}
    for container in seen.containers:
        wanted, kept = targets.get(container.task), settled.get(container.task)
        held = (node.attested.version, container, _spec(wanted), _spec(kept), named)
        known = before.get(container.id)
        if known is not None and known[0] == held[0] and all(map(is_, known[1:], held[1:])):
            held = known
        elif (target := _target((wanted, kept), container)) is not None and container.image in named:
            _attest(node, container, target, named)
        if container.id not in node.strays:
            sound[container.id] = held
    node.known.sound = sound
    _forget(node, targets, settled)


def reason(node: Node, task: str) -> str:
    """What is to be said of a task's container; nothing while it is of the right image."""
    return next((stray.reason for stray in node.strays.values() if stray.task == task), "")


def is_condemned(node: Node, container: ContainerSeen) -> bool:
    """Whether a container is to be made anew."""
    stray = node.strays.get(container.id)
    return stray is not None and stray.is_condemned


def judged(container: ContainerSeen, wanted: Container, named: Named, attested: str) -> str | None:
    """What is wrong with a container's image; empty if it is the right one, None where nothing can be said."""
    if container.image == attested:
        return ""
    if wanted.platform and container.platform and not is_for(container.platform, wanted.platform):
        return f"for {container.platform}, not for {wanted.platform}"
    ids = named.get(_content(wanted.image), frozenset())
    if container.image in ids:
        return ""
    tells = ("@" in wanted.image or wanted.image.startswith(ID)) and not wanted.platform
    if not ids or not (tells or attested in ids):
        return None
    return f"{container.image[:SHOWN_CHARS]}, not of {' or '.join(id_[:SHOWN_CHARS] for id_ in sorted(ids))}"


def _attest(node: Node, container: ContainerSeen, target: Target, named: Named) -> None:
    key = f"{container.task} {target.content}"
    wrong = judged(container, target.spec.container, named, node.attested.get(key) or "")
    if wrong:
        _strayed(node, container, wrong)
    elif wrong is not None:
        node.attested.put(key, container.image)


def _strayed(node: Node, container: ContainerSeen, wrong: str) -> None:
    content = f"{container.task} {container.revision} {container.spec_hash}"
    if content not in node.mended:
        node.tally("strays")
    first = node.mended.setdefault(content, container.id)
    again = "; it is made anew" if first == container.id else ", also after it was made anew"
    said = f"its container is of the image {wrong}{again}"
    node.strays[container.id] = Stray(container.task, said, is_condemned=first == container.id)


def _target(targets: tuple[Target | None, ...], container: ContainerSeen) -> Target | None:
    """What a container was made for, if it is still wanted so."""
    content = f"{container.revision} {container.spec_hash}"
    return next((target for target in targets if target is not None and target.content == content), None)


def _spec(target: Target | None) -> TaskSpec | None:
    return target.spec if target is not None else None


def _forget(node: Node, targets: dict[str, Target], settled: dict[str, Target]) -> None:
    """Of what is wanted no more nothing is remembered."""
    if node.mended:
        node.mended = {key: first for key, first in node.mended.items() if key.partition(" ")[0] in node.tasks}
    known = node.known.attested
    if known is not None and known[0] is targets and known[1] is settled and known[2] == node.attested.version:
        return
    contents = {f"{task} {target.content}" for one in (targets, settled) for task, target in one.items()}
    for key in node.attested:
        if key not in contents:
            node.attested.drop(key)
    node.known.attested = (targets, settled, node.attested.version)


def _called(node: Node, stored: tuple[ImageSeen, ...]) -> Named:
    """What the images of this look are called; what the status says of them follows from them, too."""
    known = node.known.named
    if known is None or known[0] is not stored:
        node.stored = tuple(sorted(_largest(stored)))
        known = node.known.named = (stored, _named(stored))
    return known[1]


def _named(stored: Iterable[ImageSeen]) -> Named:
    named: dict[str, frozenset[str]] = {}
    for image in stored:
        for content in {image.id, *map(_content, image.references)}:
            named[content] = named.get(content, frozenset()) | {image.id}
    return named


def _content(image: str) -> str:
    """By what an image is known: its digest, its id, or else its name in full."""
    _, at, content = image.partition("@")
    return content if at else image if image.startswith(ID) else full_reference(image)


def _largest(stored: Iterable[ImageSeen]) -> set[str]:
    """What there is on the disk, as a status names it."""
    names: set[str] = set()
    for image in sorted(stored, key=lambda image: (-image.size_bytes, image.id)):
        names |= {stored_name(reference) for reference in image.references} - {""}
        if len(names) >= STORED_MOST:
            break
    return set(sorted(names)[:STORED_MOST])
