"""New versions that are no good, each in a way of its own: what ran before runs on, or again, as the very container that it was.

All at once on one node, each a service of its own, so that the longest of them decides how long this takes: one that ends twice,
31 seconds after each start, beside a window of 30.
"""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import eyes
from lab.bramble import REGISTRY_PORT
from lab.eyes import Box
from lab.host import Host
from lab.images import Image, build, own_architecture
from protocol.observed import TaskState, TaskStatus
from protocol.operator import OrderVerb, ServiceStatus
from protocol.rollouts import RolloutStatus
from protocol.shapes import Shape
from tests.lab.desk import SOON_S, Desk, desk_of
from tests.lab.truth import version

pytestmark = [pytest.mark.lab, pytest.mark.updates]

MONITOR_S = 30
"""The window of docs/updates.md, as it stands there: nothing here is scaled."""

HEARD_LATE_MOST = 2
"""The engine's count begins before the agent's. On a machine that is busy with other tests the agent may hear of a start more than
the second later that is between 30 and 31; such a trial is ended by the end it sees, and resumed so often."""

ENDED_S = 75.0
TICK = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
FOREIGN_ARCHITECTURE = "arm64" if own_architecture() == "amd64" else "amd64"
S390 = 22
"""A processor that no Pi has, as ELF numbers it."""

FOREIGN_PROGRAM = b"\x7fELF\x02\x02\x01" + bytes(9) + struct.pack(">HHI", 2, S390, 1) + bytes(40)
BALLAST_BYTES = 300_000
SLOW_KBIT = 240
"""Ten seconds for the ballast."""

BACK = ("crashes", "second", "just-before", "foreign-program")
"""What is tried, and taken back."""

NEVER = ("nowhere",)
"""What is not even tried, because no image of it comes."""


@dataclass
class Lot:
    """One node, with all these services on it."""

    desk: Desk
    before: dict[str, str]

    @property
    def host(self) -> Host:
        return self.desk.bramble.hosts["pi-1"]

    def boxes(self, service: str) -> list[Box]:
        """The containers of a service that run, by their engine's word."""
        found = eyes.boxes(self.host.engine.socket_path)
        return [box for box in found if box.is_running and box.service == f"lot.{service}"]

    def status(self, service: str) -> ServiceStatus:
        """What is reported of a service."""
        services = self.desk.watch.stacks["lot"].services
        return next(status for status in services if status.service == f"lot.{service}")

    def rollout(self, service: str) -> RolloutStatus:
        """How its update is said to be, with its lanes."""
        rows = self.desk.watch.order(OrderVerb.ROLLOUT_STATUS, f"lot.{service}")
        read = Shape(RolloutStatus).read(rows[0])
        assert isinstance(read, RolloutStatus), read
        return read

    def over(self, service: str) -> RolloutStatus:
        """Wait until its update is over, or paused, and nothing of it is being tried."""

        def claim() -> RolloutStatus | None:
            told = self.rollout(service)
            return told if told.state in ("done", "paused") and not told.in_progress else None

        return self.desk.watch.until(claim, f"the update of {service} to be over", ENDED_S)

    def ends(self, service: str, state: str) -> RolloutStatus:
        """Wait until its update is over, as it should be."""
        told = self.over(service)
        assert told.state == state, told
        return told

    def tells(self, service: str, pattern: str, within_s: float) -> TaskStatus:
        """Wait until its node says something of its task that reads so."""

        def claim() -> TaskStatus | None:
            tasks = [task for task in self.desk.watch.nodes["pi-1"].tasks if task.task.startswith(f"lot.{service}.")]
            return next((task for task in tasks if re.search(pattern, f"{task.attempt} {task.reason}")), None)

        return self.desk.watch.until(claim, f"{pattern} of {service}", within_s)

    def is_as_before(self, service: str) -> bool:
        """Whether the container that ran before the update is the one that runs."""
        return [box.id for box in self.boxes(service)] == [self.before[service]]


def image(tag: str, program: str | bytes, architecture: str = "", ballast: bytes = b"") -> Image:
    """One of the versions."""
    files = {"/bin/run": program} | ({"/ballast": ballast} if ballast else {})
    return Image("lot", tag, ("/bin/run",), files, labels={"version": tag}, architecture=architecture)


def ends_after(seconds: float) -> str:
    return f"#!/bin/sh\nsleep {seconds:g}\nexit 1\n"


IMAGES = (
    image("good", TICK),
    image("crashes", ends_after(0)),
    image("second", ends_after(1)),
    image("just-before", ends_after(29)),
    image("just-after", ends_after(31)),
    image("foreign", TICK, FOREIGN_ARCHITECTURE),
    image("foreign-program", FOREIGN_PROGRAM),
    image("slow", TICK, ballast=random.Random(1).randbytes(BALLAST_BYTES)),
)
SERVICES = ("crashes", "second", "just-before", "just-after", "foreign", "foreign-program", "slow", "nowhere", "same")


