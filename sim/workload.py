"""What operators and visitors do to a fleet during a history: publish, update well and badly, remove, drain, steer, call, press.

What they do most is the theme's (`sim.themes`). The first revision of everything is good. Bad ones come only as updates, so that
whatever is settled must have passed a gate (S7). What is wanted at the end is good, so that the fleet can come to rest: sometimes
all of it anew, and sometimes just what was wanted before, so that nothing new covers up what somebody has missed.
"""

from __future__ import annotations

from protocol.container import Container
from protocol.operator import OrderVerb
from sim.fleet import SimFleet
from sim.forgery import FORBIDDEN
from sim.habits import draw
from sim.images import CRASHING, FUNCTION, SICK, WELL, Behaviour
from sim.mishaps import hold_locks
from sim.repairs import Repairs
from sim.stacks import Section, button, function, stack
from sim.themes import theme_of
from sim.truth import LABEL

SLOW = Behaviour(health=((0.0, "starting"), (3.0, "healthy")))
"""A service that takes its time to be well."""

STUBBORN = Behaviour(heeds_stop=False)
"""A service that does not end before it is killed."""

LATE_SICK = Behaviour(health=((0.0, "starting"), (9.0, "unhealthy")))
"""A service that nobody knows to be ill until its monitor window would be over, if starting were well."""

FUNCTIONS = (FUNCTION, FUNCTION, Behaviour(exits_after_s=3.0), Behaviour(exits_after_s=0.5, exit_code=1))
"""Quick, slow, and failing."""

RETRIES = 3
"""How often a function that fails is run once more: see `sim.stacks.function`."""

NEIGHBOURS = {"fleet": "another", "node": "pi-1", "task": "home.web.9", "revision": "1", "spec-hash": "1"}
"""What a container of another fleet's agent on the same machine carries."""

STEERING = (
    OrderVerb.ROLLOUT_PAUSE,
    OrderVerb.ROLLOUT_RESUME,
    OrderVerb.ROLLOUT_CONFIRM,
    OrderVerb.ROLLOUT_ABORT,
    OrderVerb.ROLLOUT_UNDO,
)

PORCH = "node.labels.place == porch"
EVERYWHERE: tuple[str, ...] = ()
HOME = ("home.web", "home.clock")
ALL = (*HOME, "shed.pump")
PARTS = (("home.web",), ("home.clock",), ("home.web", "home.clock"), ("home.web", "shed.pump"))
"""What a lean operator has of all: seeds together have everything, and two stacks meet in some."""

FLOOD = 30
"""Touches of one button, faster than a link's window empties over a slow radio."""

FLOOD_EVERY_S = 0.25
LATE_PUSH_S = 20.0
SOMETIMES, SELDOM = 0.4, 0.15


