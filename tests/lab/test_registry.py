"""Private registries on real hosts: whose login opens them, what a wrong one says, tags that move, and a mirror that steps in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.commands import CommandError
from lab.host import Host
from lab.images import Image, build
from lab.processes import TooLateError
from lab.registry import PASSWORD, USERNAME, Registry
from protocol.observed import TaskState
from protocol.operator import OrderVerb, TaskPlace
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

PRIVATE_PORT = 5001
OWN, KNOWN = f"registry.local:{PRIVATE_PORT}", f"controller.local:{PRIVATE_PORT}"
"""One private registry by two names: the fleet has a login for the second only."""

SETTINGS = f"""
[[registries]]
host = "{OWN}"
insecure = true
[[registries]]
host = "{KNOWN}"
insecure = true
username = "{USERNAME}"
password_file = "FOLDER/password"
[[mirrors]]
registry = "{OWN}"
at = "registry.local:5000"
nodes = ["node.labels.mirrored == yes"]
"""


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two nodes, and a controller with a login and a mirror."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "password").write_text(f"{PASSWORD}\n")
    with desk_of(folder, "pi-1", "pi-2", settings=SETTINGS.replace("FOLDER", str(folder))) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == 2 or None, "two nodes", SOON_S)
        yield desk


@pytest.fixture(scope="module")
def private(desk: Desk) -> Registry:
    """A registry that asks who is there; it ends with the site."""
    site = desk.bramble.site
    registry = Registry(site.directory / "private", site.address, site.environment, PRIVATE_PORT, private=True)
    registry.start()
    return registry


@dataclass(frozen=True, slots=True)
class Runs:
    """A container that runs."""

    host: Host
    container: str

    def shows(self, what: str) -> str:
        """What `docker inspect` says of it."""
        return self.host.docker("inspect", "--format", f"{{{{{what}}}}}", self.container).strip()

    def version(self) -> str:
        """What its image says of itself."""
        return self.host.docker("exec", self.container, "sh", "-c", "echo $VERSION").strip()


def push(desk: Desk, registry: Registry, name: str, version: str) -> str:
    """Bring an image to a registry, without leaving it on a node; its digest."""
    host = desk.bramble.hosts["pi-1"]
    host.docker("login", f"--username={USERNAME}", f"--password={PASSWORD}", registry.name)
    tick = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
    image = Image(name, "1", ("/bin/tick",), {"/bin/tick": tick}, {"VERSION": version})
    host.docker("image", "rm", build(host, registry, image))
    return registry.digest(name, "1")


def stack(password: str = "", **services: dict[str, object]) -> bytes:
    """A stack with a login of its own, or without."""
    own = {"x-bramble": {"registries": {OWN: {"username": USERNAME, "password": password}}}} if password else {}
    return json.dumps({"services": services, **own}).encode()


def running(desk: Desk, service: str, digest: str, within_s: float = 40.0) -> Runs:
    """Wait until the one task of a service runs this content, by its engine's word."""

    def claim() -> Runs | None:
        tasks = tasks_of(desk, service)
        if [task.state for task in tasks] != [TaskState.RUNNING]:
            return None
        runs = Runs(desk.bramble.hosts[tasks[0].node], desk.bramble.containers().get(tasks[0].task, ""))
        return runs if runs.container and runs.shows(".Config.Image").endswith(f"@{digest}") else None

    try:
        return desk.watch.until(claim, f"{service} to run {digest}", within_s)
    except TooLateError as late:
        raise TooLateError(f"{late}: {tasks_of(desk, service)}") from late


def tasks_of(desk: Desk, service: str) -> list[TaskPlace]:
    """How the tasks of a service stand, by the controller's word."""
    status = desk.watch.stacks.get(service.partition(".")[0])
    return [task for one in status.services if one.service == service for task in one.tasks] if status else []


def test_a_stacks_own_login_opens_its_registry(desk: Desk, private: Registry) -> None:
    """A wrong one is told with registry and user, whether the image goes by its tag or its digest; mended, both run at once."""
    digest = push(desk, private, "web", "one")
    services = {"tagged": {"image": f"{OWN}/web:1"}, "pinned": {"image": f"{OWN}/web:1@{digest}"}}
    desk.publish("own", stack("who-is-there", **services))
    refusal = f"registry {OWN} refuses user {USERNAME}"

    def refused() -> bool:
        return all(
            tasks_of(desk, one) and refusal in tasks_of(desk, one)[0].reason for one in ("own.tagged", "own.pinned")
        )

    desk.watch.until(lambda: refused() or None, "two refusals", SOON_S)
    said = " ".join(desk.bramble.command("status", "own").split())
    assert refusal in said
    desk.publish("own", stack(PASSWORD, **services))
    running(desk, "own.tagged", digest)
    running(desk, "own.pinned", digest)


def test_a_tag_that_moved_is_rolled_out_when_asked_for(desk: Desk, private: Registry, tmp_path: Path) -> None:
    """`bramble pull` brings the new content under the same tag; until then, and in `bramble diff`, nothing changes."""
    first = push(desk, private, "moving", "one")
    manifest = stack(PASSWORD, clock={"image": f"{OWN}/moving:1"})
    desk.publish("moving", manifest)
    assert running(desk, "moving.clock", first).version() == "one"
    path = tmp_path / "moving.json"
    path.write_bytes(manifest)
    second = push(desk, private, "moving", "two")
    assert desk.bramble.command("diff", "-f", str(path), "-p", "moving").strip() == "moving: nothing would change"
    desk.bramble.command("pull", "moving.clock")
    now = running(desk, "moving.clock", second)
    assert now.version() == "two"
    path.write_bytes(stack(PASSWORD, clock={"image": f"{OWN}/moving:1", "environment": {"SPEED": "2"}}))
    with pytest.raises(CommandError, match=rf"\n{now.host.name} +update +service clock +env SPEED"):
        desk.bramble.command("diff", "-f", str(path), "-p", "moving")


def test_the_fleets_login_serves_stacks_without_one(desk: Desk, private: Registry) -> None:
    """What the controller's settings say of a registry reaches the nodes."""
    digest = push(desk, private, "shared", "one")
    desk.publish("shared", stack(clock={"image": f"{KNOWN}/shared:1"}))
    running(desk, "shared.clock", digest)


def test_a_mirror_answers_while_its_registry_is_away(desk: Desk, private: Registry) -> None:
    """A node that is told of a mirror has the very content that the registry named before it went."""
    digest = push(desk, private, "far", "one")
    assert push(desk, desk.bramble.registry, "far", "one") == digest
    constraint = {"placement": {"constraints": ["node.labels.mirrored == yes"]}}
    desk.publish("far", stack(PASSWORD, clock={"image": f"{OWN}/far:1", "deploy": constraint}))
    desk.reason("far", "mirrored")
    private.kill()
    try:
        desk.watch.order(OrderVerb.LABEL, "pi-2", {"set": {"mirrored": "yes"}})
        assert running(desk, "far.clock", digest).host.name == "pi-2"
    finally:
        private.start()
