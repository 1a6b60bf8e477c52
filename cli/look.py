"""Commands that only look: stacks, services, ps, explain. Each is one question to the controller and one table."""

from __future__ import annotations

from cli.errors import Code, CommandError
from cli.output import NOTHING, print_json, print_rows, print_table
from cli.terminal import Terminal, read
from protocol.operator import Explanation, OrderVerb, ServiceStatus, StackRow, TaskPlace

STACK_HEADINGS = ("stack", "manifest", "revision", "converged", "services", "functions", "devices", "faults")
TASK_HEADINGS = ("task", "node", "state", "image", "revision", "reason")
SERVICE_HEADINGS = ("service", "running", "image", "revision", "rollout", "reasons")


def stacks(terminal: Terminal) -> None:
    """List the stacks and what became of their manifests."""
    rows = terminal.rows(OrderVerb.STACKS, StackRow)
    print_rows(STACK_HEADINGS, rows, _stack_cells, as_json=terminal.is_json)


def services(terminal: Terminal, stack: str) -> None:
    """List the services: how many tasks each wants and has, and why not all."""
    rows = terminal.rows(OrderVerb.SERVICES, ServiceStatus, stack)
    print_rows(SERVICE_HEADINGS, rows, service_cells, as_json=terminal.is_json)


def ps(terminal: Terminal, target: str, node: str) -> None:
    """List the tasks: which node runs what, and how it stands."""
    arguments = {"node": node} if node else {}
    rows = terminal.rows(OrderVerb.PS, TaskPlace, target, **arguments)
    print_rows(TASK_HEADINGS, rows, _task_cells, as_json=terminal.is_json)


def explain(terminal: Terminal, target: str) -> None:
    """Say for each node why it carries a service or function, or why not."""
    with terminal.session() as session:
        found = read(Explanation, terminal.ask(session, OrderVerb.EXPLAIN, target))
    if terminal.is_json:
        print_json(found)
        return
    if not found.nodes and not found.reasons:
        raise CommandError(Code.NOT_FOUND, f"the fleet has no node that could carry {target!r}")
    shown = ((n.node, "yes" if n.chosen else "no", "; ".join(n.objections)) for n in found.nodes)
    print_table(("node", "chosen", "objections"), shown)
    for reason in found.reasons:
        print(f"{found.target}: {reason}")


def service_cells(row: ServiceStatus) -> tuple[object, ...]:
    """One line of a table of services."""
    rollout = row.rollout
    return (
        row.service, f"{row.running}/{row.desired}", row.image, row.revision,
        f"{rollout.state}: {rollout.report}".removesuffix(": ") if rollout else NOTHING,
        "; ".join((*row.reasons, *(rollout.reasons if rollout else ()))),
    )  # fmt: skip


def _stack_cells(row: StackRow) -> tuple[object, ...]:
    converged = _yes(row.converged)
    return row.stack, row.verdict, row.revision, converged, row.services, row.functions, row.devices, row.faults


def _task_cells(row: TaskPlace) -> tuple[object, ...]:
    return row.task, row.node, row.state, row.image, row.revision, row.reason


def _yes(claim: bool) -> str:
    return "yes" if claim else "no"
