"""A message for a topic of others, as a node keeps it until its broker has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publication:
    """`id` is derived from the invocation whose success it follows, so that the same one is never two."""

    id: str
    topic: str
    payload: str
    retain: bool = False
