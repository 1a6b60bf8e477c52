"""Two durable notes that reach over a power cut: how far a schedule was followed, and since when the controller is silent."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.observed import Clock


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a job's schedule was followed: nothing planned up to `upto_epoch_s` is run any more, `due_epoch_s` comes next.

    `zone` and `clock` are those by which it was reckoned; `skipped` counts the times at which the run before was still going.
    """

    schedule: str
    zone: str
    clock: Clock
    upto_epoch_s: float
    due_epoch_s: float
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """In which boot the controller was heard last, and since when of it not; `since_mono_s` is None while it is heard."""

    boot: str
    since_mono_s: float | None = None
