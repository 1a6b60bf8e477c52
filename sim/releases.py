"""A node whose agent updates itself, in virtual time: the real launcher's way and vigil, over a disk and processes that are played.

One life of the simulated process is one agent, or a launcher on its way to one. The launcher's memory outlives a child on trial, as
the parent's does, and ends with an agent that took its place, with the power, or when somebody kills both. What a release is like
(`Nature`) is known to the story alone; the agent that runs in it is the real one.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol

from agent.adapters.releases import Releases
from agent.launcher import markers
from agent.launcher.choice import Start, TryOut
from agent.launcher.markers import HAND_OVER, RELEASE, RELEASES, SUPERVISED, Try
from agent.launcher.vigil import Ending, Vigil
from agent.launcher.way import Way
from protocol.release import BASE
from sim.engine import FakeEngine
from sim.natures import Catalogue, MuteLink, Nature
from sim.parts import FusedLink
from sim.process import DiedError, Process
from sim.release_disk import SimDisk
from sim.release_making import Installing

IMPORT_S = (0.3, 1.5)
"""From one agent's last turn to the first of the next: a Python that imports us, on a Pi 4 and on a slow card."""

CRASH_S = (0.0, 3.0)
"""When a release that crashes does so, after it has begun: before anybody could have watched it for long enough."""

BOTH = 0.3
"""Chance that who kills an agent on trial kills its launcher, too."""

DOWN_S = 4.0
"""How long a node that a release has taken down is gone."""

LOOK_EVERY_S = 0.5
"""As the real launcher looks."""


class Agent(Protocol):
    """The loop of an agent, as a process turns it."""

    def turn(self, now_mono_s: float) -> int:
        """Take in, decide, commit, act."""

    def wait_s(self, now_mono_s: float) -> float:
        """How long to sleep."""


class Host(Protocol):
    """The node that an agent runs on."""

    process: Process
    engine: FakeEngine
    is_powered: bool

    @property
    def is_cut(self) -> bool:
        """Whether its network is away."""

    def begin(self, inbox: SimpleQueue[object], version: str, releases: Releases, link: type[FusedLink]) -> Agent:
        """Start the agent of a version."""

    def cut_power(self) -> None:
        """Everything on it ends at once."""

    def power(self) -> None:
        """Boot."""


