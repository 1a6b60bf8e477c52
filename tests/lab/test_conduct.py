"""Updates on a real host that mind what runs there: a lock in the container, what ran before, and a disk for one image only."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lab import eyes
from lab.bramble import REGISTRY_PORT
from lab.commands import CommandError
from lab.host import Host
from lab.images import Image, build
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.updates]

TASK = "shop.web.pi-1"
BUSY = "/run/busy"
TICK = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"


@pytest.fixture(scope="module")
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
    desk.publish("shop", manifest(tag, **update))


def manifest(tag: str, **update: object) -> bytes:
    """The stack at a version."""
    service = {
        "image": f"registry.local:{REGISTRY_PORT}/ticker:{tag}",
        "deploy": {"mode": "global", "update_config": {"monitor": "1s"}},
        "x-bramble": {"update": update},
    }
    return json.dumps({"services": {"web": service}}).encode()


def update(desk: Desk, tag: str, **how: object) -> None:
    """Have a version, by the operator's own command, which ends when it runs."""
    path = desk.folder / "shop.json"
    path.write_bytes(manifest(tag, **how))
    desk.bramble.command("up", "-f", str(path))
    assert is_at(desk, tag)


def bramble(desk: Desk, *words: str) -> str:
    """What the operator's own command says of the service."""
    return desk.bramble.command(*words[:2], "shop.web", *words[2:])


def made(desk: Desk) -> dict[str, bool]:
    """Every container of the service by its id, and whether it runs."""
    return {box.id: box.is_running for box in eyes.boxes(host(desk).engine.socket_path) if box.service == "shop.web"}


def new(desk: Desk, *before: str) -> str:
    """Wait until the service has one container beside these, which run no more, and tell its id."""

    def claim() -> str | None:
        shown = made(desk)
        running = [id_ for id_, runs in shown.items() if runs]
        return running[0] if len(running) == 1 and shown.keys() - running == {*before} else None

    return desk.watch.until(claim, f"one container beside {before} instead of {made(desk)}", SOON_S)


def ends(desk: Desk, expected: dict[str, bool]) -> None:
    """Wait until the service has these containers and no other."""
    desk.watch.until(lambda: made(desk) == expected or None, f"{expected} instead of {made(desk)}", SOON_S)


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


def test_what_ran_before_is_kept_until_somebody_has_confirmed_or_aborted(desk: Desk) -> None:
    """Stopped beside the new one; an abort starts that very container again, a confirmation removes it."""
    update(desk, "1")
    one = new(desk)
    update(desk, "2", keep_previous=True)
    assert new(desk, one) != one
    bramble(desk, "rollout", "abort")
    ends(desk, {one: True})

    update(desk, "3", keep_previous=True)
    three = new(desk, one)
    assert "nodes remove what they kept" in bramble(desk, "rollout", "confirm")
    ends(desk, {three: True})
    assert is_at(desk, "3")


def test_a_lock_is_overridden_by_an_operator_and_by_its_limit_and_both_are_on_record(desk: Desk) -> None:
    """While the application still holds it; who or what did, where and when is the history's, also after a restart."""
    update(desk, "1", lock={"path": BUSY})
    inside(desk, f"mkdir -p /run && touch {BUSY}")
    publish(desk, "2", lock={"path": BUSY})
    watch = desk.watch
    watch.until(lambda: [o for o in watch.nodes["pi-1"].offers if "holds" in o.reason] or None, "the lock", SOON_S)
    assert is_at(desk, "1")
    bramble(desk, "rollout", "override", "--node", "pi-1")
    desk.runs("shop")
    assert is_at(desk, "2")

    inside(desk, f"mkdir -p /run && touch {BUSY}")
    update(desk, "3", lock={"path": BUSY, "at_most": "2s"})
    assert desk.bramble.controller is not None
    desk.bramble.controller.kill()
    desk.bramble.start_controller()
    by_limit, by_hand = json.loads(bramble(desk, "rollout", "history", "-o", "json"))[:2]
    assert [note.rpartition(" at ")[0] for note in (*by_hand["notes"], *by_limit["notes"])] == [
        f"shop.web on pi-1: an operator ({getpass.getuser()}@{socket.gethostname()}) overrode the lock",
        f"shop.web.pi-1 on pi-1: web held {BUSY}, which an operator has overridden",
        f"shop.web.pi-1 on pi-1: web held {BUSY} for longer than 2 s (at_most), and was updated all the same",
    ]
