"""The scheduler against a naive one, and its promises, over histories of fleets whose nodes come, go and change."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.decide.placement.constraints import objections as unmet
from controller.decide.placement.filters import SYSTEM_MEMORY_BYTES, SYSTEM_MILLICPUS
from controller.decide.placement.scheduler import best_node
from controller.decide.presence import Presence
from controller.decide.records import Availability, Task
from protocol.container import Port
from protocol.observed import Inventory
from protocol.stack import Mode, Needs, Resources, Service
from protocol.update import Portion, Update
from tests.controller.yard import Yard, service

MEBIBYTE = 2**20
SITES, PLACES = ("home", "work", None), ("porch", "attic", None)
DEVICES = ("/dev/ttyUSB0",)


def wish(draw: random.Random, name: str) -> Service:
    """A service that asks for something of everything."""
    return service(
        name,
        image=draw.choice(("web:1", "")),
        replicas=draw.randint(0, 6),
        mode=draw.choice((Mode.REPLICATED, Mode.REPLICATED, Mode.REPLICATED, Mode.GLOBAL)),
        constraints=draw.choice(((), (), ("node.labels.place == porch",), ("node.labels.site != work",))),
        preferences=draw.choice(((), (), ("site",), ("site", "place"))),
        most_per_node=draw.choice((0, 0, 1, 2)),
        reservations=draw.choice(
            (Resources(), Resources(0.5, 100 * MEBIBYTE), Resources(1.5), Resources(0, 300 * MEBIBYTE))
        ),
        needs=draw.choice((Needs(), Needs(), Needs(devices=DEVICES), Needs(pins=(17,)))),
        ports=draw.choice(((), (), (Port(80, 80),), (Port(80, 81),))),
        update=Update(parallelism=Portion(draw.choice((0, 1, 2)))),
    )


def join(draw: random.Random, yard: Yard, name: str) -> None:
    """A node joins, or comes back as another."""
    labels = {"site": draw.choice(SITES), "place": draw.choice(PLACES)}
    yard.node(
        name,
        draw.choice((Presence.ONLINE, Presence.ONLINE, Presence.ONLINE, Presence.SUSPECT, Presence.OFFLINE)),
        labels={label: value for label, value in labels.items() if value},
        devices=draw.choice((DEVICES, ())),
        pins=draw.choice(((17,), ())),
        memory_bytes=draw.choice((512, 1024)) * MEBIBYTE,
        cpus=draw.choice((1, 4)),
        availability=yard.fleet.nodes[name].availability if name in yard.fleet.nodes else Availability.ACTIVE,
    )


def churn(draw: random.Random, yard: Yard) -> None:
    """Something happens."""
    fleet, wishes = yard.fleet, list(yard.services.values())
    name = f"pi-{draw.randrange(7)}"
    match draw.randrange(7):
        case 0:
            changed = draw.randrange(len(wishes))
            wishes[changed] = wish(draw, wishes[changed].name)
            yard.publish(*wishes)
        case 1:
            changed = draw.randrange(len(wishes))
            wishes[changed] = replace(wishes[changed], replicas=draw.randint(0, 6))
            yard.publish(*wishes)
        case 2:
            yard.publish(*draw.sample(wishes, draw.randint(1, len(wishes))))
        case 3 if name in fleet.nodes:
            yard.change(name, availability=draw.choice(tuple(Availability)))
        case 4 if name in fleet.nodes:
            yard.presence(name, draw.choice(tuple(Presence)))
        case 5:
            yard.runs(draw.choice(sorted(fleet.nodes) or [name]))
        case _:
            join(draw, yard, name)


def naive_fits(yard: Yard, wanted: Service, name: str) -> bool:
    """Whether a node may take a task, counted from nothing but the tasks themselves."""
    fleet, node = yard.fleet, yard.fleet.nodes[name]
    there = [yard.services[task.service] for task in on(yard, name)]
    own = sum(other.name == wanted.name for other in there)
    ports = {port.published for other in there for port in other.container.ports}
    pins = {pin for other in there for pin in other.needs.pins}
    memory = sum(other.reservations.memory_bytes for other in there) + wanted.reservations.memory_bytes
    cpus = sum(other.reservations.cpus for other in there) + wanted.reservations.cpus
    return (
        node.availability is Availability.ACTIVE
        and fleet.presence(name) is Presence.ONLINE
        and not unmet(wanted.constraints, node)
        and set(wanted.needs.devices) <= set(node.inventory.devices)
        and set(wanted.needs.pins) <= set(node.inventory.pins)
        and not pins & set(wanted.needs.pins)
        and not ports & {port.published for port in wanted.container.ports}
        and (not wanted.most_per_node or own < wanted.most_per_node)
        and (not wanted.reservations.memory_bytes or memory <= node.inventory.memory_bytes - SYSTEM_MEMORY_BYTES)
        and (not wanted.reservations.cpus or cpus * 1000 <= node.inventory.cpus * 1000 - SYSTEM_MILLICPUS)
    )


def naive_best(yard: Yard, wanted: Service) -> str | None:
    """The best node by a scan of all."""
    fleet, tasks = yard.fleet, yard.tasks(wanted.name)

    def key(name: str) -> tuple[object, ...]:
        node, there = fleet.nodes[name], [yard.services[task.service] for task in on(yard, name)]
        groups: list[int] = []
        alike = tasks
        for label in wanted.preferences:
            value = node.labels.get(label)
            alike = [task for task in alike if fleet.nodes[task.node].labels.get(label) == value]
            groups.append(len(alike))
        memory = sum(other.reservations.memory_bytes for other in there)
        cpus = sum(other.reservations.cpus for other in there)
        shares = (
            memory / (node.inventory.memory_bytes - SYSTEM_MEMORY_BYTES),
            cpus * 1000 / (node.inventory.cpus * 1000 - SYSTEM_MILLICPUS),
        )
        own = sum(other.name == wanted.name for other in there)
        has_image = any(o.name != wanted.name and o.container.image == wanted.container.image for o in there)
        return (*groups, own, len(there), max(shares), not has_image, name)

    return min((name for name in fleet.nodes if naive_fits(yard, wanted, name)), key=key, default=None)


def on(yard: Yard, node: str) -> list[Task]:
    """The tasks of one node."""
    return [yard.fleet.tasks[task] for task in sorted(yard.fleet.tasks.of("node", node))]


def check(yard: Yard) -> None:
    """What is always true after a turn."""
    fleet = yard.fleet
    for key, wanted in yard.services.items():
        tasks = yard.tasks(wanted.name)
        crowd = Counter(task.node for task in tasks)
        if wanted.mode.is_global:
            assert max(crowd.values(), default=0) <= 1
            assert not [name for name in fleet.nodes if name not in crowd and naive_fits(yard, wanted, name)]
            continue
        pending = fleet.pendings.get(key)
        missing = wanted.replicas - len(tasks)
        assert missing >= 0, "never more than replicas"
        assert (pending.missing if pending else 0) == missing, "no task is missing without a reason"
        assert best_node(fleet, wanted) == naive_best(yard, wanted)
        assert not (missing and naive_best(yard, wanted)), "nothing waits while there is room"
        assert len(fleet.moves.under_way(key) | fleet.moves.waiting(key)) <= len(tasks)
        waiting = [task for task in tasks if fleet.moves.is_waiting(task.task)]
        for task in tasks:
            must_leave = cause(yard, task)
            assert must_leave == (task in waiting), "who must leave has left, or waits"
        if waiting:
            assert 0 < wanted.update.at_once(len(tasks)) <= len(fleet.moves.under_way(key))


def cause(yard: Yard, task: Task) -> bool:
    """Whether a task must not stay where it is."""
    node, wanted = yard.fleet.nodes[task.node], yard.services[task.service]
    lost = not set(wanted.needs.devices) <= set(node.inventory.devices)
    lost = lost or not set(wanted.needs.pins) <= set(node.inventory.pins)
    assert not lost, "what lost its hardware leaves at once"
    return node.availability is Availability.DRAIN or bool(unmet(wanted.constraints, node))


def check_rooms(yard: Yard, before: dict[str, str], services: dict[str, Service]) -> None:
    """Nothing new was placed beyond what a node has, and nothing moved without a cause."""
    fleet = yard.fleet
    for name in fleet.nodes:
        there = on(yard, name)
        everything = [yard.services[task.service] for task in there]
        for task in there:
            if before.get(task.task) != name:
                check_room(yard.services[task.service], everything, fleet.nodes[name].inventory)
    for task, node in before.items():
        key = task.rsplit(".", 1)[0]
        if yard.placed.get(task) not in (None, node) and key in services and key in yard.services:
            assert node not in fleet.nodes or causes_to_move(yard, task, node), f"{task} moved without a cause"


def check_room(new: Service, everything: list[Service], inventory: Inventory) -> None:
    """A node that took a task of a service has what all of it takes."""
    assert not new.most_per_node or sum(other.name == new.name for other in everything) <= new.most_per_node
    for port in new.container.ports:
        assert sum(port in other.container.ports for other in everything) == 1
    for pin in new.needs.pins:
        assert sum(pin in other.needs.pins for other in everything) == 1
    if new.reservations.memory_bytes:
        memory = sum(other.reservations.memory_bytes for other in everything)
        assert memory <= inventory.memory_bytes - SYSTEM_MEMORY_BYTES
    if new.reservations.cpus:
        assert sum(other.reservations.cpus for other in everything) * 1000 <= inventory.cpus * 1000 - SYSTEM_MILLICPUS


def causes_to_move(yard: Yard, task: str, node: str) -> bool:
    """Drain, constraints, needs, another mode; or it had been given up and was wanted again."""
    wanted, there = yard.services[task.rsplit(".", 1)[0]], yard.fleet.nodes[node]
    return bool(
        there.availability is Availability.DRAIN
        or unmet(wanted.constraints, there)
        or not set(wanted.needs.devices) <= set(there.inventory.devices)
        or not set(wanted.needs.pins) <= set(there.inventory.pins)
    )


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_history_keeps_every_promise_and_chooses_as_a_scan_would(draw: random.Random) -> None:
    """Counts, rooms, reasons, budgets; the kept rankings agree with a scan; a second turn changes nothing."""
    yard = Yard()
    for number in range(draw.randint(0, 5)):
        join(draw, yard, f"pi-{number}")
    yard.publish(*(wish(draw, name) for name in ("a", "b", "c")))
    yard.turn()
    for _ in range(draw.randint(1, 25)):
        before, services = yard.placed, yard.services
        churn(draw, yard)
        yard.turn()
        check(yard)
        check_rooms(yard, before, services)
        after = (yard.placed, yard.pendings)
        yard.turn()
        assert (yard.placed, yard.pendings) == after
