"""Everything a node decides in one turn, in order: the table of contents of the agent."""

from __future__ import annotations

from agent.decide.effects import Effect
from agent.decide.node import Node, Now


def cycle(node: Node, now: Now) -> tuple[Effect, ...]:
    """Decide, and hand out the effects; repeated without an input at the same moment there are none."""
    effects, node.effects = tuple(node.effects), []
    return effects
