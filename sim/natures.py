"""What releases of the agent are like in a history: nobody but the story knows, and the node that tries one finds out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from link.inputs import Busy, Published
from protocol.envelope import Packet
from protocol.refusal import Refusal
from sim.parts import FusedLink

HELLO = "/up/hello"


class Nature(StrEnum):
    """What a release is like."""

    WELL = "is well"
    BROKEN = "cannot be started"
    ENDS = "ends at once"
    HANGS = "starts, and hangs"
    MUTE = "says no hello that a controller could read"
    CRASHES = "crashes a little later"
    TOPPLES = "takes its node down"
    ABSENT = "is on no index"


BAD = tuple(nature for nature in Nature if nature is not Nature.WELL)


@dataclass(slots=True)
class Catalogue:
    """What stands on the index: which version is like what. Without a word a release is well; the base always is."""

    natures: dict[str, Nature] = field(default_factory=dict)
    is_up: Callable[[], bool] = lambda: True

    def nature(self, name: str) -> Nature:
        """What the release in a folder of this name is like."""
        return self.natures.get(name.rpartition("-")[0], Nature.WELL)


class MuteLink(FusedLink):
    """The link of an agent whose hello no controller can read: it is as if it had never come."""

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Send a packet, or nothing."""
        return Busy("nobody can read this") if packet.topic.endswith(HELLO) else super().publish(packet)
