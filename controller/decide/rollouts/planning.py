"""The answers to `plan` and `diff`: what a manifest would change on each node; what that costs, waits for, and when it is done.

Before a plan is made the registries are asked what is behind the tags, and for the layers: a node fetches those that nothing on its
disk has brought already. A registry that is silent leaves the bytes unknown, never guessed. Then it is made in steps
(`drafting`), as many in a turn as disturb nobody (law 10). So the answer comes some turns after the order; its repetitions
meanwhile are not heard twice. It holds a page of rows; a plan with more is kept for a while, and whoever asks for it by its name
gets the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from itertools import islice

from controller.decide import answers, brief, diff, images
from controller.decide.effects import Inspect
from controller.decide.fleet import Fleet
from controller.decide.inputs import Inspected
from controller.decide.records import Draft
from controller.decide.rollouts import drafting, history
from protocol.ids import service_key
from protocol.observed import Answer, stored_name
from protocol.operator import OperatorOrder, OrderVerb
from protocol.rollouts import Plan, PlanRow
from protocol.shapes import write
from protocol.stack import Stack

KIND = "plan"

PATIENCE_RATIO = 2.0
"""Of the time that a manifest waits for its registries: a plan also asks for the layers of each platform."""

AT_ONCE = 20
"""Plans that are being made, or kept: people ask for them, and each holds a manifest."""

STEPS_AT_ONCE = 250
"""Of all plans in one turn: some 10 ms."""

OTHERS_MOST = 30
"""Images beside its own of whose layers a plan asks: a node that has one need not fetch what they share."""

PAGE_ROWS = 500
"""A person reads no more; a packet may hold fewer."""

KEPT_S = 60.0
"""For how long a plan of several pages is kept after one was asked for: who reads them by hand asks for the whole again."""


def begin(fleet: Fleet, key: str, asked: OperatorOrder, back: tuple[str, bytes], now_mono_s: float) -> None:
    """Take a question up: ask the registries, or answer with a further page of what was asked before."""
    if key in fleet.drafts:
        return
    if "plan" in asked.arguments:
        fleet.reply(*back, replace(_further(fleet, asked, now_mono_s), id=key))
        return
    stack = diff.supposed(fleet, asked)
    if not isinstance(stack, Answer) and not _has_room(fleet):
        stack = answers.refused("too many plans are being made; try again later")
    if isinstance(stack, Answer):
        fleet.reply(*back, replace(stack, id=key))
        return
    is_diff = asked.verb is OrderVerb.DIFF
    asks = bool(fleet.terms.image_lookup_s) and not is_diff
    own = frozenset(_references(fleet, stack)) if asks else frozenset[str]()
    others = _others(fleet, stack) if asks else dict[str, Stack]()
    asking = dict.fromkeys(own, stack) | {name: whose for name, whose in others.items() if name not in own}
    fleet.drafts[key] = Draft(stack, back, own, frozenset(asking) - own, is_diff=is_diff)
    for reference, whose in sorted(asking.items()):
        fleet.effects.append(Inspect(stack.name, reference, images.login(fleet, whose, reference), key))
    if asking:
        fleet.deadlines.set(KIND, key, now_mono_s + PATIENCE_RATIO * fleet.terms.image_lookup_s)
    else:
        go_on(fleet, key, now_mono_s)


def inspected(fleet: Fleet, seen: Inspected, now_mono_s: float) -> None:
    """A registry has answered; after the last answer the plan is made."""
    draft = fleet.drafts.get(seen.plan)
    if draft is None or draft.steps is not None or seen.reference not in draft.asked | draft.others:
        return
    draft.found[seen.reference] = seen
    if draft.asked | draft.others == draft.found.keys():
        go_on(fleet, seen.plan, now_mono_s)


def go_on(fleet: Fleet, key: str, now_mono_s: float) -> None:
    """Make some more of a plan from what is known by now; answer when it is made, and forget it in the end."""
    draft = fleet.drafts.get(key)
    if draft is None or draft.pages is not None:
        fleet.drafts.pop(key, None)
        return
    if draft.steps is None:
        draft.steps = drafting.steps(fleet, key, draft, now_mono_s)
    for _ in islice(draft.steps, STEPS_AT_ONCE // len(fleet.drafts)):
        pass
    if not drafting.is_made(draft):
        fleet.deadlines.set(KIND, key, now_mono_s)
        return
    page = _page(draft.pages, 0) if draft.pages is not None else None
    answer = Answer("", ok=True, result=asdict(page)) if page is not None else _rows(draft)
    fleet.reply(*draft.back, replace(answer, id=key))
    if page is not None and page.next:
        draft.steps = None
        fleet.deadlines.set(KIND, key, now_mono_s + KEPT_S)
    else:
        fleet.deadlines.drop(KIND, key)
        del fleet.drafts[key]


def _rows(draft: Draft) -> Answer:
    rows = draft.differences or []
    return answers.rows([asdict(row) for row in rows[: answers.ROWS_SHOWN]], len(rows))


def _further(fleet: Fleet, asked: OperatorOrder, now_mono_s: float) -> Answer:
    """One more page."""
    key, first = asked.arguments["plan"], asked.arguments.get("from", 0)
    if not isinstance(first, int) or isinstance(first, bool) or first < 0:
        return answers.refused("`from` is the row that begins the page")
    draft = fleet.drafts.get(key) if isinstance(key, str) else None
    if draft is None or draft.pages is None:
        return answers.not_found(f"the plan {key!r} is not kept any more; ask for it again")
    fleet.deadlines.set(KIND, str(key), now_mono_s + KEPT_S)
    return Answer("", ok=True, result=asdict(_page(draft.pages, first)))


def _page(whole: Plan, first: int) -> Plan:
    """As many rows as a packet holds, from one on."""
    head = replace(whole, rows=(), reasons=tuple(map(brief.cut, whole.reasons)))
    room_bytes = brief.ROOM_BYTES - brief.SENTENCE_CHARS * len(head.reasons)
    rows: list[PlanRow] = []
    for row in whole.rows[first : first + PAGE_ROWS]:
        room_bytes -= len(write(row)) + 1
        if room_bytes < 0:
            break
        rows.append(row)
    last = first + len(rows)
    return replace(head, rows=tuple(rows), next=last if rows and last < len(whole.rows) else 0)


def _has_room(fleet: Fleet) -> bool:
    """Whether one more may be made; what is only kept for its further pages makes room."""
    kept = next((key for key, draft in fleet.drafts.items() if draft.pages is not None), None)
    if len(fleet.drafts) >= AT_ONCE and kept is not None:
        fleet.deadlines.drop(KIND, kept)
        del fleet.drafts[kept]
    return len(fleet.drafts) < AT_ONCE


def _references(fleet: Fleet, stack: Stack) -> Iterator[str]:
    """The images that would be, and those that are: what nodes have of these they need not fetch."""
    for known in (stack, fleet.catalogue.stacks.get(stack.name)):
        if known is not None:
            yield from (service.container.image for service in known.services.values())
            yield from (one.spec.container.image for one in known.functions.values() if one.spec.needs_engine)


def _others(fleet: Fleet, stack: Stack) -> Mapping[str, Stack]:
    """Other images that nodes say they have, and whose they are: first what the stack's services were before."""
    before = (
        row.service.container.image
        for name in stack.services
        for row in history.past(fleet, service_key(stack.name, name))
    )
    found = [(image, stack) for image in before]
    found += [(image, one) for one in fleet.catalogue.stacks.values() for image in _images(one)]
    return dict([one for one in found if stored_name(one[0]) in fleet.stored][:OTHERS_MOST])


def _images(stack: Stack) -> Iterator[str]:
    yield from (service.container.image for service in stack.services.values())
