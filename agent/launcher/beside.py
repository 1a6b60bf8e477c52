"""A release that is a container: started on trial beside ours, which waits as its watchdog, and given way to once it was kept.

Both share the folder of the releases, so what is kept, given up or tried they read from the same files. After a boot the engine
starts the one that is in charge: no other has a restart policy but "no".
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from agent.launcher import markers
from agent.launcher.containers import Containers
from agent.launcher.disk import Disk
from agent.launcher.vigil import KILL_AFTER_S, Ending, Vigil

LOOK_EVERY_S = 1.0
"""Each look is a question to the engine: a thousandth of a core on a Pi 3."""

STAYS = {"Name": "no"}
"""Not started by the engine."""


@dataclass(slots=True)
class Beside:
    """A container on trial."""

    containers: Containers
    container: str
    within_s: float
    is_kept: Callable[[], bool]
    is_stopping: bool = False

    def run(self) -> Ending | OSError:
        """Start it, and wait until it was kept or has ended."""
        handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.containers.restart(self.container)  # whoever watched it before is gone, and its time begins anew
            return self._watch()
        except OSError as error:
            return error
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _watch(self) -> Ending:
        vigil = Vigil(time.monotonic() + self.within_s)
        while True:
            state = self._state()
            if not state.get("Running"):
                return vigil.ended(state.get("ExitCode", 0), is_kept=self.is_kept(), is_stopping=self.is_stopping)
            vigil, number = vigil.saw(time.monotonic(), is_kept=self.is_kept(), is_stopping=self.is_stopping)
            if vigil.was_kept:
                return Ending(markers.HAND_OVER, was_kept=True)
            if number:
                self.containers.kill(self.container, number)
            if self.is_stopping:
                return self._end()
            time.sleep(LOOK_EVERY_S)

    def _state(self) -> Any:
        """How it stands; an engine that does not answer just now has not ended anything."""
        try:
            return self.containers.inspect(self.container)["State"]
        except OSError as error:
            return {"Running": error.errno != 404}

    def _end(self) -> Ending:
        """We are to end, and so is it: it would go on without a watchdog."""
        self.containers.kill(self.container, signal.SIGTERM)
        until_mono_s = time.monotonic() + KILL_AFTER_S
        while self._state().get("Running") and time.monotonic() < until_mono_s:
            time.sleep(LOOK_EVERY_S / 10)
        return Ending(0, was_stopped=True)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.is_stopping = True


def give_way(disk: Disk, containers: Containers, us: str, name: str) -> OSError | None:
    """Have another container be the one that runs, now and after every boot; why that is impossible."""
    ours, theirs = markers.box(disk, us), markers.box(disk, name)
    if theirs is None:
        return OSError(0, f"nobody has written down which container {name} is")
    try:
        containers.start(theirs.container)
        containers.set_restart(theirs.container, theirs.restart)
        if ours is not None:
            containers.set_restart(ours.container, STAYS)
    except OSError as error:
        return error
    return None
