"""What leaves the disk, and when nothing more may come onto it.

Removed is only what this node pulled itself and nothing needs: no task of the assignment or of an offer, no function, no container
that is here, and no rollback of a service (its image before the present one). It must have been idle for a while, less when room is
short. Networks of ours that nobody is on, and that nothing needs, go at once. One `Clean` at a time; what Docker keeps after all is
tried again after another grace. Names that a capped pull left behind when its process died go, too.

A pull that finds the disk nearly full ends before it begins, with the reason, as a registry's refusal would: a full disk stops
every container that writes, a missing update none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agent.decide import damage, fetch, leftovers, pacing, refresh, sections, steps, trials
from agent.decide.effects import Clean, Pull
from agent.decide.inputs import DiskSeen, EngineSeen, GiveUp, ImageSeen, Retry, StepEnded
from agent.decide.leftovers import is_left
from agent.decide.node import Node, Now
from agent.decide.stored import Lineage, Pulled
from agent.decide.strategies import keeps
from protocol.container import Container
from protocol.ids import full_reference, service_key
from protocol.observed import OfferState

KEY = "storage"
# No task id is a single word, and no invocation id either.
GRACE_S = 3600.0
# Whoever takes an update back does it within the hour; the image before is kept for longer anyway.
SHORT_GRACE_S = 60.0
# Enough for a look after whatever made it idle; the room is wanted now.
NETWORK_AGAIN_S = 300.0
# A network goes at once, as with Compose's `down`, and is made anew in a tenth of a second. One that Docker keeps is in use by
# somebody else's container: people take their time.
SHORT_RATIO = 0.85
# Where kubelet begins to collect images, too.
FULL_RATIO = 0.95
# Issue 3; what is left is for the logs and data of what runs.
RESERVE_BYTES = 256 * 1024 * 1024
# A small card at 94 % may have less: a few containers' logs (30 MB each) and the journal must fit.
ROOM_RETRY_S = 30.0
# Room comes from people, or from the `Clean` that is under way.
CLEAN_MOST = 8
# Some seconds of work on a slow card: nothing waits long for its turn.

_LIVE = (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING, OfferState.SETTLED)


def follow(node: Node, now: Now) -> None:
    """After each look: learn what came, forget what went, and have removed what nothing needs."""
    seen = node.engine
    if not isinstance(seen, EngineSeen) or seen is node.images.seen:
        return
    node.images.seen = seen
    if node.assignments.get("") is None:
        return  # a store of another version, or a new one: the assignment comes with the next hello
    _descend(node)
    needed = references(node)
    _learn(node, seen, needed)
    pacing.forget(node, needed)
    _clean(node, seen, needed, now)


def guard(node: Node, now: Now) -> None:
    """Let every pull of this turn be remembered, or refuse it."""
    for step in [effect for effect in node.effects if isinstance(effect, Pull)]:
        refused = refusal(node, step)
        if refused is not None:
            node.effects = [effect for effect in node.effects if effect is not step]
            ended = StepEnded(step, refused)
            steps.ended(node, ended, now)
            trials.staged(node, ended, now)
        else:
            _remember(node, step)


def refusal(node: Node, step: Pull) -> Retry | GiveUp | None:
    """Why this pull may not begin now, if it may not."""
    if refresh.NEVER in (container.pull_policy for container in _wanting(node, step.key)):
        return GiveUp(f"image {step.image} is not on this node, and its pull_policy is {refresh.NEVER}")
    record = node.pulled.get(full_reference(step.image))
    if record is not None and record.damaged:
        reason = f"image {step.image} may be damaged on this node's disk; it is removed and pulled once more"
        return Retry(reason, damage.AGAIN_S)
    full = "; ".join(reasons(node))
    return Retry(full, ROOM_RETRY_S) if full else None


def _wanting(node: Node, key: str) -> Iterable[Container]:
    """Whose pull this is: a task's, an offer's or a function's."""
    target, trial = node.targets().get(key), node.trials.get(key)
    yield from (target.spec.container,) if target is not None else ()
    yield from (trial.offer.task.container,) if trial is not None else ()
    function = fetch.wanted(node).get(key)
    yield from (function.container,) if function is not None else ()


def reasons(node: Node) -> tuple[str, ...]:
    """What keeps this node from pulling anything."""
    disk = node.engine.disk if isinstance(node.engine, EngineSeen) else None
    return (f"disk {_used(disk):.0%} full; no image is pulled until there is room",) if disk and is_full(disk) else ()


def is_full(disk: DiskSeen) -> bool:
    """Whether what is left is for what runs."""
    return _used(disk) >= FULL_RATIO or disk.available_bytes < RESERVE_BYTES


def is_short(disk: DiskSeen | None) -> bool:
    """Whether it is time to make room."""
    return disk is not None and (_used(disk) >= SHORT_RATIO or is_full(disk))


