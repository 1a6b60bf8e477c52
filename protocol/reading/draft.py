"""A stack in the making: its name, what was written, and what does not fit so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from protocol.manifest.manifest import Manifest
from protocol.reading.document import Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit: where, why, and what to do."""

    path: Path
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """Every part of a translation reads the whole manifest here, and notes its misfits."""

    name: str
    manifest: Manifest
    misfits: list[Misfit] = field(default_factory=list)

    def misfit(self, path: Path, reason: str, remedy: str = "") -> None:
        """Note one thing that does not fit."""
        self.misfits.append(Misfit(path, reason, remedy))

    def either(self, path: Path, one: tuple[str, T], other: tuple[str, T], nothing: T) -> T:
        """What one of two keys says, which are two words for one thing; `nothing` is what an unsaid key holds."""
        (key, value), (other_key, other_value) = one, other
        if nothing not in (value, other_value) and value != other_value:
            steps = tuple(key.split("."))
            self.misfit((*path, *steps), f"{key} and {other_key} say different things", "keep one of the two")
        return other_value if value == nothing else value
