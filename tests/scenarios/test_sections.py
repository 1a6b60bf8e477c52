"""Stories of a stack whose service, sensor and function change together: no node ever has some of the one and some of the other.

Every image and every pin carries the number of its manifest. The promise, checked after everything that happens, on every node that
is alive: the sections in force are all of one manifest, and while all of the stack's tasks there are to be of one manifest, tried
or settled, it is that one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from protocol.options import pin_of
from sim.faults import FAULTS, heal, strike
from sim.fleet import SimFleet
from sim.images import CRASHING, SICK, Behaviour
from sim.stacks import button, function, service, stack
from tests.scenarios.porch import PORCH, said

BAD = {8: SICK, 9: CRASHING}
"""The numbers of manifests whose service is not well."""


class Ringing:
    """Which function answered on which node."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, int]] = []

    def behaviour(self, number: int) -> Behaviour:
        """A function that remembers that it ran."""

        def answer(_: str, environment: Mapping[str, str]) -> str:
            self.answers.append((environment["CE_SOURCE"].split("/")[4], number))
            return str(number)

        return Behaviour(exits_after_s=0.2, answer=answer)


def manifest(number: int, services: tuple[str, ...] = ("lamp",), action: str = "pause", *nodes: str) -> bytes:
    """The porch of a number: its services, its bell on a pin of that number, and its function."""
    lamps = {name: service(f"{name}:{number}", failure_action=action) for name in services}
    return stack(lamps, {"bell": button(number)}, {"greet": function(f"greet:{number}", "bell", *nodes)})


@contextmanager
def a_porch(nodes: int, seed: int = 1, services: tuple[str, ...] = ("lamp",)) -> Iterator[tuple[SimFleet, Ringing]]:
    """A fleet with the first manifest settled, in which the promise is watched."""
    ringing = Ringing()
    with SimFleet(nodes, seed) as fleet:
        for number in range(1, 10):
            fleet.registry.push(f"greet:{number}", ringing.behaviour(number))
            for name in services:
                fleet.registry.push(f"{name}:{number}", BAD.get(number, Behaviour()))
        fleet.invariants.budgets |= {f"porch.{name}": 1 for name in services}
        fleet.invariants.bad |= {f"{name}:{number}" for name in services for number in BAD}
        watch = fleet.world.watch

        def watched() -> None:
            watch()
            for name in fleet.nodes:
                check(fleet, name)

        fleet.world.watch = watched
        fleet.publish("porch", manifest(1, services))
        fleet.run_until_converged()
        yield fleet, ringing


def check(fleet: SimFleet, name: str) -> None:
    """The promise, on one node."""
    knows = fleet.nodes[name].node
    if knows is None:
        return
    tasks = {_number(target.spec.container.image) for target in knows.targets().values()}
    sections = in_force(fleet, name)
    assert len(sections) <= 1, f"{name} has sections of {sections}"
    if len(tasks) == 1 and sections:
        assert sections == tasks, f"{name} is to run {tasks} and has sections of {sections}"


def in_force(fleet: SimFleet, name: str) -> set[int]:
    """The numbers of the sections in force on a node."""
    knows = fleet.nodes[name].node
    assert knows is not None
    found = knows.sections()
    return {pin_of(one) for one in found.sensors} | {_number(one.container.image) for one in found.functions}


def ring(fleet: SimFleet, ringing: Ringing, name: str) -> int:
    """Ring on a node; the number of the function that answered there."""
    ringing.answers.clear()
    assert fleet.press(name, "bell")
    fleet.run_for(seconds=3)
    ((where, number),) = ringing.answers
    assert where == name
    return number


def _number(image: str) -> int:
    return int(image.partition("@")[0].rpartition(":")[2])


def test_each_node_answers_by_its_own_revision_while_the_update_goes_on() -> None:
    """Node by node the new function answers where the new lamp burns, and no ring is lost."""
    with a_porch(nodes=3) as (fleet, ringing):
        fleet.publish("porch", manifest(2))
        seen = set()
        for _ in range(20):
            for name in fleet.nodes:
                (wanted,) = {_number(t.spec.container.image) for t in fleet.nodes[name].node.targets().values()}
                seen.add((name, wanted, ring(fleet, ringing, name)))
        assert {(wanted, answered) for _, wanted, answered in seen} == {(1, 1), (2, 2)}
        fleet.run_until_converged()
        assert fleet.settled("porch.lamp", "lamp:2") == set(fleet.nodes)
        assert [ring(fleet, ringing, name) for name in fleet.nodes] == [2, 2, 2]


@pytest.mark.parametrize("number", sorted(BAD))
def test_a_bad_lamp_takes_its_bell_and_its_function_with_it(number: int) -> None:
    """Who tried it falls back wholly, nobody else has any of it, and the stack is at rest with what it had."""
    with a_porch(nodes=3) as (fleet, ringing):
        fleet.publish("porch", manifest(number, action="rollback"))
        fleet.run_for(minutes=5)
        assert fleet.running("porch.lamp") == {name: ["lamp:1"] for name in fleet.nodes}
        assert [in_force(fleet, name) for name in fleet.nodes] == [{1}] * 3
        assert [ring(fleet, ringing, name) for name in fleet.nodes] == [1, 1, 1]
        rollout = said(fleet, "porch").services[0].rollout
        assert rollout is not None
        assert rollout.state == "rolled_back"


