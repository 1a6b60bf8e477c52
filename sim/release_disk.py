"""The folder of a node's releases in virtual time: the acts of `agent.launcher.disk.Disk`, and what a power cut leaves of them.

A process may die before each act. What it did stays; of what was not synced since, a power cut leaves the first few acts, as a
journal does. A full disk takes no new file.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.launcher.disk import Disk

Names = dict[str, str]
"""What each name holds: the text of a file, or, after an arrow, the target of a link."""

ARROW = "-> "

_Act = tuple[str, str, str]
"""What was done, to which name, with what."""


class SimDisk(Disk):
    """Names in memory. `before` hears of each act that changes something, right before it; `is_full` says whether there is room."""

    def __init__(self, before: Callable[[str], None], is_full: Callable[[], bool] = lambda: False) -> None:
        super().__init__(Path("releases"))
        self._before, self.is_full = before, is_full
        self._sure: Names = {}
        self._unsure: list[_Act] = []
        self.names: Names = {}
        self.changes = 0

    # What the launcher and the agent do.

    def make(self) -> str:
        """It is there."""
        return ""

    def text(self, name: str) -> str:
        """What a file holds."""
        return _found(self.names, name)

    def target(self, link: str) -> str:
        """What a link names."""
        return _found(self.names, link).removeprefix(ARROW)

    def folders(self) -> list[str]:
        """The folders in it."""
        return sorted({name.partition("/")[0] for name in self.names if "/" in name})

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        self._begin(f"writes {name}")
        self._take_room()
        self._do(("put", name, text))

    def link(self, name: str, target: str) -> None:
        """Make a link."""
        self._begin(f"links {name}")
        self._take_room()
        self._do(("put", name, f"{ARROW}{target}"))

    def rename(self, name: str, other: str) -> None:
        """Have a file or a link take the place of another."""
        self._begin(f"renames {other}")
        self._do(("move", name, other))

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._begin(f"removes {name}")
        self._do(("drop", name, ""))

    def clear(self, name: str) -> None:
        """Remove a folder."""
        self._begin(f"clears {name}")
        self._do(("clear", name, ""))

    def sync(self, name: str = ".") -> None:
        """Have everything reach the disk."""
        del name
        self._before("releases: syncs")
        self._sure, self._unsure = dict(self.names), []

    # What befalls it.

    def cut(self, chances: random.Random) -> None:
        """The power goes."""
        kept, self._unsure = self._unsure[: chances.randint(0, len(self._unsure))], []
        for act in kept:
            _do(self._sure, act)
        self.names = dict(self._sure)
        self.changes += 1

    def outcomes(self) -> Iterator[Names]:
        """What may be there after a power cut in this moment; what is there now comes last."""
        names = dict(self._sure)
        yield names
        for act in self._unsure:
            _do(names, act)
            yield names

    def _take_room(self) -> None:
        if self.is_full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _begin(self, what: str) -> None:
        self._before(f"releases: {what}")

    def _do(self, act: _Act) -> None:
        _do(self.names, act)
        self._unsure.append(act)
        self.changes += 1


def _do(names: Names, act: _Act) -> None:
    kind, name, more = act
    if kind == "put":
        names[name] = more
    elif kind == "move":
        names[more] = names.pop(name)
    elif kind == "drop":
        names.pop(name, None)
    else:
        for gone in [one for one in names if one.startswith(f"{name}/")]:
            del names[gone]


def _found(names: Names, name: str) -> str:
    if name not in names:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    return names[name]