def manifest(**versions: str) -> bytes:
    """Every service at a version; those that are not named are at the good one."""
    update = {"parallelism": 1, "monitor": f"{MONITOR_S}s", "failure_action": "pause"}
    services = {
        name: {
            "image": f"registry.local:{REGISTRY_PORT}/lot:{versions.get(name, 'good')}",
            "deploy": {"mode": "global", "update_config": update},
            "stop_grace_period": "2s",
        }
        for name in SERVICES
    }
    return json.dumps({"services": services}).encode()


@pytest.fixture(scope="module")
def lot(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lot]:
    """Every service runs well; then all of them but one are updated at once, over a slow line."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1") as desk:
        desk.watch.until(lambda: desk.watch.nodes.get("pi-1"), "the node", SOON_S)
        host = desk.bramble.hosts["pi-1"]
        for one in IMAGES:
            build(host, desk.bramble.registry, one)
        host.docker("image", "prune", "--all", "--force")
        desk.publish("lot", manifest())
        desk.runs("lot")
        lot = Lot(desk, dict.fromkeys(SERVICES, ""))
        lot.before = {name: lot.boxes(name)[0].id for name in SERVICES}
        host.shape(SLOW_KBIT)
        desk.publish("lot", manifest(**{name: name for name in SERVICES if name != "same"}))
        yield lot


def test_while_an_image_comes_slowly_everything_runs_on(lot: Lot) -> None:
    """The node has not got it yet, and says so; the container of before runs until it has, and then the new one."""

    def waits() -> RolloutStatus | None:
        status = lot.desk.watch.stacks["lot"]
        told = next((s.rollout for s in status.services if s.service == "lot.slow"), None)
        return lot.rollout("slow") if told else None

    told = lot.desk.watch.until(waits, "the slow one to be rolled out", SOON_S)
    assert [(lane.state, lane.reason) for lane in told.lanes] == [("waiting", "its node has not got the image yet")]
    assert all(lot.is_as_before(name) for name in ("slow", "same"))
    lot.desk.watch.until(lambda: lot.rollout("slow").lanes[0].state == "granted" or None, "the image", 60.0)
    lot.host.shape(0)
    assert lot.ends("slow", "done").updated == 1
    assert [version(box) for box in lot.boxes("slow")] == ["slow"]


@pytest.mark.parametrize("service", BACK)
def test_what_ends_within_its_window_is_taken_back(lot: Lot, service: str) -> None:
    """At once, after 1 s, after 29 of the 30, or never begun at all: the very container of before runs again."""
    told = lot.ends(service, "paused")
    assert (told.updated, told.failed) == (0, 1)
    assert lot.is_as_before(service)
    code = 126 if service == "foreign-program" else 1
    assert f"exited with code {code} " in told.lanes[0].reason


@pytest.mark.parametrize("service", NEVER)
def test_what_does_not_come_disturbs_nothing(lot: Lot, service: str) -> None:
    """An image that no registry has is told by its name; the container of before never stopped."""
    told = lot.ends(service, "paused")
    assert (told.updated, told.failed) == (0, 1)
    assert "does not exist" in told.lanes[0].reason
    assert lot.is_as_before(service)


def test_an_image_for_other_processors_disturbs_nothing(lot: Lot) -> None:
    """It is known before a byte of it comes; the container of before runs on."""
    assert lot.is_as_before("foreign"), lot.status("foreign")
    assert FOREIGN_ARCHITECTURE in str(lot.status("foreign"))


def test_what_ends_just_after_its_window_was_kept_and_its_ends_are_told(lot: Lot) -> None:
    """Watched no longer than asked for: it is settled, started again at once, then after a pause, and each end is told."""
    told = lot.over("just-after")
    for _ in range(HEARD_LATE_MOST):
        if told.state == "paused":
            assert "exited with code 1 " in told.lanes[0].reason
            assert lot.is_as_before("just-after")
            lot.desk.watch.order(OrderVerb.ROLLOUT_RESUME, "lot.just-after")
            told = lot.over("just-after")
    assert (told.state, told.updated, told.failed) == ("done", 1, 0)
    lot.tells("just-after", r"^[2-9] ", SOON_S)
    told_of_pause = lot.tells("just-after", r"exited with code 1 \(attempt \d+\); next attempt after \d+ s$", ENDED_S)
    assert told_of_pause.state is TaskState.FAILED
    lot.desk.watch.until(lambda: lot.status("just-after").running == 0 or None, "the controller to count none", SOON_S)
    assert lot.rollout("just-after").state == "done"
    assert {version(box) for box in lot.boxes("just-after")} <= {"just-after"}


def test_what_nobody_changed_is_the_container_that_it_was(lot: Lot) -> None:
    """Beside all of that."""
    assert lot.is_as_before("same")
