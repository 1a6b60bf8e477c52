"""A refusal: bad input from outside, as a value.

It never crosses a loop as an exception. It is counted, reported to the operator, and forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something that arrived was not taken: one sentence, and where in the document if that is known."""

    reason: str
    path: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """`line 4, column 7, services.web.ports: …`, with what is known."""
        place = [f"line {self.line}"] if self.line is not None else []
        place += [f"column {self.column}"] if self.column is not None else []
        place += [self.path] if self.path else []
        return f"{', '.join(place)}: {self.reason}" if place else self.reason
