"""What a broker loses or brings too late while it goes on running: retained messages, packets that find no room, last wills.

Nobody is told of any of it: there is no disconnect that would make somebody say things again.
"""

from __future__ import annotations

import random
from dataclasses import replace

from sim.broker import Weather
from sim.fleet import SimFleet

TINY_QUEUES = (0, 1, 3)
"""Packets on their way to one client before the newest are dropped; a real broker has room for a thousand."""

LATE_WILLS_S = (5.0, 200.0)
LONGEST_S = 120.0
USUAL = Weather()

WORDS = ("invocation", "invocation", "ack", "grant", "assignment", "offer", "status", "event", "result", "hello")
"""What a full queue had no room for, just then."""

SWALLOWED_MOST = 2

SAID_ONCE = ("assignment", "offer", "status")


def forget_retained(fleet: SimFleet, chances: random.Random) -> str:
    """Some retained messages are gone, as after a broker's crash that lost half of its last save."""
    retained = fleet.world.broker.retained
    gone = chances.sample(sorted(retained), len(retained) // 2)
    for topic in gone:
        del retained[topic]
    fleet.invariants.honesty.forgot(gone)
    return f"the broker forgets {len(gone)} of its retained messages"


def overflow(fleet: SimFleet, chances: random.Random) -> str:
    """The broker's queues are full for a while: the newest packets are dropped, and were acknowledged all the same."""
    broker, seconds, most = fleet.world.broker, chances.uniform(1.0, LONGEST_S), chances.choice(TINY_QUEUES)
    broker.weather = replace(broker.weather, queue=most)
    fleet.world.after(seconds, lambda: setattr(broker, "weather", replace(broker.weather, queue=USUAL.queue)))
    return f"no client has more than {most} packets on their way for {seconds:.0f} s"


def swallow(fleet: SimFleet, chances: random.Random) -> str:
    """A queue is full at the very moment at which a certain thing is said, and has room again for all that follows."""
    word, times = chances.choice(WORDS), chances.randint(1, SWALLOWED_MOST)
    fleet.world.broker.swallows[word] = times
    return f"the broker has no room for the next {times} of {word!r}"


def swallow_once(fleet: SimFleet, chances: random.Random) -> str:
    """Like `swallow`, of what its sender says once, and again only to who shows that he does not have it."""
    word = chances.choice(SAID_ONCE)
    fleet.world.broker.swallows[word] = 1
    return f"the broker has no room for the next {word!r}"


def late_wills(fleet: SimFleet, chances: random.Random) -> str:
    """For a while the broker publishes wills long after their connections: those of sessions that have returned since, too."""
    broker, seconds, late_s = fleet.world.broker, chances.uniform(10.0, LONGEST_S), chances.uniform(*LATE_WILLS_S)
    broker.weather = replace(broker.weather, will_late_s=late_s)
    fleet.world.after(
        seconds, lambda: setattr(broker, "weather", replace(broker.weather, will_late_s=USUAL.will_late_s))
    )
    return f"for {seconds:.0f} s wills come {late_s:.0f} s late"