def references(node: Node) -> frozenset[str]:
    """The images that this node needs, or would need to go back, in full."""
    specs = [target.spec for target in (*node.assigned.values(), *node.settled().values(), *node.targets().values())]
    specs += [trial.offer.task for trial in node.trials.values() if trial.state in _LIVE]
    specs += [trial.before.spec for trial in node.trials.values() if trial.before is not None and keeps(trial)]
    images = {spec.container.image for spec in specs}
    images |= {one.container.image for one in sections.functions(node.assignment, node.trials.values())}
    images |= {image for line in node.lineages.values() for image in (line.current, line.previous) if image}
    return frozenset(map(full_reference, images))


def garbage(node: Node, seen: EngineSeen, needed: frozenset[str]) -> tuple[str, ...]:
    """The ids of images that are ours and that nothing needs, whatever their age."""
    records, names = node.pulled.values(), _names(seen.stored)
    kept = {names.get(_known(reference)) for reference in needed} | {container.image for container in seen.containers}
    ours = {id_ for record in records for id_ in record.ids} - kept
    repositories = {repository for record in records for repository in _repositories(record)}
    return tuple(
        image.id
        for image in seen.stored
        if image.id in ours and all(is_left(name) or _repository(name) in repositories for name in image.references)
    )


def _learn(node: Node, seen: EngineSeen, needed: frozenset[str]) -> None:
    """Which images came of our pulls. What is gone, and is not wanted, is forgotten."""
    names, here = _names(seen.stored), {image.id for image in seen.stored}
    for record in node.pulled.values():
        named = names.get(_known(record.reference), "")
        ids = tuple(id_ for id_ in record.ids if id_ in here)
        ids = ids if named in {"", record.foreign, *ids} else (*ids, named)
        if ids or record.reference in needed:
            node.pulled.put(record.reference, replace(record, ids=ids) if ids != record.ids else record)
        else:
            node.pulled.drop(record.reference)


def _clean(node: Node, seen: EngineSeen, needed: frozenset[str], now: Now) -> None:
    networks = [name for name in seen.networks if name not in _networks(node)]
    images, left, idle = garbage(node, seen, needed), leftovers.names(seen), node.images.idle
    node.images.idle = idle = {name: idle.get(name, now.mono_s) for name in (*images, *networks, *left)}
    if KEY in node.busy or KEY in node.unseen or not now.has_come(node.waits.get(KEY, 0.0)):
        return
    grace_s = SHORT_GRACE_S if is_short(seen.disk) else GRACE_S
    gone = [image for image in images if now.has_come(idle[image] + grace_s)][:CLEAN_MOST]
    closed = [name for name in networks if now.has_come(idle[name])][:CLEAN_MOST]
    grace_s_of = {name: leftovers.GRACE_S if has_another else grace_s for name, has_another in left.items()}
    named = [name for name in left if now.has_come(idle[name] + grace_s_of[name])][:CLEAN_MOST]
    if gone or closed or named:
        node.busy.add(KEY)
        node.effects.append(Clean(KEY, tuple(gone), tuple(closed), tuple(named)))
        idle.update(dict.fromkeys((*gone, *named), now.mono_s) | dict.fromkeys(closed, now.mono_s + NETWORK_AGAIN_S))


def _descend(node: Node) -> None:
    """Follow each service's image; a service that is here no longer leaves none behind."""
    settled = node.settled().values()
    current = {service_key(target.spec.stack, target.spec.service): target.spec.container.image for target in settled}
    for service in node.lineages:
        if service not in current:
            node.lineages.drop(service)
    for service, image in current.items():
        line = node.lineages.get(service)
        node.lineages.put(service, line.then(image) if line is not None else Lineage(image))


def _remember(node: Node, step: Pull) -> None:
    reference, seen = full_reference(step.image), node.engine
    names = _names(seen.stored) if isinstance(seen, EngineSeen) else {}
    record = node.pulled.get(reference) or Pulled(reference, foreign=names.get(_known(reference), ""))
    node.pulled.put(reference, replace(record, mirror=step.mirror or record.mirror))


def _names(stored: Iterable[ImageSeen]) -> dict[str, str]:
    """Which image a reference names; one with a digest by that alone, from wherever it came."""
    return {_known(reference): image.id for image in stored for reference in image.references}


def _known(reference: str) -> str:
    _, at, content = reference.partition("@")
    return content if at else reference


def _repository(reference: str) -> str:
    name = reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def _repositories(record: Pulled) -> tuple[str, ...]:
    repository = _repository(record.reference)
    return (repository, f"{record.mirror}/{repository.partition('/')[2]}") if record.mirror else (repository,)


def _networks(node: Node) -> set[str]:
    containers = [target.spec.container for target in (*node.settled().values(), *node.targets().values())]
    containers += [one.container for one in sections.functions(node.assignment, node.trials.values())]
    return {attachment.network.name for container in containers for attachment in container.networks}


def _used(disk: DiskSeen) -> float:
    return 1.0 - disk.available_bytes / disk.total_bytes if disk.total_bytes else 0.0
