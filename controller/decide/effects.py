"""Everything a controller can do, as values. A decision returns them; the loop carries them out after the commit.

All of them are words on the wire or in the log: the controller has no outbox, because whatever it says follows from its store
and is said again until the receiver has answered (law 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol.desired import Login
from protocol.observed import Answer
from protocol.topics import Topic


@dataclass(frozen=True, slots=True)
class Say:
    """Publish a message now; lost when the link is down, and said again by its own rule. Empty bytes clear a retained one."""

    topic: Topic
    message: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer an order or a call where its sender asked for it."""

    response_topic: str
    correlation: bytes
    answer: Answer


@dataclass(frozen=True, slots=True)
class Remark:
    """Something for the log: one sentence for the person who reads it, `subject` is whom it is about."""

    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Inspect:
    """Ask the registry of an image what is behind its tag; the answer is an `Inspected`.

    With `plan`, the id of the order that wants to know, also what the layers are.
    """

    stack: str
    reference: str
    login: Login | None = None
    plan: str = ""


Effect = Say | Reply | Remark | Inspect
