"""A process of the fleet in virtual time: it is started, turns when it has something to do, and may be killed at any effect.

The loop inside is the real one. What the process does to the world goes through `spark`, so that it can be killed between any two
of its effects, and before or after its commit. What survives it is what it wrote: its store is opened anew by the next start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sim.diligence import hold_back
from sim.world import World

LEAST_S, MOST_S = 0.001, 0.02
"""From an input to the turn that takes it: a wake-up of a thread on an idle Pi, and on a busy one."""

SHORTEST_S = 0.001
"""A loop that wants to turn again at once would stop the clock; real ones need this long for a turn."""


LAST_WORDS_S = (0.0, 0.1)
"""Whether the last packets of a dead process still go out: longer than they need."""


class DiedError(BaseException):
    """The process was killed here; nobody in product code may catch it."""


class Loop(Protocol):
    """What a process needs of the loop that it runs."""

    inbox: Any

    def turn(self, now_mono_s: float) -> int:
        """Take in, decide, commit, act."""

    def wait_s(self, now_mono_s: float) -> float:
        """How long to sleep if nothing arrives."""


UPTIME_S = 30 * 86_400.0
"""For how long a machine has run when its history begins: a moment of its first boot, taken for one of the next, shows then."""


class Process:
    """One process. `start` opens its store and builds its loop, `leave` lets go of what the operating system would close.

    `stretch` is how busy its machine is: everything takes so many times longer, and no sleep ends more than so many seconds late.
    `late_s` says how much longer still it sleeps, for whoever knows that it may.
    `waited_most` is how many inputs ever waited for it.
    """

    def __init__(self, world: World, name: str, start: Callable[[], Loop], leave: Callable[[], None]) -> None:
        self.world, self.name = world, name
        self._start, self._leave = start, leave
        self.loop: Loop | None = None
        self.booted_s = world.now_s - UPTIME_S
        self.boot = 1
        self.life = 0
        self.deaths = 0
        self.fuse: int | None = None
        self.ambush: tuple[str, Callable[[], None]] | None = None
        self.stopped_until_s = 0.0
        self.stretch = 1.0
        self.late_s: Callable[[], float] = lambda: 0.0
        self.owes: Callable[[], bool] = lambda: False
        self.meant_s = 0.0
        self.waited_most = 0
        self._next_s = float("inf")

    @property
    def wakes_s(self) -> float:
        """When it turns next, if nothing arrives; `meant_s` is when it has asked to be woken."""
        return self._next_s

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.loop is not None

    @property
    def waiting(self) -> int:
        """How many inputs wait for its next turn."""
        return self.loop.inbox.qsize() if self.loop is not None else 0

    @property
    def mono_s(self) -> float:
        """Its host's monotonic clock."""
        return self.world.now_s - self.booted_s

    def start(self) -> None:
        """Start it, as systemd does after a crash."""
        if self.loop is None:
            self.life += 1
            self.fuse = None
            self.world.say(self.name, f"starts ({self.life})")
            self.loop = self._start()
            self._wake_at(self.world.now_s + self._delay_s())

    def kill(self) -> None:
        """End it at once."""
        if self.loop is not None:
            self.world.say(self.name, "is killed")
            self._die()

    def stop(self, seconds: float) -> None:
        """Let it stand still (SIGSTOP, swapping, a slow card) with everything it holds."""
        self.stopped_until_s = self.world.now_s + seconds

    def reboot(self) -> None:
        """Its host starts anew, with a monotonic clock that begins again."""
        self.boot += 1
        self.booted_s = self.world.now_s

    def deliver_to(self) -> Callable[[Any], None]:
        """Where callbacks of the present life put their inputs; later lives never see them."""
        life = self.life

        def deliver(item: Any) -> None:
            if self.loop is not None and self.life == life:
                self.loop.inbox.put(item)
                self.waited_most = max(self.waited_most, self.waiting)
                self._wake_at(self.world.now_s + self._delay_s())

        return deliver

    def hang_up(self, close: Callable[[], None]) -> None:
        """Close a dead process's connection: at once, or after the kernel has sent what was written."""
        self.world.after(self.world.chances.choice(LAST_WORDS_S), close)

    def spark(self, what: str) -> None:
        """Something is about to be done to the world; the fuse may end here, and an ambush may wait for just this."""
        self.world.say(self.name, what)
        hold_back(self.name, what, self.owes)
        if self.ambush is not None and self.ambush[0] in what:
            strike, self.ambush = self.ambush[1], None
            strike()
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise DiedError(self.name)

    def _wake_at(self, when_s: float) -> None:
        when_s = max(when_s, self.stopped_until_s)
        if when_s < self._next_s:
            self._next_s = when_s
            self.world.broker.at(when_s, self._turn)

    def _turn(self) -> None:
        if self.loop is None or self.world.now_s < self._next_s:
            return
        self._next_s = float("inf")
        self.world.stirred[self.name] = None
        if self.world.now_s < self.stopped_until_s:
            self._wake_at(self.stopped_until_s)
            return
        try:
            self.loop.turn(self.mono_s)
            wait_s = self.loop.wait_s(self.mono_s)
        except DiedError:
            self.world.say(self.name, "dies between two effects")
            self._die()
            return
        late_s = min(wait_s * (self.stretch - 1.0), self.stretch)
        self.meant_s = self.world.now_s + max(SHORTEST_S, wait_s)
        self._wake_at(self.world.now_s + max(SHORTEST_S, wait_s + late_s + self.late_s()))

    def _die(self) -> None:
        self.deaths += 1
        self.loop = None
        self.fuse = None
        self._next_s = float("inf")
        self._leave()

    def _delay_s(self) -> float:
        return self.world.chances.uniform(LEAST_S, MOST_S) * self.stretch
