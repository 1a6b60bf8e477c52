"""`bramble agents`: which version each agent is, and another one for all of them.

The update is an ordinary rollout of the service svc-bramble.agent, and `bramble rollout` looks at it and steers it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import typer

from cli.output import print_json, print_rows
from cli.terminal import Terminal
from protocol.measures import seconds
from protocol.operator import OperatorOrder, OrderVerb
from protocol.release import BASE, SERVICE, STACK, AgentRow
from protocol.shapes import JsonValue

KEY = f"{STACK}.{SERVICE}"
PREVIOUS = "previous"

HEADINGS = ("node", "status", "version", "wanted", "state", "reason")


@dataclass(frozen=True, slots=True)
class Wish:
    """What was said of the release, and of how to go about it; what was not said is the controller's to know."""

    version: str = ""
    image: str = ""
    back_to: str = ""
    index: str = ""
    wheel: str = ""
    sha256: str = ""
    parallelism: str = ""
    canary: str = ""
    monitor: str = ""
    checkin: str = ""
    failure_action: str = ""
    max_failure_ratio: float | None = None
    constraints: tuple[str, ...] = ()


def rows(terminal: Terminal) -> None:
    """List the nodes with the versions of their agents."""
    found = terminal.rows(OrderVerb.AGENTS, AgentRow)
    print_rows(HEADINGS, found, _cells, as_json=terminal.is_json)


def update(terminal: Terminal, wish: Wish) -> None:
    """Have the agents be another release."""
    if sum(map(bool, (wish.version, wish.image, wish.back_to))) != 1:
        raise typer.BadParameter("name a version, or --image IMAGE, or --to previous, or --to base")
    if wish.back_to == PREVIOUS:
        if wish != Wish(back_to=PREVIOUS):
            raise typer.BadParameter("its source and policy are as they were then, so --to previous stands alone")
        _order(terminal, OperatorOrder(OrderVerb.ROLLOUT_UNDO, KEY))
        return
    if wish.back_to not in ("", BASE):
        raise typer.BadParameter(f"--to takes {PREVIOUS} or {BASE}; name another version without it")
    _order(terminal, OperatorOrder(OrderVerb.AGENTS_UPDATE, "", _arguments(wish)))


def _arguments(wish: Wish) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {
        "version": wish.version,
        "image": wish.image,
        "index": wish.index,
        "wheel": _wheel(wish),
        "sha256": wish.sha256.lower(),
        "parallelism": wish.parallelism,
        "canary": wish.canary,
        "monitor_s": _seconds("--monitor", wish.monitor),
        "checkin_s": _seconds("--checkin", wish.checkin),
        "failure_action": wish.failure_action,
        "max_failure_ratio": wish.max_failure_ratio,
        "constraints": list(wish.constraints),
    }
    return {name: value for name, value in said.items() if value not in ("", None, [])}


def _wheel(wish: Wish) -> str:
    """A wheel by its URL. Nodes cannot read this disk, so a file is refused with what would work."""
    if "://" in wish.wheel or not wish.wheel:
        return wish.wheel
    path = Path(wish.wheel)
    if not path.is_file():
        raise typer.BadParameter(f"{wish.wheel} is neither a URL nor a file", param_hint="--wheel")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    raise typer.BadParameter(
        f"nodes cannot read {path.name} on this machine; serve it (python3 -m http.server), and name "
        f"--wheel http://THIS-MACHINE:8000/{path.name} --sha256 {found}",
        param_hint="--wheel",
    )


def _cells(row: AgentRow) -> tuple[object, ...]:
    return row.node, row.presence, row.version, row.wanted, row.state, row.reason


def _seconds(option: str, text: str) -> float | None:
    if not text:
        return None
    try:
        return seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _order(terminal: Terminal, asked: OperatorOrder) -> None:
    with terminal.session() as session:
        answer = terminal.accepted(session, session.ask(asked, terminal.patience_s))
    if terminal.is_json:
        print_json({"order": str(asked.verb), "message": answer.message})
    else:
        print(answer.message)
