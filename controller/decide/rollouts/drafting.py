"""A plan or a diff in the making, step by step: what would change is compared, row by row, and for a plan each row is costed.

Where nobody would move, which is so for most updates, the fleet itself is looked at, and the plan costs no turn more than its
steps. Where tasks would come and go it is decided on a copy, in one step that costs what publishing the manifest costs. If the
stack changes meanwhile the plan begins anew: what is compared must not be two things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

from controller.decide import diff, images
from controller.decide.fleet import Fleet
from controller.decide.inputs import Inspected
from controller.decide.records import Draft, Image
from controller.decide.rollouts import layers
from controller.decide.rollouts.outlook import Outlook, waits
from protocol.operator import DiffRow
from protocol.rollouts import Plan, PlanRow

NOT_COUNTED = "not counted are windows, locks and confirmations"

NOBODY_ASKED = "no registry is asked, so nobody knows what there is to pull"

ANEW_MOST = 5
"""A stack that is published again and again while it is planned; then the plan is of what is so at its beginning."""


@dataclass(slots=True)
class _Sums:
    """What there is to pull in all."""

    pull_bytes: int = 0
    unknown: int = 0

    def add(self, row: PlanRow) -> None:
        """Count one more row."""
        self.pull_bytes += row.pull_bytes or 0
        self.unknown += row.pull_bytes is None


def steps(fleet: Fleet, key: str, draft: Draft, now_mono_s: float) -> Iterator[None]:
    """Make the plan, and leave it in the draft."""
    for _ in range(ANEW_MOST):
        before = fleet.catalogue.stacks.get(draft.stack.name)
        for _ in _once(fleet, key, draft, now_mono_s):
            yield
            if fleet.catalogue.stacks.get(draft.stack.name) is not before:
                break
        if is_made(draft):
            return
    yield from _once(fleet, key, draft, now_mono_s)


def is_made(draft: Draft) -> bool:
    """Whether nothing is left to do."""
    return draft.pages is not None or draft.differences is not None


def _once(fleet: Fleet, key: str, draft: Draft, now_mono_s: float) -> Iterator[None]:
    found = _images(draft.stack.name, draft.found) if draft.asked else None
    after = diff.beside(fleet, draft.stack, found) or diff.having(fleet, draft.stack, now_mono_s, found)
    return _compared(fleet, after, draft) if draft.is_diff else _planned(fleet, after, key, draft, now_mono_s)


def _compared(fleet: Fleet, after: Fleet, draft: Draft) -> Iterator[None]:
    rows: list[DiffRow] = []
    for row in diff.compared(fleet, after, draft.stack.name):
        rows += [row] if row is not None else []
        yield
    draft.differences = sorted(rows, key=attrgetter("node", "what"))


def _planned(fleet: Fleet, after: Fleet, key: str, draft: Draft, now_mono_s: float) -> Iterator[None]:
    name = draft.stack.name
    outlook, sums, rows = Outlook(fleet, after, name, now_mono_s), _Sums(), list[PlanRow]()
    stock = layers.Stock(fleet, {reference: said.layers for reference, said in draft.found.items() if said.layers})
    for row in diff.compared(fleet, after, name):
        if row is not None and row.change != diff.KEEP:
            rows.append(_row(outlook, stock, row))
            outlook.note(rows[-1])
            sums.add(rows[-1])
        yield
    likely_s = yield from outlook.likely()
    rows.sort(key=attrgetter("node", "service"))
    reasons = [*_silent(draft), *outlook.reasons(), *outlook.confirmations()]
    if outlook.confirmations() or any(row.waits for row in rows):
        reasons.append(NOT_COUNTED)
    counts = (len(rows), len(outlook.nodes), sums.pull_bytes, sums.unknown)
    draft.pages = Plan(tuple(rows), likely_s, tuple(reasons), *counts, plan=key)


def _row(outlook: Outlook, stock: layers.Stock, row: DiffRow) -> PlanRow:
    after, stack = outlook.after, outlook.stack
    is_fetched = row.node and row.change != diff.REMOVE
    container = layers.container(after, stack, row.what) if is_fetched else None
    pull_bytes = stock.fetch(row.node, container) if container is not None else 0
    health = outlook.fleet.health.get(row.node)
    free_bytes = health.disk_available_bytes if health else None
    plan = PlanRow(row.node, row.what, row.change, row.details, pull_bytes, free_bytes)
    return replace(plan, waits=tuple(waits(outlook, plan)))


def _silent(draft: Draft) -> list[str]:
    """Which registries have not said what the plan is about, and why."""
    said = [one.reason for name, one in sorted(draft.found.items()) if one.reason and name in draft.asked]
    said += [f"{one}: {images.UNANSWERED}" for one in sorted(draft.asked - draft.found.keys())]
    return said if draft.asked else [NOBODY_ASKED]


def _images(stack: str, found: Mapping[str, Inspected]) -> dict[str, Image]:
    """What the registries said of tags, as it is remembered when a manifest is accepted."""
    return {
        reference: Image(stack, reference, said.digest, said.platforms, said.reason)
        for reference, said in found.items()
        if "@" not in reference
    }
