"""A service as it is written → how many of it, where, and what becomes of it: `deploy` in Swarm's semantics, and `x-bramble`.

Two defaults are guesses at what is meant: `schedule` without a mode is a replicated-job, and a service whose completion others wait
for is not started again when it ended well.
"""

from __future__ import annotations

import re

from protocol.attachable import is_told
from protocol.constraint import LABEL
from protocol.desired import Dependency, DependencyCondition, Job, Restart, RestartCondition
from protocol.manifest.compose import Service as Written
from protocol.reading.document import Path
from protocol.reading.draft import Draft
from protocol.reading.rules import check
from protocol.reading.translate_container import container
from protocol.reading.translate_update import rollback, update
from protocol.stack import Disconnect, Mode, Needs, Reconcile, Resources, Service

_RESTARTS = {
    "always": RestartCondition.ANY,
    "unless-stopped": RestartCondition.ANY,
    "on-failure": RestartCondition.ON_FAILURE,
    "no": RestartCondition.NONE,
}

_MOST = re.compile("[0-9]{1,9}")
"""How often `on-failure:N` may try again."""


def service(draft: Draft, name: str, source: Written) -> Service:
    """Translate one service."""
    path, placement, job = ("services", name), source.deploy.placement, _job(source)
    check(draft, name, source, is_job=job is not None)
    reserved = source.deploy.resources.reservations
    return Service(
        draft.name,
        name,
        container(draft, name, source),
        _mode(source),
        _replicas(draft, path, source),
        tuple(placement.constraints),
        tuple(one.spread.removeprefix(LABEL) for one in placement.preferences),
        placement.max_replicas_per_node or (1 if _is_alone(source) else 0),
        Resources(reserved.cpus, reserved.memory),
        _needs(source),
        _restart(draft, name, source, is_job=job is not None),
        update(draft, name, source),
        rollback(source),
        _disconnect(source),
        tuple(
            Dependency(other, DependencyCondition(how.condition), how.required)
            for other, how in source.depends_on.items()
        ),
        job,
    )


def _mode(source: Written) -> Mode:
    schedule = source.x_bramble.schedule
    return Mode(source.deploy.mode or (Mode.REPLICATED if schedule is None else Mode.REPLICATED_JOB))


def _job(source: Written) -> Job | None:
    return Job(source.x_bramble.schedule or "") if _mode(source).is_job else None


def _replicas(draft: Draft, path: Path, source: Written) -> int:
    said = draft.either(path, ("scale", source.scale), ("deploy.replicas", source.deploy.replicas), None)
    return 1 if said is None else said


def _is_alone(source: Written) -> bool:
    """Whether two of its containers on one node would have one address, or one name."""
    return bool(source.container_name) or any(how.ipv4_address or how.ipv6_address for how in source.networks.values())


def _needs(source: Written) -> Needs:
    """What is asked for, and every device that the container is to have and that not every node has."""
    needs, mapped = source.x_bramble.needs, (device.source for device in source.devices)
    devices = dict.fromkeys((*needs.devices, *(path for path in mapped if is_told(path))))
    return Needs(tuple(needs.pins), tuple(needs.buses), tuple(devices), tuple(needs.labels))


def _disconnect(source: Written) -> Disconnect | None:
    said = source.x_bramble.disconnect
    if said is None:
        return None
    return Disconnect(said.lost_after or 0.0, said.stop_on_client_after or 0.0, said.replace, Reconcile(said.reconcile))


def _restart(draft: Draft, name: str, source: Written, *, is_job: bool) -> Restart:
    """Read `deploy.restart_policy`, or Compose's `restart` where that is missing."""
    is_waited_for = _is_waited_for(draft, name)
    default = RestartCondition.ON_FAILURE if is_job or is_waited_for else RestartCondition.ANY
    # Swarm's defaults; plain Compose would say no, but a service is meant to run.
    policy = source.deploy.restart_policy
    path: Path = ("services", name)
    if policy is None:
        key: Path = (*path, "restart")
        made = _compose_restart(draft, path, source.restart, default)
    else:
        key = (*path, "deploy", "restart_policy", "condition")
        condition = RestartCondition(policy.condition or default)
        made = Restart(condition, policy.max_attempts or None, policy.delay, policy.window)
    if made.condition is RestartCondition.ANY and is_job:
        draft.misfit(key, "a job that ended well is not started again", "write on-failure or none")
    elif made.condition is RestartCondition.ANY and is_waited_for:
        reason = f"others wait until {name!r} has completed, and it is started again whenever it ends"
        draft.misfit(key, reason, "write on-failure, or make it a replicated-job")
    return made


def _compose_restart(draft: Draft, path: Path, text: str, default: RestartCondition) -> Restart:
    word, _, most = text.partition(":")
    condition = _RESTARTS.get(word) if word else default
    if condition is None or (most and not (word == "on-failure" and _MOST.fullmatch(most))):
        draft.misfit(
            (*path, "restart"), f"{text!r} is no restart policy", "write no, always, on-failure[:N] or unless-stopped"
        )
        return Restart()
    return Restart(condition, int(most or 0) or None)


def _is_waited_for(draft: Draft, name: str) -> bool:
    """Whether another service of the stack waits for this one to complete."""
    found = (other.depends_on.get(name) for other in draft.manifest.services.values())
    return any(how is not None and DependencyCondition(how.condition) is DependencyCondition.COMPLETED for how in found)
