"""What a placement constraint may say. Whether a node meets it is the controller's part.

Swarm's grammar: `node.labels.X`, `node.hostname`, `node.platform.arch`, `node.platform.os` or `node.id`, then `==` or `!=`, then a
value. Architectures go by Docker's names and by the kernel's; values are compared without regard to case, as Swarm does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

LABEL = "node.labels."
KEYS = ("node.id", "node.hostname", "node.platform.arch", "node.platform.os")

ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "arm64v8": "arm64",
    "armv8l": "arm", "armv7l": "arm", "armv6l": "arm", "armhf": "arm", "armv7": "arm", "armv6": "arm",
    "i686": "386", "i386": "386",
}  # fmt: skip
"""The kernel's and Debian's names → the engine's. A 32-bit system on a 64-bit kernel calls itself armv8l."""

ELSEWHERE = {
    "node.role": "'node.role' divides Swarm's managers from its workers, and every node here is a worker; remove it",
    "node.ip": "'node.ip' changes with a lease, and a task does not; write node.hostname, or a label",
}
"""What Swarm's constraints can ask for and ours cannot, with the reason."""

_GRAMMAR = re.compile(r"\s*((?:node|engine)\.[A-Za-z0-9_./-]+?)\s*(==|!=)\s*(\S(?:.*\S)?)\s*")


@dataclass(frozen=True, slots=True)
class Constraint:
    """`key` must be `value`, or must not."""

    key: str
    equal: bool
    value: str


@lru_cache(maxsize=4096)  # a constraint is asked of every node
def parse(text: str) -> Constraint | str:
    """Read a constraint, or say in one sentence what is wrong with it."""
    match = _GRAMMAR.fullmatch(text)
    if match is not None and match[1] in ELSEWHERE:
        return ELSEWHERE[match[1]]
    if match is not None and match[1].startswith("engine.labels."):
        return f"{match[1]!r} is set in an engine's own configuration, which nodes do not tell; write {LABEL}NAME"
    if match is None:
        return f"{text!r} is no constraint; write `node.labels.place == porch` or use `!=`"
    key, relation, value = match.groups()
    if key not in KEYS and not (key.startswith(LABEL) and len(key) > len(LABEL)):
        return f"{key!r} is nothing a constraint can ask for; there are {', '.join(KEYS)} and {LABEL}NAME"
    return Constraint(key, relation == "==", plain(key, value))


def are_disjoint(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether no node can ever meet both: they ask for different values of one property, or for one and for its opposite."""
    mine = [c for c in map(parse, one) if isinstance(c, Constraint)]
    theirs = [c for c in map(parse, other) if isinstance(c, Constraint)]
    return any(_contradict(a, b) for a in mine for b in theirs)


def _contradict(a: Constraint, b: Constraint) -> bool:
    if a.key != b.key or not (a.equal or b.equal):
        return False
    return (a.value == b.value) != (a.equal == b.equal)


def plain(key: str, value: str) -> str:
    """A value as it is compared."""
    value = value.lower()
    return ARCHITECTURES.get(value, value) if key == "node.platform.arch" else value
