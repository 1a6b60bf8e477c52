"""An agent's own release, as values: what stands on the disk, what is being done about an offer, and what can be done.

The disk is the memory: `agent.launcher.markers` says what its files mean, and releases of all ages read them. So nothing of this is
in the store, which another release may have written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol.desired import Login
from protocol.observed import OfferState
from protocol.release import BASE, Release

if TYPE_CHECKING:
    from agent.decide.inputs import Outcome  # which knows the steps, and so all effects


NOT_LAUNCHED = (
    "nothing could put another agent in this one's place; run it under bramble-agent.service of this release, "
    "whose bramble-agent-launch can"
)


NOT_CONTAINED = "this agent is no container which another could take the place of"


@dataclass(frozen=True, slots=True)
class OfferKey:
    """Which offer a release on the disk is there for."""

    rollout: str
    task: str
    revision: str


@dataclass(frozen=True, slots=True)
class ReleaseSeen:
    """What stands on the disk: the revision that runs, those that are complete, the one on trial, and the last that was given up.

    With a `refusal` nothing can be put in the place of what runs; without an `image` no other container can. `is_leaving` says that
    this process gives its trial up.
    """

    running: str = BASE
    complete: frozenset[str] = frozenset({BASE})
    trying: OfferKey | None = None
    failed: OfferKey | None = None
    reason: str = ""
    refusal: str = NOT_LAUNCHED
    image: str = ""
    is_leaving: bool = False

    @property
    def told(self) -> str:
        """What a hello says of this agent: nothing where no other could take its place."""
        return "" if self.refusal else self.running


@dataclass(frozen=True, slots=True)
class ReleaseStaged:
    """What came of making a release ready, and what stands on the disk now."""

    key: OfferKey
    outcome: Outcome
    seen: ReleaseSeen


@dataclass(frozen=True, slots=True)
class ReleaseMoved:
    """The disk after a release was kept, or why one could not be switched to."""

    seen: ReleaseSeen
    fault: str = ""


@dataclass(frozen=True, slots=True)
class StageRelease:
    """Make a release stand complete beside the one that runs; `login` is for the registry of its image."""

    key: OfferKey
    release: Release
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class SwitchRelease:
    """Have the launcher try a release, and end so that it can. `within_s` is its time until it must be kept."""

    key: OfferKey
    release: Release
    nonce: str
    within_s: float


@dataclass(frozen=True, slots=True)
class KeepRelease:
    """Have the release that runs on trial be the one that is started from now on."""


@dataclass(frozen=True, slots=True)
class LeaveRelease:
    """Give the trial that runs up, and end so that the release before returns."""

    reason: str


ReleaseEffect = StageRelease | SwitchRelease | KeepRelease | LeaveRelease


@dataclass(frozen=True, slots=True)
class Releasing:
    """What this process does about an offer. `nonces` are the requests that are open, each with the moment of its asking.

    `has_acted` says that its last act is under way.
    """

    key: OfferKey
    release: Release
    monitor_s: float
    state: OfferState = OfferState.STAGING
    reason: str = ""
    nonce: str = ""
    due_mono_s: float = 0.0
    nonces: tuple[tuple[str, float], ...] = field(default=())
    has_acted: bool = False
