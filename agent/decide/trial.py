"""The machine of one trial: a revision is staged, asked for, tried, and then kept or forgotten.

The assignment is what is settled; the offer is what is being tried. `trying` is durable before the first step is taken, and
ends only here: by the health gate, or by whatever shows that the revision is not well. Forgetting a trial is the whole
fallback: the plan then sees the assignment's revision again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.decide.target import Target
from protocol.desired import Offer
from protocol.observed import OfferState


class Seen(StrEnum):
    """What can be seen of a trial."""

    IMAGE_HERE = "its images are on the node"
    LATE = "its strategy brings the image after the grant"
    IMAGE_GONE = "an image of it was removed"
    GRANTED = "the controller granted it in time"
    WELL = "it ran well through its monitor window"
    UNWELL = "it ended, was unhealthy, could not be made or took too long"
    LOCKED = "the container that it would stop took its lock before"
    CORRECTED = "its registry is asked otherwise than when its image could not be had"
    SAME = "the node has this revision settled already"


NEXT: Mapping[tuple[OfferState, Seen], OfferState] = {
    (OfferState.STAGING, Seen.IMAGE_HERE): OfferState.STAGED,
    (OfferState.STAGING, Seen.LATE): OfferState.STAGED,
    (OfferState.STAGING, Seen.UNWELL): OfferState.FAILED,
    (OfferState.STAGING, Seen.SAME): OfferState.SETTLED,
    (OfferState.STAGED, Seen.IMAGE_GONE): OfferState.STAGING,
    (OfferState.STAGED, Seen.GRANTED): OfferState.TRYING,
    (OfferState.STAGED, Seen.SAME): OfferState.SETTLED,
    (OfferState.TRYING, Seen.WELL): OfferState.SETTLED,
    (OfferState.TRYING, Seen.UNWELL): OfferState.FAILED,
    (OfferState.TRYING, Seen.LOCKED): OfferState.STAGED,
    (OfferState.TRYING, Seen.SAME): OfferState.SETTLED,
    (OfferState.FAILED, Seen.CORRECTED): OfferState.STAGING,
}


def advance(state: OfferState, seen: Seen) -> OfferState:
    """Return the next state; a pair missing from NEXT changes nothing."""
    return NEXT.get((state, seen), state)


@dataclass(frozen=True, slots=True)
class Trial:
    """One offer as this node follows it; durable. `base` is the content that was assigned when it was settled.

    `nonce` is the newest request when it was granted; of a staged trial the one that it gives back. `locked_mono_s` is since when
    the lock of the running container holds it up. `notice` is what is to be said of how it was tried, beside the `reason` of how it
    stands. A failed one that `was_staging` never had its image, and was not tried. `before` is what was settled when it began, if
    that is to be kept; of one that is not tried yet, what it brings back.
    """

    offer: Offer
    content: str
    state: OfferState = OfferState.STAGING
    nonce: str = ""
    reason: str = ""
    notice: str = ""
    before: Target | None = None
    base: str = ""
    settled_generation: int = 0
    resumes: int = 0
    until_mono_s: float = 0.0
    due_mono_s: float = 0.0
    locked_mono_s: float | None = None
    was_staging: bool = False

    @property
    def key(self) -> str:
        """The same rollout tries one revision of one task at most once on this node."""
        return trial_key(self.offer)

    @property
    def task(self) -> str:
        """The task that the offer is for."""
        return self.offer.task.task

    @property
    def target(self) -> Target:
        """What its task should be while it is tried, and after it is kept."""
        return Target(self.offer.task, self.content)


@dataclass(frozen=True, slots=True)
class LockSeen:
    """What was said of a container's lock, and when: without a `reason` it is free. One that nobody can see is held, too."""

    container: str
    at_mono_s: float
    reason: str = ""
    is_held: bool = False


def trial_key(offer: Offer) -> str:
    """Name a trial."""
    return f"{offer.rollout} {offer.task.task} {offer.task.revision}"
