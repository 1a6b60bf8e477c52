"""What a change will wait for on its node, and when a plan as a whole is probably done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from math import ceil

from controller.decide.fleet import Fleet
from controller.decide.placement import filters
from controller.decide.placement.need import Need, need_of
from controller.decide.presence import Presence
from controller.decide.rollouts import attendance, pins
from controller.decide.rollouts.forecast import Prospect, likely
from protocol.durations import said, window
from protocol.ids import service_key
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


@dataclass(slots=True)
class Outlook:
    """What a plan foresees, growing row by row. `rows` counts those of each service, `alike` the tasks with equal prospects."""

    fleet: Fleet
    after: Fleet
    stack: str
    now_mono_s: float
    rows: Counter[str] = field(default_factory=Counter)
    alike: Counter[Prospect] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    needs: dict[str, Need] = field(default_factory=dict)

    def need(self, service: Service) -> Need:
        """What a service asks of a node, worked out once."""
        key = service_key(service.stack, service.name)
        if key not in self.needs:
            self.needs[key] = need_of(self.after, service)
        return self.needs[key]

    def note(self, row: PlanRow) -> None:
        """Foresee one more row."""
        service = _service(self.after, self.stack, row)
        self.rows[row.service] += 1
        if row.node:
            self.nodes.add(row.node)
        if service is not None and row.change == UPDATE:
            self.updated.add(row.service)
        if service is None or not row.node or row.change == REMOVE:
            return
        pull_bytes = ASSUMED_BYTES if row.pull_bytes is None else row.pull_bytes
        work_s = START_S + service.update.monitor_s + pull_bytes / PULL_BYTES_PER_S
        prospect = attendance.prospect(self.after, row.node, work_s, self.now_mono_s)
        if prospect is None:
            self.unknown.add(row.node)
        self.alike[rounded(prospect or Prospect(work_s, left_s=AGES_S))] += 1

    def likely(self) -> Generator[None, None, float | None]:
        """By when 95 % of the tasks are done. Who waits for a place in the budget waits for all before it."""
        said = yield from likely(self.alike)
        queues = [_queue_s(one, self.rows[name]) for name in self.rows if (one := self._named(name)) is not None]
        return None if said is None else said + max(queues, default=0.0) if self.alike else 0.0

    def reasons(self) -> list[str]:
        """Who leaves the end unknown."""
        names = sorted(self.unknown)[:NAMES_SHOWN]
        return [f"{', '.join(names)}: away, and never seen to return"] if names else []

    def confirmations(self) -> list[str]:
        """The batches after which an update waits for an operator's word."""
        services = [one for name in sorted(self.updated) if (one := self._named(name)) is not None]
        return [
            f"{service_key(self.stack, service.name)} waits after {batch.name} until it is confirmed"
            for service in services
            for batch in service.update.batches
            if batch.is_confirmed_by_hand
        ]

    def _named(self, what: str) -> Service | None:
        return _service(self.after, self.stack, PlanRow("", what, ""))


def rounded(prospect: Prospect) -> Prospect:
    """Nodes that come and go nearly alike are alike: each number to two digits, so a fleet has few kinds of them."""
    numbers = (prospect.work_s, prospect.up_s, prospect.gap_s, prospect.left_s)
    return Prospect(*(float(f"{number:.1e}") for number in numbers))


def waits(outlook: Outlook, row: PlanRow) -> Iterator[str]:
    """What a row waits for, a sentence each."""
    fleet, after = outlook.fleet, outlook.after
    service = _service(after, outlook.stack, row)
    if service is None or not row.node:
        return
    key, need = service_key(outlook.stack, service.name), outlook.need(service)
    yield from filters.foreign(filters.candidate(after, row.node, need), need)
    if row.pull_bytes and row.disk_free_bytes is not None and row.pull_bytes > row.disk_free_bytes:
        yield f"has {row.disk_free_bytes} B of disk free, less than it has to pull"
    if row.change != UPDATE:
        return
    if pins.is_pinned(fleet, key, row.node):
        yield f"pinned by an operator; `bramble unpin {key} --node {row.node}` ends it"
    if fleet.presence(row.node) is Presence.OFFLINE:
        yield "is away; it is updated when it returns"
    opens, lock = service.update.conduct.window, service.update.conduct.lock
    if opens is not None:
        zone = fleet.nodes[row.node].inventory.zone or "its own time zone"
        yield f"waits for its window: {window(opens.schedule, opens.duration_s)}, in {zone}"
    if lock is not None:
        yield f"waits while {lock.path} is there, at most {said(lock.most_s)}"


def _queue_s(service: Service, tasks: int) -> float:
    """For how long the last of so many tasks waits for its turn."""
    rounds = ceil(tasks / service.update.at_once(tasks)) - 1
    return rounds * (START_S + service.update.monitor_s + service.update.delay_s)


def _service(fleet: Fleet, stack: str, row: PlanRow) -> Service | None:
    kind, _, name = row.service.partition(" ")
    found = fleet.catalogue.stacks.get(stack)
    return found.services.get(name) if found is not None and kind == "service" else None