def test_a_node_that_is_cut_off_after_its_grant_ends_wholly_new_and_one_before_stays_wholly_old() -> None:
    """Each with the lamp and the function of one manifest; both answer without a controller."""
    with a_porch(nodes=2) as (fleet, ringing):
        fleet.publish("porch", manifest(2))
        while not (trying := [name for name in fleet.nodes if fleet.invariants.tries(name, "porch.lamp")]):
            fleet.run_for(seconds=0.05)
        fleet.cut(*fleet.nodes)
        fleet.run_for(minutes=2)
        (new,) = trying
        (old,) = set(fleet.nodes) - {new}
        assert (fleet.running("porch.lamp")[new], fleet.running("porch.lamp")[old]) == (["lamp:2"], ["lamp:1"])
        assert (ring(fleet, ringing, new), ring(fleet, ringing, old)) == (2, 1)
        fleet.mend(*fleet.nodes)
        fleet.run_until_converged()
        assert [ring(fleet, ringing, name) for name in (new, old)] == [2, 2]


@pytest.mark.parametrize("moment", range(0, 40, 2))
@pytest.mark.parametrize("number", [2, 9])
def test_a_power_cut_at_any_turn_of_an_update_leaves_a_node_of_one_piece(number: int, moment: int) -> None:
    """Wherever the power goes, lamp, bell and function are of the same manifest, then and after the next boot."""
    with a_porch(nodes=1, seed=moment) as (fleet, _):
        fleet.publish("porch", manifest(number))
        fleet.nodes["pi-1"].process.fuse = moment
        fleet.run_for(seconds=20)
        fleet.nodes["pi-1"].cut_power()
        fleet.run_for(seconds=30)
        fleet.nodes["pi-1"].power()
        fleet.run_for(minutes=3)
        expected = 1 if number in BAD else 2
        assert fleet.running("porch.lamp") == {"pi-1": [f"lamp:{expected}"]}
        assert in_force(fleet, "pi-1") == {expected}


def test_two_services_of_a_node_change_its_function_with_the_last_of_them() -> None:
    """In between the function is the old one; afterwards everything is new."""
    with a_porch(nodes=2, services=("bulb", "lamp")) as (fleet, ringing):
        fleet.publish("porch", manifest(2, ("bulb", "lamp")))
        mixed = set()
        for _ in range(400):
            fleet.run_for(seconds=0.1)
            for name, node in fleet.nodes.items():
                tasks = {_number(target.spec.container.image) for target in node.node.targets().values()}
                mixed |= in_force(fleet, name) if len(tasks) == 2 else set()
        assert mixed == {1}
        fleet.run_until_converged()
        assert [ring(fleet, ringing, name) for name in fleet.nodes] == [2, 2]


def test_a_node_without_the_service_has_the_new_function_at_once() -> None:
    """A paused update of lamps elsewhere holds nothing up where there is no lamp."""

    def placed(number: int) -> bytes:
        document = json.loads(manifest(number))
        document["services"]["lamp"]["deploy"]["placement"] = {"constraints": [PORCH]}
        return json.dumps(document).encode()

    with a_porch(nodes=2) as (fleet, ringing):
        fleet.publish("porch", placed(1))
        fleet.run_until_converged()
        fleet.cut("pi-1")
        fleet.publish("porch", placed(2))
        fleet.run_for(seconds=30)
        assert ring(fleet, ringing, "pi-2") == 2
        fleet.mend("pi-1")
        fleet.run_until_converged()
        assert ring(fleet, ringing, "pi-1") == 2


@pytest.mark.slow
@pytest.mark.parametrize("services", [("lamp",), ("bulb", "lamp")])
@pytest.mark.parametrize("seed", range(20))
def test_no_history_mixes_two_manifests_on_a_node(seed: int, services: tuple[str, ...]) -> None:
    """Through faults of all kinds, and manifests that overtake each other, good and bad; all comes to rest with the last one."""
    with a_porch(3, seed, services) as (fleet, ringing):
        chances = fleet.world.chances
        for _ in range(6):
            action = chances.choice(("pause", "rollback", "continue"))
            fleet.publish("porch", manifest(chances.choice((1, 2, 3, 4, 8, 9)), services, action))
            for _ in range(chances.randint(0, 3)):
                fleet.run_for(seconds=chances.choice((0.3, 1.0, 3.0, 10.0, 40.0)))
                strike(fleet, FAULTS)
            fleet.run_for(seconds=chances.choice((0.5, 2.0, 6.0, 20.0, 60.0)))
        heal(fleet)
        fleet.publish("porch", manifest(5, services))
        fleet.run_until_converged()
        assert [ring(fleet, ringing, name) for name in fleet.nodes] == [5, 5, 5]
