"""What publishing a manifest would change, node by node: really decided, on a copy of the fleet that nobody hears.

The copy holds the same records, which are frozen; what is decided on it is compared with what is so now, and it is thrown away.
What a tag that has moved would bring is not known before its registry is asked, which a diff does not do. A copy costs as much as
a restart of the controller; where nobody would move none is made, and the fleet itself is looked at (`beside`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields, replace

from controller.decide import answers, force, images, manifests
from controller.decide.fleet import Fleet
from controller.decide.placement.hosts import host
from controller.decide.placement.need import need_of
from controller.decide.placement.scheduler import schedule
from controller.decide.records import Image, StackRecord, Task, stack_of
from controller.decide.revive import revive
from protocol.ids import service_key
from protocol.observed import Answer
from protocol.operator import DiffRow, ManifestFault, OperatorOrder, Verdict
from protocol.reading import stackfile
from protocol.stack import Service, Stack

ADD, REMOVE, UPDATE, KEEP = "add", "remove", "update", "keep"

WITH_UPDATE = "with the update of its services there"

_KINDS = ("sensors", "actuators", "functions")

Placed = dict[tuple[str, str], list[Task]]
"""Tasks by node and service."""

OWN = ("stacks", "images", "revisions", "scales", "histories", "undos", "earlier")
"""What supposing a stack writes down where nothing moves; as many records as there are services."""

LOOKED_AT = ("devices", "hosts", "device_nodes", "rooms", "health", "seen", "here_mono_s", "away_mono_s", "flapping")
"""What follows from the other shelves, or was heard."""


def supposed(fleet: Fleet, asked: OperatorOrder) -> Stack | Answer:
    """The stack that an order supposes; what is wrong with it is the answer."""
    text, name = asked.arguments.get("manifest"), asked.target
    if not name or not isinstance(text, str) or not text:
        return answers.refused(f"a {asked.verb} needs the name of a stack and the text of its manifest")
    stack = stackfile.read(text.encode(), name)
    faults = stack if isinstance(stack, tuple) else tuple(manifests.conflicts(fleet, stack))
    return _faulty(name, faults) if isinstance(stack, tuple) or faults else stack


def compared(fleet: Fleet, after: Fleet, stack: str) -> Iterator[DiffRow | None]:
    """What differs of one stack between what is so and what would be, row by row, in some order.

    With nothing in between, so that whoever has other work to do may stop for a while.
    """
    yield from _services(fleet, after, stack)
    yield from _devices(fleet, after, stack)


def _faulty(name: str, faults: tuple[ManifestFault, ...]) -> Answer:
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    said = f"the manifest of {name} would be refused: {faults[0].reason}{more}"
    return Answer("", ok=False, message=said, result={"faults": [asdict(fault) for fault in faults]})


def having(fleet: Fleet, stack: Stack, now_mono_s: float, found: dict[str, Image] | None = None) -> Fleet:
    """The fleet as it would be with this stack, and with what was found of its images; it is connected to nothing."""
    copy = Fleet(fleet.name, replace(fleet.terms, image_lookup_s=0.0))
    empty = copy.shelves()
    for name, shelf in fleet.shelves().items():
        for key in shelf:
            empty[name].load(key, shelf[key])
    copy.flapping |= fleet.flapping
    revive(copy, now_mono_s)
    _suppose(copy, stack, found)
    host(copy)
    schedule(copy)
    return copy


def _suppose(copy: Fleet, stack: Stack, found: dict[str, Image] | None) -> None:
    before = copy.stacks.get(stack.name) or StackRecord(stack.name, Verdict.ACCEPTED)
    copy.stacks.put(stack.name, replace(before, stack=stack, awaited=None))
    if found is not None:
        images.suppose(copy, stack, found)
    force.outdated(copy, stack)
    force.enforce(copy, stack.name)


def beside(fleet: Fleet, stack: Stack, found: dict[str, Image] | None = None) -> Fleet | None:
    """The same where nobody would move, as for most updates: the very shelves of the fleet, only to be read. None where some would.

    So it costs as much as there are services, not nodes.
    """
    before = fleet.catalogue.stacks.get(stack.name, Stack(stack.name))
    if before.services.keys() != stack.services.keys() or _hosted(before) != _hosted(stack):
        return None
    after = Fleet(fleet.name, replace(fleet.terms, image_lookup_s=0.0))
    empty = after.shelves()
    for name, shelf in fleet.shelves().items():
        if name in OWN:
            for key in shelf:
                empty[name].load(key, shelf[key])
        else:
            setattr(after, name, shelf)
    for name in LOOKED_AT:
        setattr(after, name, getattr(fleet, name))
    for one in fleet.catalogue.stacks.values():
        after.catalogue.put(one)
    _suppose(after, stack, found)
    keys = (service_key(stack.name, name) for name in stack.services)
    return after if all(_stays(fleet, after, key) for key in keys) else None


def _hosted(stack: Stack) -> list[tuple[str, str, tuple[str, ...]]]:
    """What decides which nodes have devices and functions."""
    return [(kind, name, one.constraints) for kind in _KINDS for name, one in sorted(getattr(stack, kind).items())]


def _stays(fleet: Fleet, after: Fleet, key: str) -> bool:
    """Whether a service asks of nodes what it asks now, and for as many."""
    old, new = fleet.catalogue.services[key], after.catalogue.services[key]
    if (old.mode, old.replicas, old.job) != (new.mode, new.replicas, new.job) or (old.job and old != new):
        return False
    # Where its kin are decides between nodes that it might go to, and it goes to none.
    asked, asks = need_of(fleet, old), need_of(after, new)
    return replace(asked, kin=frozenset()) == replace(asks, kin=frozenset())


def _services(fleet: Fleet, after: Fleet, stack: str) -> Iterator[DiffRow | None]:
    keys = {key for one in (fleet, after) for key in one.catalogue.services if stack_of(key) == stack}
    old: Placed = {}
    yield from _find(fleet, keys, old)
    new = old if after.tasks is fleet.tasks else {}
    if new is not old:
        yield from _find(after, keys, new)
    for node, key in sorted({*old, *new}):
        if node in fleet.nodes:  # it may have left meanwhile
            yield _service(fleet, after, (node, key), (old.get((node, key), []), new.get((node, key), [])))
    for key in sorted(key for key in after.pendings if stack_of(key) == stack):
        pending = after.pendings[key]
        said = f"{pending.missing} {'task' if pending.missing == 1 else 'tasks'} would have no node"
        yield DiffRow("", f"service {_bare(key)}", ADD, (said, *pending.reasons))


def _service(fleet: Fleet, after: Fleet, where: tuple[str, str], tasks: tuple[list[Task], list[Task]]) -> DiffRow:
    (node, key), (old, new) = where, tasks
    what = f"service {_bare(key)}"
    if not old or not new:
        count = len(old or new)
        return DiffRow(node, what, REMOVE if old else ADD, (f"{count} tasks",) if count > 1 else ())
    details = []
    if any(task.revision != after.catalogue.revisions[key] for task in old):
        details += _changes(fleet.catalogue.services.get(key), after.catalogue.services[key]) or ["its update goes on"]
    if len(old) != len(new):
        details.append(f"{len(old)} -> {len(new)} tasks")
    return DiffRow(node, what, UPDATE if details else KEEP, tuple(details))


def _find(fleet: Fleet, keys: set[str], found: Placed) -> Iterator[None]:
    """The tasks of services by node and service."""
    for key in sorted(keys):
        for task in sorted(fleet.tasks.of("service", key)):
            if (placed := fleet.tasks.get(task)) is not None:
                found.setdefault((placed.node, key), []).append(placed)
            yield None


def _changes(old: Service | None, new: Service) -> list[str]:
    """What makes the revision another one: the image with both references, variables by name only, the rest by field."""
    if old is None:
        return []
    said = []
    before, after = old.container, new.container
    for name in (field.name for field in fields(after) if getattr(before, field.name) != getattr(after, field.name)):
        match name:
            case "image":
                said.append(f"image {before.image} -> {after.image}")
            case "environment":
                said += _variables(before.environment, after.environment)
            case _:
                said.append(name)
    return said + [
        name for name in ("restart", "depends_on", "job", "stop_after_s") if getattr(old, name) != getattr(new, name)
    ]


def _variables(old: dict[str, str], new: dict[str, str]) -> list[str]:
    return [f"env {name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]


def _devices(fleet: Fleet, after: Fleet, stack: str) -> Iterator[DiffRow]:
    """Sensors, actuators and functions: they come with the update of the stack's services, and at once where there is none."""
    nodes = sorted(fleet.device_nodes.get(stack, set()) | after.device_nodes.get(stack, set()))
    for kind in _KINDS:
        for node in nodes:
            old, new = _on(fleet, kind, node, stack), _on(after, kind, node, stack)
            for name in sorted(old | new):
                what = f"{kind.removesuffix('s')} {name}"
                row = DiffRow(node, what, REMOVE if name in old else ADD)
                if name in old and name in new:
                    row = _device(fleet, after, kind, (node, what, service_key(stack, name)))
                waits = row.change != KEEP and _updates(fleet, after, node, stack)
                yield replace(row, details=(*row.details, WITH_UPDATE)) if waits else row


