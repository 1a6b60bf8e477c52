"""`bramble triggers`: try the triggers of a project on a recorded trace, and get such a trace from a node. A trial asks no fleet.

A trace is a line of JSON for each reading, as a node's flight recorder has it: `sensor`, `value`, `at_ns` on a monotonic clock, and
`opening` where it was the first after the sensor was opened. What becomes of nodes no node records; such a line is written by hand:
`node`, `event`, `at_ns`, and `labels` and `reason` if conditions ask for them.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from cli.check import checked
from cli.errors import Code, CommandError, tell
from cli.output import print_json, print_table
from cli.project import Asked
from cli.terminal import Terminal
from cli.triggers_replay import Line, NodeBecame, WouldRun, read, replayed, unknown
from protocol.desired import Verb
from protocol.operator import OperatorOrder, OrderVerb
from protocol.shapes import write
from protocol.stack import Stack

HEADINGS = ("at", "event", "value", "function", "trigger")
STANDARD_INPUT = "-"


def test(terminal: Terminal, asked: Asked, trace: str) -> None:
    """Print what a trace would have called."""
    stack = checked(terminal, asked).stack()
    assert stack is not None, "`checked` ends the command where a stack has faults"
    readings = _readings(trace)
    _warn(stack, readings)
    called, unclear = replayed(stack, readings)
    for sentence in unclear:
        tell(f"warning: {sentence}")
    _show(terminal, called)


def record(terminal: Terminal, node: str) -> None:
    """Print the last edges that a node has seen, as a trace."""
    with terminal.session() as session:
        asked = OperatorOrder(OrderVerb.COMMAND, node, {"verb": str(Verb.TRACE), "target": "", "value": ""})
        answer = terminal.accepted(session, session.ask(asked, terminal.patience_s))
    for line in answer.result or []:
        print(write(line).decode())


def _readings(trace: str) -> list[Line]:
    try:
        text = sys.stdin.read() if trace == STANDARD_INPUT else Path(trace).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Code.NOT_FOUND, f"the trace cannot be read: {error}") from error
    found = read(text)
    if isinstance(found, str):
        remedy = '{"sensor": "doorbell", "value": true, "at_ns": 1200000000}'
        raise CommandError(Code.REFUSED, f"{trace}:{found}", f"a line is like {remedy}")
    return found


def _warn(stack: Stack, readings: list[Line]) -> None:
    """What is in the trace or in the stack and will not be seen."""
    for name in unknown(stack, readings):
        tell(f"warning: the trace has a sensor {name!r}, and the stack {stack.name!r} has none of that name")
    specs = [
        (function.spec.name, trigger) for function in stack.functions.values() for trigger in function.spec.triggers
    ]
    for name in sorted({name for name, trigger in specs if trigger.every_s or trigger.schedule}):
        tell(f"warning: {name} is also called by the time alone, which a trace does not replay")
    for name in _called_by_functions(stack):
        tell(f"warning: {name} is also called by what other functions come to, which a trace does not run")
    if any(isinstance(line, NodeBecame) for line in readings):
        return
    for name in sorted({name for name, trigger in specs if trigger.node}):
        remedy = 'write {"node": "pi-7", "event": "offline", "at_ns": 0} into the trace to try it'
        tell(f"warning: {name} is also called when nodes come or go, which no node records; {remedy}")


def _called_by_functions(stack: Stack) -> list[str]:
    """What has a trigger on the end of a function, or follows one's success."""
    specs = [function.spec for function in stack.functions.values()]
    triggered = {spec.name for spec in specs if any(trigger.function for trigger in spec.triggers)}
    return sorted(triggered | {action.call for spec in specs for action in spec.then if action.call})


def _show(terminal: Terminal, called: list[WouldRun]) -> None:
    if terminal.is_json:
        print_json([asdict(one) for one in called])
    elif not called:
        print("nothing would have run")
    else:
        print_table(HEADINGS, map(_cells, called))


def _cells(one: WouldRun) -> tuple[object, ...]:
    return f"{one.at_s:.3f} s", f"{one.sensor} {one.event}", write(one.value).decode(), one.function, one.trigger
