"""Twenty power cuts, without a network afterwards: what should run runs again, and nothing comes back that was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import eyes
from lab.host import Host
from lab.processes import wait_until
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

NODES = ("pi-1", "pi-2", "pi-3", "pi-4")
ROUNDS = 5
"""Of four hosts each: twenty cuts."""

BACK_S = 90.0

STACK = {
    "services": {
        "clock": {"image": "registry.local:5000/clock:1", "deploy": {"mode": "global"}},
        "web": {
            "image": "registry.local:5000/dashboard:1",
            "deploy": {"mode": "global"},
            "depends_on": ["clock"],
            "ports": ["8080:80"],
        },
        "setup": {
            "image": "registry.local:5000/clock:1",
            "command": ["sh", "-c", "exit 0"],
            "deploy": {"mode": "global-job"},
        },
        "gone": {"image": "registry.local:5000/clock:1", "deploy": {"mode": "global"}},
    }
}
WITHOUT = {"services": {name: service for name, service in STACK["services"].items() if name != "gone"}}


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Four nodes with a stack on each, of which one service was removed again."""
    with desk_of(tmp_path_factory.mktemp("desk"), *NODES) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == 4 or None, "four nodes", SOON_S)
        desk.publish("home", json.dumps(STACK).encode())
        desk.runs("home", 90.0)
        desk.publish("home", json.dumps(WITHOUT).encode())
        desk.runs("home", 90.0)
        desk.watch.until(
            lambda: all(running(h) == {"clock", "web"} for h in desk.bramble.hosts.values()) or None,
            "`gone` to go",
            60.0,
        )
        yield desk


def running(host: Host) -> set[str]:
    """The services that a host's engine runs, by its own word."""
    found = eyes.boxes(host.engine.socket_path)
    return {box.labels.get("io.bramble.service", "a stranger") for box in found if box.is_running}


def starts(host: Host, service: str) -> str:
    """When the containers of a service were started last, by the engine's word."""
    ids = [c.id for c in host.containers() if f"io.bramble.service={service}" in c.labels]
    return host.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *ids) if ids else ""


def test_twenty_of_twenty_power_cuts_bring_back_exactly_what_should_run(desk: Desk) -> None:
    """Engine, shims and agent are killed, /run is emptied, the cable is out: same services, and no job runs a second time."""
    jobs = {name: starts(host, "setup") for name, host in desk.bramble.hosts.items()}

    def cut(name: str) -> set[str]:
        host = desk.bramble.hosts[name]
        host.power_cut()
        host.start()
        host.cut()
        desk.bramble.start_agent(name)
        wait_until(lambda: running(host) == {"clock", "web"}, f"the services of {name} to be back", BACK_S)
        return running(host)

    seen = []
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(len(NODES)) as pool:
            seen += list(pool.map(cut, NODES))
    assert seen == [{"clock", "web"}] * 20
    assert {name: starts(host, "setup") for name, host in desk.bramble.hosts.items()} == jobs
    for host in desk.bramble.hosts.values():
        host.mend()
    desk.runs("home", 90.0)
