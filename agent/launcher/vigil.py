"""How long a release on trial may still take, and what its end means. Pure.

It has its time until it is kept; then it is asked to end, and killed when it does not. One that was kept is left alone, and so is
one that ends because the launcher itself was told to.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

KILL_AFTER_S = 10.0
"""An agent commits and lets go of its outputs within a second or two."""

_NAMES = {number.value: number.name for number in signal.Signals}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: by itself with a `code` (a negative one is a signal), because it was late, or because we were to stop."""

    code: int
    was_kept: bool = False
    was_late: bool = False
    was_stopped: bool = False

    @property
    def reason(self) -> str:
        """What became of the trial."""
        if self.was_late:
            return "the controller did not know it in time"
        if self.code < 0:
            return f"it was ended by {_NAMES.get(-self.code, f'signal {-self.code}')} before it was kept"
        return f"it ended by itself with status {self.code} before it was kept"


@dataclass(frozen=True, slots=True)
class Vigil:
    """The watch over one child: until when it must be kept, or, once it is late, have ended."""

    until_mono_s: float
    was_kept: bool = False
    was_late: bool = False

    def saw(self, mono_s: float, *, is_kept: bool, is_stopping: bool = False) -> tuple[Vigil, int]:
        """The watch after a look at a child that lives, and the signal that it gets, if any."""
        was_kept = self.was_kept or is_kept
        if was_kept or is_stopping or mono_s < self.until_mono_s:
            return replace(self, was_kept=was_kept), 0
        number = signal.SIGKILL if self.was_late else signal.SIGTERM
        return Vigil(mono_s + KILL_AFTER_S, was_late=True), number

    def ended(self, code: int, *, is_kept: bool, is_stopping: bool = False) -> Ending:
        """The child is gone."""
        return Ending(code, self.was_kept or is_kept, self.was_late, is_stopping)
