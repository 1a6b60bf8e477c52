"""Updates on a real host that mind what runs there: a lock in the container, and a disk for one image only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lab.bramble import REGISTRY_PORT
from lab.commands import CommandError
from lab.host import Host
from lab.images import Image, build
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.updates]

TASK = "shop.web.pi-1"
BUSY = "/run/busy"
TICK = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"


@pytest.fixture
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One node, and three versions of a service."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1") as desk:
        desk.watch.until(lambda: desk.watch.nodes.get("pi-1"), "the node", SOON_S)
        for tag in ("1", "2", "3"):
            image = Image("ticker", tag, ("/bin/tick",), {"/bin/tick": TICK}, {"VERSION": tag})
            build(host(desk), desk.bramble.registry, image)
        host(desk).docker("image", "prune", "--all", "--force")
        yield desk


def host(desk: Desk) -> Host:
    return desk.bramble.hosts["pi-1"]


def publish(desk: Desk, tag: str, **update: object) -> None:
    """The service at a version, updated in this manner."""
    service = {
        "image": f"registry.local:{REGISTRY_PORT}/ticker:{tag}",
        "deploy": {"mode": "global", "update_config": {"monitor": "1s"}},
        "x-bramble": {"update": update},
    }
    desk.publish("shop", json.dumps({"services": {"web": service}}).encode())


def inside(desk: Desk, line: str) -> str:
    """What a shell in the service's container answers."""
    return host(desk).docker("exec", desk.bramble.containers()[TASK], "sh", "-c", line).strip()


def is_at(desk: Desk, tag: str) -> bool:
    """Whether this version runs; a container that is on its way in or out answers nothing."""
    with suppress(CommandError, KeyError):
        return inside(desk, "echo $VERSION") == tag
    return False


def tickers(desk: Desk) -> set[str]:
    """The versions whose images are on the disk, whatever they are called."""
    ids = host(desk).docker("images", "--quiet", "--no-trunc").split()
    documents = json.loads(host(desk).docker("inspect", *dict.fromkeys(ids))) if ids else []
    lines = [line for one in documents for line in one["Config"]["Env"] or () if line.startswith("VERSION=")]
    return {line.removeprefix("VERSION=") for line in lines}


def test_an_application_finishes_its_work_and_a_small_disk_holds_one_version(desk: Desk) -> None:
    """A held lock keeps the very container running and is told; then the update comes, and the next leaves one image."""
    publish(desk, "1", lock={"path": BUSY})
    desk.runs("shop")
    assert is_at(desk, "1")
    before = desk.bramble.containers()
    inside(desk, f"mkdir -p /run && touch {BUSY}")
    publish(desk, "2", lock={"path": BUSY})
    watch = desk.watch
    held = f"web holds {BUSY}, at most 1 h"
    watch.until(lambda: [o for o in watch.nodes["pi-1"].offers if o.reason == held] or None, "the lock", SOON_S)
    assert desk.bramble.containers() == before
    inside(desk, f"rm {BUSY}")
    desk.runs("shop")
    assert is_at(desk, "2")
    assert tickers(desk) == {"1", "2"}

    publish(desk, "3", strategy="delete-then-download")
    desk.runs("shop")
    assert is_at(desk, "3")
    assert tickers(desk) == {"3"}
