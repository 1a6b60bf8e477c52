"""What to ask Docker for, from what is wanted: names, labels and the body of a create request. Pure.

The restart policy is always `no`, because the agent is the supervisor. Logs go to Docker's `local` driver with a bound: the
default filled a 32 GB card in 16 minutes. A spec cannot change either, nor write our labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from agent.decide.effects import Run
from protocol.container import Container, HealthCheck, Mount
from protocol.desired import TaskSpec

LABEL = "io.bramble."
LOGS = {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}}
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Whose containers are ours."""

    fleet: str
    node: str

    @property
    def labels(self) -> dict[str, str]:
        """What every container of ours carries, and no other."""
        return {f"{LABEL}fleet": self.fleet, f"{LABEL}node": self.node}

    def owns(self, labels: dict[str, str] | None) -> bool:
        """Whether a container with these labels is this node's (S8)."""
        return self.labels.items() <= (labels or {}).items()

    def task_name(self, task: TaskSpec) -> str:
        """The name of a task's container; a second create meets the first by it."""
        return f"bramble-{self.fleet}-{task.task}-{task.revision}"

    def run_name(self, invocation: str, attempt: int) -> str:
        """The name of a run's container; a run after a crash meets itself by it."""
        return f"bramble-{self.fleet}-run-{invocation}-{attempt}"


def task_body(place: Place, task: TaskSpec) -> dict[str, Any]:
    """The create request for a task."""
    ours = {"task": task.task, "stack": task.stack, "service": task.service, "revision": task.revision}
    return _body(task.container, _labels(place, task.container, ours), {})


def run_body(place: Place, step: Run) -> dict[str, Any]:
    """The create request for one run: standard input is open once, the event's attributes are in the environment."""
    function = step.function
    ours = {"stack": function.stack, "function": function.name, "revision": function.revision}
    ours |= {"invocation": step.invocation, "attempt": str(step.attempt)}
    event = {f"CE_{_variable(name)}": value for name, value in step.attributes}
    streams = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "OpenStdin": True, "StdinOnce": True}
    return _body(function.container, _labels(place, function.container, ours), event) | streams


def _variable(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name.upper())


def _labels(place: Place, container: Container, ours: dict[str, str]) -> dict[str, str]:
    theirs = {name: value for name, value in container.labels.items() if not name.startswith(LABEL)}
    named = {f"{LABEL}{name}": value for name, value in ours.items()}
    return {**theirs, **place.labels, **named, f"{LABEL}spec-hash": container.spec_hash}


def _body(container: Container, labels: dict[str, str], more: dict[str, str]) -> dict[str, Any]:
    environment = {**container.environment, **more}
    body: dict[str, Any] = {
        "Image": container.image,
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": labels,
        "ExposedPorts": {f"{port.target}/{port.protocol}": {} for port in container.ports},
        "User": container.user,
        "WorkingDir": container.working_dir,
        "Hostname": container.hostname,
        "StopTimeout": math.ceil(container.stop_grace_s),
        "HostConfig": _host(container),
    }
    if container.command is not None:
        body["Cmd"] = list(container.command)
    if container.entrypoint is not None:
        body["Entrypoint"] = list(container.entrypoint) or [""]  # an empty one takes the image's away
    if container.stop_signal:
        body["StopSignal"] = container.stop_signal
    if container.healthcheck:
        body["Healthcheck"] = _health(container.healthcheck)
    return body


def _host(container: Container) -> dict[str, Any]:
    return {
        "RestartPolicy": {"Name": "no"},
        "LogConfig": LOGS,
        "NetworkMode": container.network_mode or "default",
        "PortBindings": _published(container),
        "Binds": [_bind(mount) for mount in container.mounts if _is_plain_bind(mount)],
        "Mounts": [_mount(mount) for mount in container.mounts if not _is_plain_bind(mount)],
        "Devices": [_device(device) for device in container.devices],
        "CapAdd": list(container.cap_add),
        "CapDrop": list(container.cap_drop),
        "SecurityOpt": list(container.security_opt),
        "Privileged": container.privileged,
        "ReadonlyRootfs": container.read_only,
        "Init": container.init,
        "Memory": container.memory_bytes,
        "NanoCpus": round(container.cpus * NANO),
    }


def _published(container: Container) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in container.ports:
        if port.published:
            binding = {"HostIp": port.host_ip, "HostPort": str(port.published)}
            bindings.setdefault(f"{port.target}/{port.protocol}", []).append(binding)
    return bindings


def _is_plain_bind(mount: Mount) -> bool:
    """Docker makes a missing directory only for the short form, which is what Compose users expect of a bind mount."""
    return mount.kind == "bind" and ":" not in mount.source + mount.target


def _bind(mount: Mount) -> str:
    return f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}"


def _mount(mount: Mount) -> dict[str, Any]:
    body: dict[str, Any] = {"Type": mount.kind, "Target": mount.target, "ReadOnly": mount.read_only}
    return body | ({"Source": mount.source} if mount.source else {})


def _device(device: str) -> dict[str, str]:
    """`/dev/a`, `/dev/a:/dev/b` or `/dev/a:/dev/b:rw`, as in Compose."""
    host, _, rest = device.partition(":")
    inside, _, rights = rest.partition(":")
    return {"PathOnHost": host, "PathInContainer": inside or host, "CgroupPermissions": rights or "rwm"}


def _health(check: HealthCheck) -> dict[str, Any]:
    return {
        "Test": list(check.test),
        "Interval": round(check.interval_s * NANO),
        "Timeout": round(check.timeout_s * NANO),
        "StartPeriod": round(check.start_period_s * NANO),
        "Retries": check.retries,
    }
