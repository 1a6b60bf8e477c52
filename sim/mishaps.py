"""What befalls single containers and single links: a crash, an illness, a lock that is held, a radio that is slow."""

from __future__ import annotations

import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from sim.boxes import Box
from sim.broker import Weather
from sim.fleet import SimFleet
from sim.node import SimNode
from sim.truth import service_of, task_of

CRASHED = 139
"""Exit code of what a segmentation fault ended; nobody who stops a container leaves it."""

LOCK = "/run/busy"
LONGEST_S = 60.0
HELD_S = 20.0
CHECK_S = 0.5
TOLD_ILL_S = (0.5, 8.0)
"""From an illness to the order that moves it elsewhere: mostly the controller knows of it by then."""

ILL = "unhealthy"
SLOW = Weather(0.2, 2.5)


def crash(fleet: SimFleet, chances: random.Random) -> str:
    """A service's container ends by itself, once or time and again for a while."""
    box, times = _service_box(fleet, chances), chances.choice((1, 1, 3))
    if box is None:
        return "no container crashes"
    _crash(fleet, box, times)
    return f"{box.name} crashes, {times} times"


def fall_ill(fleet: SimFleet, chances: random.Random) -> str:
    """A service's container is unhealthy from now on, until it is started again."""
    box = _service_box(fleet, chances)
    if box is None:
        return "no container falls ill"
    _sicken(fleet, box)
    return f"{box.name} falls ill"


def outstay(fleet: SimFleet, chances: random.Random) -> str:
    """An ill container heeds no stop, and its node is drained: it has failed, and runs on for as long as it is given."""
    movable = {
        service_of(task_of(box)) for name in fleet.nodes for box in fleet.boxes(name) if not _is_bound(box, name)
    }
    box = _service_box(fleet, chances, movable)
    if box is None:
        return "no container outstays its drain"
    node = next(node for node in fleet.nodes.values() if box in node.engine.boxes.values())
    _sicken(fleet, box, heeds_stop=False)
    fleet.world.after(chances.uniform(*TOLD_ILL_S), lambda: _drain(fleet, node.name))
    return f"{box.name} falls ill, heeds no stop, and is to leave {node.name}"


def _is_bound(box: Box, node: str) -> bool:
    """Whether its task is this node's own, and goes nowhere else."""
    return task_of(box).endswith(f".{node}")


def _drain(fleet: SimFleet, node: str) -> None:
    if not fleet.is_healed and not fleet.drained:
        fleet.drain(node)


def sicken(fleet: SimFleet, node: SimNode, chances: random.Random) -> str:
    """One of this node's containers falls ill; its name, if there is one."""
    boxes = [box for box in fleet.boxes(node.name) if task_of(box)]
    if not boxes:
        return ""
    box = chances.choice(boxes)
    _sicken(fleet, box)
    return box.name


def _sicken(fleet: SimFleet, box: Box, *, heeds_stop: bool = True) -> None:
    fleet.invariants.remember(box)
    if any(word == ILL for _, word in box.behaviour.health):
        return  # it would recover to what it is now
    well, starts = box.behaviour, box.starts
    health = (*well.health, (fleet.world.now_s - box.started_s, ILL))
    box.behaviour = replace(well, health=health, heeds_stop=well.heeds_stop and heeds_stop)
    _recover(fleet, box, starts, lambda: setattr(box, "behaviour", well))


def hold_lock(fleet: SimFleet, chances: random.Random) -> str:
    """An application must not be interrupted for a while; of one that nobody asks, it does not matter."""
    box, seconds = _service_box(fleet, chances, fleet.invariants.ways.locks), chances.uniform(5.0, LONGEST_S)
    if box is None:
        return "no lock is taken"
    _hold(fleet, box, seconds)
    return f"{box.name} holds {LOCK} for {seconds:.0f} s"


def hold_locks(fleet: SimFleet, service: str) -> None:
    """Every container of a service takes its lock, if it has one."""
    for node in sorted(fleet.nodes) if service in fleet.invariants.ways.locks else ():
        for box in fleet.boxes(node, service):
            fleet.world.say("fate", f"{box.name} holds {LOCK} for {HELD_S:.0f} s")
            _hold(fleet, box, HELD_S)


def _hold(fleet: SimFleet, box: Box, seconds: float) -> None:
    box.held.add(LOCK)
    fleet.world.after(seconds, lambda: box.held.discard(LOCK))


def slow_radio(fleet: SimFleet, chances: random.Random) -> str:
    """Every packet takes its time for a while."""
    broker, seconds = fleet.world.broker, chances.uniform(10.0, LONGEST_S)
    usual, broker.weather = broker.weather, SLOW
    fleet.world.after(seconds, lambda: setattr(broker, "weather", usual) if broker.weather is SLOW else None)
    return f"every packet takes up to {SLOW.most_s:g} s, for {seconds:.0f} s"


def _service_box(fleet: SimFleet, chances: random.Random, rather: AbstractSet[str] = frozenset()) -> Box | None:
    boxes = [box for name in sorted(fleet.nodes) for box in fleet.boxes(name) if task_of(box)]
    boxes = [box for box in boxes if service_of(task_of(box)) in rather] or boxes
    return chances.choice(boxes) if boxes else None


def _crash(fleet: SimFleet, box: Box, times: int) -> None:
    if fleet.is_healed or not times:
        return
    fleet.invariants.remember(box)
    if box.runs:
        box.end(CRASHED, fleet.world.now_s)
    fleet.world.after(LONGEST_S / 10, lambda: _crash(fleet, box, times - 1))


def _recover(fleet: SimFleet, box: Box, starts: int, recover: Callable[[], None]) -> None:
    if box.starts > starts:
        recover()
    elif any(box in node.engine.boxes.values() for node in fleet.nodes.values()):
        fleet.world.after(CHECK_S, lambda: _recover(fleet, box, starts, recover))
