"""Operators with more on their hands: jobs, pins, farewells, lamps, and updates that may take one node of each group.

The services of `sim.workload` are there as well. What is wanted at the end: every job done, nothing pinned, every node back.
"""

from __future__ import annotations

from protocol.desired import Verb
from protocol.operator import OrderVerb
from sim.errands import Errands
from sim.fleet import SimFleet
from sim.habits import GROUPS
from sim.images import Behaviour
from sim.lessons import learn
from sim.renewals import Renewals
from sim.stacks import Section, stack
from sim.storms import Storms
from sim.themes import CALLS, RARE, RELEASES, STORMS, Theme, theme_of
from sim.watch import Watch
from sim.workload import SOMETIMES, Workload

WORKS = (Behaviour(exits_after_s=1.0), Behaviour(exits_after_s=6.0), Behaviour(exits_after_s=20.0))
"""Jobs of a moment, of some seconds, and one that hardly gets done between two faults."""

AWAY_S = (15.0, 60.0)
"""How long a node that was let go stays without a word, before its agent is started again and asks to be let in."""

LOOKS_EVERY_S = 45.0
GROUP_MOST = 3
"""Tasks that an update may take at once, so that it is the groups that hold it back."""

LAMP: Section = {"kind": "led", "pin": 27, "safe": "off"}
GLOBAL_JOB: Section = {"mode": "global-job"}


class Estate(Workload):
    """The operator of one history about such things."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        super().__init__(fleet, is_lean=is_lean)
        self._jobs: dict[str, str] = {}
        self._times = 1
        self._pinned: set[tuple[str, str]] = set()
        web = self._habits.get("home.web")
        if self._theme.name == "estate" and web is not None and self._chances.random() < SOMETIMES:
            web.extra, web.parallelism = {"max_unavailable": GROUPS}, GROUP_MOST
            learn(fleet.invariants, web.name, web.parallelism, web.order)
            fleet.invariants.ways.wishes.groups[web.name] = (
                str(GROUPS["per"]).removeprefix("node.labels."),
                GROUPS["count"],
            )

    def begin(self) -> None:
        """Publish the first revision of everything, a lamp too."""
        if self._theme.name == "usurpers":
            self._fleet.head.listens = True
            self._fleet.head.kill()  # it listens from its next start on
        super().begin()
        if self._theme.name == "estate":
            self._fleet.publish("hall", stack({}, actuators={"lamp": LAMP}))
            self._fleet.actuators["hall"] = {"lamp"}

    def end(self) -> None:
        """Want what is good, on every node."""
        self._unpin()
        super().end()
        self._welcome()

    # Deeds.

    def _work(self) -> None:
        """Have something done once, or everywhere; perhaps the same as before, which is done."""
        if not self._jobs or self._chances.random() < SOMETIMES:
            self._jobs = {name: self._image("work", self._chances.choice(WORKS)) for name in ("sweep", "count")}
            self._times = self._chances.randint(
                1, len(self._fleet.nodes)
            )  # who asks for fewer, and then for more, asks anew
        counted: Section = {"mode": "replicated-job", "replicas": self._times}
        services: Section = {"sweep": self._job("sweep", GLOBAL_JOB), "count": self._job("count", counted)}
        self._fleet.invariants.ways.works.services |= {"yard.sweep", "yard.count"}
        self._fleet.publish("yard", stack(services))

    def _pin(self) -> None:
        service, node = self._one(), self._chances.choice(sorted(self._fleet.nodes))
        self._pinned.add((service, node))
        self._fleet.invariants.ways.stops.clear()  # a pin changes who tries what
        self._fleet.order(OrderVerb.PIN, service, node=node)

    def _seal(self) -> None:
        """Pin a service wherever it runs, and want something bad of it: nobody tries that, and whoever joins must not have it."""
        service, knows = self._one(), self._fleet.head.fleet
        if knows is None or len(knows.departed) or len(self._fleet.running(service)) < len(self._fleet.nodes):
            return  # of what nobody runs any more the next revision is the first one
        self._let_go()
        for node in sorted(self._fleet.nodes):
            self._pinned.add((service, node))
            self._fleet.order(OrderVerb.PIN, service, node=node)
        self._worsen(service)

    def _unpin(self) -> None:
        for service, node in sorted(self._pinned):
            self._fleet.order(OrderVerb.UNPIN, service, node=node)

    def _let_go(self) -> None:
        """Send a node away, though it is there; its agent is started again a while later."""
        node = self._fleet.nodes[self._chances.choice(sorted(self._fleet.nodes))]
        self._fleet.invariants.doubted.add(node.name)  # who is let go while he is away may still run what others start
        self._fleet.invariants.facts.excused.add(node.name)
        self._fleet.order(OrderVerb.DECOMMISSION, node.name, force=True)
        self._fleet.world.after(self._chances.uniform(*AWAY_S), node.kill)

    def _light(self) -> None:
        node, value = self._chances.choice(sorted(self._fleet.nodes)), self._chances.choice(("on", "off"))
        self._fleet.order(OrderVerb.COMMAND, node, verb=Verb.SET.value, target="lamp", value=value)

    # What is published.

    def _job(self, name: str, deploy: Section) -> Section:
        return {"image": self._jobs[name], "deploy": deploy}

    def _welcome(self) -> None:
        """Whoever left is started again until he is in: he asks with his hello."""
        knows = self._fleet.head.fleet
        if self._fleet.is_deserted:
            return
        for name, node in sorted(self._fleet.nodes.items()) if knows is not None and knows.is_up else ():
            if knows is not None and name not in knows.nodes:
                node.kill()
        self._unpin()
        self._fleet.world.after(LOOKS_EVERY_S, self._welcome)


def operator_of(fleet: SimFleet, *, is_lean: bool) -> Workload:
    """Who lives with a fleet."""
    return kind_of(theme_of(fleet.world.seed))(fleet, is_lean=is_lean)


def kind_of(theme: Theme) -> type[Workload]:
    """Which operator knows the deeds of a theme."""
    if theme is CALLS:
        return Errands
    if theme is RELEASES:
        return Renewals
    if theme is STORMS:
        return Storms
    return Watch if theme.name == "triggers" else Estate if theme in RARE else Workload
