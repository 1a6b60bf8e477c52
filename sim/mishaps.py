"""What befalls single containers and single links: a crash, an illness, a lock that is held, a radio that is slow."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from sim.boxes import Box
from sim.broker import Weather
from sim.fleet import SimFleet
from sim.truth import task_of

CRASHED = 139
"""Exit code of what a segmentation fault ended; nobody who stops a container leaves it."""

LOCK = "/run/busy"
LONGEST_S = 60.0
CHECK_S = 0.5
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
    fleet.invariants.remember()
    well, starts = box.behaviour, box.starts
    box.behaviour = replace(well, health=(*well.health, (fleet.world.now_s - box.started_s, "unhealthy")))
    _recover(fleet, box, starts, lambda: setattr(box, "behaviour", well))
    return f"{box.name} falls ill"


def hold_lock(fleet: SimFleet, chances: random.Random) -> str:
    """An application must not be interrupted for a while."""
    box, seconds = _service_box(fleet, chances), chances.uniform(5.0, LONGEST_S)
    if box is None:
        return "no lock is taken"
    box.held.add(LOCK)
    fleet.world.after(seconds, lambda: box.held.discard(LOCK))
    return f"{box.name} holds {LOCK} for {seconds:.0f} s"


def slow_radio(fleet: SimFleet, chances: random.Random) -> str:
    """Every packet takes its time for a while."""
    broker, seconds = fleet.world.broker, chances.uniform(10.0, LONGEST_S)
    usual, broker.weather = broker.weather, SLOW
    fleet.world.after(seconds, lambda: setattr(broker, "weather", usual) if broker.weather is SLOW else None)
    return f"every packet takes up to {SLOW.most_s:g} s, for {seconds:.0f} s"


def _service_box(fleet: SimFleet, chances: random.Random) -> Box | None:
    boxes = [box for name in sorted(fleet.nodes) for box in fleet.boxes(name) if task_of(box)]
    return chances.choice(boxes) if boxes else None


def _crash(fleet: SimFleet, box: Box, times: int) -> None:
    if fleet.is_healed or not times:
        return
    fleet.invariants.remember()
    if box.runs:
        box.end(CRASHED, fleet.world.now_s)
    fleet.world.after(LONGEST_S / 10, lambda: _crash(fleet, box, times - 1))


def _recover(fleet: SimFleet, box: Box, starts: int, recover: Callable[[], None]) -> None:
    if box.starts > starts:
        recover()
    elif any(box in node.engine.boxes.values() for node in fleet.nodes.values()):
        fleet.world.after(CHECK_S, lambda: _recover(fleet, box, starts, recover))