def _updates(fleet: Fleet, after: Fleet, node: str, stack: str) -> bool:
    """Whether a service that a node has of a stack would be updated there."""
    revisions = after.catalogue.revisions
    tasks = (fleet.tasks[task] for task in fleet.tasks.of("node", node) if stack_of(task) == stack)
    return any(revisions.get(task.service, task.revision) != task.revision for task in tasks)


def _device(fleet: Fleet, after: Fleet, kind: str, where: tuple[str, str, str]) -> DiffRow:
    node, what, key = where
    before, now = _spec(fleet, kind, key), _spec(after, kind, key)
    changed = tuple(name for name in sorted(now) if before.get(name) != now[name] and name != "revision")
    return DiffRow(node, what, UPDATE if changed else KEEP, changed)


def _spec(fleet: Fleet, kind: str, key: str) -> dict[str, object]:
    stack, _, name = key.partition(".")
    spec = asdict(getattr(fleet.catalogue.stacks[stack], kind)[name].spec)
    options = spec.pop("options", {})
    return {**spec, **options}


def _on(fleet: Fleet, kind: str, node: str, stack: str) -> set[str]:
    devices = fleet.devices.get(node)
    keys: tuple[str, ...] = getattr(devices, kind) if devices else ()
    return {_bare(key) for key in keys if stack_of(key) == stack}


def _bare(key: str) -> str:
    return key.partition(".")[2]