class Workload:
    """The operator of one history, with habits that its seed gives him. A lean one has fewer services, and ends with less."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        self._fleet, self._chances, self._is_lean = fleet, fleet.world.chances, is_lean
        self._theme = theme_of(fleet.world.seed)
        is_rich = self._theme.name == "updates"
        names = self._chances.choice(PARTS) if is_lean else ALL
        self._habits = {name: draw(name, self._chances, fleet.invariants, is_rich=is_rich) for name in names}
        self._is_ordered = self._chances.random() < SOMETIMES
        hosts = ((PORCH,),) if self._theme.name == "functions" else (EVERYWHERE, (PORCH,))
        self._hosts = self._chances.choice(hosts)
        self._replicas = self._chances.randint(1, len(fleet.nodes) - 1)
        self._images = dict.fromkeys(self._habits, "")
        self._function = ""
        self._number = self._calls = 0
        self._steered: set[str] = set()
        self._repairs = Repairs(fleet, self._renew)
        fleet.invariants.forbidden.add(FORBIDDEN)

    def begin(self) -> None:
        """Publish the first revision of everything, beside what others run on these machines."""
        self._function = self._run(FUNCTION)
        self._fleet.registry.push(FORBIDDEN)  # so that nothing but our own checks keeps it from running
        for node in self._fleet.nodes.values():
            node.engine.put_foreign("somebody-elses", Container("postgres:16"))
            node.engine.put_foreign("neighbours", Container("web:1")).labels.update(
                {f"{LABEL}{name}": value for name, value in NEIGHBOURS.items()}
            )
        for name in self._images:
            self._images[name] = self._good()
        self._home()
        self._shed()

    def go_on(self) -> None:
        """Do something."""
        deeds = self._theme.deeds
        act = self._chances.choices(list(deeds), list(deeds.values()))[0]
        getattr(self, f"_{act}")()

    def end(self) -> None:
        """Want something good of everything, and drain nothing."""
        for node in sorted(self._fleet.drained):
            self._fleet.activate(node)
        is_quiet = self._is_lean or self._chances.random() < SOMETIMES
        for name in self._images:
            if not is_quiet or name in self._steered or self._images[name] in self._fleet.invariants.bad:
                self._images[name] = self._good()
        if not is_quiet:
            self._function = self._run(FUNCTION)
        self._home()
        self._shed()
        if self._chances.random() < SELDOM and self._theme.name == "everything":
            self._attic()
        self._fleet.remind()
        self._repairs.begin({name for name, habit in self._habits.items() if habit.extra.get("keep_previous")})

    # Deeds, by the names that themes give them.

    def _press(self) -> None:
        for name in self._chances.sample(sorted(self._fleet.nodes), self._chances.randint(1, 2)):
            self._fleet.press(name, "bell")

    def _flood(self) -> None:
        """Somebody leans on a button."""
        node = self._chances.choice(sorted(self._fleet.nodes))
        for number in range(FLOOD):
            self._fleet.world.after(number * FLOOD_EVERY_S, lambda: self._touch(node))

    def _touch(self, node: str) -> None:
        if not self._fleet.is_healed:
            self._fleet.press(node, "bell")

    def _call(self) -> None:
        """Call a function directly; the same call may be made twice."""
        self._calls += self._chances.choice((0, 1, 1))
        self._fleet.call("greet", f"call-{self._calls}")

    def _renew_function(self) -> None:
        behaviour = self._chances.choice(FUNCTIONS)
        if behaviour.exit_code:
            self._fleet.invariants.runs.retries = RETRIES
        self._function = self._run(behaviour)
        self._home()

    def _update(self) -> None:
        self._update_to_good(self._one())

    def _update_to_good(self, name: str) -> None:
        self._to_good(name)
        self._home()

    def _update_busy(self) -> None:
        """What is to be updated is busy just now, if it has a word for that."""
        name = self._one()
        hold_locks(self._fleet, name)
        self._update_to_good(name)

    def _update_both(self) -> None:
        """Two services of one stack; where one depends on the other, it is to wait for it."""
        for name in self._ours:
            self._to_good(name)
        if self._is_ordered and len(self._ours) == len(HOME):
            self._fleet.invariants.ways.after[self._images["home.clock"]] = {self._images["home.web"]}
        self._home()

    def _update_badly(self) -> None:
        self._worsen(self._one())

    def _worsen(self, name: str) -> None:
        """Only what runs can be updated: a first revision has no gate to pass, and nothing to fall back to."""
        if self._fleet.running(name):
            self._next_mode(name)
            self._images[name] = self._bad(name)
            self._home()

    def _steer(self) -> None:
        name, verb = self._one(), self._chances.choice(STEERING)
        self._steered.add(name)
        ways = self._fleet.invariants.ways
        ways.stops.clear()
        ways.canaries.pop(name, None)
        ways.after.clear()
        self._fleet.order(verb, name)

    def _scale(self) -> None:
        self._replicas = self._chances.randint(1, len(self._fleet.nodes))
        if "home.clock" in self._images and self._chances.random() < SOMETIMES:
            self._to_good("home.clock")
        self._home()

    def _toggle_shed(self) -> None:
        if self._fleet.manifests.get("shed"):
            self._fleet.remove("shed")
        elif "shed.pump" in self._images:
            self._images["shed.pump"] = self._good()
            self._shed()

    def _squat(self) -> None:
        """Another stack wants the pin that the first has."""
        head = self._fleet.head.fleet
        if head is not None and head.stacks.get("home") is not None:
            self._fleet.publish("squatter", stack({"web": {"image": FORBIDDEN}}, {"gong": button(17)}))

    def _drain(self) -> None:
        if not self._fleet.drained:
            self._fleet.drain(self._chances.choice(sorted(self._fleet.nodes)))

    def _undrain(self) -> None:
        for node in sorted(self._fleet.drained):
            self._fleet.activate(node)

    # What is published.

    @property
    def _ours(self) -> list[str]:
        return [name for name in HOME if name in self._images]

    def _one(self) -> str:
        """A service of ours, the one on every node more often."""
        return self._chances.choice([name for name in ("home.web", *HOME) if name in self._images])

    def _renew(self, name: str) -> None:
        """A service came to no good end: something new of it."""
        self._to_good(name)
        self._home()
        self._shed()

    def _to_good(self, name: str) -> None:
        self._next_mode(name)
        self._images[name] = self._good()

    def _next_mode(self, name: str) -> None:
        """What the next update does when it fails; a good one may, where fate has it."""
        self._habits[name].next_mode(self._chances)
        if self._habits[name].goes_on:
            self._fleet.invariants.ways.canaries.pop(name, None)

    def _good(self) -> str:
        behaviours = (WELL, STUBBORN) if self._theme.name == "moves" else (WELL, SLOW)
        return self._image("good", self._chances.choice(behaviours))

    def _run(self, behaviour: Behaviour) -> str:
        return self._image("greet", behaviour)

    def _image(self, name: str, behaviour: Behaviour) -> str:
        self._number += 1
        self._fleet.registry.push(f"{name}:{self._number}", behaviour)
        return f"{name}:{self._number}"

    def _bad(self, name: str) -> str:
        self._number += 1
        image = f"bad:{self._number}"
        behaviour = self._chances.choice((CRASHING, SICK, LATE_SICK, None))
        if behaviour is not None:
            self._fleet.registry.push(image, behaviour)
        self._fleet.invariants.bad.add(image)
        most = self._habits[name].stops_within()
        if most is not None:
            self._fleet.invariants.ways.stops[image] = most
        return image

    def _attic(self) -> None:
        """A new stack whose image is pushed a little later."""
        image = "attic:1"
        self._fleet.publish("attic", stack({"box": {"image": image, "deploy": {"mode": "global"}}}))
        self._fleet.world.after(LATE_PUSH_S, lambda: self._fleet.registry.push(image, WELL))

    def _home(self) -> None:
        replicas = {"home.web": None, "home.clock": self._replicas}
        services = {name.removeprefix("home."): self._service(name, replicas[name]) for name in self._ours}
        if self._is_ordered and len(self._ours) == len(HOME):
            services["clock"]["depends_on"] = ["web"]
        sensors, functions = {"bell": button(17)}, {"greet": function(self._function, "bell", *self._hosts)}
        self._fleet.sensors["home"] = set(sensors)
        after, clock = self._fleet.invariants.ways.after, self._images.get("home.clock", "")
        webs = after.pop(clock, set())
        if webs and self._images["home.web"] not in self._fleet.invariants.bad:
            after[clock] = {*webs, self._images["home.web"]}  # it may wait for another by now, and hear of that late
        self._fleet.publish("home", stack(services, sensors, functions))

    def _shed(self) -> None:
        if "shed.pump" in self._images:
            self._fleet.publish("shed", stack({"pump": self._service("shed.pump", 1)}))

    def _service(self, name: str, replicas: int | None = None) -> Section:
        return self._habits[name].section(self._images[name], replicas)
