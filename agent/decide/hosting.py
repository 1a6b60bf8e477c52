"""Which functions run on this node now, as far as it knows."""

from __future__ import annotations

from agent.decide import instances
from agent.decide.inputs import EngineLost
from agent.decide.invocation import Run
from agent.decide.node import Node
from protocol.function import FunctionSpec


def can_take(node: Node, function: FunctionSpec) -> bool:
    """Whether a function runs here at all; before the first look at the engine we believe so. What is warm outlives its engine."""
    is_here = not function.needs_engine or not isinstance(node.engine, EngineLost)
    return is_here or instances.is_ready(node, function)


def takeable(node: Node) -> tuple[FunctionSpec, ...]:
    """The functions in force that run here at all."""
    return tuple(function for function in node.sections().functions if can_take(node, function))


def function_of(node: Node, run: Run) -> FunctionSpec | None:
    """What is to be run."""
    return node.directory.functions.get((run.stack, run.function))
