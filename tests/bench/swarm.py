"""Docker Swarm on lab engines: one manager that works, too, at its host's own address, and workers. No ingress is used.

Swarm does not go with live-restore, which the lab's engines have: the engine is told to do without, while it runs. May fail: the
engine does not take that in time (`TooLateError`), or refuses a command (`CommandError`).
"""

from __future__ import annotations

import json

from lab.host import Host
from lab.processes import wait_until
from tests.bench.raw import Raw

OF_SERVICE = "com.docker.swarm.service.name"
"""The label of every container of Swarm's, with its service as the value."""


def begin(host: Host) -> None:
    """Make the host a swarm of its own."""
    _without_live_restore(host)
    host.docker("swarm", "init", "--advertise-addr", host.address, "--listen-addr", host.address)


def _without_live_restore(host: Host) -> None:
    settings = host.directory / "daemon.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "live-restore": False}))
    host.run("sh", "-c", "kill -HUP $(cat /run/docker.pid)")
    with Raw(host.engine.socket_path) as raw:
        wait_until(lambda: not raw.call("GET", "/info")["LiveRestoreEnabled"], "the engine to do without live-restore")


def create(host: Host, name: str, image: str, *options: str) -> None:
    """Create a service as a terminal does, and do not wait for it."""
    host.docker("service", "create", "--detach", "--quiet", "--name", name, *options, image)


def remove(host: Host, name: str) -> None:
    """Remove a service; its containers go a moment later."""
    host.docker("service", "rm", name)


def join(manager: Host, host: Host) -> None:
    """Bring another host into a manager's swarm, as a worker."""
    _without_live_restore(host)
    token = manager.docker("swarm", "join-token", "--quiet", "worker").strip()
    host.docker("swarm", "join", "--token", token, "--advertise-addr", host.address, f"{manager.address}:2377")
