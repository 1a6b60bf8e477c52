"""How an image is asked for: with the login and the mirror that the assignment gives for its registry. Whoever wants one asks here.

The mirror belongs to the registry. The login is the one that the task's own stack has for it, or else the fleet's; that of another
stack is said for nobody else. A node without either pulls as nobody, from the registry that the reference names. The cap is the
node's own. Whoever corrects a login or a mirror sees at once whether it helps: the pulls that waited are tried anew, and so are
offers that failed for want of their image; once for each correction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agent.decide.effects import Pull
from agent.decide.inputs import EngineSeen, Pulling
from agent.decide.node import Node
from agent.decide.sections import brought
from agent.decide.trial import Seen, advance
from protocol.container import Container
from protocol.desired import Assignment, Login
from protocol.ids import full_reference, registry_name, registry_of
from protocol.observed import OfferState, TaskState

MB = 1_000_000
# What people's data plans count in.

_WAITING = (TaskState.ASSIGNED, TaskState.PREPARING, TaskState.REJECTED)
"""Where a task is while its image is missing."""


def pull(node: Node, key: str, stack: str, container: Container) -> Pull:
    """The step that brings a container's image here, on behalf of `key`."""
    login, mirror = asked(node.assignment, stack, container.image)
    return Pull(key, container.image, login, mirror, node.images.rate_bps, container.platform)


def asked(assignment: Assignment, stack: str, image: str) -> tuple[Login | None, str]:
    """What is said to the image's registry for a stack, and who is asked before it."""
    registry = registry_of(image)
    logins = [login for login in assignment.logins if registry_name(login.registry) == registry]
    login = next((login for whose in (stack, "") for login in logins if login.stack == whose), None)
    mirror = next((mirror.at for mirror in assignment.mirrors if registry_name(mirror.registry) == registry), "")
    return login, mirror


def progressed(node: Node, seen: Pulling) -> None:
    """Take in how far a pull is; one that has ended meanwhile is told by its end."""
    if seen.key in node.busy:
        node.pulling[seen.key] = seen


def progress(node: Node, key: str) -> str:
    """How far the pull on behalf of a key is; nothing while none is under way, or nobody has said."""
    seen = node.pulling.get(key)
    if seen is None:
        return ""
    done = f"{seen.done_bytes / MB:.0f}"
    if seen.total_bytes is None:
        return f"its image comes: {done} MB so far"
    percent = 100 * seen.done_bytes // max(1, seen.total_bytes)
    return f"its image comes: {done} of {seen.total_bytes / MB:.0f} MB ({percent} %)"


def unblock(node: Node, before: Assignment) -> None:
    """After a new assignment: wait no longer with what is asked for otherwise than before."""
    for key, stack, image in list(_missing(node)):
        if asked(before, stack, image) == asked(node.assignment, stack, image):
            continue
        node.images.failures.pop(full_reference(image), None)
        task, trial = node.tasks.get(key), node.trials.get(key)
        if task is not None and task.state in _WAITING:
            node.tasks.put(key, replace(task, due_mono_s=0.0))
        if trial is not None and trial.state is OfferState.STAGING:
            node.trials.put(key, replace(trial, due_mono_s=0.0))
        elif trial is not None and trial.was_staging and key in node.standing():
            state = advance(trial.state, Seen.CORRECTED)
            node.trials.put(key, replace(trial, state=state, reason="", due_mono_s=0.0, was_staging=False))


def _missing(node: Node) -> Iterator[tuple[str, str, str]]:
    """The images that are wanted and not here: by which key, for which stack. A function's waits for nothing any more."""
    wanted = [(key, target.spec.stack, target.spec.container.image) for key, target in node.targets().items()]
    wanted += [(t.key, t.offer.task.stack, t.offer.task.container.image) for t in node.trials.values()]
    wanted += [
        (t.key, t.offer.task.stack, one.container.image) for t in node.trials.values() for one in brought(t.offer)
    ]
    wanted += [("", function.stack, function.container.image) for function in node.assignment.functions]
    here = node.engine
    return (one for one in wanted if not isinstance(here, EngineSeen) or not here.has(one[2]))
