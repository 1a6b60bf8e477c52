"""Running a function once, in a container per event: body in, output out, killed at its timeout, and never run twice.

Create, attach, start, read to the end, ask for the exit code: no other round trips, for that is the whole latency. The container
of a run that was interrupted (our crash, the engine's) is found by its name: one that never started is made anew, one that
runs gets the rest of its time by the engine's own clock, one that ended gives its result out of Docker's log. It stays until a
`Remove`, so that a result that was not committed can be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from agent.adapters.creation import run_body
from agent.adapters.docker_api import CALL_TIMEOUT_S, Answer, EngineAwayError
from agent.adapters.outfit import outfitted
from agent.adapters.pulls import pull
from agent.adapters.starting import started
from agent.adapters.steps import NotOursError, inspected, remove
from agent.adapters.streams import OUTPUT_LIMIT_BYTES, Output, Streams
from agent.adapters.surroundings import Surroundings
from agent.adapters.troubles import trouble
from agent.decide.effects import Pull, Run
from agent.decide.inputs import Done, GiveUp, Retry, RunEnded

PATIENCE_S = 60.0
# How long beyond a run's timeout we ask an engine that went away what became of it.
ASK_AGAIN_S = 1.0
DRAIN_S = 2.0
# What a killed function has already written arrives at once.
LAG_S = 1.0
# The exit follows the end of the output within 66 ms; later, the wire broke and the log knows more than we do.

_OUT_OF_MEMORY_SUSPECT = 137
_MICROSECONDS = 26
# RFC 3339 with nanoseconds, cut to what Python reads.


class Attempt:
    """One attempt at one invocation."""

    def __init__(
        self, around: Surroundings, step: Run, monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._around, self._api, self._place, self._step = around, around.api, around.place, step
        self._monotonic, self._sleep = monotonic, sleep
        self._name, self._container = around.place.run_name(step.invocation, step.attempt), outfitted(step.function)
        self._timeout_s = step.function.timeout_s
        self._begun_mono_s = monotonic()
        self._may_run = False

    def run(self) -> RunEnded:
        """Run it, or find out what became of it."""
        try:
            return self._begin()
        except NotOursError as error:
            return self._failed(str(error))
        except EngineAwayError as away:
            return self._find_again(str(away)) if self._may_run else self._failed(str(away), is_unbegun=True)

    def _begin(self) -> RunEnded:
        prepared = self._around.prepare(self._container)
        if not isinstance(prepared, Done):
            return self._not_begun(prepared)
        created = self._create()
        if created.status == 404 and "image" in created.message.lower():
            pulled = pull(self._api, self._step.pull or Pull(self._step.key, self._container.image))
            if not isinstance(pulled, Done):
                return self._not_begun(pulled)
            created = self._create()
        if created.status == 409:
            return self._take_over()
        return self._start(created.body["Id"]) if created.ok else self._refused(created)

    def _create(self) -> Answer:
        body = run_body(self._place, self._step)
        return self._around.create(self._name, self._container, body)

    def _start(self, container: str) -> RunEnded:
        completed = self._around.complete(container, self._container)
        if not isinstance(completed, Done):
            return self._not_begun(completed)
        wire = self._api.attach(container)
        if isinstance(wire, Answer):
            return self._refused(wire)
        with closing(wire):
            streams = Streams(wire, self._step.body.encode())
            streams.write()  # before the start: should we die after it, the engine has the body already
            self._may_run = True
            self._begun_mono_s = self._monotonic()
            begun = started(self._api, container)
            if not begun.ok:
                return self._refused(begun)
            return self._follow(container, streams)

    def _follow(self, container: str, streams: Streams) -> RunEnded:
        until_mono_s = self._monotonic() + self._timeout_s
        if not streams.exchange(until_mono_s, self._monotonic):
            self._kill(container)
            streams.exchange(self._monotonic() + DRAIN_S, self._monotonic)
            return self._timed_out(streams.output)
        silent_mono_s = self._monotonic()
        code = self._exit_code(container, until_mono_s - silent_mono_s)
        if code is None:
            self._kill(container)
            return self._timed_out(self._logged(container))
        late = self._monotonic() - silent_mono_s > LAG_S
        return self._ended(container, code, self._logged(container) if late else streams.output)

    def _exit_code(self, container: str, within_s: float) -> int | None:
        """Wait for the end; None when it does not come in time."""
        until_mono_s = self._monotonic() + max(within_s, LAG_S)
        try:
            answer = self._api.call("POST", f"/containers/{container}/wait", timeout_s=until_mono_s - self._monotonic())
        except EngineAwayError:
            if self._monotonic() >= until_mono_s:
                return None
            raise
        if not answer.ok:
            raise EngineAwayError(answer.message)
        return int(answer.body["StatusCode"])

    def _take_over(self) -> RunEnded:
        """Go on with a container from before a crash."""
        found = inspected(self._api, self._place, self._name)
        state = found["State"] if found else {"Status": "created"}
        if state["Status"] == "created":  # nothing has run, and half of the body may be in its pipe
            remove(self._api, self._place, self._name)
            created = self._create()
            return self._start(created.body["Id"]) if created.ok else self._refused(created)
        self._may_run = True
        if not state["Running"]:
            return self._result_of(state)
        code = self._exit_code(self._name, self._timeout_s - self._age_s(state))
        if code is None:
            self._kill(self._name)
            return self._timed_out(self._logged(self._name))
        return self._ended(self._name, code, self._logged(self._name))

    def _result_of(self, state: Mapping[str, Any]) -> RunEnded:
        ran_s = (_time(state["FinishedAt"]) - _time(state["StartedAt"])).total_seconds()
        self._begun_mono_s = self._monotonic() - max(0.0, ran_s)
        output = self._logged(self._name)
        if state["ExitCode"] == _OUT_OF_MEMORY_SUSPECT and not state.get("OOMKilled") and ran_s >= self._timeout_s:
            return self._timed_out(output)
        return self._ended(self._name, int(state["ExitCode"]), output)

    def _age_s(self, state: Mapping[str, Any]) -> float:
        """How long a container has been running, by the engine's clock, which started it; never less than nothing."""
        now = self._api.call("GET", "/info").body["SystemTime"]
        age_s = max(0.0, (_time(now) - _time(state["StartedAt"])).total_seconds())
        self._begun_mono_s = self._monotonic() - age_s
        return age_s

    def _find_again(self, reason: str) -> RunEnded:
        """Ask an engine that went away while the function may have run, until it tells what became of it."""
        until_mono_s = self._monotonic() + self._timeout_s + PATIENCE_S
        while self._monotonic() < until_mono_s:
            self._sleep(ASK_AGAIN_S)
            try:
                if inspected(self._api, self._place, self._name) is None:
                    break
                return self._take_over()
            except EngineAwayError as away:
                reason = str(away)
        return self._failed(f"lost while it ran: {reason}")

    def _kill(self, container: str) -> None:
        self._api.call("POST", f"/containers/{container}/kill")
        self._exit_code(container, CALL_TIMEOUT_S)

    def _logged(self, container: str) -> Output:
        output = Output()
        for chunk in self._api.chunks(f"/containers/{container}/logs", {"stdout": 1, "stderr": 1}):
            output.feed(chunk)
        return output

    def _ended(self, container: str, code: int, output: Output) -> RunEnded:
        reason = f"the output was cut after {OUTPUT_LIMIT_BYTES} of {output.size_bytes} bytes" if output.is_cut else ""
        if code == _OUT_OF_MEMORY_SUSPECT:
            found = inspected(self._api, self._place, container)
            reason = "killed for lack of memory" if found and found["State"].get("OOMKilled") else reason
        return self._said(output, exit_code=code, reason=reason)

    def _timed_out(self, output: Output) -> RunEnded:
        return self._said(output, reason=f"killed after its timeout of {self._timeout_s:g} s", timed_out=True)

    def _refused(self, answer: Answer) -> RunEnded:
        image = self._container.image
        return self._not_begun(trouble(image, answer.status, answer.message))

    def _not_begun(self, outcome: Retry | GiveUp) -> RunEnded:
        """Nothing of it has run. What may pass uses up no retry; what cannot work is a failure like another."""
        return self._failed(outcome.reason, is_unbegun=isinstance(outcome, Retry))

    def _failed(self, reason: str, *, is_unbegun: bool = False) -> RunEnded:
        return replace(self._said(Output(), reason=reason), is_unbegun=is_unbegun)

    def _said(
        self, output: Output, *, exit_code: int | None = None, reason: str = "", timed_out: bool = False
    ) -> RunEnded:
        return RunEnded(
            self._step.invocation,
            self._step.attempt,
            exit_code,
            output=output.text,
            error=output.error,
            reason=reason,
            timed_out=timed_out,
            duration_s=self._monotonic() - self._begun_mono_s,
        )


def _time(text: str) -> datetime:
    """Read the engine's time, which is UTC with nanoseconds in most versions."""
    return datetime.fromisoformat(f"{text[:_MICROSECONDS].rstrip('Z')}+00:00")
