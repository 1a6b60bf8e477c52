"""Platforms as images name them: `linux/arm64`, `linux/arm/v7`."""

from __future__ import annotations


def is_for(made_for: str, asked: str) -> bool:
    """Whether an engine that is asked for a platform takes what is made for this one: the same, or an older variant."""
    (system, _, ours), (other_system, _, theirs) = made_for.partition("/"), asked.partition("/")
    (ours, _, variant), (theirs, _, most) = ours.partition("/"), theirs.partition("/")
    return (system, ours) == (other_system, theirs) and (variant <= most or not variant or not most)
