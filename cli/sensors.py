"""`bramble sensors`: the sensors and actuators of the fleet, and the catalogue of kinds, all in one table or one in full."""

from __future__ import annotations

from difflib import get_close_matches

from cli.errors import Code, CommandError
from cli.output import NOTHING, print_json, print_rows, print_table
from cli.terminal import Terminal
from protocol.manifest import catalogue
from protocol.observed import Link
from protocol.operator import DeviceRow, OrderVerb

HEADINGS = ("device", "node", "is a", "kind", "on", "value", "reason")
SEVERAL = "by channel"
"""In the table of all kinds; the kind itself says which."""


def ls(terminal: Terminal, target: str, node: str) -> None:
    """List the sensors and actuators, each with what its node said of it last."""
    rows = terminal.rows(OrderVerb.DEVICES, DeviceRow, target, **({"node": node} if node else {}))
    print_rows(HEADINGS, rows, _cells, as_json=terminal.is_json)


def kinds(terminal: Terminal, name: str) -> None:
    """Print every kind, or one with its keys."""
    found = [kind for kind in catalogue.kinds() if name in ("", kind.name)]
    if not found:
        names = [kind.name for kind in catalogue.kinds()]
        near = get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else "`bramble sensors kinds` lists them"
        raise CommandError(Code.NOT_FOUND, f"there is no kind {name!r} of sensor or actuator", hint)
    if terminal.is_json:
        print_json(found[0] if name else found)
    elif name:
        _one(found[0])
    else:
        print_table(
            ("kind", "is a", "unit", "events or values"),
            ((kind.name, kind.is_a, _unit(kind), _said(kind)) for kind in found),
        )


def _cells(row: DeviceRow) -> tuple[object, ...]:
    return row.device, row.node, row.is_a, row.kind, row.place, row.value, _reason(row)


def _reason(row: DeviceRow) -> str:
    """Why it does not work, or why what is shown may be old."""
    away = "" if row.presence == Link.ONLINE else f"{row.node} is {row.presence}: as it was last"
    return "; ".join(filter(None, (row.fault, away)))


def _one(kind: catalogue.Kind) -> None:
    print(f"{kind.name}: {kind.what}")
    print(f"{'shows' if kind.events else 'takes'}: {kind.values}{f' ({kind.unit})' if kind.unit else ''}")
    if kind.events:
        print(f"events: {', '.join(kind.events)}")
    print()
    print_table(
        ("key", "left out", "holds", "means"),
        ((key.name, key.left_out or NOTHING, key.holds, key.means) for key in kind.keys),
    )


def _unit(kind: catalogue.Kind) -> str:
    return SEVERAL if ", " in kind.unit else kind.unit or NOTHING


def _said(kind: catalogue.Kind) -> str:
    return ", ".join(kind.events) or kind.values
