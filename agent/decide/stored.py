"""What a node remembers of images: which of those on its disk it brought itself, and what its services ran before.

An image that we did not pull is not ours: nobody here removes it (S8). Values only; what follows from them is in `storage`,
`pacing` and `damage`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agent.decide.inputs import ContainerSeen, EngineSeen


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image that this node asked for, by its reference in full. Durable before the pull begins.

    `ids` are what the pulls have left on the disk, the newest last: a tag may have moved. `foreign` is what the reference named
    before the first of them. `ran` is the id that has run here, so it is whole; `damaged` one that must go, it seems;
    `mended` one that came anew for that reason.
    """

    reference: str
    mirror: str = ""
    foreign: str = ""
    ids: tuple[str, ...] = ()
    ran: str = ""
    damaged: str = ""
    mended: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The image of a service on this node, and the one before it, to which a rollback would return."""

    current: str
    previous: str = ""

    def then(self, image: str) -> Lineage:
        """What it is once the service has this image."""
        return self if image == self.current else replace(self, current=image, previous=self.current)


@dataclass(frozen=True, slots=True)
class Fresh:
    """An image that was asked for, and whose container is still to be made; `said` is why it may not be the newest."""

    image: str
    platform: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Stray:
    """A container of another image than its task names; one that is condemned is made anew."""

    task: str
    reason: str
    is_condemned: bool


@dataclass(slots=True)
class ImageMemory:
    """What only this process knows.

    `idle` says since when, `failures` how often the pulls of an image failed in a row, `seen` is the last look that was followed,
    `rate_bps` what all pulls of this node together may take of the line. `hidden` are containers of damaged images, `mending` the
    images that were asked to be removed for that. `fresh` tells, by task or trial, which image was just asked for. `shed` are the
    images that were asked to be removed to make room for another. `running` tells of each start that is seen running since when.
    """

    idle: dict[str, float] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    seen: EngineSeen | None = None
    hidden: tuple[ContainerSeen, ...] = ()
    mending: set[str] = field(default_factory=set)
    fresh: dict[str, Fresh] = field(default_factory=dict)
    shed: set[str] = field(default_factory=set)
    running: dict[str, float] = field(default_factory=dict)
    rate_bps: int = 0
