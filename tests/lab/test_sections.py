"""On a real engine, a function changes with the service of its stack: not before, not after, and back with it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.bramble import REGISTRY_PORT
from lab.images import Image, build
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.updates]

BUSY = "/run/busy"
TASK = "shop.web.pi-1"
TICK = "#!/bin/sh\nmkdir -p /run\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
CRASH = "#!/bin/sh\nsleep 2\nexit 1\n"
ANSWER = "#!/bin/sh\necho version $VERSION\n"
BAD = "3"


@pytest.fixture
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One node, and three versions of a service and of its function; the last service is not well."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1") as desk:
        desk.watch.until(lambda: desk.watch.nodes.get("pi-1"), "the node", SOON_S)
        for tag in ("1", "2", BAD):
            program = CRASH if tag == BAD else TICK
            for image in (
                Image("ticker", tag, ("/bin/tick",), {"/bin/tick": program}, {"VERSION": tag}),
                Image("teller", tag, ("/bin/tell",), {"/bin/tell": ANSWER}, {"VERSION": tag}),
            ):
                build(desk.bramble.hosts["pi-1"], desk.bramble.registry, image)
        yield desk


def publish(desk: Desk, tag: str) -> None:
    """The shop at a version: a service that may hold a lock, a button on a pin of that number, a function."""
    service = {
        "image": f"registry.local:{REGISTRY_PORT}/ticker:{tag}",
        "deploy": {"mode": "global", "update_config": {"monitor": "4s", "failure_action": "rollback"}},
        "x-bramble": {"update": {"lock": {"path": BUSY}}},
    }
    function = {"image": f"registry.local:{REGISTRY_PORT}/teller:{tag}"}
    bell = {"kind": "button", "pin": int(tag)}
    stack = {"services": {"web": service}, "sensors": {"bell": bell}, "functions": {"tell": function}}
    desk.publish("shop", json.dumps(stack).encode())


def inside(desk: Desk, line: str) -> str:
    """What a shell in the service's container answers."""
    return desk.bramble.hosts["pi-1"].docker("exec", desk.bramble.containers()[TASK], "sh", "-c", line).strip()


def says(desk: Desk) -> str:
    """Which version of the function answers."""
    return desk.bramble.command("invoke", "tell", "--data", "{}").strip().rpartition("version ")[2]


def pins(desk: Desk) -> set[int]:
    """The pins that the node says are watched."""
    return {int(one.place.removeprefix("pin ")) for one in desk.watch.nodes["pi-1"].sensors}


def rollout(desk: Desk) -> str:
    """How far the update of the service is."""
    (service,) = desk.watch.stacks["shop"].services
    return service.rollout.state if service.rollout else ""


def waits_for_its_lock(desk: Desk) -> bool:
    """Whether the new version is there and only its lock is in its way."""
    return any(BUSY in offer.reason for offer in desk.watch.nodes["pi-1"].offers)


def test_a_function_and_a_sensor_change_with_their_service_and_go_back_with_it(desk: Desk) -> None:
    """While the lock is held all is old although all is here; then all is new; and a version that fails leaves nothing behind."""
    publish(desk, "1")
    desk.runs("shop")
    assert says(desk) == "1"
    inside(desk, f"touch {BUSY}")
    publish(desk, "2")
    desk.watch.until(lambda: waits_for_its_lock(desk) or None, "the lock", SOON_S)
    assert (inside(desk, "echo $VERSION"), says(desk), pins(desk)) == ("1", "1", {1})

    inside(desk, f"rm {BUSY}")
    desk.runs("shop")
    assert (inside(desk, "echo $VERSION"), says(desk)) == ("2", "2")
    desk.watch.until(lambda: pins(desk) == {2} or None, "the new pin", SOON_S)

    publish(desk, BAD)
    desk.watch.until(lambda: BAD in {str(pin) for pin in pins(desk)} or None, "the trial", SOON_S)
    desk.watch.until(lambda: pins(desk) == {2} or None, "the way back", SOON_S)
    desk.watch.until(lambda: rollout(desk) == "rolled_back" or None, "the rollback", SOON_S)
    assert (inside(desk, "echo $VERSION"), says(desk)) == ("2", "2")
