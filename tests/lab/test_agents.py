"""Real agents update themselves on real hosts: to a good release, and back from bad ones; what runs there is not disturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.bramble import REGISTRY_PORT
from lab.images import Image, build
from protocol.operator import OrderVerb
from protocol.release import AgentRow
from protocol.shapes import Shape
from tests.lab.desk import SOON_S, Desk, desk_of
from tests.lab.wheelhouse import CRASHES, HANGS, Wheelhouse, sha256

pytestmark = [pytest.mark.lab, pytest.mark.updates]

NODES = ("pi-1", "pi-2")
KEY = "svc-bramble.agent"
TICK = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
_ROW = Shape(AgentRow)
UPDATED_S = 400.0
"""Two virtual environments, one after the other, at a tenth of what others at work on the machine take."""


@pytest.fixture(scope="module")
def fleet(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Wheelhouse]]:
    """A fleet whose agents run under the launcher, with a service on it, and an index that they reach."""
    folder = tmp_path_factory.mktemp("desk")
    house = Wheelhouse(folder / "wheels")
    house.needs()
    with desk_of(folder, *NODES, launched=True) as desk:
        house.serve(desk.bramble.site.address)
        try:
            desk.watch.until(lambda: len(desk.watch.nodes) == len(NODES), "the nodes", SOON_S)
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


def rows(desk: Desk) -> dict[str, AgentRow]:
    """What `bramble agents` shows, without a process for each look."""
    said = desk.watch.order(OrderVerb.AGENTS)
    assert isinstance(said, list)
    found = [_ROW.read(row) for row in said]
    return {row.node: row for row in found if isinstance(row, AgentRow)}


def is_all(desk: Desk, **fields: str) -> bool:
    return all(getattr(row, name) == value for row in rows(desk).values() for name, value in fields.items())


def update(desk: Desk, house: Wheelhouse, version: str, *more: str) -> str:
    words = ("agents", "update", version, "--index", house.url, "--monitor", "2s", *more)
    return desk.bramble.command(*words)


@pytest.mark.timeout(1500)
def test_agents_update_themselves_and_return_from_what_is_not_well(fleet: tuple[Desk, Wheelhouse]) -> None:
    """A good release reaches both, one at a time; one that hangs and one that crashes are left, told, and nothing else moved."""
    desk, house = fleet
    before, watch = starts(desk), desk.watch
    assert len(before) == len(NODES)
    good = house.release("0.2.0")
    update(desk, house, "0.2.0", "--sha256", sha256(good))
    watch.until(lambda: is_all(desk, version="0.2.0", state="settled"), "0.2.0 everywhere", UPDATED_S)
    assert starts(desk) == before

    house.release("0.3.0", HANGS)
    update(desk, house, "0.3.0", "--checkin", "5s", "--parallelism", "100%")
    watch.until(lambda: is_all(desk, version="0.2.0", state="failed"), "both to return", UPDATED_S)
    assert {row.reason for row in rows(desk).values()} == {"the controller did not know it in time"}
    assert "paused" in desk.bramble.command("rollout", "status", KEY)

    house.release("0.4.0", CRASHES)
    update(desk, house, "0.4.0")
    watch.until(lambda: "failed" in {row.state for row in rows(desk).values()}, "a failure", UPDATED_S)
    assert any("SIGABRT" in row.reason for row in rows(desk).values())

    desk.bramble.command("agents", "update", "--to", "base", "--monitor", "2s")
    watch.until(lambda: is_all(desk, release="base", state="settled"), "the base everywhere", UPDATED_S)
    assert starts(desk) == before
    listed = json.loads(desk.bramble.command("agents", "ls", "-o", "json"))
    assert {row["node"]: row["version"] for row in listed} == {node: row.version for node, row in rows(desk).items()}


def releases(desk: Desk, node: str) -> Path:
    """Where a node has its releases."""
    return desk.bramble.hosts[node].directory / "agent" / "releases"


def is_trying(desk: Desk, node: str) -> bool:
    return (releases(desk, node) / "trying.json").exists()


@pytest.mark.timeout(1500)
def test_what_is_killed_or_away_in_the_middle_comes_to_an_end(fleet: tuple[Desk, Wheelhouse]) -> None:
    """SIGKILL of launcher and agent on trial, a power cut, a node that is away, and an index that is: wholly old or wholly new."""
    desk, house = fleet
    before, watch, (first, second) = starts(desk), desk.watch, NODES
    hosts = desk.bramble.hosts
    hosts[second].cut()
    house.release("0.6.0")
    closed = f"http://{desk.bramble.site.address}:9/simple"
    desk.bramble.command("agents", "update", "0.6.0", "--index", closed)
    reached = "cannot be reached"
    watch.until(lambda: reached in rows(desk)[first].reason, "the reason of the index", UPDATED_S)
    update(desk, house, "0.6.0", "--checkin", "60s", "--monitor", "8s")

    watch.until(lambda: is_trying(desk, first), f"{first} to try", UPDATED_S)
    desk.bramble.agents[first].kill()
    assert is_trying(desk, first)
    desk.bramble.start_agent(first)
    watch.until(lambda: rows(desk)[first].state == "settled", f"{first} to keep 0.6.0", UPDATED_S)
    assert starts(desk) == before
    assert rows(desk)[second].state == "waiting"

    hosts[second].mend()
    watch.until(lambda: is_trying(desk, second), f"{second} to follow", UPDATED_S)
    hosts[second].power_cut()
    hosts[second].start()
    desk.bramble.start_agent(second)
    watch.until(lambda: is_all(desk, version="0.6.0", state="settled"), "0.6.0 everywhere", UPDATED_S)
    assert starts(desk).keys() == before.keys()
    assert "done" in desk.bramble.command("rollout", "status", KEY)

    house.release("0.7.0", python=">=3.99")
    update(desk, house, "0.7.0")
    refused = "requires a different Python"
    watch.until(lambda: any(refused in row.reason for row in rows(desk).values()), "the refusal", UPDATED_S)
    assert is_all(desk, version="0.6.0")
