"""What operators are shown of functions: how much they have to do, and what came to nothing."""

from __future__ import annotations

from dataclasses import dataclass

BODY_SHOWN_CHARS = 200
"""Enough to tell one event from another; the whole of it is in the controller, and comes with a replay."""


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function (`stack.function`) in the answer to `functions`.

    `hosts` nodes may run it, `online` of them are there. Invocations are `in_flight` on nodes, or `pending`: on nodes, and here for
    want of one. Of a warm one `instances` are there; on demand beside the `keep` that are to be kept ready. `dead` letters wait.
    """

    function: str
    mode: str
    image: str
    hosts: int
    online: int
    in_flight: int = 0
    pending: int = 0
    instances: int = 0
    keep: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One dead letter in the answer to `dead-letters`: what failed or expired, where, why, and the beginning of its input.

    `cause` is the id of the event or call, `at` when it ended. One that is not `is_whole` cannot be replayed: its input is unknown.
    """

    id: str
    function: str
    status: str
    node: str = ""
    attempt: int = 0
    reason: str = ""
    at: str = ""
    cause: str = ""
    body: str = ""
    is_whole: bool = True
