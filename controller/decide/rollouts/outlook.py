"""What a change will wait for on its node, and when a plan as a whole is probably done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from controller.decide.fleet import Fleet
from controller.decide.placement import filters
from controller.decide.placement.need import need_of
from controller.decide.presence import Presence
from controller.decide.records import service_key
from controller.decide.rollouts import attendance, pins
from controller.decide.rollouts.forecast import Prospect, likely_s
from protocol.rollouts import PlanRow
from protocol.stack import Service

PULL_BYTES_PER_S = 1_000_000.0
"""8 Mbit/s: a village's line, and what a Pi's card writes beside its own work."""

ASSUMED_BYTES = 50_000_000
"""Of an image of which nobody knows the size; half of those on Docker's hub are smaller."""

AGES_S = 1e12
"""Until a node returns that nobody has seen return: no forecast counts on it."""

NAMES_SHOWN = 10

UPDATE, REMOVE = "update", "remove"

START_S = 15.0
"""To stop the old container (10 s are allowed for it) and to start the new one."""


def waits(fleet: Fleet, after: Fleet, stack: str, row: PlanRow) -> Iterator[str]:
    """What a row waits for, a sentence each."""
    service = _service(after, stack, row)
    if service is None or not row.node:
        return
    key = service_key(stack, service.name)
    need = need_of(after, service)
    yield from filters.foreign(filters.candidate(after, row.node, need), need)
    if row.pull_bytes and row.disk_free_bytes is not None and row.pull_bytes > row.disk_free_bytes:
        yield f"has {row.disk_free_bytes} B of disk free, less than it has to pull"
    if row.change != UPDATE:
        return
    if pins.is_pinned(fleet, key, row.node):
        yield f"pinned by an operator; `bramble unpin {key} --node {row.node}` ends it"
    if fleet.presence(row.node) is Presence.OFFLINE:
        yield "is away; it is updated when it returns"
    window, lock = service.update.conduct.window, service.update.conduct.lock
    if window is not None:
        zone = fleet.nodes[row.node].inventory.zone or "its own time zone"
        yield f"waits for its window: {window.schedule} for {window.duration_s:g} s, in {zone}"
    if lock is not None:
        yield f"waits while {lock.path} is there, {lock.most_s:g} s at most"


def confirmations(after: Fleet, stack: str, rows: Sequence[PlanRow]) -> list[str]:
    """The batches after which an update waits for an operator's word."""
    first = {row.service: row for row in rows if row.change == UPDATE}
    services = (_service(after, stack, row) for row in first.values())
    return [
        f"{service_key(stack, service.name)} waits after {batch.name} until it is confirmed"
        for service in services
        if service is not None
        for batch in service.update.batches
        if batch.is_confirmed_by_hand
    ]


def likely(
    fleet: Fleet, after: Fleet, stack: str, rows: Sequence[PlanRow], now_mono_s: float
) -> tuple[float | None, list[str]]:
    """By when 95 % of the tasks are done, and what is not known. Who waits for a place in the budget waits for all before it."""
    found: list[Prospect] = []
    unknown: set[str] = set()
    queue_s, counts = 0.0, Counter(row.service for row in rows)
    for row in rows:
        service = _service(after, stack, row)
        if service is None or not row.node or row.change == REMOVE:
            continue
        pull_bytes = ASSUMED_BYTES if row.pull_bytes is None else row.pull_bytes
        work_s = START_S + service.update.monitor_s + pull_bytes / PULL_BYTES_PER_S
        prospect = attendance.prospect(fleet, row.node, work_s, now_mono_s)
        if prospect is None:
            unknown.add(row.node)
        found.append(prospect or Prospect(work_s, left_s=AGES_S))
        queue_s = max(queue_s, _queue_s(service, counts[row.service]))
    said = likely_s(found)
    reasons = [f"{', '.join(sorted(unknown)[:NAMES_SHOWN])}: away, and never seen to return"] if unknown else []
    return (None if said is None else said + queue_s if found else 0.0), reasons


def _queue_s(service: Service, tasks: int) -> float:
    """For how long the last of so many tasks waits for its turn."""
    rounds = ceil(tasks / service.update.at_once(tasks)) - 1
    return rounds * (START_S + service.update.monitor_s + service.update.delay_s)


def _service(fleet: Fleet, stack: str, row: PlanRow) -> Service | None:
    kind, _, name = row.service.partition(" ")
    found = fleet.catalogue.stacks.get(stack)
    return found.services.get(name) if found is not None and kind == "service" else None
