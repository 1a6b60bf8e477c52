"""One instance of a warm function as a node thinks of it: what it is called, whether it may be asked, and what runs in it.

Nothing of it is stored: after a restart the containers are found by a look, and each is asked for its health before it gets work.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.function import FunctionSpec
from protocol.ids import service_key

KEY_PREFIX = "instance "
"""Tells an instance's steps from a task's; no task id holds a space."""


def key_of(function: FunctionSpec, number: int) -> str:
    """The name of the n-th instance of a function's revision: the same one, the same name (law 8)."""
    return name_key(function.stack, function.name, function.revision, number)


def name_key(stack: str, function: str, revision: str, number: int) -> str:
    """The same from its parts, as labels have them."""
    return f"{KEY_PREFIX}{service_key(stack, function)}-{revision}-{number}"


def is_instance(key: str) -> bool:
    """Whether a step is about an instance."""
    return key.startswith(KEY_PREFIX)


@dataclass(frozen=True, slots=True)
class Instance:
    """`runs` are the invocations under way in it; `strikes` counts its failures in a row, `reason` says the last of them.

    One that is ill gets no more work, and is made anew as soon as it has none; one that failed is not started before `due_mono_s`.
    """

    key: str
    stack: str
    function: str
    revision: str
    number: int
    is_ready: bool = False
    is_ill: bool = False
    runs: frozenset[str] = frozenset()
    used_mono_s: float = 0.0
    strikes: int = 0
    reason: str = ""
    due_mono_s: float = 0.0
