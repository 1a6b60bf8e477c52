"""What follows a function's success on its own node: the actuators that its output names, and the actions of its `then`.

What cannot be done is a sentence in the result: the function itself did its work. An effect on a pin is made once, after the commit
of the result; should the node die between the two, it is not made up for. What the end *calls* is `protocol.triggers.results`'.
"""

from __future__ import annotations

from agent.decide import publications
from agent.decide.effects import SetActuator
from agent.decide.invocation import Run
from agent.decide.node import Node
from agent.decide.publication import Publication
from protocol.calling import Action, payload_of
from protocol.envelope import read_json
from protocol.function import FunctionSpec
from protocol.refusal import Refusal
from protocol.triggers.results import VALUE_CHARS
from protocol.values import taken


def carry_out(node: Node, run: Run, function: FunctionSpec | None, output: str) -> list[str]:
    """Do what is to be done after a success; returns what could not be done."""
    faults = _actuate(node, run, output)
    for number, action in enumerate(function.then if function is not None else ()):
        if action.set:
            value = output.strip() if action.value is None else action.value
            faults.append(_set(node, run.stack, action.set, value))
        elif action.publish:
            faults.append(_publish(node, f"{run.id}-{number}", action, output))
    return [fault for fault in faults if fault]


def _actuate(node: Node, run: Run, output: str) -> list[str]:
    """Set the actuators that a function's output names: `{"actuators": {"lamp": "on"}}`."""
    document = read_json(output.strip().encode()) if output.lstrip().startswith("{") else None
    wanted = document.get("actuators") if isinstance(document, dict) else None
    if not isinstance(wanted, dict):
        return []
    return [_set(node, run.stack, str(name), value) for name, value in wanted.items()]


def _set(node: Node, stack: str, name: str, value: object) -> str:
    spec = next((a for a in node.sections().actuators if (a.stack, a.name) == (stack, name)), None)
    if spec is None:
        return f"stack {stack} has no actuator {name[:63]!r} on this node"
    said = taken(spec, value)
    if isinstance(said, Refusal):
        return str(said)
    node.effects.append(SetActuator(name, said))
    return ""


def _publish(node: Node, named: str, action: Action, output: str) -> str:
    payload = output if action.value is None else payload_of(action.value)
    if len(payload) > VALUE_CHARS:
        return f"{len(payload)} characters are too many for {action.publish!r}, which gets at most {VALUE_CHARS}"
    publications.keep(node, Publication(named, action.publish, payload, action.retain))
    return ""
