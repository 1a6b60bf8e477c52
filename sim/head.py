"""The controller of a simulated fleet: the real loop and store, on a simulated link, killed and started again at will."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from zlib import crc32

from controller.decide.fleet import Fleet
from controller.decide.home_assistant.desk import HomeAssistant
from controller.decide.shelf import Shelf
from controller.ears import Ears, overhearing
from controller.loop import Loop
from controller.settings import LISTENER
from controller.store import Store
from link.settings import LinkSettings
from protocol.ids import RESERVED_PREFIX
from sim.blank import blank_ledger
from sim.node import RESTART_S
from sim.parts import FusedLink
from sim.process import DiedError, Process
from sim.world import World

CLIENT = f"{RESERVED_PREFIX}controller"


class FusedStore(Store):
    """The real store of a process that may be killed before and after each commit."""

    def __init__(self, path: Path, process: Process, handle: Callable[[], None]) -> None:
        super().__init__(path)
        self._process, self._handle = process, handle
        self._shelves: tuple[Shelf[Any], ...] = ()
        process.owes = lambda: any(shelf.is_changed for shelf in self._shelves)

    def load(self, fleet: Fleet) -> None:
        """Fill an empty fleet, and know its shelves."""
        super().load(fleet)
        self._shelves = tuple(fleet.shelves().values())

    def keys(self, names: Iterable[str]) -> dict[str, set[str]]:
        """What the tables hold, without reading it."""
        run = self._connection.execute
        return {name: {key for (key,) in run(f"SELECT key FROM {name}")} for name in names}  # noqa: S608 - of shelves

    def save(self, fleet: Fleet) -> bool:
        """Write what changed."""
        if not any(shelf.is_changed for shelf in self._shelves):
            self._handle()
            return False
        self._process.spark("commits")
        is_written = super().save(fleet)
        self._handle()
        self._process.world.touched.append(self._process.name)
        self._process.spark("has committed")
        return is_written


@dataclass(slots=True)
class Turner:
    """The controller's loop, as a process turns it."""

    loop: Loop
    inbox: SimpleQueue[object]
    dismiss: Callable[[], None]

    def turn(self, now_mono_s: float) -> int:
        """Take in, decide, commit, act; or end."""
        decided = len(self.loop.turn(now_mono_s))
        if self.loop.dismissed:
            self.dismiss()
        return decided

    def wait_s(self, now_mono_s: float) -> float:
        """How long to sleep."""
        return self.loop.wait_s(now_mono_s)


class Head:
    """The controller. `fleet` is what it knows now, None while it is dead. With `listens` it hears first whether there is another.

    Histories go without: their one controller is started a thousand times, and would listen a second each time.
    """

    def __init__(self, world: World, folder: Path, name: str = "default") -> None:
        self.world, self.name = world, name
        self.path = folder / "controller.db"
        blank_ledger(self.path)
        self.process = Process(world, "controller", self._start, self._left)
        self.terms = world.straits.terms_for(world.pace.lease_s)
        self.fleet: Fleet | None = None
        self.store: FusedStore | None = None
        self.link: FusedLink | None = None
        self._low: FusedLink | None = None
        self.listens = self.takes_over = False
        self.home_assistant = ""
        self.handled = 0
        self.is_retired = False
        self._counted = 0

    def say_every(self, seconds: float) -> None:
        """Have it publish how a stack stands no more often than so."""
        self.terms = replace(self.terms, status_every_s=seconds)
        if self.fleet is not None:
            self.fleet.terms = self.terms

    def kill(self) -> None:
        """End the process; systemd starts it again."""
        self.process.kill()

    def retire(self) -> None:
        """End the process for good."""
        self.is_retired = True
        self.process.kill()

    def _start(self) -> Turner:
        self.store = FusedStore(self.path, self.process, self._handle)
        shown_to = HomeAssistant(self.home_assistant, f"{self.home_assistant}/status")
        self.fleet = Fleet(self.name, self.terms, home_assistant=shown_to)
        self._counted = 0
        inbox = SimpleQueue[object]()
        self.link = FusedLink(self.process, LinkSettings("broker", 1883, CLIENT), self.process.deliver_to())
        loop, name = Loop(self.fleet, self.store, self.link, inbox, "sim"), f"{self.process.name}-{self.process.life}"
        loop.lot, loop.host, loop.takes_over = lambda _: crc32(name.encode()), self.process.name, self.takes_over
        loop.safety_s = max(loop.safety_s, self.world.pace.look_s)
        if self.listens:
            settings = LinkSettings("broker", 1883, self.listener)
            self._low = FusedLink(self.process, settings, overhearing(self.process.deliver_to()))
            loop.ears = Ears(self._low, self.name, name)
        return Turner(loop, inbox, self._dismiss)

    @property
    def listener(self) -> str:
        """Its name on the broker while it listens."""
        return f"{LISTENER}-{self.process.name}"

    def _dismiss(self) -> None:
        """It ends by itself, with a code at which systemd does not start it again."""
        self.is_retired = True
        raise DiedError(self.process.name)

    def _handle(self) -> None:
        """Count the events that this commit has handled; those of a turn that dies before its commit were not."""
        assert self.fleet is not None
        counted = self.fleet.counts.get(("events",), 0)
        self.handled += counted - self._counted
        self._counted = counted

    def _left(self) -> None:
        if self.store is not None:
            self.store.close()
        for link in (self.link, self._low):
            if link is not None:
                self.process.hang_up(link.close)
        self.fleet = self.store = self.link = self._low = None
        if not self.is_retired:
            self.world.after(self.world.chances.uniform(*RESTART_S), self.process.start)