class Launch:
    """Everything about the releases of one node that is not its agent's: the disk, the launcher, and who is on trial."""

    def __init__(self, host: Host, catalogue: Catalogue) -> None:
        self.host, self.catalogue, self.process = host, catalogue, host.process
        self.disk = SimDisk(host.process.spark, lambda: host.engine.disk_full)
        self.running = BASE
        self.child: Try | None = None
        self.witness: Callable[[Launch, str], None] = lambda *_: None
        self.is_handed_over = False
        self._way: Way | None = None
        self._vigil: Vigil | None = None
        self._ending: Ending | None = None

    @property
    def nature(self) -> Nature:
        """What runs is like this."""
        return self.catalogue.nature(self.running)

    @property
    def chances(self) -> random.Random:
        """All chance is the world's."""
        return self.process.world.chances

    def begin(self) -> Launched:
        """A process begins: it is the launcher."""
        self.process.owes = lambda: False
        self.is_handed_over = False
        if self._way is None:
            self._way = Way(self.disk, self._tell)
        return Launched(self)

    def go(self, inbox: SimpleQueue[object]) -> Agent | None:
        """Walk the launcher's way until something runs: an agent, or None for one that only hangs."""
        assert self._way is not None
        while True:
            match self._way.next():
                case TryOut(what):
                    self.running, self.child = what.name, what
                    if self.nature in (Nature.BROKEN, Nature.ENDS):
                        self.witness(self, "tries")
                        error: Ending | OSError = OSError(8, "Exec format error")
                        self._way.tried(Ending(1) if self.nature is Nature.ENDS else error)
                        continue
                    self._vigil = Vigil(self.process.mono_s + what.within_s)
                    self.witness(self, "tries")
                    return self._agent(inbox)
                case Start(name):
                    self.running, self.child, self._way, self._vigil = name, None, None, None
                    self.witness(self, "starts")
                    return self._agent(inbox)

    def watch(self) -> float:
        """Look at a child on trial; in how many seconds to look again. Raises when it is to end."""
        if self._vigil is None or self.child is None:
            return float("inf")
        self._vigil, number = self._vigil.saw(self.process.mono_s, is_kept=self.is_kept)
        if number and (self.nature is not Nature.HANGS or number == signal.SIGKILL):
            self.end(-number)
        return (
            float("inf") if self._vigil.was_kept else max(LOOK_EVERY_S, self._vigil.until_mono_s - self.process.mono_s)
        )

    def end(self, code: int) -> None:
        """The agent ends by itself, or because the launcher ends it."""
        if self._vigil is not None:
            self._ending = self._vigil.ended(code, is_kept=self.is_kept)
        raise DiedError(self.process.name)

    def left(self) -> float | None:
        """The process is gone: in how many seconds the launcher goes on by itself; None if it is gone, too."""
        ending, self._ending = self._ending, None
        vigil, way, self._vigil, self._way = self._vigil, self._way, None, None
        if vigil is None or way is None:
            self.child = None
            return self.chances.uniform(*IMPORT_S) if self.is_handed_over else None
        if ending is None and self.chances.random() >= BOTH:
            ending = vigil.ended(-signal.SIGKILL, is_kept=self.is_kept)
        is_there, self.child = ending is not None and way.tried(ending) is None, None
        if not is_there:
            return None
        self._way = way
        return self.chances.uniform(*IMPORT_S)

    def power_cut(self) -> None:
        """Everything but the disk is gone."""
        self._way = self._vigil = self.child = self._ending = None
        self.disk.cut(self.chances)

    @property
    def is_kept(self) -> bool:
        """Whether what is on trial has become what is started from now on."""
        return self.child is not None and markers.linked(self.disk, markers.CURRENT) == self.child.name

    @property
    def until_s(self) -> float:
        """By when the launcher knows of what it tries, on the one true clock; the beginning of all time if it tries nothing."""
        if self._vigil is None or self._vigil.was_kept:
            return float("-inf")
        return self.process.booted_s + self._vigil.until_mono_s

    def _agent(self, inbox: SimpleQueue[object]) -> Agent | None:
        nature, world = self.nature, self.process.world
        process, life = self.process, self.process.life
        if nature is Nature.HANGS:
            return None
        if nature is Nature.TOPPLES:
            world.after(self.chances.uniform(*CRASH_S), lambda: self._topple(life))
        environ: Mapping[str, str] = {RELEASES: "releases", RELEASE: self.running}
        environ = {**environ, SUPERVISED: "1"} if self.child is not None else environ
        deliver = process.deliver_to()
        releases = Releases(environ, deliver, self.disk, Installing(self))
        inbox.put(releases.look())
        version = self.running.rpartition("-")[0] or "sim"
        agent = self.host.begin(inbox, version, releases, MuteLink if nature is Nature.MUTE else FusedLink)
        crash_s = process.mono_s + self.chances.uniform(*CRASH_S) if nature is Nature.CRASHES else float("inf")
        return Released(self, agent, releases, crash_s)

    def _topple(self, life: int) -> None:
        if self.process.is_alive and self.process.life == life:
            self.host.cut_power()
            world = self.process.world
            world.after(DOWN_S, lambda: None if self.host.is_powered else self.host.power())

    def _tell(self, sentence: str) -> None:
        self.process.world.say(self.process.name, f"launcher: {sentence}")


@dataclass(slots=True)
class Launched:
    """The loop of a process that is the launcher first, and then what that has started."""

    launch: Launch
    inbox: SimpleQueue[object] = field(default_factory=SimpleQueue)
    agent: Agent | None = None
    has_begun: bool = False

    def turn(self, now_mono_s: float) -> int:
        """Launch, or turn what was launched."""
        if not self.has_begun:
            self.has_begun = True
            self.agent = self.launch.go(self.inbox)
            return 0
        self.launch.watch()
        return self.agent.turn(now_mono_s) if self.agent is not None else 0

    def wait_s(self, now_mono_s: float) -> float:
        """Until the agent has something to do, or its time on trial is over."""
        mine_s = self.agent.wait_s(now_mono_s) if self.agent is not None else float("inf")
        return min(mine_s, self.launch.watch())


@dataclass(slots=True)
class Released:
    """An agent of a release: it ends where it hands over, and where its nature has it crash."""

    launch: Launch
    agent: Agent
    releases: Releases
    crash_mono_s: float

    def turn(self, now_mono_s: float) -> int:
        """Turn, unless it was the last time."""
        if now_mono_s >= self.crash_mono_s:
            self.launch.end(1)
        decided = self.agent.turn(now_mono_s)
        if self.releases.hands_over:
            self.launch.is_handed_over = True
            self.launch.witness(self.launch, "hands over")
            self.launch.end(HAND_OVER)
        return decided

    def wait_s(self, now_mono_s: float) -> float:
        """As its loop says."""
        return min(self.agent.wait_s(now_mono_s), max(0.0, self.crash_mono_s - now_mono_s))
