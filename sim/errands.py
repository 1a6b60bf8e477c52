"""An operator whose functions wait for each other in every way there is, call each other, and fail; and visitors who ring.

The services of `sim.workload` are there, too. `sim.queues` and `sim.follows` hold the stack to what its manifest says. Two buttons
call the functions on their own node, calls come to the controller, and one function runs on the porch alone, so that half of what
follows goes through the controller. What fails leaves dead letters, and the operator replays some and drops others.
"""

from __future__ import annotations

from operator import attrgetter

from protocol.operator import OrderVerb
from sim.fleet import SimFleet
from sim.follows import CHAIN, ECHO, LAMP, LIT, ROUND, TOPIC
from sim.images import FUNCTION, Behaviour
from sim.node import SimNode
from sim.outages import lose_link
from sim.queues import (
    AT_ONCE,
    CROWD,
    CROWD_MOST,
    DRIP,
    DRIP_COUNT,
    DRIP_S,
    HASTY,
    HASTY_S,
    LINE,
    LINE_MOST,
    NEWEST,
    SICK,
    SICK_DELAY_S,
    SICK_MOST_S,
    SINGLE,
    STACK,
)
from sim.stacks import Section, button, function, stack
from sim.workload import PORCH, Workload

RING, GONG = "ring", "gong"
PINS = {RING: 22, GONG: 23}
LAMP_PIN = 27

SICK_RETRIES = 2

AT_HOME = 0.4
"""Share of these histories whose controller speaks to Home Assistant."""

RINGS_MOST = 6
RING_EVERY_S = (0.1, 1.5)
"""Some come while the one before runs, and some after it."""

SLOW, SLOWER = Behaviour(exits_after_s=1.5), Behaviour(exits_after_s=4.0)
LASTING = Behaviour(exits_after_s=9.0)
"""Longer than its agent is away after a crash."""

SAYS_ON = Behaviour(exits_after_s=0.3, answer=lambda *_: f"{LIT}\n")
FAILING = Behaviour(exits_after_s=0.3, exit_code=1)

EXPIRES = "8s"
"""What waits for a rate longer than this expires: a fleet comes to rest, and some letters are of what never began."""

VANISHES_S = (0.1, 3.0)
HUNG_UP_S = 0.2
"""By then the connection of a dead process is closed, and its will has been said."""

AWAY_S = 60.0

LETTERS = (OrderVerb.REPLAY, OrderVerb.REPLAY, OrderVerb.DROP)


