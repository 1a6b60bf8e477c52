"""An operator whose functions are called by triggers that remember, and visitors who knock on a gate, and lean on it.

The stack is published once and never changed: what its triggers remember is nobody's to forget. `sim.calls` checks what they call.
"""

from __future__ import annotations

from sim.calls import ABOVE, COOLDOWN_S, EVERY_S, FOR_S, SENSOR, SEQUENCE_S, STACK, WITHIN_S
from sim.fleet import SimFleet
from sim.images import FUNCTION
from sim.stacks import Section, button, function, stack
from sim.workload import Workload

PIN = 22
KNOCKS_MOST = 5
KNOCK_EVERY_S = (0.4, 3.0)
LEAN_S = (1.0, 2.5, 4.0, 8.0)


class Watch(Workload):
    """The services and the bell of `sim.workload` are there as well."""

    def __init__(self, fleet: SimFleet, *, is_lean: bool = False) -> None:
        super().__init__(fleet, is_lean=is_lean)
        for node in fleet.nodes.values():
            node.witness = fleet.invariants.calls.committed

    def begin(self) -> None:
        """Publish the gate, too."""
        super().begin()
        press: Section = {"sensor": SENSOR, "on": "pressed"}
        triggers: dict[str, Section] = {
            "held": press | {"for": f"{FOR_S:g}s"},
            "calm": press | {"cooldown": f"{COOLDOWN_S:g}s"},
            "often": press | {"window": {"of": "count", "within": f"{WITHIN_S:g}s", "above": ABOVE}},
            "twice": {"sequence": [press, press], "within": f"{SEQUENCE_S:g}s"},
            "pulse": {"every": f"{EVERY_S:g}s"},
        }
        image = self._run(FUNCTION)
        functions = {name: function(image, SENSOR) | {"triggers": [trigger]} for name, trigger in triggers.items()}
        self._fleet.sensors[STACK] = {SENSOR}
        self._fleet.publish(STACK, stack({}, {SENSOR: button(PIN)}, functions))

    def end(self) -> None:
        """Have nothing more called: who calls every five seconds never comes to rest."""
        super().end()
        self._fleet.remove(STACK)

    # Deeds.

    def _knock(self) -> None:
        """Somebody knocks, a few times."""
        node, after_s = self._chances.choice(sorted(self._fleet.nodes)), 0.0
        for _ in range(self._chances.randint(2, KNOCKS_MOST)):
            self._fleet.world.after(after_s, lambda: self._touch_gate(node, 0.2))
            after_s += self._chances.uniform(*KNOCK_EVERY_S)

    def _lean(self) -> None:
        """Somebody leans on it."""
        self._touch_gate(self._chances.choice(sorted(self._fleet.nodes)), self._chances.choice(LEAN_S))

    def _touch_gate(self, node: str, seconds: float) -> None:
        if not self._fleet.is_healed and self._fleet.nodes[node].press(SENSOR, seconds):
            self._fleet.world.say(node, f"{SENSOR} is pressed for {seconds:g} s")
