"""Runs functions as processes of this machine, without an engine: only where the node's own settings allow it.

Each run has a directory and a keeper (`keeper.py`, `keepers.py`, `kept.py`). The keeper is a process of its own: when the agent
dies it goes on, ends its process in time and writes down the result, which the next agent finds; it never runs one attempt twice.
What dies with its keeper (a power cut, a `systemctl stop`, which ends the agent's whole group) is told as lost, and is retried as
the function says. A process is no container: it sees this machine's files as its user does. What it may use is bounded by
`Allowance`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agent.adapters.keepers import Keepers
from agent.adapters.kept import HANDLER, SECRETS, VOID, Kept, Terms, has_ended
from agent.adapters.lanes import Lane
from agent.adapters.outfit import RUNNER_FILE, event_variables
from agent.decide.effects import Discard, Run
from agent.decide.inputs import ProcessesSeen, RunEnded

RUNS_AT_ONCE = 16
# As of containers. A Python function takes 10 MB, and its keeper 2.
PATIENCE_S = 30.0
# Beyond a timeout: a keeper on a busy card takes seconds to begin, and a process in the middle of a write as long to end.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT_VARIABLES = ("LANG", "LC_ALL", "TZ")
# Of the agent's own environment, which may hold passwords, a process gets these alone.
SECRETS_VARIABLE = "BRAMBLE_SECRETS"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the node's settings allow a process: most memory, largest file, and as whom it runs (empty: as the agent)."""

    memory_bytes: int
    file_bytes: int
    user: str = ""


class Processes:
    """Processes of functions below one directory. Only the loop's thread calls these methods."""

    def __init__(
        self,
        home: Path,
        allowance: Allowance,
        deliver: Callable[[object], object],
        keepers: Keepers | None = None,
    ) -> None:
        """`deliver` puts a value into the inbox, from any thread."""
        self._home, self._allowance, self._deliver = home, allowance, deliver
        self._keepers = keepers or Keepers()
        self._runs: Lane[Run] = Lane("process", RUNS_AT_ONCE, self._run)
        self._chores: Lane[str] = Lane("discard", 1, self._discard)

    def look(self) -> None:
        """Have it told which there are."""
        self._chores.take("")

    def give(self, step: Run) -> None:
        """Have a function run; its end comes through the inbox, always exactly once."""
        if not self._runs.take(step):
            reason = "too many processes wait already"
            self._deliver(replace(_failed(step, reason), is_unbegun=True))

    def discard(self, effect: Discard) -> None:
        """Have what a process left removed."""
        self._chores.take(effect.process)

    def _run(self, step: Run) -> None:
        try:
            self._deliver(self.run(step))
        except Exception as error:
            log.exception("process crashed", extra={"function": step.function.name})
            self._deliver(_failed(step, f"a fault of the agent: {type(error).__name__}: {error}"))
        self._deliver(self.seen())

    def _discard(self, process: str) -> None:
        if process:
            Kept(self._home / process).remove()
        for void in self._home.glob(f"*{VOID}"):
            Kept(void).remove()
        self._deliver(self.seen())

    def seen(self) -> ProcessesSeen:
        """All that are there now."""
        found = (Kept(folder).seen() for folder in sorted(self._home.glob("*-*")))
        return ProcessesSeen(tuple(one for one in found if one is not None))

    def run(self, step: Run) -> RunEnded:
        """Run it to its end, or find out what became of it before a crash."""
        refused = self._refused(step)
        if refused:
            return _failed(step, refused)
        kept = Kept.of(self._home, step)
        try:
            if kept.exists:
                return self._taken_over(kept, step)
            return self._begun(kept, step)
        except (OSError, KeyError) as error:
            return _failed(step, f"it cannot begin: {error}")

    def _refused(self, step: Run) -> str:
        wanted, most = step.function.container.memory_bytes, self._allowance.memory_bytes
        return f"it asks for {wanted} bytes of memory, and this node allows a process {most}" if wanted > most else ""

    def _begun(self, kept: Kept, step: Run) -> RunEnded:
        kept.prepare(step, self._environ(kept, step), self._terms(kept, step))
        if not has_ended(self._keepers.begin(kept.ticket), step.function.timeout_s + PATIENCE_S):
            kept.kill()
        return self._told(kept, step)

    def _terms(self, kept: Kept, step: Run) -> Terms:
        memory_bytes = step.function.container.memory_bytes or self._allowance.memory_bytes
        allowed = self._allowance
        return Terms(step.function.timeout_s, memory_bytes, allowed.file_bytes, allowed.user, _command(kept, step))

    def _taken_over(self, kept: Kept, step: Run) -> RunEnded:
        """Go on with a run from before a crash; one that has not begun is voided first, so that only one begins."""
        if kept.is_void():
            kept.remove()
            return self._begun(kept, step)
        kept.wait(step.function.timeout_s + PATIENCE_S)
        return self._told(kept, step)

    def _told(self, kept: Kept, step: Run) -> RunEnded:
        ended = kept.ended(step)
        if ended is None and kept.exists and kept.is_void():
            return replace(_failed(step, "its keeper could not begin"), is_unbegun=True)
        if ended is None:
            kept.kill()
            return _failed(step, "lost while it ran: its keeper is gone, and left no result")
        return ended

    def _environ(self, kept: Kept, step: Run) -> dict[str, str]:
        own = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        own |= {"PATH": os.environ.get("PATH", PATH), "HOME": str(kept.folder / "work")}
        own |= {SECRETS_VARIABLE: str(kept.folder / SECRETS)}
        return own | step.function.container.environment | event_variables(step.attributes)


def _command(kept: Kept, step: Run) -> tuple[str, ...]:
    if step.function.handler:
        return ("python3", "-u", str(RUNNER_FILE), str(kept.folder / HANDLER))
    return tuple(step.function.container.command or ())


def _failed(step: Run, reason: str) -> RunEnded:
    return RunEnded(step.invocation, step.attempt, None, reason=reason)
