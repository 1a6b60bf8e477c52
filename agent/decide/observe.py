"""Fold one input into the node. Nothing is decided that waits for other inputs of the same turn: that is `cycle`'s."""

from __future__ import annotations

from agent.decide.node import Node, Now


def observe(node: Node, seen: object, now: Now) -> None:
    """Take in one input: a value of `agent.decide.inputs`, `link.inputs`, `sensors.edges.PinRead`, Received or Refusal."""
