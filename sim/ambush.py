"""Something bad just when a process does one certain thing: the moments at which a crash has something to destroy.

Chance alone meets them too seldom: between "a node was granted" and "it has settled" lie seconds of an hour.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from sim.fleet import SimFleet
from sim.head import CLIENT
from sim.node import SimNode
from sim.outages import lose_broker, lose_link, lose_power

NODE_WORDS = (
    "commits",
    "takes in",
    "has committed",
    "request",
    "run ",
    "result",
    "event",
    "hello",
    "create",
    "start",
    "stop",
    "status",
)
HEAD_WORDS = ("has committed", "grant", "ack", "assignment", "offer", "invocation")
LATE_MOST = 2
"""Effects that a process still gets done after the one that was waited for."""

LONG_S = 150.0
"""Longer than a will, a grace and the next one's turn."""

Doom = tuple[str, Callable[[], None]]


def ambush_node(fleet: SimFleet, chances: random.Random) -> str:
    """Wait for one node."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    word, late = chances.choice(NODE_WORDS), chances.randint(0, LATE_MOST)
    doom, strike = chances.choice(_dooms_of_node(fleet, node, late))
    node.process.ambush = (word, strike)
    return f"{node.name} {doom} when it next does {word!r}"


def fall_between(fleet: SimFleet, chances: random.Random) -> str:
    """A node dies inside a commit, before the facts of it are in."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    node.process.ambush = ("takes in", lambda: setattr(node.process, "fuse", 0))
    return f"{node.name} dies inside its next commit that has facts"


def vanish(fleet: SimFleet, chances: random.Random) -> str:
    """A node that tries something is away before it can tell, and for long."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    dooms = (lambda: lose_power(fleet, node, LONG_S), lambda: lose_link(fleet, node.name, LONG_S))
    doom = chances.choice(dooms)
    node.process.ambush = ("create home.", lambda: fleet.world.after(chances.uniform(0.0, 2.0), doom))
    return f"{node.name} vanishes when it next tries something"


def orphan(fleet: SimFleet, chances: random.Random) -> str:
    """A node that tries something is cut off, and the controller dies: that it was granted stands in one store alone."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]

    def part() -> None:
        lose_link(fleet, node.name, LONG_S)
        if not fleet.is_healed:
            fleet.head.kill()

    node.process.ambush = ("create home.", lambda: fleet.world.after(0.0, part))
    return f"{node.name} is cut off when it next tries something, and the controller dies"


def ambush_controller(fleet: SimFleet, chances: random.Random) -> str:
    """Wait for the controller."""
    word, late = chances.choice(HEAD_WORDS), chances.randint(0, LATE_MOST)
    doom, strike = chances.choice(
        (
            ("dies", lambda: setattr(fleet.head.process, "fuse", late)),
            ("is cut off", lambda: lose_link(fleet, CLIENT, 60.0)),
            ("loses the broker", lambda: fleet.world.after(0.0, lambda: lose_broker(fleet, 10.0, forgets=True))),
        )
    )
    fleet.head.process.ambush = (word, strike)
    return f"the controller {doom} when it next does {word!r}"


def _dooms_of_node(fleet: SimFleet, node: SimNode, late: int) -> tuple[Doom, ...]:
    """Power and broker go a moment later: nobody pulls a plug from inside a process."""
    return (
        ("dies", lambda: setattr(node.process, "fuse", late)),
        ("loses its power", lambda: fleet.world.after(0.0, lambda: lose_power(fleet, node, 90.0))),
        ("is cut off", lambda: lose_link(fleet, node.name, 100.0)),
        ("loses the broker", lambda: fleet.world.after(0.0, lambda: lose_broker(fleet, 10.0, forgets=True))),
    )
