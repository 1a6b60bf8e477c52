"""Instances of warm functions on an engine: made and started, asked until they are ready, and asked for each invocation. HTTP.

Making one is idempotent by its name, so an agent that comes back meets its own instances and only asks for their health. What may
fail: an instance that does not become ready as it is, which is a `GiveUp` with its last words; an engine in trouble, which is a
`Retry`. A run tells a timeout, an answer that is no success (with its `Retry-After`), or that the instance broke off.

A function with `transport: socket` gets a directory from us, and opens the socket in it that `BRAMBLE_SOCKET` names. The directory
goes with the container.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from agent.adapters.asking import answered, cut_off, first_asked, is_of_nobody, said_by, sent_for
from agent.adapters.creation import SOCKET_NAME, instance_body
from agent.adapters.doors import Door
from agent.adapters.http_wire import Reply
from agent.adapters.outfit import outfitted
from agent.adapters.pulls import pull
from agent.adapters.starting import started
from agent.adapters.steps import STILL_RETRY_S, NotOursError, inspected
from agent.adapters.streams import Output
from agent.adapters.surroundings import Surroundings
from agent.adapters.troubles import trouble
from agent.decide.effects import Pull, Run, Warm
from agent.decide.inputs import Done, GiveUp, Outcome, Retry, RunEnded
from protocol.function import FunctionSpec, Transport
from protocol.ids import digest

READY_S = 30.0
# A Python interpreter with a framework takes a Pi Zero 20 s; what is not ready is told within a minute (S12).
ONE_ANSWER_S = 3.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.25
# The first answers come after some milliseconds on a fast machine; whoever is slow is asked less often.
_NOT_FOUND = 404
_PATH_CHARS = 16


@dataclass(slots=True)
class WarmFunctions:
    """The instances of one node. `directory` is where those with sockets get theirs."""

    around: Surroundings
    directory: Path
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _doors: dict[str, Door] = field(default_factory=dict)

    def warm(self, step: Warm) -> Outcome:
        """Have an instance running and ready."""
        name = self.around.place.instance_name(step.function, step.number)
        try:
            found = inspected(self.around.api, self.around.place, name)
            runs = found is not None and found["State"]["Running"]
            running = Done() if runs else self._started(step, name, found)
            return self._ready(step, name, is_new=not runs) if isinstance(running, Done) else running
        except NotOursError as error:
            return GiveUp(str(error))

    def ask(self, step: Run) -> Callable[[], RunEnded]:
        """Ask an instance that is ready, as far as that goes without waiting; what is returned waits for the answer."""
        begun_mono_s, door = self.monotonic(), self._doors.get(step.instance)
        if door is None:
            return lambda: cut_off(step, None, 0.0)
        sent, until_mono_s = sent_for(step), begun_mono_s + step.function.timeout_s
        wire = door.say(sent, until_mono_s)
        first = partial(self._answered, step, begun_mono_s, door, lambda: door.hear(wire, sent, until_mono_s))
        return lambda: first() or self._insisted(step, door, sent)

    def _insisted(self, step: Run, door: Door, sent: bytes) -> RunEnded:
        """Ask again where there was nobody yet behind a watchdog: its instance has just begun, and its server has not.

        Or it has, and this very call ended it before a word: whatever comes now, something may have begun.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            self.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)
            begun_mono_s = self.monotonic()
            ask = partial(door.ask, sent, begun_mono_s + step.function.timeout_s)
            if ended := self._answered(step, begun_mono_s, door, ask):
                return replace(ended, is_unbegun=False)

    def _answered(self, step: Run, begun_mono_s: float, door: Door, hear: Callable[[], Reply]) -> RunEnded | None:
        """What came of a run; None where nobody was there yet."""
        try:
            reply = hear()
        except TimeoutError:
            reason = f"killed after its timeout of {step.function.timeout_s:g} s"
            took_s = self.monotonic() - begun_mono_s
            return RunEnded(step.invocation, step.attempt, None, reason=reason, timed_out=True, duration_s=took_s)
        except OSError as error:
            return cut_off(step, error, self.monotonic() - begun_mono_s)
        if is_of_nobody(reply) and self.monotonic() < door.empty_until_mono_s:
            return None
        door.empty_until_mono_s = 0.0
        return answered(step, reply, self.monotonic() - begun_mono_s)

    def let_go(self, container: str) -> None:
        """Close what leads to a container that was stopped or removed."""
        for key in [key for key, door in self._doors.items() if door.container == container]:
            self._doors.pop(key).close()

    def removed(self, name: str) -> None:
        """Remove the directory of a container that is gone."""
        shutil.rmtree(self._directory(name), ignore_errors=True)

    def _started(self, step: Warm, name: str, found: Mapping[str, Any] | None) -> Outcome:
        """Have its container there and started."""
        container = outfitted(step.function)
        if found is None:
            made = self._made(step, name)
            if not isinstance(made, Done):
                return made
            completed = self.around.complete(name, container)
            if not isinstance(completed, Done):
                return completed
        begun = started(self.around.api, str(found["Id"]) if found is not None else name)
        return Done() if begun.ok else trouble(name, begun.status, begun.message)

    def _made(self, step: Warm, name: str) -> Outcome:
        container = outfitted(step.function)
        prepared = self.around.prepare(container)
        if not isinstance(prepared, Done):
            return prepared
        body = instance_body(self.around.place, step, self._shared(step.function, name))
        answer = self.around.create(name, container, body)
        if answer.status == 404 and "image" in answer.message.lower():
            pulled = pull(self.around.api, step.pull or Pull(step.key, container.image))
            if not isinstance(pulled, Done):
                return pulled
            answer = self.around.create(name, container, body)
        return Done() if answer.ok else trouble(container.image, answer.status, answer.message)

    def _ready(self, step: Warm, name: str, *, is_new: bool) -> Outcome:
        """Ask until it answers. One that had run before this step and ends now has done its work once: it is made anew."""
        found = inspected(self.around.api, self.around.place, name)
        if found is None:
            return Retry("its container is gone", STILL_RETRY_S)
        until_mono_s, pause_s = self.monotonic() + READY_S, FIRST_PAUSE_S
        door = Door(str(found["Id"]), self._address(step.function, name, found), self.monotonic)
        door.empty_until_mono_s = until_mono_s if is_new else 0.0
        question = first_asked(found["Config"].get("Env") or ())
        while said := self._unready(door, question):
            if pause_s >= LONGEST_PAUSE_S and (ended := self._end(name, " before it was ready" if is_new else "")):
                return GiveUp(ended) if is_new else Retry(ended, STILL_RETRY_S)
            if self.monotonic() >= until_mono_s:
                return GiveUp(f"it was not ready within {READY_S:g} s: {said}")
            self.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)
        if before := self._doors.get(step.key):
            before.rest()
        self._doors[step.key] = door
        return Done(door.address)

    def _unready(self, door: Door, question: bytes) -> str:
        """Why an instance cannot be asked yet; empty when it can. One that listens and knows of no health is ready."""
        try:
            reply = door.ask(question, self.monotonic() + ONE_ANSWER_S)
        except OSError as error:
            return said_by(error)
        return "" if reply.ok or reply.status == _NOT_FOUND else f"it says of its health {reply.status} {reply.reason}"

    def _end(self, name: str, early: str) -> str:
        """How it ended, with its last line, if it did; `early` says in addition that it was early."""
        found = inspected(self.around.api, self.around.place, name)
        if found is None or found["State"]["Running"]:
            return "" if found is not None else "its container is gone"
        output = Output()
        for chunk in self.around.api.chunks(f"/containers/{name}/logs", {"stdout": 1, "stderr": 1, "tail": 1}):
            output.feed(chunk)
        last = (output.error or output.text).strip()[-200:]
        return f"it ended with exit code {found['State']['ExitCode']}{early}{last and f': {last}'}"

    def _address(self, function: FunctionSpec, name: str, found: Mapping[str, Any]) -> str:
        """Where it listens."""
        if function.transport is Transport.SOCKET:
            return str(self._directory(name) / SOCKET_NAME)
        networks = (found["NetworkSettings"].get("Networks") or {}).values()
        return next((one["IPAddress"] for one in networks if one.get("IPAddress")), "127.0.0.1")

    def _shared(self, function: FunctionSpec, name: str) -> str:
        """The directory that its container gets, empty and open to whoever it runs as; none of other users' gets to it."""
        if function.transport is not Transport.SOCKET:
            return ""
        self.removed(name)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._directory(name)
        made.mkdir()
        made.chmod(0o777)
        return str(made)

    def _directory(self, name: str) -> Path:
        return self.directory / digest(name, _PATH_CHARS)
