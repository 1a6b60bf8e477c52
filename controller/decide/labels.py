"""Labels that an operator sets on a node: they lie over the node's own, and what is placed by labels is looked at again.

The node's own labels stand in its settings and are its owner's word: removing takes an operator's label back, never the node's.
"""

from __future__ import annotations

import re
from dataclasses import replace

from controller.decide import answers
from controller.decide.fleet import Fleet
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.shapes import JsonValue

LABELS_MOST = 64
"""Of an operator on one node; placement asks for a handful, and a row of the store stays small."""

VALUE_CHARS = 255

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")
"""What a constraint can name (`protocol.constraint`)."""


def label(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Set and remove labels of a node."""
    node = fleet.nodes.get(asked.target)
    if node is None:
        return answers.no_node(asked.target)
    wanted, gone = _set(asked.arguments.get("set", {})), _removed(asked.arguments.get("remove", []))
    if isinstance(wanted, str) or isinstance(gone, str):
        return answers.refused(wanted if isinstance(wanted, str) else str(gone))
    if not wanted and not gone:
        return answers.refused("name the labels to set or to remove")
    missing = [name for name in gone if name not in node.set_labels]
    if missing:
        return answers.refused(_not_set(node.name, missing[0], is_own=missing[0] in node.inventory.labels))
    after = {name: value for name, value in node.set_labels.items() if name not in gone} | wanted
    if len(after) > LABELS_MOST:
        return answers.refused(f"a node may have {LABELS_MOST} labels of an operator's, and {len(after)} are too many")
    if after == node.set_labels:
        return Answer("", ok=True, message=f"{node.name} has these labels already")
    fleet.nodes.put(node.name, replace(node, set_labels=dict(sorted(after.items()))))
    fleet.look_at(node.name)
    fleet.unsettled.hosts.add(node.name)
    return Answer("", ok=True, message=f"{node.name} has the labels {_shown(fleet.nodes[node.name].labels)}")


def _set(said: JsonValue) -> dict[str, str] | str:
    if not isinstance(said, dict):
        return "`set` is a mapping of labels to their values"
    labels = {str(name): str(value) for name, value in said.items()}
    for name, value in labels.items():
        if not _NAME.fullmatch(name):
            return f"{name[:80]!r} is no name for a label: letters, digits, and . _ - / within"
        if len(value) > VALUE_CHARS or not value.isprintable():
            return f"the value of {name} is no printable text of at most {VALUE_CHARS} characters"
    return labels


def _removed(said: JsonValue) -> tuple[str, ...] | str:
    if not isinstance(said, list | tuple):
        return "`remove` is a list of labels"
    return tuple(str(name) for name in said)


def _not_set(node: str, name: str, *, is_own: bool) -> str:
    if is_own:
        return (
            f"{name} is a label of {node}'s own; change it in the settings of its agent, or set another value over it"
        )
    return f"{node} has no label {name!r}"


def _shown(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "none"
