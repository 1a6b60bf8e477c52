"""A shop that is updated again and again: one service on every node, in versions that are well and in one that is not.

Beside it on each node run a clock and a container that is nobody's, which no update of the shop may touch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.bramble import REGISTRY_PORT
from lab.host import Host
from lab.images import Image, build
from lab.processes import TooLateError
from protocol.operator import OrderVerb
from protocol.rollouts import RolloutStatus
from protocol.shapes import JsonValue, Shape
from tests.lab.desk import SOON_S, Desk, desk_of
from tests.lab.truth import Truth

SERVICE = "shop.web"
TICK = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile true; do sleep 1 & wait $!; done\n"
CRASH = "#!/bin/sh\nsleep 0.4\nexit 1\n"
GOOD, BAD = ("one", "two"), "bad"
"""The versions, as the images' own label tells them."""

MONITOR_S = 1
ENDS = ("done", "rolled_back", "paused", "rollback_paused")
UPDATED_S = 60.0

_STATUS = Shape(RolloutStatus)


@dataclass
class Shop:
    """The shop on all its hosts. `published` counts its manifests, so that each one is a revision of its own."""

    desk: Desk
    truth: Truth
    published: int = 0
    update: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def hosts(self) -> dict[str, Host]:
        return self.desk.bramble.hosts

    def publish(self, version: str, **deploy: JsonValue) -> None:
        """Have this version on every node, in a new revision."""
        self.published += 1
        update = {"monitor": f"{MONITOR_S}s", **self.update, **deploy}
        service = {
            "image": reference(version),
            "environment": {"ROUND": str(self.published)},
            "stop_grace_period": "2s",
            "deploy": {"mode": "global", "update_config": update, "rollback_config": update_of_rollback(update)},
        }
        self.desk.publish("shop", json.dumps({"services": {"web": service}}).encode())

    def rollout(self) -> RolloutStatus | None:
        """How far the update is, by the controller's word now; None while it cannot be asked."""
        try:
            rows = self.desk.watch.order(OrderVerb.ROLLOUT_STATUS, SERVICE)
        except (TooLateError, RuntimeError):
            return None
        read = _STATUS.read(rows[0]) if isinstance(rows, list) and rows else None
        return read if isinstance(read, RolloutStatus) else None

    def revision(self) -> str:
        """The revision that the controller wants now; empty before it has said one."""
        status = self.desk.watch.stacks.get("shop")
        return next((s.revision for s in status.services if s.service == SERVICE), "") if status else ""

    def published_revision(self, before: str) -> str:
        """Wait until the controller wants another revision than before."""
        return self.desk.watch.until(
            lambda: ((now := self.revision()) != before and now) or None, "the new revision", SOON_S
        )

    def ended(self, revision: str, within_s: float = UPDATED_S) -> RolloutStatus:
        """Wait until the update to a revision, or the way back from it, is over and all that run say so."""
        last: list[RolloutStatus | None] = [None]

        def claim() -> RolloutStatus | None:
            last[0] = status = self.rollout()
            is_over = status is not None and status.state in ENDS and not status.in_progress
            return status if status and is_over and status.revision == revision and self.is_honest() else None

        try:
            return self.desk.watch.until(claim, f"the update to {revision} to end", within_s)
        except TooLateError as late:
            raise TooLateError(f"{late}: {last[0]}; {self.truth.versions()}; {self.unlike()}") from late

    def is_honest(self) -> bool:
        return not self.unlike()

    def unlike(self) -> list[str]:
        """Where what the controller shows is not what an engine runs, or where a node is not wholly of one revision."""
        status = self.desk.watch.stacks.get("shop")
        tasks = [task for s in status.services for task in s.tasks] if status else []
        shown = {task.node: (task.state, task.revision) for task in tasks}
        told = []
        for name in self.truth.hosts:
            running, left = self.truth.running(name), self.truth.left_over(name)
            if len(running) != 1 or left:
                told.append(f"{name} runs {len(running)}, and has {len(left)} left over")
            elif shown.get(name) != ("running", running[0].revision):
                told.append(f"{name} runs {running[0].revision}, and is shown as {shown.get(name)}")
        return told


def update_of_rollback(update: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A way back that is as careful as the way there."""
    return {key: value for key, value in update.items() if key in ("parallelism", "monitor", "order")}


def reference(version: str) -> str:
    """The image of a version."""
    return f"registry.local:{REGISTRY_PORT}/shop:{version}"


def image(version: str, program: str = TICK) -> Image:
    """A version of the shop."""
    return Image("shop", version, ("/bin/shop",), {"/bin/shop": program}, labels={"version": version})


@contextmanager
def shop_of(folder: Path, *names: str, **update: JsonValue) -> Iterator[Shop]:
    """A shop of version one on these hosts; `update` is how it is updated."""
    with desk_of(folder, *names) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == len(names) or None, "the nodes", SOON_S)
        host = desk.bramble.hosts[names[0]]
        for version, program in ((GOOD[0], TICK), (GOOD[1], TICK), (BAD, CRASH)):
            build(host, desk.bramble.registry, image(version, program))
        clock = {"image": f"registry.local:{REGISTRY_PORT}/clock:1", "deploy": {"mode": "global"}}
        desk.publish("base", json.dumps({"services": {"clock": clock}}).encode())
        for one in desk.bramble.hosts.values():
            stranger = f"registry.local:{REGISTRY_PORT}/clock:1"
            one.docker("run", "--detach", "--name", "stranger", stranger)
        desk.runs("base")
        with Truth(desk.bramble.hosts.values(), SERVICE) as truth:
            shop = Shop(desk, truth, update=dict(update))
            shop.publish(GOOD[0])
            desk.runs("shop")
            yield shop
