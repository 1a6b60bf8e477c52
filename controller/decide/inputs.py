"""Everything that can happen to a controller, as values. Callbacks put them into the one inbox; nothing else gets in.

A message is what `protocol.envelope` made of a packet, with what an answer needs: the response topic and the correlation. Link
changes are the values of `link.inputs`. The passing of time is no input: it is the argument of a turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from link.inputs import LinkDown, LinkUp
from protocol.envelope import Received
from protocol.refusal import Refusal
from protocol.topics import Topic


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that could be read. `retained` says that the broker remembered it: it is no sign of life.

    `payload_digest` stands for the bytes of an operator's document, so that its publisher knows the verdict on his own text.
    """

    received: Received
    retained: bool = False
    response_topic: str = ""
    correlation: bytes = b""
    payload_digest: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A packet that could not be read, and why. `topic` is None where even that was none of ours."""

    topic: Topic | None
    refusal: Refusal
    size_bytes: int
    payload_digest: str = ""
    response_topic: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Layer:
    """One part of an image as it is fetched: an engine that has it already does not fetch it again."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a registry said of an image: its digest and platforms, or in `reason` why there is none.

    Of a `plan` also the layers by platform; the platform of an image that names none is empty.
    """

    stack: str
    reference: str
    digest: str = ""
    platforms: tuple[str, ...] = ()
    reason: str = ""
    plan: str = ""
    layers: dict[str, tuple[Layer, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HomeAssistantSaid:
    """The word that Home Assistant says when it begins, `online`, or ends."""

    word: str


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What no message may hold, and why; with an empty `reason` it fits again, and was said."""

    topic: Topic
    reason: str = ""


Input = Heard | Unreadable | LinkUp | LinkDown | Inspected | Unsaid | HomeAssistantSaid
