"""Carrying out the steps of tasks: an image, create, start, a lock's probe, stop, remove. Each may be done twice or by half.

A step first looks at the container it is about, so what has come true already is `Done`, and a container that is not ours is
never touched (S8). Docker's refusals become outcomes here; `EngineAwayError` is the caller's.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.adapters import locks
from agent.adapters.cleaning import clean
from agent.adapters.creation import LABEL, Place, task_body
from agent.adapters.docker_api import CALL_TIMEOUT_S, DockerApi
from agent.adapters.progress import Progress
from agent.adapters.pulls import Terms, pull
from agent.adapters.seen import container_seen
from agent.adapters.starting import started
from agent.adapters.surroundings import Surroundings
from agent.adapters.troubles import trouble
from agent.decide.effects import Clean, Create, Probe, Pull, Remove, Start, Stop
from agent.decide.inputs import ContainerSeen, Done, GiveUp, Outcome, Retry

STILL_RETRY_S = 1.0
# A container that is on its way out.

_NETWORK_GONE = re.compile(r"network \S+ not found")
# Removed while the container did not run, which remembers it by its id.

TaskStep = Pull | Create | Start | Stop | Probe | Remove | Clean


class NotOursError(Exception):
    """A container of that name exists, and is not this node's."""


def perform(around: Surroundings, step: TaskStep) -> Outcome:
    """Carry out one step."""
    try:
        return _performed(around, step)
    except NotOursError as error:
        return GiveUp(str(error))


def _performed(around: Surroundings, step: TaskStep) -> Outcome:
    match step:
        case Pull():
            return pull(around.api, step, Terms(take=Progress(step.key, around.tell, time.monotonic).take))
        case Create():
            return _create(around, step)
        case Start():
            return _start(around, step)
        case Stop():
            return _stop(around.api, around.place, step)
        case Probe():
            found = inspected(around.api, around.place, step.container)
            return locks.asked(around.api, found, step.path) if found is not None else Done("it was gone")
        case Remove():
            return remove(around.api, around.place, step.container)
        case Clean():
            return clean(around.api, around.networks, step)


def glanced(around: Surroundings, step: TaskStep) -> ContainerSeen | None:
    """The task's container that a step has changed, as it stands now; None where it is gone, or no task's."""
    match step:
        case Create():
            container = around.place.task_name(step.task)
        case Start() | Stop():
            container = step.container
        case _:
            return None
    answer = around.api.call("GET", f"/containers/{container}/json")
    if not answer.ok or not around.place.owns(labels := answer.body["Config"].get("Labels")):
        return None
    return container_seen(answer.body) if f"{LABEL}task" in labels else None


def inspected(api: DockerApi, place: Place, container: str) -> dict[str, Any] | None:
    """All about one of our containers, or None where there is none."""
    answer = api.call("GET", f"/containers/{container}/json")
    if not answer.ok:
        return None
    if not place.owns(answer.body["Config"].get("Labels")):
        raise NotOursError(f"the container {container} is not ours")
    return dict(answer.body)


def _create(around: Surroundings, step: Create) -> Outcome:
    name, container = around.place.task_name(step.task), step.task.container
    prepared = around.prepare(container)
    if not isinstance(prepared, Done):
        return prepared
    answer = around.create(name, container, task_body(around.place, step.task))
    if answer.ok:
        return Done(warning="; ".join([*filter(None, [prepared.detail]), *(answer.body.get("Warnings") or ())]))
    if answer.status != 409:
        return trouble(container.image, answer.status, answer.message)
    return _met(inspected(around.api, around.place, name), name, container.spec_hash)


def _met(existing: Mapping[str, Any] | None, name: str, spec_hash: str) -> Outcome:
    """Our own earlier create is as good as this one; a look shows the rest."""
    if existing is None:
        return Retry(f"a container {name} is being removed", STILL_RETRY_S)
    if existing["Config"]["Labels"].get(f"{LABEL}spec-hash") == spec_hash:
        return Done("it existed")
    return Retry(f"a container {name} of other content is in the way", STILL_RETRY_S)


def _start(around: Surroundings, step: Start) -> Outcome:
    found = inspected(around.api, around.place, step.container)
    if found is None:
        return Retry(f"the container {step.container} is gone", STILL_RETRY_S)
    if found["State"]["Running"]:
        return Done("it ran")
    name = str(found["Name"]).lstrip("/")
    if step.task and found["State"]["Status"] == "created":
        completed = around.complete(name, step.task.container)
        if not isinstance(completed, Done):
            return completed
    answer = started(around.api, str(found["Id"]))
    if step.task and _NETWORK_GONE.search(answer.message):
        reconnected = around.reconnect(name, step.task.container)
        if not isinstance(reconnected, Done):
            return reconnected
        answer = started(around.api, str(found["Id"]))
    return Done() if answer.ok else trouble(name, answer.status, answer.message)


def _stop(api: DockerApi, place: Place, step: Stop) -> Outcome:
    found = inspected(api, place, step.container)
    if found is None or not found["State"]["Running"]:
        return Done("it did not run")
    if step.lock and not isinstance(asked := locks.asked(api, found, step.lock), Done):
        return asked
    grace_s = math.ceil(step.grace_s)
    path = f"/containers/{step.container}/stop"
    answer = api.call("POST", path, query={"t": grace_s}, timeout_s=grace_s + CALL_TIMEOUT_S)
    return _done_or_gone(answer.status, lambda: trouble(step.container, answer.status, answer.message))


def remove(api: DockerApi, place: Place, container: str) -> Outcome:
    """Remove a container of ours that does not run, with its anonymous volumes."""
    found = inspected(api, place, container)
    if found is None:
        return Done("it was gone")
    if found["State"]["Running"]:
        return Retry(f"the container {container} still runs", STILL_RETRY_S)
    answer = api.call("DELETE", f"/containers/{container}", query={"v": 1})
    return _done_or_gone(answer.status, lambda: Retry(answer.message, STILL_RETRY_S))


def _done_or_gone(status: int, otherwise: Callable[[], Outcome]) -> Outcome:
    return Done() if status < 400 or status == 404 else otherwise()
