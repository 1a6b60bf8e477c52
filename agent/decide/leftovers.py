"""Names that a capped pull leaves on the engine when its process dies: they lead to a door that nobody keeps open any more.

A capped pull brings an image under the relay's name first and under its own name then, and takes the first away. The relay's
address is one that nobody else uses, so such a name is known for what it is (S8). An image that has no other name did not arrive:
it is not shown as being here, so it is asked for anew, which costs little while its layers are kept.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.inputs import EngineSeen

DOOR = "127.98.82.77"
# Of 127.0.0.0/8, which Docker trusts without TLS and no proxy is asked for; nobody else listens on this one of 16 million.
GRACE_S = 300.0
# Longer than a pull may be silent between the two names.


def is_left(reference: str) -> bool:
    """Whether a reference leads to a relay, an open one or one that is gone."""
    return reference.startswith(f"{DOOR}:")


def without(seen: EngineSeen) -> EngineSeen:
    """A look that shows no image by such a name."""
    left = frozenset(filter(is_left, seen.images))
    return replace(seen, images=seen.images - left) if left else seen


def names(seen: EngineSeen) -> dict[str, bool]:
    """Every such name, and whether its image has another one."""
    return {
        reference: not all(map(is_left, image.references))
        for image in seen.stored
        for reference in image.references
        if is_left(reference)
    }
