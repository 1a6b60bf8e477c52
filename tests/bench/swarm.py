"""Docker Swarm on a lab engine: a swarm of one manager that is its only worker, at the host's own address. No ingress is used.

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
    settings = host.directory / "daemon.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "live-restore": False}))
    host.run("sh", "-c", "kill -HUP $(cat /run/docker.pid)")
    with Raw(host.engine.socket_path) as raw:
        wait_until(lambda: not raw.call("GET", "/info")["LiveRestoreEnabled"], "the engine to do without live-restore")
    host.docker("swarm", "init", "--advertise-addr", host.address, "--listen-addr", host.address)


def create(host: Host, name: str, image: str, *options: str) -> None:
    """Create a service as a terminal does, and do not wait for it."""
    host.docker("service", "create", "--detach", "--quiet", "--name", name, *options, image)


def remove(host: Host, name: str) -> None:
    """Remove a service; its containers go a moment later."""
    host.docker("service", "rm", name)
