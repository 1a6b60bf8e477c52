"""`bramble plan`: what publishing a project would set going, as the controller sees it, before anything is published.

Per node what changes, how much it pulls, its free disk and what it will wait for; and when nearly all is probably done. It says
nothing against a plan that there is much to wait for: it ends with 0, and with 1 only where the manifest would be refused.
"""

from __future__ import annotations

from dataclasses import replace

from cli.check import checked
from cli.output import print_json, print_table
from cli.project import Asked
from cli.terminal import Terminal, read
from protocol.durations import roughly
from protocol.operator import OrderVerb
from protocol.rollouts import Plan, PlanRow
from protocol.shapes import JsonValue

HEADINGS = ("node", "change", "what", "pull", "free", "waits and details")

PLAN_S = 45.0
"""Registries are asked for every platform of every image, which may take them twice the time that a manifest waits for them."""

UNKNOWN = "unknown"

MEGABYTE = 1_000_000


def plan(terminal: Terminal, asked: Asked) -> None:
    """Print the plan."""
    project = checked(terminal, asked)
    patient = terminal.within(PLAN_S)
    with patient.session() as session:
        text = project.payload.decode("utf-8")
        found = page = read(Plan, patient.ask(session, OrderVerb.PLAN, project.name, manifest=text))
        while page.next:
            further: dict[str, JsonValue] = {"plan": page.plan, "from": page.next}
            page = read(Plan, patient.ask(session, OrderVerb.PLAN, project.name, **further))
            found = replace(found, rows=(*found.rows, *page.rows), next=page.next)
    if terminal.is_json:
        print_json(found)
        return
    if not found.rows:
        print(f"{project.name}: nothing would change")
    else:
        print_table(HEADINGS, map(_cells, found.rows))
        print(summary(project.name, found))
    for reason in found.reasons:
        print(f"{project.name}: {reason}")


def summary(name: str, found: Plan) -> str:
    """The plan in one line."""
    more = " and what is unknown" if found.unknown else ""
    when = (
        f"95 % probably done within {roughly(found.likely_s)}" if found.likely_s is not None else "nobody can say when"
    )
    nodes = f"{found.nodes} {'node' if found.nodes == 1 else 'nodes'}"
    return f"{name}: {nodes}, {_size(found.pull_bytes)}{more} to pull, {when}"


def _cells(row: PlanRow) -> tuple[object, ...]:
    pull = UNKNOWN if row.pull_bytes is None else _size(row.pull_bytes)
    free = "" if row.disk_free_bytes is None else _size(row.disk_free_bytes)
    return row.node, row.change, row.service, pull, free, "; ".join((*row.waits, *row.details))


def _size(count: int) -> str:
    """As `docker pull` counts: megabytes of a million."""
    return f"{count / MEGABYTE:.1f} MB" if count < 1000 * MEGABYTE else f"{count / MEGABYTE / 1000:.1f} GB"
