"""`bramble-agent-launch`: start the agent's release of the day, try a new one, and return to the one before when it is not kept.

systemd's unit starts this, out of the base installation. It reads no settings, no store and nothing of a release but its files
(`agent.launcher.markers`), so no release can break it. Arguments after `--` are the agent's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.launcher import markers
from agent.launcher.child import Child, Command, Ending, replace_us
from agent.launcher.choice import Clear, Return, Seen, Start, TryOut, choose

DEFAULT_STATE = "/var/lib/bramble/agent"
FOLDER = "releases"


def main(arguments: Sequence[str] | None = None) -> int:
    """Launch; comes back only when a trial was the last thing that ran, or with what was wrong with the words."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    folder = Path(os.environ.get("STATE_DIRECTORY", DEFAULT_STATE).partition(":")[0]) / FOLDER
    if words[:1] == ["--releases"] and len(words) > 1:
        folder, words = Path(words[1]), words[2:]
    if words[:1] == ["--"]:
        words = words[1:]
    elif words:
        print("usage: bramble-agent-launch [--releases DIR] [-- ARGUMENT...]", file=sys.stderr)  # noqa: T201
        return 2
    return launch(folder, Command(folder, tuple(words)))


def launch(folder: Path, command: Command) -> int:
    """Choose and start, until a process has taken our place or we are to end."""
    ended, broken = "", set[str]()
    while True:
        choice, ended = choose(look(folder, broken, ended)), ""
        match choice:
            case Clear():
                markers.forget_try(folder)
            case Return():
                _tell(f"gives {choice.what.name} up: {choice.reason}")
                markers.write(folder, markers.verdict_on(choice.what, choice.reason))
                markers.forget_try(folder)
            case TryOut():
                outcome = try_out(folder, command, choice.what)
                if isinstance(outcome, int):
                    return outcome
                ended = outcome
            case Start():
                start(command, choice)
                if choice.name == markers.BASE:
                    return 1
                broken.add(choice.name)


def start(command: Command, choice: Start) -> None:
    """Become a release; back only if that is impossible."""
    if choice.notice:
        _tell(f"starts {choice.name}: {choice.notice}")
    _tell(f"{choice.name} cannot be started: {replace_us(command, choice.name, os.environ)}")


def look(folder: Path, broken: set[str], ended: str) -> Seen:
    """What stands on the disk."""
    current, previous = markers.linked(folder, markers.CURRENT), markers.linked(folder, markers.PREVIOUS)
    what = markers.trying(folder)
    names = {current, previous, markers.BASE} | ({what.name} if what else set())
    fit = frozenset(name for name in names if name not in broken and markers.is_complete(folder, name))
    return Seen(current, previous, what, markers.verdict(folder), fit, ended)


def try_out(folder: Path, command: Command, what: markers.Try) -> int | str:
    """Start a release on trial: how that ended, or with which status we are to end."""
    _tell(f"tries {what.name} for {what.within_s:g} s, start {what.attempts}")
    markers.write(folder, what)
    child = Child(
        command,
        what.name,
        what.within_s,
        lambda: markers.linked(folder, markers.CURRENT) == what.name,
        os.environ,
    )
    ending = child.run()
    if isinstance(ending, OSError):
        return f"it cannot be started: {ending.strerror}"
    if ending.was_stopped:
        return 0
    return _after(ending)


def _after(ending: Ending) -> int | str:
    """A trial that was not kept has a reason; one that was kept goes on to another try, or ends as any agent does."""
    if not ending.was_kept:
        return ending.reason
    return "" if ending.code == markers.HAND_OVER else (ending.code if ending.code >= 0 else 128 - ending.code)


def _tell(sentence: str) -> None:
    print(f"bramble-agent-launch: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - its only voice


if __name__ == "__main__":
    sys.exit(main())
