"""A broken promise, by the name that the design has for it."""

from __future__ import annotations


class ViolationError(AssertionError):
    """A promise was broken."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant
