"""What each service was updated to, the last ten revisions with all that is needed to go back, and what operators went back to.

Every revision that comes into force is a row with a number of its own, also one that was there before; what became of its rollout
is written when the next one comes, until then the rollout says it. To go back is an operator's word over the manifest: it holds
until a manifest is accepted that says something else of the service, and the number of replicas is not part of it.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from controller.decide.fleet import Fleet
from controller.decide.records import History, Past, Undo
from controller.decide.rollouts.slot import Rollout, RolloutState, Slot, SlotState
from controller.decide.scales import restarts
from protocol.ids import digest, service_key
from protocol.observed import OfferStatus
from protocol.rollouts import HistoryRow
from protocol.stack import Service, Stack

KEPT = 10
"""Rows per service: as many as Kubernetes keeps, and with them some 20 kB."""

NOTES_KEPT = 20
"""Of one row, two screens in all; older ones are counted."""

PRESENT, DONE, REPLACED = "present", "done", "replaced"


def note(fleet: Fleet, key: str) -> None:
    """A service is in force: if with another revision, or as anything else than before, remember it."""
    service, revision = fleet.catalogue.services[key], fleet.catalogue.revisions[key]
    rows = past(fleet, key)
    if rows and rows[-1].revision == revision:
        fleet.histories.put(key, History(key, (*rows[:-1], replace(rows[-1], service=service))))
        return
    number = rows[-1].number + 1 if rows else 1
    ended = (*rows[:-1], _ended(rows[-1], fleet.rollouts.get(key))) if rows else ()
    row = Past(number, revision, service, at=fleet.wall)
    fleet.histories.put(key, History(key, (*ended, row)[-KEPT:]))


def is_proved(fleet: Fleet, rollout: Rollout) -> bool:
    """Whether anybody runs the revision, where anybody could: an update that passes by none but pinned nodes is done at once.

    Only then are there tasks and no settled slot, and all of them are gone through.
    """
    if rollout.settled != rollout.revision:
        return True  # it offers what was there before
    tasks = fleet.tasks.of("service", rollout.service)
    if not tasks or fleet.slots.of("state", (rollout.service, SlotState.SETTLED)):
        return True
    return any(fleet.tasks[task].revision == rollout.revision for task in tasks)


def remember(fleet: Fleet, key: str, sentence: str) -> None:
    """Keep with the revision in force what was overridden in its update."""
    rows = past(fleet, key)
    if rows:
        notes = (*rows[-1].notes, f"{sentence} at {fleet.wall}")
        gone = rows[-1].notes_gone + max(0, len(notes) - NOTES_KEPT)
        row = replace(rows[-1], notes=notes[-NOTES_KEPT:], notes_gone=gone)
        fleet.histories.put(key, History(key, (*rows[:-1], row)))


def audited(fleet: Fleet, slot: Slot, offer: OfferStatus | None) -> Slot:
    """A slot as it is once it is remembered that its node did not mind a lock; of one wave that is said once."""
    if offer is None or not offer.overrode or slot.has_overridden:
        return slot
    remember(fleet, slot.service, f"{slot.task} on {slot.node}: {offer.overrode}")
    fleet.remark(slot.service, f"{slot.node}: {offer.overrode}")
    slot = replace(slot, has_overridden=True)
    fleet.slots.put(slot.task, slot)
    return slot


def past(fleet: Fleet, key: str) -> tuple[Past, ...]:
    """The rows of a service, the oldest first."""
    found = fleet.histories.get(key)
    return found.rows if found else ()


def shown(fleet: Fleet, key: str) -> list[HistoryRow]:
    """What an operator reads, the newest first: of the newest revision its rollout tells the state."""
    rows, rollout = past(fleet, key), fleet.rollouts.get(key)
    if not rows:
        return []
    newest = _ended(rows[-1], rollout)
    state = rollout.state.value if rollout and _is_of(rollout, rows[-1]) else PRESENT
    newest = replace(newest, state=PRESENT if state == DONE else state)
    others = list(rows[:-1])
    if newest.state == RolloutState.ROLLED_BACK and rollout is not None:
        back = max((n for n, row in enumerate(others) if row.revision == rollout.previous), default=None)
        if back is not None:
            others[back] = replace(others[back], state=PRESENT)
    return [_row(row) for row in (newest, *reversed(others))]


def before(fleet: Fleet, key: str) -> Past | None:
    """The newest row before the one in force whose revision was not taken back."""
    rows = past(fleet, key)
    in_force = rows[-1].revision if rows else ""
    fit = (row for row in reversed(rows[:-1]) if row.state != RolloutState.ROLLED_BACK and row.revision != in_force)
    return next(fit, None)


def before_now(fleet: Fleet, key: str) -> str:
    """The revision that was in force before the present one."""
    row = before(fleet, key)
    return row.revision if row else fleet.catalogue.revisions[key]


def ordered(fleet: Fleet, written: Stack, stack: Stack) -> Stack:
    """A stack with the services that operators took back as they were then. `written` is the same as its manifest says it."""
    keys = fleet.undos.of("stack", stack.name)
    if not keys:
        return stack
    services = {name: _ordered(fleet, written.services[name], service) for name, service in stack.services.items()}
    return replace(stack, services=services)


def outdated(fleet: Fleet, written: Stack) -> None:
    """A manifest comes into force: what it says anew goes before what operators went back to."""
    names = {service_key(written.name, name): service for name, service in written.services.items()}
    for key in sorted(fleet.undos.of("stack", written.name)):
        if key not in names or fleet.undos[key].written != fingerprint(names[key]):
            fleet.undos.drop(key)
    for key in sorted(fleet.histories.of("stack", written.name) - names.keys()):
        fleet.histories.drop(key)


def forget(fleet: Fleet, stack: str) -> None:
    """Forget all of a stack that is gone."""
    for shelf in (fleet.undos, fleet.histories):
        for key in sorted(shelf.of("stack", stack)):
            shelf.drop(key)


def fingerprint(service: Service) -> str:
    """Tells a service as a manifest says it from any other."""
    return digest(asdict(service))


def as_then(fleet: Fleet, key: str, undo: Undo, now: Service) -> Service:
    """A service as it was, with as many replicas as are wanted now, begun anew as often as it was begun anew since."""
    then = undo.service
    replicas = then.replicas if now.mode.is_global else now.replicas
    return replace(then, replicas=replicas, restarts=then.restarts + restarts(fleet, key) - undo.restarts)


def _ordered(fleet: Fleet, written: Service, service: Service) -> Service:
    key = service_key(service.stack, service.name)
    undo = fleet.undos.get(key)
    return service if undo is None or undo.written != fingerprint(written) else as_then(fleet, key, undo, service)


def _ended(row: Past, rollout: Rollout | None) -> Past:
    """A row with what became of its rollout, now that it is over or another takes its place."""
    if rollout is None or not _is_of(rollout, row):
        return replace(row, state=DONE)
    if rollout.is_back:
        return replace(row, state=RolloutState.ROLLED_BACK.value, reason=rollout.reason)
    return replace(row, state=DONE if rollout.state is RolloutState.DONE else REPLACED, reason=rollout.reason)


def _is_of(rollout: Rollout, row: Past) -> bool:
    return rollout.revision == row.revision


def _row(row: Past) -> HistoryRow:
    image = row.service.container.image
    gone = (f"{row.notes_gone} earlier ones are not kept",) if row.notes_gone else ()
    return HistoryRow(row.number, row.revision, image, row.state, row.reason, row.at, (*gone, *row.notes))
