"""Everything bad that can happen to a fleet: each fault strikes, and heals by itself after a while.

A fault takes the fleet and its chances, and gives one line for the trace. `heal` ends whatever is still wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from protocol.envelope import Packet
from sim.ambush import ambush_controller, ambush_node, fall_between, orphan, vanish
from sim.broker import Weather
from sim.cards import lose_card, restore_controller
from sim.fleet import SimFleet
from sim.forgery import forge, misprint, misroute, replay, stammer
from sim.fullness import empty
from sim.head import CLIENT
from sim.losses import forget_retained, late_wills, overflow, swallow, swallow_once
from sim.mishaps import crash, fall_ill, hold_lock, slow_radio
from sim.node import SimNode
from sim.outages import lose_broker, lose_link, lose_power
from sim.rarities import RARITIES
from sim.themes import theme_of

FUSE_MOST = 14
"""Effects until a crash: a turn in the middle of an update has some ten."""

FAULT_EVERY_S = 40.0
"""On average: the next strikes while the fleet still heals from the last."""

CALM = Weather()
YEAR_S = 365 * 86_400.0

Fault = Callable[[SimFleet, random.Random], str]


def _node(fleet: SimFleet, chances: random.Random) -> SimNode:
    return fleet.nodes[chances.choice(sorted(fleet.nodes))]


def _cut(fleet: SimFleet, chances: random.Random) -> str:
    name, seconds = chances.choice([*sorted(fleet.nodes), CLIENT]), chances.choice((3.0, 15.0, 45.0, 120.0, 300.0))
    lose_link(fleet, name, seconds)
    return f"{name} is cut off for {seconds:.0f} s"


def _cut_half(fleet: SimFleet, chances: random.Random) -> str:
    names = chances.sample(sorted(fleet.nodes), max(1, len(fleet.nodes) // 2))
    seconds = chances.uniform(30.0, 240.0)
    for name in names:
        lose_link(fleet, name, seconds * chances.uniform(0.5, 1.0))
    return f"{', '.join(names)} are cut off for up to {seconds:.0f} s"


def _kill_agent(fleet: SimFleet, chances: random.Random) -> str:
    node = _node(fleet, chances)
    node.process.fuse = chances.randint(0, FUSE_MOST)
    return f"{node.name} is to die after {node.process.fuse} effects"


def _kill_controller(fleet: SimFleet, chances: random.Random) -> str:
    fleet.head.process.fuse = chances.randint(0, FUSE_MOST)
    return f"the controller is to die after {fleet.head.process.fuse} effects"


def _power(fleet: SimFleet, chances: random.Random) -> str:
    node, seconds = _node(fleet, chances), chances.uniform(5.0, 90.0)
    lose_power(fleet, node, seconds)
    return f"{node.name} has no power for {seconds:.0f} s"


def _broker(fleet: SimFleet, chances: random.Random) -> str:
    seconds, forgets = chances.uniform(1.0, 40.0), chances.random() < 0.5
    lose_broker(fleet, seconds, forgets=forgets)
    return f"the broker is down for {seconds:.0f} s"


def _backup(fleet: SimFleet, chances: random.Random) -> str:
    """The broker comes back with what it had retained some time ago."""
    if not fleet.world.broker.is_running:
        return "the broker is down already"
    old, seconds = dict(fleet.world.broker.retained), chances.uniform(20.0, 120.0)
    fleet.world.after(seconds, lambda: _restore(fleet, old))
    return f"the broker will be restored to now in {seconds:.0f} s"


def _restore(fleet: SimFleet, old: dict[str, Packet]) -> None:
    if fleet.world.broker.is_running and not fleet.is_healed:
        fleet.lose_broker()
        fleet.world.broker.retained.update(old)
        fleet.start_broker()


def _engine(fleet: SimFleet, chances: random.Random) -> str:
    node, seconds = _node(fleet, chances), chances.uniform(2.0, 60.0)
    if node.engine.away:
        return f"the engine of {node.name} is away already"
    node.stop_engine()
    fleet.world.after(seconds, node.start_engine)
    return f"the engine of {node.name} is away for {seconds:.0f} s"


def _registry(fleet: SimFleet, chances: random.Random) -> str:
    seconds = chances.uniform(5.0, 120.0)
    fleet.registry.up = False
    fleet.world.after(seconds, lambda: setattr(fleet.registry, "up", True))
    return f"the registry is down for {seconds:.0f} s"


def _stop(fleet: SimFleet, chances: random.Random) -> str:
    process = chances.choice([fleet.head.process, *(node.process for _, node in sorted(fleet.nodes.items()))])
    seconds = chances.choice((2.0, 10.0, 40.0, 90.0))
    process.stop(seconds)
    return f"{process.name} stands still for {seconds:.0f} s"


def _clock(fleet: SimFleet, chances: random.Random) -> str:
    node = _node(fleet, chances)
    node.wall_off_s = chances.choice((0.0, YEAR_S, -YEAR_S, -56 * YEAR_S, 61.0))
    return f"the clock of {node.name} is wrong by {node.wall_off_s:.0f} s"


def _weather(fleet: SimFleet, chances: random.Random) -> str:
    late_s = chances.choice((0.5, 5.0, 30.0))
    rough = Weather(0.001, 0.8, duplicate=0.2, overtake=chances.choice((0.0, 0.05, 0.2)), late_s=late_s)
    fleet.world.broker.weather = rough
    fleet.world.after(chances.uniform(20.0, 120.0), lambda: setattr(fleet.world.broker, "weather", CALM))
    return f"the weather is rough: {rough.overtake:.0%} of all packets are up to {late_s:.1f} s late"


FAULTS: dict[Fault, int] = {
    _cut: 6,
    _cut_half: 2,
    ambush_node: 8,
    ambush_controller: 6,
    _kill_agent: 4,
    _kill_controller: 3,
    _power: 4,
    _broker: 4,
    _backup: 1,
    _engine: 2,
    _registry: 2,
    _stop: 2,
    _clock: 1,
    _weather: 3,
    replay: 3,
    forge: 2,
    misprint: 1,
    forget_retained: 2,
    overflow: 2,
    late_wills: 2,
    crash: 2,
    fall_ill: 1,
    hold_lock: 1,
    slow_radio: 1,
    misroute: 1,
    stammer: 1,
    lose_card: 1,
    restore_controller: 0,
    vanish: 0,
    fall_between: 1,
    **dict.fromkeys(RARITIES, 0),
    swallow: 1,
    orphan: 0,
}
"""Each fault, and how often it comes compared with the others. New ones stand at the end: see tests/sim/regressions.py."""


LOSSES: tuple[Fault, ...] = (swallow, overflow, forget_retained)
LAST_LOSSES: tuple[Fault, ...] = (swallow_once, overflow, forget_retained)
LINGERS = 0.25
"""Of the histories in which such losses are no exception."""


def strike(fleet: SimFleet, among: Mapping[Fault, int]) -> None:
    """Let one of these faults happen."""
    chances, theme = fleet.world.chances, theme_of(fleet.world.seed)
    weights = [theme.weight(fault.__name__, usual) for fault, usual in among.items()]
    fault = chances.choices(list(among), weights)[0]
    fleet.faults += 1
    fleet.world.say("fate", fault(fleet, chances))


def linger(fleet: SimFleet, among: Mapping[Fault, int]) -> None:
    """Let the broker lose something once more while everything else has healed: what nobody says anew afterwards stays lost."""
    chances, theme = fleet.world.chances, theme_of(fleet.world.seed)
    is_lossy = any(theme.weight(fault.__name__, among.get(fault, 0)) >= 1 for fault in LOSSES)
    if is_lossy and chances.random() < LINGERS:
        fleet.world.say("fate", chances.choice(LAST_LOSSES)(fleet, chances))


def heal(fleet: SimFleet) -> None:
    """End everything that is wrong; what processes still do about it is their own affair."""
    fleet.world.say("fate", "heals everything")
    fleet.is_healed = True
    fleet.registry.up = True
    fleet.world.broker.weather = CALM
    fleet.world.broker.swallows.clear()
    if not fleet.world.broker.is_running:
        fleet.start_broker()
    for leave in list(fleet.guests):
        leave()
    for node in fleet.nodes.values():
        empty(node)
        for box in node.engine.boxes.values():
            box.held.clear()
        node.process.fuse = node.process.ambush = None
        node.wall_off_s = 0.0
        if not node.is_powered:
            node.power()
        elif node.engine.away:
            node.start_engine()
    fleet.head.process.fuse = fleet.head.process.ambush = None
    fleet.mend(*sorted(fleet.world.broker.partitioned))
