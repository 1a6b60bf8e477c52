"""The node's time zone as a value: from TZ, else from /etc/localtime, else UTC. Read again when either says something else.

Only schedules need it, so it is read, and its library imported, when the first of them is assigned. A zone that cannot be read is
UTC: jobs run at a time that the status tells, rather than not at all.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path

from agent.adapters.inventory import zone

UNNAMED = "local"


class Zone:
    """Remembers what was read."""

    def __init__(self, wanted: str = "", root: Path = Path("/")) -> None:
        """`wanted` is the environment's TZ, like `Europe/Berlin`."""
        self._wanted, self._root = wanted.removeprefix(":"), root
        self._read: tuple[object, tzinfo] | None = None

    def now(self) -> tzinfo:
        """The zone that holds now."""
        sign = self._sign()
        if self._read is None or self._read[0] != sign:
            self._read = (sign, self._named() or self._local() or UTC)
        return self._read[1]

    def _sign(self) -> object:
        """What differs when somebody has set another zone."""
        try:
            made = (self._root / "etc/localtime").stat()
        except OSError:
            return zone(self._root)
        return zone(self._root), made.st_mtime_ns, made.st_ino

    def _named(self) -> tzinfo | None:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - see above

        if not self._wanted:
            return None
        try:
            return ZoneInfo(self._wanted)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None

    def _local(self) -> tzinfo | None:
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - see above

        try:
            with (self._root / "etc/localtime").open("rb") as file:
                return ZoneInfo.from_file(file, key=zone(self._root) or UNNAMED)
        except (ValueError, OSError):
            return None
