"""Room on the disk that is the agent's alone: a file of nothing beside the store, let go of when a full disk stops a commit.

So whoever fills the disk does not take the agent's memory with it. It is made again once there is room for it several times over.
Nothing here fails: a disk on which it cannot be made is full already, which the store will tell.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BALLAST_BYTES = 16 * 1024 * 1024
# SQLite's log grows to 4 MB before it is folded in, at the next start once more; the rest is for the facts of some hours.
ROOM_RATIO = 4
# It is made only where it costs nobody else the last room.


@dataclass(frozen=True, slots=True)
class Ballast:
    """The file. Room taken is room on the disk: the file is allocated, not only long."""

    path: Path
    size_bytes: int = BALLAST_BYTES

    def take(self) -> bool:
        """Have the room; false where there is too little of it."""
        with suppress(OSError):
            if self.path.exists():
                return True
            found = os.statvfs(self.path.parent)
            if found.f_bavail * found.f_frsize < ROOM_RATIO * self.size_bytes:
                return False
            part = self.path.with_suffix(".part")
            with part.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.size_bytes)
            part.rename(self.path)
            return True
        return False

    def release(self) -> bool:
        """Let go of it; false where there was none."""
        with suppress(OSError):
            self.path.unlink()
            return True
        return False
