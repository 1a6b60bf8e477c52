"""What functions that run as processes leave behind, and when it goes: once their result is committed, and never before.

As with containers, a crash between the end and the commit finds the result again. What nobody knows of is ended first.
"""

from __future__ import annotations

from agent.decide.effects import Discard
from agent.decide.inputs import ProcessesSeen
from agent.decide.invocation import State
from agent.decide.node import Node


def seen(node: Node, seen: ProcessesSeen) -> None:
    """Take in what is there."""
    node.processes = seen.processes
    node.discarding &= {one.id for one in seen.processes}


def clear(node: Node) -> None:
    """Discard what is left of runs that have ended or must, or of an earlier attempt, each once."""
    for one in node.processes or ():
        run = node.runs.get(one.invocation)
        is_over = run is None or one.attempt < run.attempt or run.state is State.STOPPING
        if is_over and one.id not in node.discarding:
            node.discarding.add(one.id)
            node.effects.append(Discard(one.id))
