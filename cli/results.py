"""`bramble functions results`: how calls end, as they do: a line each for people, a JSON document per line for programs."""

from __future__ import annotations

from functools import partial

from cli import facts
from cli.output import NOTHING, print_json
from cli.terminal import Terminal
from protocol.ids import service_key
from protocol.observed import Result

OUTPUT_SHOWN_CHARS = 120
"""Of the first line: what a terminal has room for. With `-o json` there is all of it."""


def results(terminal: Terminal, target: str, node: str, count: int) -> None:
    """Show the ends of calls as they come, of all functions, a stack's or one."""
    for result in facts.coming(terminal, Result, count, partial(_is_meant, target), node=node):
        _show(terminal, result)


def _is_meant(target: str, result: Result) -> bool:
    return target in ("", result.stack, service_key(result.stack, result.function))


def _show(terminal: Terminal, result: Result) -> None:
    if terminal.is_json:
        print_json(result, in_line=True)
        return
    words = (
        result.started_at or NOTHING, result.node, service_key(result.stack, result.function), result.status,
        f"{result.duration_s:.3g} s" if result.started_at else "", f"attempt={result.attempt}" if result.attempt > 1 else "",
        result.id, result.reason or _beginning(result.output),
    )  # fmt: skip
    print("  ".join(filter(None, words)), flush=True)


def _beginning(output: str) -> str:
    """The first line that says something."""
    line = next((line for line in output.splitlines() if line.strip()), "")
    return "".join(filter(str.isprintable, line))[:OUTPUT_SHOWN_CHARS]
