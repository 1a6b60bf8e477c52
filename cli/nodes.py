"""`bramble nodes` and `bramble node …`: the nodes as they are, and the operator's wishes for one of them.

The controller answers when it has taken a wish up, also for a node that is away; `bramble ps --node` shows how far it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer

from cli.output import NOTHING, ago, mebibytes, print_json, print_rows, print_table
from cli.terminal import Terminal, read
from protocol.operator import NodeDetail, NodeRow, OperatorOrder, OrderVerb
from protocol.shapes import JsonValue

NARROW = ("node", "status", "availability", "seen", "arch", "temp", "reasons")
WIDE = (
    "node", "status", "availability", "seen", "arch", "model", "memory free", "memory", "temp", "engine", "agent", "applied",
    "labels", "reasons",
)  # fmt: skip


def nodes(terminal: Terminal) -> None:
    """List the nodes: who is there, what each is, and what troubles it."""
    rows = terminal.rows(OrderVerb.NODES, NodeRow)
    headings, cells = (WIDE, _wide) if terminal.is_wide else (NARROW, _narrow)
    print_rows(headings, rows, cells, as_json=terminal.is_json)


def inspect(terminal: Terminal, node: str) -> None:
    """Print everything that is known of a node, a line for each thing."""
    with terminal.session() as session:
        found = read(NodeDetail, terminal.ask(session, OrderVerb.INSPECT, node))
    if terminal.is_json:
        print_json(found)
        return
    for name, value in _lines(found):
        if value:
            print(f"{name:<14}{value}")
    if found.tasks:
        print()
        shown = ((task.task, task.state, task.image, task.reason) for task in found.tasks)
        print_table(("task", "state", "image", "reason"), shown)


def drain(terminal: Terminal, node: str) -> None:
    """Have every service moved away from a node."""
    _order(terminal, OrderVerb.DRAIN, node)


def pause(terminal: Terminal, node: str) -> None:
    """Have nothing more put on a node."""
    _order(terminal, OrderVerb.PAUSE, node)


def activate(terminal: Terminal, node: str) -> None:
    """Let a drained or paused node carry services again."""
    _order(terminal, OrderVerb.ACTIVATE, node)


def label(terminal: Terminal, node: str, labels: list[str]) -> None:
    """Set labels, each written as LABEL=VALUE."""
    pairs = [text.partition("=") for text in labels]
    for text, (name, equals, _) in zip(labels, pairs, strict=True):
        if not (name and equals):
            raise typer.BadParameter(f"{text!r} is not LABEL=VALUE, like place=porch")
    _order(terminal, OrderVerb.LABEL, node, set={name: value for name, _, value in pairs})


def unlabel(terminal: Terminal, node: str, names: list[str]) -> None:
    """Take labels away that an operator has set."""
    _order(terminal, OrderVerb.LABEL, node, remove=list(names))


def decommission(terminal: Terminal, node: str, *, force: bool) -> None:
    """Let a node go for good."""
    _order(terminal, OrderVerb.DECOMMISSION, node, force=force)


def _order(terminal: Terminal, verb: OrderVerb, node: str, **arguments: JsonValue) -> None:
    with terminal.session() as session:
        answer = terminal.accepted(
            session, session.ask(OperatorOrder(verb, node, arguments), terminal.patience_s)
        )  # fmt: skip
    if terminal.is_json:
        print_json({"node": node, "order": str(verb), "message": answer.message})
    else:
        print(answer.message or f"{node}: {verb}")


def _narrow(row: NodeRow) -> tuple[object, ...]:
    return (
        row.node, row.presence, row.availability, _seen(row), row.architecture, _celsius(row), "; ".join(row.reasons)
    )  # fmt: skip


def _wide(row: NodeRow) -> tuple[object, ...]:
    return (
        row.node, row.presence, row.availability, _seen(row), row.architecture, row.model,
        mebibytes(row.memory_available_bytes), mebibytes(row.memory_bytes or None), _celsius(row), row.engine, row.version,
        f"{row.observed_generation}/{row.generation}", _labels(row.labels), "; ".join(row.reasons),
    )  # fmt: skip


def _lines(found: NodeDetail) -> Iterator[tuple[str, object]]:
    """What `inspect` prints, in order; what is empty is left out."""
    row, has, health = found.row, found.inventory, found.health
    yield "node", row.node
    yield "status", ", ".join((row.presence, row.availability, f"seen {_seen(row)}"))
    yield "troubles", "; ".join(row.reasons)
    yield "model", " ".join(filter(None, (has.model, has.revision and f"({has.revision})")))
    yield "system", ", ".join(filter(None, (has.architecture, has.os, has.kernel)))
    yield "host", " ".join(filter(None, (has.hostname, has.address, has.zone)))
    yield "processor", f"{has.cpus} cores{_heat(found)}"
    yield "memory", f"{mebibytes(row.memory_available_bytes)} free of {mebibytes(has.memory_bytes or None)}"
    disk_bytes = health.disk_available_bytes if health else None
    yield "disk", f"{mebibytes(disk_bytes)} free of {mebibytes(has.disk_bytes or None)}"
    yield "engine", ", ".join(filter(None, (has.engine or "none", *has.runtimes)))
    yield "agent", f"{row.version or NOTHING}, assignment {row.observed_generation} of {row.generation}"
    yield "labels", _labels(row.labels)
    yield "set by order", _labels(found.set_labels)
    yield "free pins", " ".join(map(str, found.free_pins))
    yield from (("buses", " ".join(has.buses)), ("devices", " ".join(has.devices)))
    yield from (("usb", "; ".join(has.usb)), ("cameras", "; ".join(has.cameras)))
    for kind, devices in (("sensor", found.sensors), ("actuator", found.actuators)):
        for one in devices:
            where = f"{one.kind} on {one.place}" if one.place else one.kind
            yield kind, f"{one.name}: {where}, {one.fault or one.value or NOTHING}"


def _heat(found: NodeDetail) -> str:
    celsius, health = _celsius(found.row), found.health
    throttled = f", throttled: {', '.join(health.throttled)}" if health and health.throttled else ""
    return (f", {celsius}" if celsius else "") + throttled


def _seen(row: NodeRow) -> str:
    """How long ago it spoke; a controller that was restarted has not heard who was away already."""
    return NOTHING if row.seen_s is None else ago(row.seen_s)


def _celsius(row: NodeRow) -> str | None:
    return None if row.temperature_celsius is None else f"{row.temperature_celsius:.0f} °C"


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
