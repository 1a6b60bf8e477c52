"""SIGKILL for agents while they update: at each boundary of an update's steps, and at random while updates follow one another.

A boundary is found by what is there, never by a clock: a commit in the agent's store, an event of the engine (of which the agent
may not have heard yet), or the agent's own line that it has heard of it (which it has not committed yet).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from lab.commands import CommandError
from lab.processes import wait_until
from tests.lab.kills import UPDATE, Killer
from tests.lab.shop import BAD, GOOD, Shop, reference, shop_of
from tests.lab.truth import assigned, trials, version

pytestmark = [pytest.mark.lab, pytest.mark.updates]

NODES = ("pi-1", "pi-2", "pi-3", "pi-4")
REACHED_S = 60.0
KILLS = 40


@dataclass(frozen=True, slots=True)
class Scene:
    """One node in one update: what it runs, what it should run, and where its history was when the update began."""

    shop: Shop
    node: str
    old: str
    new: str
    revision: str
    since: int
    log_bytes: int

    def stored(self, *states: str) -> bool:
        """Whether the agent has committed its trial in one of these states."""
        found = trials(self.shop.hosts[self.node])
        return any(key.endswith(self.revision) and state in states for key, state in found.items())

    def kept(self) -> bool:
        """Whether it keeps the new one: by its own word, or by the assignment that follows at once if it was the last."""
        settled = assigned(self.shop.hosts[self.node])
        return self.stored("settled") or any(one.endswith(self.revision) for one in settled)

    def did(self, became: str, wanted: str) -> bool:
        """Whether the engine has done this to a container of a version."""
        return self.shop.truth.await_change(self.node, became, wanted, self.since, 0.0) is not None

    def knows(self, step: str) -> bool:
        """Whether the agent has heard that a step for the shop ended: one of its task, or one of its offer while that is staged."""
        said = self.shop.desk.bramble.agents[self.node].log()[self.log_bytes :]
        return any(f"step_ended kind={step} " in line and "shop.web." in line for line in said.splitlines())


Boundary = Callable[[Scene], bool]

WELL: dict[str, Boundary] = {
    "the offer is stored": lambda at: at.stored("staging", "staged", "trying"),
    "the image is here": lambda at: at.stored("staged", "trying"),
    "the trial is stored": lambda at: at.stored("trying"),
    "the new one is made": lambda at: at.did("created", at.new),
    "the agent knows that it is made": lambda at: at.knows("create"),
    "the old one is stopped": lambda at: at.did("ended", at.old),
    "the agent knows that it is stopped": lambda at: at.knows("stop"),
    "the new one runs": lambda at: at.did("running", at.new),
    "the agent knows that it runs": lambda at: at.knows("start"),
    "the watch goes on": lambda at: at.knows("start") and at.shop.desk.bramble.agents[at.node].is_running,
    "the new one is kept": Scene.kept,
    "the old one is removed": lambda at: at.did("gone", at.old),
}
ILL: dict[str, Boundary] = {
    "the bad one has ended": lambda at: at.did("ended", at.new),
    "the bad one is given up": lambda at: at.stored("failed"),
    "the old one runs again": lambda at: at.did("running", at.old),
    "the bad one is removed": lambda at: at.did("gone", at.new),
}
WATCHED_S = {"the watch goes on": 0.5}
"""Half of the monitor window."""


@pytest.fixture(scope="module")
def shop(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop on four nodes."""
    with shop_of(tmp_path_factory.mktemp("desk"), *NODES, parallelism=0) as shop:
        yield shop


def killed_at(shop: Shop, new: str, boundaries: dict[str, Boundary]) -> str:
    """Update, kill each node's agent at a boundary of its own, start it again at once, and return the revision."""
    truth, before = shop.truth, shop.revision()
    old = {name: version(truth.running(name)[0]) for name in NODES}
    since, logs = truth.count, {name: len(shop.desk.bramble.agents[name].log()) for name in NODES}
    shop.publish(new)
    revision = shop.published_revision(before)

    def kill(node: str, boundary: str) -> None:
        scene = Scene(shop, node, old[node], new, revision, since, logs[node])
        wait_until(lambda: boundaries[boundary](scene), f"{node}: {boundary}", REACHED_S)
        time.sleep(WATCHED_S.get(boundary, 0.0))
        shop.desk.bramble.agents[node].kill()
        shop.desk.bramble.start_agent(node)

    with ThreadPoolExecutor(len(NODES)) as pool:
        for one in [pool.submit(kill, *pair) for pair in zip(NODES, boundaries, strict=False)]:
            one.result()
    return revision


def forget_image(shop: Shop, wanted: str) -> None:
    """Take a version off the disks where nothing runs it, so that it has to come over the network again."""
    for host in shop.hosts.values():
        ids = host.docker("images", "--quiet", "--no-trunc", reference(wanted).rpartition(":")[0]).split()
        for one in dict.fromkeys(ids):
            try:
                host.docker("image", "rm", "--force", one)
            except CommandError:
                continue  # the version that runs


@pytest.mark.parametrize("first", range(0, len(WELL), len(NODES)))
def test_an_agent_killed_at_any_step_of_an_update_ends_it_well(shop: Shop, first: int) -> None:
    """One container of the new revision on each node, never two at a time, nothing left over, all others untouched."""
    shop.truth.forget()
    wanted = next(one for one in GOOD if one not in shop.truth.versions().values())
    if first == 0:
        forget_image(shop, wanted)
    revision = killed_at(shop, wanted, dict(list(WELL.items())[first : first + len(NODES)]))
    status = shop.ended(revision)
    assert (status.state, status.updated) == ("done", len(NODES))
    assert {box.revision for name in NODES for box in shop.truth.running(name)} == {revision}
    assert shop.truth.wrongs(len(NODES)) == []
    assert shop.truth.disturbed() == []


def test_an_agent_killed_at_any_step_of_the_way_back_ends_it_with_the_very_container_of_before(shop: Shop) -> None:
    """A bad version under fire is kept nowhere: the same container runs again, and the report counts it as failed."""
    shop.truth.forget()
    before = {name: [box.id for box in shop.truth.running(name)] for name in NODES}
    revision = killed_at(shop, BAD, ILL)
    status = shop.ended(revision)
    assert (status.state, status.updated) == ("paused", 0)
    assert status.failed > 0
    assert {name: [box.id for box in shop.truth.running(name)] for name in NODES} == before
    assert shop.truth.wrongs(len(NODES)) == []
    assert shop.truth.disturbed() == []


def test_forty_random_kills_do_no_harm(shop: Shop) -> None:
    """`python -m tests.lab.kills`, in short: agents, controller and broker die while updates flow, and 0 ends are wrong."""
    shop.update = dict(UPDATE)
    tally = Killer(shop, random.Random(4), print).kill(KILLS)
    assert (tally.kills, tally.wrongs) == (KILLS, [])
