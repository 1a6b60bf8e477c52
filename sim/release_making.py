"""Making a release stand on a node's disk in virtual time: it takes its time, may be cut short at any point, or be had nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.adapters.releases import Told
from agent.decide.inputs import Done, GiveUp, Retry
from agent.decide.release import StageRelease
from agent.launcher import markers
from protocol.release import Release
from sim.natures import Nature
from sim.process import DiedError

if TYPE_CHECKING:
    from sim.releases import Launch

INSTALL_S = (0.5, 1.0, 4.0, 20.0)
AGAIN_S = 5.0
UNREACHED = 0.2
"""Chance that an index does not answer just now."""


@dataclass(slots=True)
class Installing:
    """Makes a release stand on the disk after a while: it may be cut short at any point, or not be there to be had."""

    launch: Launch
    number: int = 0

    def begin(self, name: str, asked: StageRelease, running: str, told: Told) -> None:
        """Clear away what nobody can start any more, begin with this one, and tell what came of it."""
        markers.prune(self.launch.disk, name, running)
        self.launch.disk.clear(name)
        self.number += 1
        number, life = self.number, self.launch.process.life
        world = self.launch.process.world
        seconds = world.chances.choice(INSTALL_S) * world.chances.uniform(0.5, 1.5)
        world.after(seconds, lambda: self._end(name, asked.release, told, (number, life)))

    def close(self) -> None:
        """End what is under way."""
        self.number += 1

    def _end(self, name: str, release: Release, told: Told, mine: tuple[int, int]) -> None:
        launch, process = self.launch, self.launch.process
        if not process.is_alive or (self.number, process.life) != mine:
            return
        nature, chances = launch.catalogue.nature(name), launch.chances
        if launch.host.is_cut or not launch.catalogue.is_up() or chances.random() < UNREACHED:
            told(Retry("the index cannot be reached", AGAIN_S))
        elif nature is Nature.ABSENT:
            told(GiveUp(f"No matching distribution found for bramble-fleet=={release.version}"))
        else:
            try:
                markers.complete(launch.disk, name, release.version, release.revision)
            except OSError as error:
                told(Retry(f"the release cannot be written: {error.strerror}", AGAIN_S))
                return
            except DiedError:
                process.kill()
                return
            told(Done())
