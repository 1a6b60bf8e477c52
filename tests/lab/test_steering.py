"""Updates on real hosts as an operator plans, watches, undoes and pins them, by his own commands."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.bramble import REGISTRY_PORT
from lab.images import Image, build
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.updates]

NODES = ("pi-1", "pi-2")
BALLAST_BYTES = 12_000_000
"""Large beside everything else that a node hears meanwhile, so that its network card can be the judge."""

TICK = "#!/bin/sh\necho version $VERSION\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two nodes, and a service of two versions that share a layer."""
    with desk_of(tmp_path_factory.mktemp("desk"), *NODES) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == len(NODES) or None, "two nodes", SOON_S)
        for tag in ("1", "2"):
            ballast = random.Random(tag).randbytes(BALLAST_BYTES)
            image = Image("ticker", tag, ("/bin/tick",), {"/bin/tick": TICK, "/ballast": ballast}, {"VERSION": tag})
            host = desk.bramble.hosts["pi-1"]
            host.docker("image", "rm", build(host, desk.bramble.registry, image))
        yield desk


def manifest(desk: Desk, tag: str, folder: Path) -> str:
    """A file that has the service on every node, at a version."""
    service = {
        "image": f"registry.local:{REGISTRY_PORT}/ticker:{tag}",
        "deploy": {"mode": "global", "update_config": {"parallelism": 1, "monitor": "1s"}},
    }
    path = folder / "shop.json"
    path.write_text(json.dumps({"services": {"web": service}}))
    return str(path)


def received_bytes(desk: Desk, node: str) -> int:
    """What a node's network card has counted."""
    counted = desk.bramble.hosts[node].run("cat", "/proc/net/dev")
    cards = [line.partition(":") for line in counted.splitlines() if ":" in line]
    return sum(int(numbers.split()[0]) for name, _, numbers in cards if name.strip() != "lo")


def versions(desk: Desk) -> dict[str, str]:
    """What really runs on each node, by its engine's word."""
    running = desk.bramble.containers()
    hosts = desk.bramble.hosts
    return {
        node: hosts[node].docker("exec", running[f"shop.web.{node}"], "sh", "-c", "echo $VERSION").strip()
        for node in NODES
    }


def test_an_update_is_planned_watched_undone_and_pinned(desk: Desk, tmp_path: Path) -> None:
    """The bytes of the plan are within 5 % of what the cards count; each word does to the containers what it says."""
    desk.bramble.command("up", "-f", manifest(desk, "1", tmp_path))
    assert versions(desk) == {"pi-1": "1", "pi-2": "1"}

    second = manifest(desk, "2", tmp_path)
    planned = json.loads(desk.bramble.command("plan", "-f", second, "-o", "json"))
    pulls = {row["node"]: row["pull_bytes"] for row in planned["rows"]}
    before = {node: received_bytes(desk, node) for node in NODES}
    desk.bramble.command("up", "-f", second, "-d")
    watched = desk.bramble.command("rollout", "status", "shop.web", "--watch")
    assert watched.splitlines()[-1].startswith("shop.web:")
    assert desk.bramble.command("logs", "shop.web", "-n", "5").splitlines() == [
        f"shop.web.{node} | version 2" for node in NODES
    ]
    assert versions(desk) == {"pi-1": "2", "pi-2": "2"}
    for node in NODES:
        came = received_bytes(desk, node) - before[node]
        print(f"{node}: planned {pulls[node]} B, its card counted {came} B, {came / pulls[node] - 1:+.2%}")
        assert came == pytest.approx(pulls[node], rel=0.05)

    desk.bramble.command("rollout", "undo", "shop.web")
    desk.bramble.command("rollout", "status", "shop.web", "--watch")
    assert versions(desk) == {"pi-1": "1", "pi-2": "1"}

    desk.bramble.command("pin", "shop.web", "--node", "pi-1")
    desk.bramble.command("rollout", "undo", "shop.web", "--to-revision", "2")
    assert "pi-1: pinned" in desk.bramble.command("rollout", "status", "shop.web", "--watch")
    assert versions(desk) == {"pi-1": "1", "pi-2": "2"}
    desk.bramble.command("unpin", "shop.web", "--node", "pi-1")
    desk.bramble.command("rollout", "status", "shop.web", "--watch")
    assert versions(desk) == {"pi-1": "2", "pi-2": "2"}
    rows = json.loads(desk.bramble.command("rollout", "history", "shop.web", "-o", "json"))
    assert [(row["number"], row["state"]) for row in rows] == [
        (4, "present"),
        (3, "done"),
        (2, "done"),
        (1, "done"),
    ]
