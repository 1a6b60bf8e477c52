"""Conditions that have no answer for an event or a result: their triggers call nothing, and here somebody says so.

Each is counted. Of each trigger the first is among the node's reasons, until the trigger is gone or another one: what an expression
cannot tell of one event it seldom can of the next, and a status that changed with each of them would be all that the node says.
"""

from __future__ import annotations

from agent.decide.node import Node
from protocol.ids import service_key
from protocol.triggers.matching import Unclear, key_of, places, spec_of


def tell(node: Node, unclear: tuple[Unclear, ...]) -> None:
    """Count them, and keep the first of each trigger."""
    for one in unclear:
        function = one.place[0]
        node.tally("conditions_unclear", service_key(function.stack, function.name))
        node.unclear.setdefault(key_of(one.place), (spec_of(one.place), str(one)))


def follow(node: Node) -> None:
    """Say nothing more of a trigger that is not in force any more, or is another one."""
    if node.unclear:
        functions = node.remembered()
        known = [place for stack in {function.stack for function in functions} for place in places(stack, functions)]
        wanted = {key_of(place): spec_of(place) for place in known}
        node.unclear = {key: one for key, one in node.unclear.items() if wanted.get(key) == one[0]}


def reasons(node: Node) -> tuple[str, ...]:
    """What is to be said of them."""
    return tuple(sentence for _, sentence in node.unclear.values())