class Errands(Workload):
    """The operator of one history about calls."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        super().__init__(fleet, is_lean=is_lean)
        self._follows = fleet.invariants.follows
        self._runs: dict[str, Behaviour] = {
            SINGLE: SLOW, NEWEST: LASTING, LINE: SLOW, CROWD: SLOWER, DRIP: FUNCTION, HASTY: SLOW,
            CHAIN: SAYS_ON, ECHO: FUNCTION, ROUND: FUNCTION, SICK: FAILING,
        }  # fmt: skip
        fleet.invariants.runs.retries = max(fleet.invariants.runs.retries, SICK_RETRIES, function("", "")["retries"])

    def begin(self) -> None:
        """Publish the desk, too."""
        super().begin()
        self._follows.begin()
        if self._chances.random() < AT_HOME:
            self._follows.household.begin()
        self._fleet.sensors[STACK], self._fleet.actuators[STACK] = set(PINS), {LAMP}
        self._desk()

    def see_to(self, verb: OrderVerb, target: str) -> None:
        """Replay or drop dead letters."""
        if verb is OrderVerb.DROP:
            self._follows.dropped.add(target)
        self._fleet.order(verb, target)

    # Deeds.

    def _ring(self) -> None:
        """Somebody is impatient at one of the buttons."""
        node, sensor = self._chances.choice(sorted(self._fleet.nodes)), self._chances.choice((RING, GONG))
        after_s = 0.0
        for _ in range(self._chances.randint(1, RINGS_MOST)):
            self._fleet.world.after(after_s, lambda: self._touch_desk(node, sensor))
            after_s += self._chances.uniform(*RING_EVERY_S)

    def _ask(self) -> None:
        """Call some of them directly; the same call may be made twice."""
        for name in self._chances.sample(sorted(self._runs), self._chances.randint(1, 4)):
            self._calls += self._chances.choice((0, 1, 1))
            self._fleet.call(name, f"desk-{self._calls}")

    def _desert(self) -> None:
        """Ask for much, and have a node vanish in the middle of it: its broker knows at once, and it stays away for long."""
        for name in sorted(self._runs):
            self._calls += 1
            self._fleet.call(name, f"desk-{self._calls}")
        node = self._fleet.nodes[self._chances.choice(sorted(self._fleet.nodes))]
        self._fleet.world.after(self._chances.uniform(*VANISHES_S), lambda: self._vanish(node))

    def _vanish(self, node: SimNode) -> None:
        if not self._fleet.is_healed:
            node.kill()
            self._fleet.world.after(HUNG_UP_S, lambda: self._stay_away(node.name))

    def _stay_away(self, name: str) -> None:
        if not self._fleet.is_healed:
            lose_link(self._fleet, name, AWAY_S)

    def _judge(self) -> None:
        """See to the dead letters: some are replayed, some are dropped; perhaps twice, by somebody who saw no answer."""
        verb = self._chances.choice(LETTERS)
        knows = self._fleet.head.fleet
        letters = [knows.letters[key] for key in knows.letters] if knows is not None else []
        if not letters:
            self._ring()
            return
        known = sorted(letters, key=attrgetter("rank"))
        targets = [f"{STACK}.{SICK}", STACK, *(letter.invocation.id for letter in known)]
        target = self._chances.choice(targets)
        for _ in range(self._chances.choice((1, 1, 2))):
            self.see_to(verb, target)

    def _rework(self) -> None:
        """Other images of all of them; what fails may do better from now on, or the other way round."""
        self._runs[SICK] = self._chances.choice((FAILING, FUNCTION))
        self._desk()

    # What is published.

    def _touch_desk(self, node: str, sensor: str) -> None:
        if not self._fleet.is_healed:
            self._fleet.press(node, sensor)

    def _desk(self) -> None:
        called: dict[str, str] = {SINGLE: RING, NEWEST: RING, LINE: RING, CROWD: RING}
        called |= {DRIP: GONG, HASTY: GONG, CHAIN: GONG, ROUND: RING, SICK: GONG, ECHO: ""}
        functions = {name: self._section_of(name, sensor) for name, sensor in called.items()}
        sensors = {name: button(pin) for name, pin in PINS.items()}
        lamp: Section = {"kind": "led", "pin": LAMP_PIN, "safe": "off"}
        self._fleet.publish(STACK, stack({}, sensors, functions, {LAMP: lamp}))

    def _section_of(self, name: str, sensor: str) -> Section:
        made = function(self._run(self._runs[name]), sensor, *((PORCH,) if name == ECHO else ()))
        if not sensor:
            del made["triggers"]
        if name in (SINGLE, NEWEST, CROWD):
            del made["concurrency"]  # their queues say it
        elif AT_ONCE.get(name) == 1:
            made["concurrency"] = 1
        return made | _WORDS[name]


_WORDS: dict[str, Section] = {
    SINGLE: {"queue": "single"},
    NEWEST: {"queue": {"mode": "restart"}, "retries": 1},
    LINE: {"queue": {"mode": "queued", "max": LINE_MOST}},
    CROWD: {"queue": {"mode": "parallel", "max": CROWD_MOST}},
    DRIP: {"rate": f"{DRIP_COUNT}/{DRIP_S:g}s", "expires": EXPIRES},
    HASTY: {"expires": f"{HASTY_S:g}s"},
    CHAIN: {"then": [{"set": LAMP}, {"publish": TOPIC, "retain": True}, {"call": ECHO}]},
    ECHO: {},
    ROUND: {"then": [{"call": ROUND}]},
    SICK: {"retries": SICK_RETRIES, "backoff": {"delay": f"{SICK_DELAY_S:g}s", "max_delay": f"{SICK_MOST_S:g}s"}},
}
