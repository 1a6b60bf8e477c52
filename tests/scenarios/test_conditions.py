"""Stories of conditions in CEL: node and controller answer alike, with and without a network."""

from __future__ import annotations

from sim.fleet import SimFleet
from sim.stacks import Section, button, stack
from tests.scenarios.porch import PORCH, a_fleet
from tests.scenarios.test_functions import SHED, attempts, ledger

ASKED = (
    "event.data.value && event.node.startsWith('pi-') && event.type.endsWith('pressed') && event.data.pin == 17"
    r" && event.source.matches(r'/node/pi-\d+/sensor/bell$$') && timestamp(event.time).getFullYear('+02:00') >= 1970"
)


def bells(condition: str) -> bytes:
    """A bell on the porch; one function is there, and the other in the shed."""
    trigger: Section = {"sensor": "bell", "on": "pressed", "when": [{"cel": condition}]}
    functions: dict[str, Section] = {
        "near": {"image": "greet:1", "triggers": [trigger], "nodes": [PORCH]},
        "far": {"image": "greet:1", "triggers": [trigger], "nodes": [SHED]},
    }
    return stack({}, {"bell": button(17, PORCH)}, functions)


def rung(fleet: SimFleet, condition: str) -> None:
    fleet.publish("porch", bells(condition))
    fleet.run_until_converged()
    assert fleet.press("pi-1", "bell")
    fleet.run_until_converged()


def test_a_condition_holds_alike_on_the_node_and_on_the_controller() -> None:
    """The porch runs its function, the shed the other; the same press, the same condition, each once."""
    with a_fleet(nodes=2, seed=11) as fleet:
        rung(fleet, ASKED)
        assert ledger(fleet) == {("porch.near", "done"): 1, ("porch.far", "done"): 1}
        rung(fleet, f"!({ASKED})")
        assert sum(ledger(fleet).values()) == 2


def test_a_node_that_is_cut_off_answers_by_itself() -> None:
    """And the controller comes to the same when the event arrives at last."""
    with a_fleet(nodes=2, seed=12) as fleet:
        fleet.publish("porch", bells(ASKED))
        fleet.run_until_converged()
        fleet.cut("pi-1")
        assert fleet.press("pi-1", "bell")
        fleet.run_for(minutes=1)
        assert len(attempts(fleet)["pi-1"]) == 1
        fleet.mend("pi-1")
        fleet.run_until_converged()
        assert ledger(fleet) == {("porch.near", "done"): 1, ("porch.far", "done"): 1}


def test_what_has_no_answer_calls_nothing_anywhere() -> None:
    """Neither where the sensor is nor where the other function is; both count it, and the fleet is at rest."""
    with a_fleet(nodes=2, seed=13) as fleet:
        rung(fleet, "event.data.value.deep > 1")
        assert sum(ledger(fleet).values()) == 0
        assert fleet.head.fleet is not None
        assert fleet.head.fleet.counts["conditions_unclear", "porch.far"] == 1
