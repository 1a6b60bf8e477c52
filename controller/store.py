"""The controller's memory (signatures; the body follows)."""

from __future__ import annotations

from pathlib import Path

from controller.decide.fleet import Fleet


class Store:
    """One SQLite file, one row per record of the fleet."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, bring its tables up to date, and check it."""
        raise NotImplementedError

    def load(self, fleet: Fleet) -> None:
        """Fill an empty fleet with everything that was saved."""
        raise NotImplementedError

    def save(self, fleet: Fleet) -> bool:
        """Write what changed in one transaction, durably; False when there was nothing to write."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file."""
        raise NotImplementedError
