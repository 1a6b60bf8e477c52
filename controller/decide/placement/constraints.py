"""What speaks against a node: one sentence per constraint that it does not meet."""

from __future__ import annotations

from collections.abc import Iterable

from controller.decide.records import Node
from protocol.constraint import LABEL, parse, plain


def objections(constraints: Iterable[str], node: Node) -> tuple[str, ...]:
    """What of these constraints the node does not meet; nothing if it meets them all."""
    return tuple(said for text in constraints if (said := _objection(text, node)))


def _objection(text: str, node: Node) -> str:
    constraint = parse(text)
    if isinstance(constraint, str):
        return constraint
    said = _value(constraint.key, node)
    if said is None:
        missing = constraint.key.removeprefix(LABEL)
        return f"has no label {missing}" if constraint.equal else ""
    is_same = plain(constraint.key, said) == constraint.value
    if is_same == constraint.equal:
        return ""
    name = constraint.key.removeprefix(LABEL) if constraint.key.startswith(LABEL) else constraint.key
    return f"{name} is {said}, not {constraint.value}" if constraint.equal else f"{name} is {said}"


def _value(key: str, node: Node) -> str | None:
    if key.startswith(LABEL):
        return node.labels.get(key.removeprefix(LABEL))
    return {
        "node.id": node.name,
        "node.hostname": node.inventory.hostname,
        "node.platform.arch": node.inventory.architecture,
        "node.platform.os": "linux",
    }[key]
