"""How much work a node has with functions, as it says so now and then: what calls are given out by, and warm functions scaled.

A sample: it may be lost, and the next one says it again. A function without work is not named: a node at rest says next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from protocol.shapes import Bounds, sparse

COUNT_MOST = 1_000_000
"""No queue of ours is longer; whoever says more is not believed."""

Count = Annotated[int, Bounds(least=0, most=COUNT_MOST)]


@sparse
@dataclass(frozen=True, slots=True)
class FunctionLoad:
    """The work with one function (`stack.function`): what is run, what waits, and of a warm one the instances that are there."""

    function: str
    in_flight: Count = 0
    pending: Count = 0
    instances: Count = 0

    @property
    def busy(self) -> int:
        """All that has been taken and not ended."""
        return self.in_flight + self.pending


@dataclass(frozen=True, slots=True)
class Load:
    """The functions that a node has something to do with now."""

    functions: tuple[FunctionLoad, ...] = ()
