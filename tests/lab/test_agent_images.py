"""An agent that is a container becomes one of another image, on a real engine, and returns from images that are not well."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.bramble import FLEET, HEALTH_S, KEEPALIVE_S, REGISTRY_PORT
from lab.images import Image, build
from lab.registry import PASSWORD, USERNAME, Registry
from protocol.operator import OrderVerb
from protocol.release import AgentRow
from protocol.shapes import Shape
from tests.fakes.warm_box import mounts
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.updates]

CONTAINED, BY_HAND = "pi-1", "pi-2"
KEY = "svc-bramble.agent"
NAME = "bramble-agent"
HERE = Path(__file__).resolve().parents[2]
STATE = "/var/lib/bramble/agent"
UPDATED_S = 90.0
_ROW = Shape(AgentRow)

LAUNCHES = f"""#!/bin/sh
exec {sys.executable} -P -m agent.launcher --releases {STATE}/releases -- --settings ""
"""
ENDS = "#!/bin/sh\nexit 7\n"
HANGS = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
TICK = HANGS


def image(tag: str, script: str) -> Image:
    """An image of the agent: this machine's Python is mounted, so a script is all of it."""
    return Image(NAME, tag, ("/bin/agent",), {"/bin/agent": script}, {"IMAGE_SAYS": tag})


PRIVATE_PORT = 5001
PRIVATE = f"controller.local:{PRIVATE_PORT}"
"""The second image comes from a registry that asks who is there; the fleet has a login for it."""

SETTINGS = f"""
[[registries]]
host = "{PRIVATE}"
insecure = true
username = "{USERNAME}"
password_file = "FOLDER/password"
"""


def reference(tag: str) -> str:
    return f"{PRIVATE if tag == '2' else f'registry.local:{REGISTRY_PORT}'}/{NAME}:{tag}"


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two nodes, one of whose agents is a container that somebody has started as Dockerfile.armhf says."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "password").write_text(f"{PASSWORD}\n")
    settings = SETTINGS.replace("FOLDER", str(folder))
    with desk_of(folder, CONTAINED, BY_HAND, settings=settings, launched=True) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == 2, "the nodes", SOON_S)
        host = desk.bramble.hosts[CONTAINED]
        for tag, script in {"1": LAUNCHES, "ends": ENDS, "hangs": HANGS}.items():
            build(host, desk.bramble.registry, image(tag, script))
        push_privately(desk, image("2", LAUNCHES))
        for each in desk.bramble.hosts.values():
            build(each, desk.bramble.registry, Image("ticker", "1", ("/bin/tick",), {"/bin/tick": TICK}, {}))
        desk.bramble.agents.pop(CONTAINED).kill()
        host.docker(*_run(desk))
        desk.watch.until(lambda: rows(desk)[CONTAINED].presence == "online", "the agent in its container", SOON_S)
        service = {"image": f"registry.local:{REGISTRY_PORT}/ticker:1", "deploy": {"mode": "global"}}
        desk.publish("shop", json.dumps({"services": {"web": service}}).encode())
        desk.runs("shop")
        yield desk


def push_privately(desk: Desk, image: Image) -> None:
    """Bring an image to the private registry alone, and forget the login that this took."""
    site, host = desk.bramble.site, desk.bramble.hosts[BY_HAND]
    private = Registry(site.directory / "private", site.address, site.environment, PRIVATE_PORT, private=True)
    private.start()
    host.docker("login", f"--username={USERNAME}", f"--password={PASSWORD}", private.name)
    build(host, private, image)


def _run(desk: Desk) -> list[str]:
    """As an operator's shell has it, with what the lab's hosts have of their own."""
    host = desk.bramble.hosts[CONTAINED]
    binds = {one.source for one in mounts()} | {sys.prefix, str(HERE)}
    told = {
        "PYTHONPATH": str(HERE),
        "BRAMBLE_NODE": CONTAINED,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": desk.bramble.broker.address,
        "BRAMBLE_BROKER_PORT": str(desk.bramble.broker.port),
        "BRAMBLE_STATE_DIR": STATE,
        "BRAMBLE_KEEPALIVE_S": str(KEEPALIVE_S),
        "BRAMBLE_HEALTH_S": str(HEALTH_S),
        "BRAMBLE_DOCKER_HOST": "unix:///var/run/docker.sock",
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    words = ["run", "-d", "--name", NAME, "--restart", "unless-stopped", "--network", "host"]
    words += ["-v", f"{host.directory / 'agent'}:{STATE}", "-v", f"{host.engine.socket_path}:/var/run/docker.sock"]
    words += [word for path in sorted(binds) for word in ("-v", f"{path}:{path}:ro")]
    words += [word for key, value in told.items() for word in ("-e", f"{key}={value}")]
    return [*words, reference("1")]


def rows(desk: Desk) -> dict[str, AgentRow]:
    """What `bramble agents` shows."""
    said = desk.watch.order(OrderVerb.AGENTS)
    assert isinstance(said, list)
    found = [_ROW.read(row) for row in said]
    return {row.node: row for row in found if isinstance(row, AgentRow)}


def agents(desk: Desk) -> dict[str, dict[str, Any]]:
    """Every container of the agent on its node, by image."""
    host = desk.bramble.hosts[CONTAINED]
    ids = [one.id for one in host.containers() if NAME in one.image]
    found = json.loads(host.docker("inspect", *ids))
    return {one["Config"]["Image"].rpartition(":")[2]: one for one in found}


def running(desk: Desk) -> list[str]:
    return sorted(tag for tag, one in agents(desk).items() if one["State"]["Running"])


def stays(desk: Desk) -> list[str]:
    """Which of them the engine starts by itself."""
    policies = {tag: one["HostConfig"]["RestartPolicy"]["Name"] for tag, one in agents(desk).items()}
    return sorted(tag for tag, policy in policies.items() if policy == "unless-stopped")


def is_so(desk: Desk, state: str, reason: str = "") -> bool:
    row = rows(desk)[CONTAINED]
    return row.state == state and reason in row.reason


def update(desk: Desk, *words: str) -> None:
    desk.bramble.command("agents", "update", *words)


@pytest.mark.timeout(600)
def test_an_agent_in_a_container_becomes_another_and_returns_from_what_is_not_well(desk: Desk) -> None:
    """One runs at a time but for a trial, whose watchdog the old one is; containers of stacks keep their ids through all of it.

    Neither a power cut in a trial nor SIGKILL of its watchdog changes what it comes to.
    """
    watch, host = desk.watch, desk.bramble.hosts[CONTAINED]
    update(desk, "--image", reference("2"), "--checkin", "30s", "--monitor", "4s")
    watch.until(lambda: running(desk) == ["1", "2"], "the second image to be tried", UPDATED_S)
    host.power_cut()
    host.start()
    becomes(desk, "2")
    made = agents(desk)
    for part in ("Binds", "NetworkMode"):
        assert made["2"]["HostConfig"][part] == made["1"]["HostConfig"][part]
    row = rows(desk)[BY_HAND]
    assert (row.state, "is no container" in row.reason) == ("unmanaged", True)

    desk.runs("shop")
    before = desk.bramble.containers()
    for tag, reason in {"ends": "status 7", "hangs": "did not know it in time", "absent": "absent"}.items():
        update(desk, "--image", reference(tag), "--checkin", "6s", "--monitor", "1s")
        returns(desk, tag, reason)
        assert (running(desk), stays(desk)) == (["2"], ["2"])

    update(desk, "--to", "base", "--checkin", "30s", "--monitor", "4s")
    watch.until(lambda: running(desk) == ["1", "2"], "the first image to be tried", UPDATED_S)
    os.kill(agents(desk)["2"]["State"]["Pid"], signal.SIGKILL)
    becomes(desk, "1")
    assert desk.bramble.containers() == before


def returns(desk: Desk, tag: str, reason: str) -> None:
    """Wait until an image was given up for a reason."""
    desk.watch.until(lambda: is_so(desk, "failed", reason), f"the return from {tag}", UPDATED_S)


def becomes(desk: Desk, tag: str) -> None:
    """Wait until a container is kept, and is the only one that runs, now and after a boot."""
    desk.watch.until(lambda: is_so(desk, "settled"), f"image {tag} to be kept", UPDATED_S)
    desk.watch.until(lambda: running(desk) == [tag], "the one before to give way", UPDATED_S)
    assert stays(desk) == [tag]
