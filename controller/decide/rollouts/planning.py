"""The answer to `plan`: what a manifest would change on each node, what that costs, what it will wait for, and when it is done.

What would change is decided as for `diff`, on a copy of the fleet. Before that the registries are asked what is behind the tags,
and for the layers: a node fetches those that nothing it runs has brought already. A registry that is silent leaves the bytes
unknown, never guessed. So the answer comes some turns after the order; its repetitions meanwhile are not heard twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from controller.decide import answers, brief, diff, images
from controller.decide.effects import Inspect
from controller.decide.fleet import Fleet
from controller.decide.inputs import Inspected
from controller.decide.records import Draft, Image
from controller.decide.rollouts import layers, outlook
from protocol.observed import Answer
from protocol.operator import DiffRow, OperatorOrder
from protocol.rollouts import Plan, PlanRow
from protocol.stack import Stack

KIND = "plan"

PATIENCE_RATIO = 2.0
"""Of the time that a manifest waits for its registries: a plan also asks for the layers of each platform."""

AT_ONCE = 20
"""Plans that are being made: people ask for them, and each holds a manifest."""

NOT_COUNTED = "not counted are windows, locks and confirmations"


def begin(fleet: Fleet, key: str, asked: OperatorOrder, back: tuple[str, bytes], now_mono_s: float) -> None:
    """Take a question up: ask the registries, or answer at once where none is asked."""
    if key in fleet.drafts:
        return
    stack = diff.supposed(fleet, asked)
    if not isinstance(stack, Answer) and len(fleet.drafts) >= AT_ONCE:
        stack = answers.refused("too many plans are being made; try again later")
    if isinstance(stack, Answer):
        fleet.reply(*back, replace(stack, id=key))
        return
    references = frozenset(_references(fleet, stack)) if fleet.terms.image_lookup_s else frozenset[str]()
    draft = Draft(stack, back, references)
    fleet.drafts[key] = draft
    for reference in sorted(references):
        fleet.effects.append(Inspect(stack.name, reference, images.login(fleet, stack, reference), key))
    if references:
        fleet.deadlines.set(KIND, key, now_mono_s + PATIENCE_RATIO * fleet.terms.image_lookup_s)
    else:
        end(fleet, key, now_mono_s)


def inspected(fleet: Fleet, seen: Inspected, now_mono_s: float) -> None:
    """A registry has answered; the last answer makes the plan."""
    draft = fleet.drafts.get(seen.plan)
    if draft is None or seen.reference not in draft.asked:
        return
    draft.found[seen.reference] = seen
    if draft.asked == draft.found.keys():
        end(fleet, seen.plan, now_mono_s)


def end(fleet: Fleet, key: str, now_mono_s: float) -> None:
    """Answer with what is known by now."""
    draft = fleet.drafts.pop(key, None)
    fleet.deadlines.drop(KIND, key)
    if draft is not None:
        plan = made(fleet, draft, now_mono_s)
        fleet.reply(*draft.back, Answer(key, ok=True, result=asdict(plan)))


def made(fleet: Fleet, draft: Draft, now_mono_s: float) -> Plan:
    """The plan."""
    name = draft.stack.name
    after = diff.having(fleet, draft.stack, now_mono_s, _images(name, draft.found) if draft.asked else None)
    changed = [row for row in diff.rows(fleet, after, name) if row.change != diff.KEEP]
    known = {reference: said.layers for reference, said in draft.found.items() if said.layers}
    stock = layers.Stock(fleet, known)
    rows = [_row(fleet, after, stock, (name, row)) for row in changed]
    shown = brief.fitting([asdict(row) for row in rows], brief.ROOM_BYTES - brief.SENTENCE_CHARS * len(draft.asked))
    reasons = [said.reason for _, said in sorted(draft.found.items()) if said.reason]
    reasons += [f"{one}: {images.UNANSWERED}" for one in sorted(draft.asked - draft.found.keys())]
    if not draft.asked:
        reasons.append("no registry is asked, so nobody knows what there is to pull")
    if len(shown) < len(rows):
        reasons.append(f"the first {len(shown)} of {len(rows)} changes are shown")
    likely_s, said = outlook.likely(fleet, after, name, rows, now_mono_s)
    waits = outlook.confirmations(after, name, rows)
    waits += [NOT_COUNTED] if waits or any(row.waits for row in rows) else []
    return Plan(tuple(rows[: len(shown)]), likely_s, tuple(map(brief.cut, (*reasons, *said, *waits))))


def _row(fleet: Fleet, after: Fleet, stock: layers.Stock, what: tuple[str, DiffRow]) -> PlanRow:
    stack, row = what
    container = layers.container(after, stack, row.what) if row.node and row.change != diff.REMOVE else None
    pull_bytes = stock.fetch(row.node, container) if container is not None else 0
    health = fleet.health.get(row.node)
    plan = PlanRow(
        row.node,
        row.what,
        row.change,
        row.details,
        pull_bytes,
        health.disk_available_bytes if health else None,
    )
    return replace(plan, waits=tuple(outlook.waits(fleet, after, stack, plan)))


def _references(fleet: Fleet, stack: Stack) -> Iterator[str]:
    """The images that would be, and those that are: what nodes have of these they need not fetch."""
    for known in (stack, fleet.catalogue.stacks.get(stack.name)):
        if known is not None:
            yield from (service.container.image for service in known.services.values())
            yield from (function.spec.container.image for function in known.functions.values())


def _images(stack: str, found: Mapping[str, Inspected]) -> dict[str, Image]:
    """What the registries said of tags, as it is remembered when a manifest is accepted."""
    return {
        reference: Image(stack, reference, said.digest, said.platforms, said.reason)
        for reference, said in found.items()
        if "@" not in reference
    }
