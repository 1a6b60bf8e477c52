"""`x-bramble.update`: in which order, when and how a service is updated, where `update_config` has no word for it.

What a node does, its clock, disk and locks, and what the controller does, batches and budgets, are told apart only by
`protocol.update`: for whoever writes it, it is one thing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from protocol.manifest.conditions import Constraints, Label, Schedule
from protocol.manifest.section import REAL, Duration, Flag, Form, Pattern, Section, as_text
from protocol.update import Portion

MOST_BATCHES = 50
"""More would be a list of nodes, which is what labels are for."""

Share = Annotated[
    str,
    Pattern(r"[0-9]{1,5}|[0-9]{1,3}(\.[0-9]{1,3})?%", "{} is neither a number nor a share; write it like 3 or 25%"),
    Form(as_text, "a whole number, or a share: `25%`", ({"type": "integer", "minimum": 0},)),
]
"""Either so many, or so much of all of them."""


def portion(text: str) -> Portion:
    """Read a number or a share of at most 100 %."""
    if text.endswith("%"):
        return Portion(share=min(float(text[:-1]) / 100, 1.0))
    return Portion(int(text))


def _percent(text: str) -> float:
    return portion(text).share


def _some(text: str) -> str:
    if portion(text) in (Portion(0), Portion(share=0.0)):
        raise ValueError("with none that may be out of work nothing could ever be updated; write 1 or more")
    return text


Promote = Literal["auto", "confirm"]
Success = Annotated[str, Pattern(r"(100|[0-9]{1,2})(\.[0-9]{1,3})?%", "{} is no share; write it like 95%")]


class Canary(Section):
    """The first few, before anybody else: all of them must be well."""

    count: Share = "1"
    nodes: Constraints = []
    promote: Promote = "auto"


class Batch(Section):
    """The next few: on these nodes, at most so many, and how many of those that were seen must be well."""

    name: str = ""
    count: Share | None = None
    nodes: Constraints = []
    success: Success = "100%"
    promote: Promote = "auto"

    @property
    def success_ratio(self) -> float:
        """The share in 0..1."""
        return _percent(self.success)


class MaxUnavailable(Section):
    """How many may be out of work at once among the nodes that share a label's value, for whatever reason."""

    per: Label
    count: Annotated[Share, AfterValidator(_some)] = "1"


class Window(Section):
    """When updates may begin, in the node's own time zone."""

    schedule: Schedule
    duration: Annotated[Duration, Field(ge=60)]


class Lock(Section):
    """A file in the running container that keeps it from being stopped."""

    path: Annotated[str, Pattern("/.+", "{} is no path in the container; begin it with /")]
    at_most: Annotated[Duration, Field(gt=0)] = 3600.0


class OfUpdate(Section):
    """What an update asks of Bramble beyond Swarm."""

    canary: Canary | None = None
    batches: list[Batch] = Field([], max_length=MOST_BATCHES)
    ramp: Annotated[float, Field(ge=1, le=100), REAL] = 1.0
    max_unavailable: MaxUnavailable | None = None
    healthy_deadline: Annotated[Duration, Field(gt=0)] = 600.0
    progress_deadline: Annotated[Duration, Field(gt=0)] | None = None
    lost: Literal["hold", "fail"] = "hold"
    window: Window | None = None
    lock: Lock | None = None
    strategy: Literal["download-then-kill", "kill-then-download", "delete-then-download", "hand-over"] = (
        "download-then-kill"
    )
    keep_previous: Flag = False

    @model_validator(mode="after")
    def _names_differ(self) -> OfUpdate:
        names = [batch.name for batch in self.batches if batch.name]
        if len(set(names)) < len(names):
            raise ValueError("two batches have one name; name each differently, or none")
        return self
