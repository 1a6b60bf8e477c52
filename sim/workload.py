"""What operators and visitors do to a fleet during a history: publish, update well and badly, remove, drain, press buttons.

The first revision of everything is good. Bad ones come only as updates, so that whatever is settled must have passed a gate (S7).
The last revision of everything is good again, so that the fleet can come to rest.
"""

from __future__ import annotations

from protocol.container import Container
from sim.fleet import SimFleet
from sim.forgery import FORBIDDEN
from sim.images import CRASHING, FUNCTION, SICK, WELL, Behaviour
from sim.invariants import learn
from sim.stacks import Section, button, function, service, stack

SLOW = Behaviour(health=((0.0, "starting"), (3.0, "healthy")))
"""A service that takes its time to be well."""

PORCH = "node.labels.place == porch"
EVERYWHERE: tuple[str, ...] = ()


ALL = ("home.web", "home.clock", "shed.pump")
PARTS = (("home.web",), ("home.clock",), ("home.web", "home.clock"), ("home.web", "shed.pump"))
"""What a lean operator has of all: seeds together have everything, and two stacks meet in some."""


class Workload:
    """The operator of one history, with habits that its seed gives him. A lean one has fewer services, and ends with less."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        self._fleet, self._chances, self._is_lean = fleet, fleet.world.chances, is_lean
        names = self._chances.choice(PARTS) if is_lean else ALL
        self._parallelism = {name: self._chances.choice((1, 1, 2)) if name == "home.web" else 1 for name in names}
        self._orders = {
            name: self._chances.choice(("stop-first", "stop-first", "start-first")) for name in self._parallelism
        }
        self._hosts = self._chances.choice((EVERYWHERE, (PORCH,)))
        self._replicas = self._chances.randint(1, len(fleet.nodes) - 1)
        self._images = dict.fromkeys(self._parallelism, "")
        self._number = 0
        for name, parallelism in self._parallelism.items():
            learn(fleet.invariants, name, parallelism, self._orders[name])
        fleet.invariants.forbidden.add(FORBIDDEN)

    def begin(self) -> None:
        """Publish the first revision of everything, beside what others run on these machines."""
        self._fleet.registry.push("greet:1", FUNCTION)
        self._fleet.registry.push(FORBIDDEN)  # so that nothing but our own checks keeps it from running
        for node in self._fleet.nodes.values():
            node.engine.put_foreign("somebody-elses", Container("postgres:16"))
        for name in self._images:
            self._images[name] = self._good()
        self._home()
        self._shed()

    def go_on(self) -> None:
        """Do something."""
        act = self._chances.choices(
            (self._press, self._update, self._update_badly, self._toggle_shed, self._drain, self._undrain),
            (10, 4, 3, 2, 1, 2),
        )[0]
        act()

    def end(self) -> None:
        """Want something good of everything, and drain nothing."""
        for node in sorted(self._fleet.drained):
            self._fleet.activate(node)
        for name, image in self._images.items():
            if not self._is_lean or image in self._fleet.invariants.bad:
                self._images[name] = self._good()
        self._home()
        self._shed()
        self._fleet.remind()

    def _good(self) -> str:
        self._number += 1
        image = f"good:{self._number}"
        self._fleet.registry.push(image, self._chances.choice((WELL, SLOW)))
        return image

    def _bad(self) -> str:
        self._number += 1
        image = f"bad:{self._number}"
        behaviour = self._chances.choice((CRASHING, SICK, None))
        if behaviour is not None:
            self._fleet.registry.push(image, behaviour)
        self._fleet.invariants.bad.add(image)
        return image

    def _press(self) -> None:
        for name in self._chances.sample(sorted(self._fleet.nodes), self._chances.randint(1, 2)):
            self._fleet.press(name, "bell")

    def _update(self) -> None:
        self._images[self._one()] = self._good()
        self._home()

    def _update_badly(self) -> None:
        """Only what runs can be updated: a first revision has no gate to pass, and nothing to fall back to."""
        name = self._chances.choice([name for name in ("home.web", "home.clock") if name in self._images])
        if self._fleet.running(name):
            self._images[name] = self._bad()
            self._home()

    def _one(self) -> str:
        return self._chances.choice([name for name in ("home.web", "home.web", "home.clock") if name in self._images])

    def _toggle_shed(self) -> None:
        if self._fleet.manifests.get("shed"):
            self._fleet.remove("shed")
        elif "shed.pump" in self._images:
            self._images["shed.pump"] = self._good()
            self._shed()

    def _drain(self) -> None:
        if not self._fleet.drained:
            self._fleet.drain(self._chances.choice(sorted(self._fleet.nodes)))

    def _undrain(self) -> None:
        for node in sorted(self._fleet.drained):
            self._fleet.activate(node)

    def _home(self) -> None:
        replicas = {"home.web": None, "home.clock": self._replicas}
        here = (name for name in replicas if name in self._images)
        services = {name.removeprefix("home."): self._service(name, replicas[name]) for name in here}
        sensors, functions = {"bell": button(17)}, {"greet": function("greet:1", "bell", *self._hosts)}
        self._fleet.publish("home", stack(services, sensors, functions))

    def _shed(self) -> None:
        if "shed.pump" in self._images:
            self._fleet.publish("shed", stack({"pump": self._service("shed.pump", 1)}))

    def _service(self, name: str, replicas: int | None = None) -> Section:
        action = self._chances.choice(("pause", "continue", "rollback"))
        ratio = self._chances.choice((0, 0, 0.5))
        update: Section = {"failure_action": action, "max_failure_ratio": ratio}
        update |= {"parallelism": self._parallelism[name], "order": self._orders[name]}
        return service(self._images[name], replicas, **update)
