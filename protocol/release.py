"""A release of the agent itself: which version, from where, and how a node may try it.

An update of the agents is an ordinary rollout of one service of ours; a release is what its tasks carry in place of a container. A
node never acts on a release that it is assigned, only on one that is offered and granted; the assignment says what is settled.

The base is what was installed by hand, and always stays: every node can go back to it without a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from protocol.container import Seconds
from protocol.ids import RESERVED_PREFIX, digest
from protocol.shapes import Bounds

STACK, SERVICE = f"{RESERVED_PREFIX}bramble", "agent"
"""The service whose tasks are the agents; nobody can publish a stack of such a name."""

BASE = "base"
"""The revision of the release that was installed by hand."""

VERSION_PATTERN = r"^([0-9][0-9A-Za-z.+!-]{0,62})?$"
"""What PEP 440 allows in a version; it becomes the name of a folder. Empty is the base."""

IMAGE_PATTERN = r"^([a-z0-9][A-Za-z0-9._:/@-]{0,254})?$"
"""Whatever an engine may take for a reference."""

CHECKIN_S = 300.0
"""For how long a new agent may take until its controller knows it: a Pi Zero on a worn card takes half a minute to import, and the
broker may be away for as long as a router takes to restart."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of the agent: from an `index` of Python packages (without one from the node's own), or as a `wheel` by its URL.

    Whatever comes must have this `sha256`, where there is one. Or it is an `image`, for nodes whose agent is a container. Within
    `checkin_s` the controller must have acknowledged the new agent, or the one before it returns.
    """

    version: Annotated[str, Bounds(pattern=VERSION_PATTERN)] = ""
    index: str = ""
    wheel: str = ""
    sha256: Annotated[str, Bounds(pattern="^([0-9a-f]{64})?$")] = ""
    checkin_s: Seconds = CHECKIN_S
    image: Annotated[str, Bounds(pattern=IMAGE_PATTERN)] = ""

    @property
    def revision(self) -> str:
        """Names the content, wherever it is kept; how long it may take to check in is no part of it."""
        if self.image:
            return digest([self.image])
        return digest([self.version, self.index, self.wheel, self.sha256]) if self.version else BASE

    @property
    def title(self) -> str:
        """For people."""
        return self.image or self.version or BASE


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One node in the answer to `agents`: the version that runs there, the one that is wanted, and what keeps the two apart.

    `state` is a slot's, `unmanaged` where nothing is wanted, or `unable` where nothing could be put in the agent's place.
    """

    node: str
    presence: str
    version: str = ""
    release: str = ""
    wanted: str = ""
    state: str = ""
    reason: str = ""
