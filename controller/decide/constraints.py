"""What a placement constraint says, and what speaks against a node: one sentence per constraint that it does not meet.

Swarm's grammar: `node.labels.X`, `node.hostname`, `node.platform.arch`, `node.platform.os` or `node.id`, then `==` or `!=`, then a
value. Architectures go by Docker's names and by the kernel's; values are compared without regard to case, as Swarm does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from controller.decide.records import Node

LABEL = "node.labels."
KEYS = ("node.id", "node.hostname", "node.platform.arch", "node.platform.os")

ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "arm64v8": "arm64",
    "armv8l": "arm", "armv7l": "arm", "armv6l": "arm", "armhf": "arm", "armv7": "arm", "armv6": "arm",
    "i686": "386", "i386": "386",
}  # fmt: skip
"""The kernel's and Debian's names → the engine's. A 32-bit system on a 64-bit kernel calls itself armv8l."""

_GRAMMAR = re.compile(r"\s*(node\.[A-Za-z0-9_./-]+?)\s*(==|!=)\s*(\S(?:.*\S)?)\s*")


@dataclass(frozen=True, slots=True)
class Constraint:
    """`key` must be `value`, or must not."""

    key: str
    equal: bool
    value: str


def parse(text: str) -> Constraint | str:
    """Read a constraint, or say in one sentence what is wrong with it."""
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return f"{text!r} is no constraint; write `node.labels.place == porch` or use `!=`"
    key, relation, value = match.groups()
    if key not in KEYS and not (key.startswith(LABEL) and len(key) > len(LABEL)):
        return f"{key!r} is nothing a constraint can ask for; there are {', '.join(KEYS)} and {LABEL}NAME"
    return Constraint(key, relation == "==", _plain(key, value))


def objections(constraints: Iterable[str], node: Node) -> tuple[str, ...]:
    """What of these constraints the node does not meet; nothing if it meets them all."""
    return tuple(said for text in constraints if (said := _objection(text, node)))


def are_disjoint(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether no node can ever meet both: they ask for different values of one property, or for one and for its opposite."""
    mine = [c for c in map(parse, one) if isinstance(c, Constraint)]
    theirs = [c for c in map(parse, other) if isinstance(c, Constraint)]
    return any(_contradict(a, b) for a in mine for b in theirs)


def _contradict(a: Constraint, b: Constraint) -> bool:
    if a.key != b.key or not (a.equal or b.equal):
        return False
    return (a.value == b.value) != (a.equal == b.equal)


def _objection(text: str, node: Node) -> str:
    constraint = parse(text)
    if isinstance(constraint, str):
        return constraint
    said = _value(constraint.key, node)
    if said is None:
        missing = constraint.key.removeprefix(LABEL)
        return f"has no label {missing}" if constraint.equal else ""
    is_same = _plain(constraint.key, said) == constraint.value
    if is_same == constraint.equal:
        return ""
    name = constraint.key.removeprefix(LABEL) if constraint.key.startswith(LABEL) else constraint.key
    return f"{name} is {said}, not {constraint.value}" if constraint.equal else f"{name} is {said}"


def _value(key: str, node: Node) -> str | None:
    if key.startswith(LABEL):
        return node.inventory.labels.get(key.removeprefix(LABEL))
    return {
        "node.id": node.name,
        "node.hostname": node.inventory.hostname,
        "node.platform.arch": node.inventory.architecture,
        "node.platform.os": "linux",
    }[key]


def _plain(key: str, value: str) -> str:
    value = value.lower()
    return ARCHITECTURES.get(value, value) if key == "node.platform.arch" else value
