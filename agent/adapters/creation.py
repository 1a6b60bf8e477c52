"""What to ask Docker for, from what is wanted: names, labels and the body of a create request. Pure.

What a container may use of its host is `host_config`'s. A spec cannot write our labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from agent.adapters.host_config import NANO, host_config
from agent.adapters.outfit import event_variables, outfitted
from agent.decide.effects import Run, Warm
from protocol.container import Attachment, Container, HealthCheck, Mount
from protocol.desired import TaskSpec
from protocol.function import FunctionSpec

LABEL = "io.bramble."
SOCKET_DIRECTORY = "/run/bramble"
SOCKET_NAME = "function.sock"
"""Where a warm function with `transport: socket` finds the directory for its socket, and how it calls it."""


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

    def instance_name(self, function: FunctionSpec, number: int) -> str:
        """The name of an instance of a warm function."""
        return f"bramble-{self.fleet}-warm-{function.stack}.{function.name}-{function.revision}-{number}"


def task_body(place: Place, task: TaskSpec) -> dict[str, Any]:
    """The create request for a task."""
    ours = {"task": task.task, "stack": task.stack, "service": task.service, "revision": task.revision}
    return _body(task.container, _labels(place, task.container, ours), {})


def run_body(place: Place, step: Run) -> dict[str, Any]:
    """The create request for one run: standard input is open once, the event's attributes are in the environment."""
    function = step.function
    ours = {"stack": function.stack, "function": function.name, "revision": function.revision}
    ours |= {"invocation": step.invocation, "attempt": str(step.attempt)}
    container, event = outfitted(function), event_variables(step.attributes)
    streams = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "OpenStdin": True, "StdinOnce": True}
    return _body(container, _labels(place, container, ours), event) | streams


def instance_body(place: Place, step: Warm, shared: str) -> dict[str, Any]:
    """The create request for an instance of a warm function; `shared` is the directory for its socket, if it has one."""
    function, container = step.function, outfitted(step.function)
    ours = {"stack": function.stack, "function": function.name, "revision": function.revision}
    labels = _labels(place, container, ours | {"instance": str(step.number)})
    more = {"OPENFAAS_NAME": function.name}
    if shared:
        mount = Mount("bind", SOCKET_DIRECTORY, shared, create_host_path=False)
        container = replace(container, mounts=(*container.mounts, mount))
        more["BRAMBLE_SOCKET"] = f"{SOCKET_DIRECTORY}/{SOCKET_NAME}"
    return _body(container, labels, more)


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
        "ExposedPorts": {port: {} for port in _exposed(container)},
        "User": container.user,
        "WorkingDir": container.working_dir,
        "Hostname": container.hostname,
        "Domainname": container.naming.domainname,
        "MacAddress": container.naming.mac_address,
        "Tty": container.tty,
        "OpenStdin": container.stdin_open,
        "StopTimeout": math.ceil(container.stop_grace_s),
        "HostConfig": host_config(container),
        "NetworkingConfig": {"EndpointsConfig": _endpoints(container)},
    }
    return body | dict(_chosen(container))


def _chosen(container: Container) -> Iterator[tuple[str, Any]]:
    """What is the image's unless the container says otherwise; an empty entrypoint takes the image's away."""
    if container.command is not None:
        yield "Cmd", list(container.command)
    if container.entrypoint is not None:
        yield "Entrypoint", list(container.entrypoint) or [""]
    if container.stop_signal:
        yield "StopSignal", container.stop_signal
    if container.healthcheck:
        yield "Healthcheck", _health(container.healthcheck)


def _endpoints(container: Container) -> dict[str, Any]:
    """The one network that a container can be made on (more from Docker 25 on, but one way is enough)."""
    if container.network_mode:
        return {}
    mac = {"MacAddress": container.naming.mac_address} if container.naming.mac_address else {}
    return {first.network.name: endpoint(first) | mac for first in container.networks[:1]}


def endpoint(attachment: Attachment) -> dict[str, Any]:
    """How a container is on a network: its names and addresses there."""
    addresses = {"IPv4Address": attachment.ipv4, "IPv6Address": attachment.ipv6}
    chosen = {family: address for family, address in addresses.items() if address}
    return {"Aliases": list(attachment.aliases), "IPAMConfig": chosen or None}


def _exposed(container: Container) -> Iterator[str]:
    """Every port that is named, one by one: Docker takes a range for a port of that strange name."""
    for port in container.ports:
        yield f"{port.target}/{port.protocol}"
    for written in container.expose:
        numbers, _, protocol = written.partition("/")
        first, _, last = numbers.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield f"{number}/{protocol or 'tcp'}"


def _health(check: HealthCheck) -> dict[str, Any]:
    return {
        "Test": list(check.test),
        "Interval": round(check.interval_s * NANO),
        "Timeout": round(check.timeout_s * NANO),
        "StartPeriod": round(check.start_period_s * NANO),
        "Retries": check.retries,
    }
