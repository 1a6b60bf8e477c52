"""Real agents update themselves on real hosts: to a good release, and back from bad ones; what runs there is not disturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.bramble import REGISTRY_PORT
from lab.images import Image, build
from tests.lab.desk import SOON_S, Desk, desk_of
from tests.lab.wheelhouse import CRASHES, HANGS, Wheelhouse, sha256

pytestmark = pytest.mark.lab

NODES = ("pi-1", "pi-2")
KEY = "svc-bramble.agent"
TICK = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
UPDATED_S = 180.0
"""Two virtual environments, one after the other, on a machine with others at work."""


@contextmanager
def fleet(folder: Path, *names: str) -> Iterator[tuple[Desk, Wheelhouse]]:
    """A fleet whose agents run under the launcher, with a service on it, and an index that they reach."""
    house = Wheelhouse(folder / "wheels")
    house.needs()
    with desk_of(folder, *names, launched=True) as desk:
        house.serve(desk.bramble.site.address)
        try:
            desk.watch.until(lambda: len(desk.watch.nodes) == len(names), "the nodes", SOON_S)
            for host in desk.bramble.hosts.values():
                build(host, desk.bramble.registry, Image("ticker", "1", ("/bin/tick",), {"/bin/tick": TICK}, {}))
            service = {"image": f"registry.local:{REGISTRY_PORT}/ticker:1", "deploy": {"mode": "global"}}
            desk.publish("shop", json.dumps({"services": {"web": service}}).encode())
            desk.runs("shop")
            yield desk, house
        finally:
            if house.server is not None:
                house.server.kill()


def starts(desk: Desk) -> dict[str, str]:
    """Each container's id and when it was started, by task."""
    found = {}
    for task, container in desk.bramble.containers().items():
        node = task.rpartition(".")[2]
        found[task] = desk.bramble.hosts[node].docker(
            "inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}", container
        )
    return found


def rows(desk: Desk) -> dict[str, dict[str, str]]:
    """What `bramble agents` says."""
    return {row["node"]: row for row in json.loads(desk.bramble.command("agents", "ls", "-o", "json"))}


def is_all(desk: Desk, **fields: str) -> bool:
    return all(row[name] == value for row in rows(desk).values() for name, value in fields.items())


def update(desk: Desk, house: Wheelhouse, version: str, *more: str) -> str:
    words = ("agents", "update", version, "--index", house.url, "--monitor", "2s", *more)
    return desk.bramble.command(*words)


def test_agents_update_themselves_and_return_from_what_is_not_well(able_machine: None, tmp_path: Path) -> None:
    """A good release reaches both, one at a time; one that hangs and one that crashes are left, told, and nothing else moved."""
    with fleet(tmp_path, *NODES) as (desk, house):
        before, watch = starts(desk), desk.watch
        assert len(before) == len(NODES)
        good = house.release("0.2.0")
        update(desk, house, "0.2.0", "--sha256", sha256(good))
        watch.until(lambda: is_all(desk, version="0.2.0", state="settled"), "0.2.0 everywhere", UPDATED_S)
        assert starts(desk) == before

        house.release("0.3.0", HANGS)
        update(desk, house, "0.3.0", "--checkin", "5s", "--parallelism", "100%")
        watch.until(lambda: is_all(desk, version="0.2.0", state="failed"), "both to return", UPDATED_S)
        assert {row["reason"] for row in rows(desk).values()} == {"the controller did not know it in time"}
        assert "paused" in desk.bramble.command("rollout", "status", KEY)

        house.release("0.4.0", CRASHES)
        update(desk, house, "0.4.0")
        watch.until(lambda: "failed" in {row["state"] for row in rows(desk).values()}, "a failure", UPDATED_S)
        assert any("SIGABRT" in row["reason"] for row in rows(desk).values())

        desk.bramble.command("agents", "update", "--to", "base", "--monitor", "2s")
        watch.until(lambda: is_all(desk, release="base", state="settled"), "the base everywhere", UPDATED_S)
        assert starts(desk) == before
