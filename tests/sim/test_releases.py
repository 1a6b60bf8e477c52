"""Agents that update themselves in virtual time: what each sort of release comes to, and a disk that loses what was not synced."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from agent.launcher import markers
from agent.launcher.choice import Start
from agent.launcher.disk import Disk
from agent.launcher.markers import BASE, Try, verdict_on
from agent.launcher.way import Way
from controller.decide.releases import KEY
from protocol.operator import OrderVerb
from sim.fleet import SimFleet
from sim.images import WELL
from sim.natures import BAD, Catalogue, Nature
from sim.release_disk import SimDisk
from sim.release_promises import ReleasePromises, unsettled_release
from sim.releases import Launch
from sim.stacks import service, stack
from tests.fakes.launcher import outcome

MONITOR_S, CHECKIN_S = 3.0, 20.0
OLD, NEW = "1-old", "2-new"
TRY = Try(NEW, "r-1", "svc-bramble.agent.pi", "two", "nonce001", 5.0)


class Launched(SimFleet):
    """A fleet whose agents run under their launcher, with a service on every node."""

    def __init__(self, nature: Nature) -> None:
        super().__init__(nodes=2, seed=5)
        catalogue = Catalogue({"1.1": nature})
        self.promises = ReleasePromises(self.world, self.head, self.nodes, 1, MONITOR_S)
        for node in self.nodes.values():
            node.launch = Launch(node, catalogue)
            node.launch.witness = self.promises.witness
            node.kill()
        self.registry.push("web:1", WELL)
        self.publish("home", stack({"web": service("web:1")}))
        self.run_until_converged()

    def update(self, version: str) -> None:
        """Have the agents be this version."""
        self.order(
            OrderVerb.AGENTS_UPDATE, "", version=version, parallelism="1", monitor_s=MONITOR_S, checkin_s=CHECKIN_S
        )

    @property
    def current(self) -> list[str]:
        """What each node would start now."""
        launches = (node.launch for node in self.nodes.values())
        return [markers.linked(launch.disk, markers.CURRENT) for launch in launches if launch is not None]


def test_a_release_that_is_well_is_kept_everywhere_and_no_container_notices() -> None:
    """One node after the other."""
    with Launched(Nature.WELL) as fleet:
        before = fleet.containers()
        fleet.update("1.1")
        fleet.run_until_converged()
        assert [name.partition("-")[0] for name in fleet.current] == ["1.1", "1.1"]
        assert fleet.containers() == before


@pytest.mark.parametrize("nature", BAD)
def test_one_that_is_not_well_stays_on_no_node_and_is_tried_on_one(nature: Nature) -> None:
    """Whatever is wrong with it, the base runs again, the reason is told, and the other node never began."""
    with Launched(nature) as fleet:
        fleet.promises.stops["1.1"] = 1
        fleet.update("1.1")
        for _ in range(60):
            fleet.run_for(2.0)
            fleet.promises.look()
        assert fleet.current == [BASE, BASE]
        knows = fleet.head.fleet
        assert knows is not None
        assert [why for node in fleet.nodes.values() for why in unsettled_release(node, knows)]
        reasons = [knows.slots[f"{KEY}.{name}"].reason for name in fleet.nodes]
        assert any(reasons), reasons


def _return(disk: Disk) -> None:
    markers.write(disk, verdict_on(TRY, "late"))
    markers.forget_try(disk)


ACTS: dict[str, tuple[Callable[[Disk], None], set[str]]] = {
    "begins": (lambda disk: markers.write(disk, TRY), {f"start {OLD}", f"try {NEW}"}),
    "keeps": (lambda disk: markers.keep(disk, NEW), {f"try {NEW}", f"start {NEW}"}),
    "returns": (_return, {f"try {NEW}", f"start {OLD}"}),
}


@pytest.mark.parametrize("act", ACTS)
def test_whatever_of_an_act_a_power_cut_leaves_it_is_the_old_or_the_new(act: str) -> None:
    """Also where names that were not synced yet are lost."""
    does, fine = ACTS[act]
    for seed in range(200):
        disk, fuse = _disk(), Fuse()
        if act != "begins":
            markers.write(disk, TRY)
        fuse.left = seed % 12
        disk._before = fuse.burn
        with suppress(CutError):
            does(disk)
        disk._before = lambda _: None
        disk.cut(random.Random(seed))
        assert outcome(disk) in fine


def test_a_full_disk_keeps_nobody_from_starting_what_was_kept() -> None:
    """What is on trial cannot be counted, and what has ended not be told: neither is tried, and it is asked for anew."""
    for attempts, ended in ((0, ""), (3, ""), (1, "it ended")):
        disk = _disk()
        markers.write(disk, replace(TRY, attempts=attempts))
        disk.is_full = lambda: True
        assert Way(disk, lambda _: None, ended=ended).next() == Start(OLD)
        assert markers.trying(disk) is None


def test_the_disk_of_a_history_does_what_a_folder_does(tmp_path: Path) -> None:
    """The same acts leave the same names, as long as the power stays."""
    real = Disk(tmp_path)
    (tmp_path / NEW).mkdir()
    shown = []
    for disk in (real, SimDisk(lambda _: None)):
        markers.complete(disk, NEW, "2", "new")
        markers.write(disk, TRY)
        markers.keep(disk, NEW)
        markers.write(disk, verdict_on(TRY, "late"))
        names = (markers.CURRENT, markers.PREVIOUS)
        told = [markers.linked(disk, name) for name in names], markers.trying(disk), markers.verdict(disk)
        markers.prune(disk, "another")
        kept = disk.folders()
        markers.point(disk, markers.CURRENT, BASE)
        markers.prune(disk)
        shown.append((told, kept, disk.folders(), markers.is_complete(disk, NEW)))
    assert shown[0] == shown[1]


class CutError(Exception):
    """The power goes."""


class Fuse:
    """Ends after some acts."""

    left = 0

    def burn(self, _: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise CutError


def _disk() -> SimDisk:
    disk = SimDisk(lambda _: None)
    for name in (OLD, NEW):
        markers.complete(disk, name, name.partition("-")[0], name)
    markers.point(disk, markers.CURRENT, OLD)
    return disk
