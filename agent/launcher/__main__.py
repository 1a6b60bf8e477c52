"""`bramble-agent-launch`: start the agent's release of the day, try a new one, and return to the one before when it is not kept.

systemd's unit starts this, out of the base installation. It reads no settings, no store and nothing of a release but its files
(`agent.launcher.markers`), so no release can break it. Arguments after `--` are the agent's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.launcher import containers, markers
from agent.launcher.beside import Beside, give_way, put_down
from agent.launcher.child import Child, Command, replace_us
from agent.launcher.choice import GiveWay, Start, TryOut
from agent.launcher.containers import Containers
from agent.launcher.disk import Disk
from agent.launcher.vigil import Ending
from agent.launcher.way import Way

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
    return launch(folder, Command(folder, tuple(words), os.environ.get(markers.OURS, markers.BASE)))


def launch(folder: Path, command: Command) -> int:
    """Choose and start, until a process has taken our place or we are to end."""
    way, engine = Way(Disk(folder), _tell, command.us), containers.engine()
    while True:
        before = markers.trying(way.disk)
        match way.next():
            case TryOut(what):
                status = way.tried(try_out(way.disk, command, engine, what))
                if status is not None:
                    return status
            case Start(name):
                end_try(way.disk, engine, command.us, before)
                way.refused(name, replace_us(command, name, os.environ))
                if name == command.us:
                    return 1
            case GiveWay(name):
                error = give_way(way.disk, engine, command.us, name)
                if error is None:
                    return 0
                way.refused(name, error)


def try_out(disk: Disk, command: Command, engine: Containers, what: markers.Try) -> Ending | OSError:
    """Start a release on trial, and stay until it has ended, or until the container that it is was kept."""
    box = markers.box(disk, what.name) if markers.host_of(disk, what.name) != command.us else None

    def is_kept() -> bool:
        return markers.linked(disk, markers.CURRENT) == what.name

    if box is not None:
        return Beside(engine, box.container, what.within_s, is_kept, _tell).run()
    return Child(command, what.name, what.within_s, is_kept, os.environ).run()


def end_try(disk: Disk, engine: Containers, us: str, what: markers.Try | None) -> None:
    """A container whose try is over, because its watchdog was killed too often, runs no more when another agent starts."""
    box = markers.box(disk, what.name) if what is not None and what.name != us else None
    if what is not None and box is not None and markers.linked(disk, markers.CURRENT) != what.name:
        put_down(engine, box.container, _tell)


def _tell(sentence: str) -> None:
    print(f"bramble-agent-launch: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - its only voice


if __name__ == "__main__":
    sys.exit(main())
