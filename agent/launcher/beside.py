"""A release that is a container: started on trial beside ours, which waits as its watchdog, and given way to once it was kept.

Both share the folder of the releases, so what is kept, given up or tried they read from the same files. After a boot the engine
starts the one that is in charge: no other has a restart policy but "no".
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from agent.launcher import markers
from agent.launcher.containers import Containers
from agent.launcher.disk import Disk
from agent.launcher.signals import heeding
from agent.launcher.vigil import KILL_AFTER_S, Ending, Vigil

LOOK_EVERY_S = 1.0
"""Each look is a question to the engine: a thousandth of a core on a Pi 3."""

NOT_FOUND = 404
"""The engine's answer for a container that somebody has removed."""

ANSWERED = 400
"""From here on an error's number is an engine's answer; below it, it is the kernel's, and the engine was not reached."""

STAYS = {"Name": "no"}
"""The restart policy of who is not in charge: the engine does not start it after a boot."""

PUT_DOWN_S = 120.0
"""An engine that starts anew, on a slow card."""


@dataclass(slots=True)
class Beside:
    """A container on trial."""

    containers: Containers
    container: str
    within_s: float
    is_kept: Callable[[], bool]
    tell: Callable[[str], object]
    is_stopping: bool = False

    def run(self) -> Ending | OSError:
        """Start it, and wait until it was kept or has ended: unless it was kept it does not run any more afterwards."""
        with heeding(self._stop):
            ending = self._watched()
        if isinstance(ending, OSError) or not ending.was_kept:
            put_down(self.containers, self.container, self.tell)
        return ending

    def _watched(self) -> Ending | OSError:
        try:
            self.containers.restart(self.container)  # whoever watched it before is gone, and its time begins anew
            return self._watch()
        except OSError as error:
            return error

    def _watch(self) -> Ending:
        vigil = Vigil(time.monotonic() + self.within_s)
        while True:
            state = _state(self.containers, self.container)
            if not state.get("Running"):
                return vigil.ended(state.get("ExitCode", 0), is_kept=self.is_kept(), is_stopping=self.is_stopping)
            vigil, number = vigil.saw(time.monotonic(), is_kept=self.is_kept(), is_stopping=self.is_stopping)
            if vigil.was_kept:
                return Ending(markers.HAND_OVER, was_kept=True)
            if number:
                _kill(self.containers, self.container, number)
            if self.is_stopping:
                return self._end()
            time.sleep(LOOK_EVERY_S)

    def _end(self) -> Ending:
        """We are to end, and so is it: it would go on without a watchdog."""
        _kill(self.containers, self.container, signal.SIGTERM)
        until_mono_s = time.monotonic() + KILL_AFTER_S / 2
        while _state(self.containers, self.container).get("Running") and time.monotonic() < until_mono_s:
            time.sleep(LOOK_EVERY_S / 10)
        return Ending(0, was_stopped=True)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.is_stopping = True


def put_down(containers: Containers, container: str, tell: Callable[[str], object]) -> None:
    """See to it that a container does not run: two agents under one name would be two devices. What is left running is told."""
    until_mono_s = time.monotonic() + PUT_DOWN_S
    while _state(containers, container).get("Running"):
        if time.monotonic() >= until_mono_s:
            tell(
                f"{container} is not known to have ended: for {PUT_DOWN_S:g} s the engine did not say so; if it runs, two agents "
                f"speak as this node. Look with `docker ps`, and end it with `docker rm --force {container}`"
            )
            return
        _kill(containers, container, signal.SIGKILL)
        time.sleep(LOOK_EVERY_S / 10)


def give_way(disk: Disk, containers: Containers, us: str, name: str) -> OSError | None:
    """Have another container be the one that runs, now and after every boot; why the engine refuses to start it.

    Once it runs there is no way back from here: an engine that does not answer just now is asked again.
    """
    ours, theirs = markers.box(disk, us), markers.box(disk, name)
    if theirs is None:
        return OSError(0, f"nobody has written down which container {name} is")
    policies = [(theirs.container, theirs.restart)] + ([(ours.container, STAYS)] if ours is not None else [])
    acts = [lambda: containers.start(theirs.container)]
    acts += [partial(containers.set_restart, container, policy) for container, policy in policies]
    while acts:
        try:
            acts[0]()
        except OSError as error:
            if (error.errno or 0) >= ANSWERED and len(acts) > len(policies):
                return error
            time.sleep(LOOK_EVERY_S)
            acts = acts[1:] if error.errno == NOT_FOUND else acts  # somebody has removed it meanwhile
        else:
            acts = acts[1:]
    return None


def _state(containers: Containers, container: str) -> Mapping[str, Any]:
    """How it stands; an engine that does not answer just now, or with anything else, has not ended anything."""
    try:
        told = containers.inspect(container)
    except OSError as error:
        return {"Running": error.errno != NOT_FOUND}
    state = told.get("State") if isinstance(told, dict) else None
    if not isinstance(state, dict) or not isinstance(state.get("Running"), bool):
        return {"Running": True}
    code = state.get("ExitCode")
    return {"Running": state["Running"], "ExitCode": code if isinstance(code, int) else 0}


def _kill(containers: Containers, container: str, number: int) -> None:
    """Send a signal; who cannot be reached is sent another one later."""
    try:
        containers.kill(container, number)
    except OSError:
        return
