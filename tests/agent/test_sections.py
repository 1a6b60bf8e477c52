"""Sensors, actuators and functions come into force with the revision that brings them, and go with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.decide.effects import OpenDevices, Run
from agent.decide.sections import in_force
from agent.decide.target import Target, content_of
from agent.decide.trial import Trial
from protocol.container import Container
from protocol.desired import ActuatorSpec, Assignment, Grant, Login, Offer, Sections, SensorSpec, TaskSpec
from protocol.function import FunctionSpec
from protocol.observed import OfferState, Request, Result
from protocol.options import pin_of
from protocol.topics import GrantTopic
from protocol.trigger import TriggerSpec
from sim.images import CRASHING, Behaviour
from tests.fakes.agent import FLEET, NAME, Rig, offer, task

WEB, API = "porch.web.1", "porch.api.1"


def bell(pin: int, stack: str = "porch", name: str = "bell") -> SensorSpec:
    """A button on a pin."""
    return SensorSpec(name, stack, "button", {"pin": pin, "debounce": 0.03})


def greet(number: int) -> FunctionSpec:
    """A function whose image carries its number."""
    return FunctionSpec("greet", "porch", f"g{number}", Container(f"greet:{number}"), triggers=(PRESSED,))


PRESSED = TriggerSpec("bell", "pressed")
LAMP = ActuatorSpec("lamp", "porch", "led", {"pin": 27})
GATE = bell(5, "yard", "gate")
OLD = Sections((bell(1),), (LAMP,), (greet(1),))
NEW = Sections((bell(2),), (LAMP,), (greet(2),))


def bringing(spec: TaskSpec, *others: TaskSpec, sections: Sections = NEW) -> Offer:
    """An offer that brings sections, with the tasks that change with them."""
    return replace(
        offer(spec), sections=replace(sections, revisions={one.task: one.revision for one in (spec, *others)})
    )


def targets(*specs: TaskSpec) -> dict[str, Target]:
    """What tasks should be."""
    return {spec.task: Target(spec, content_of(spec)) for spec in specs}


def following(*offers: Offer) -> list[Trial]:
    """Trials of these offers that put something over the assignment."""
    return [Trial(one, content_of(one.task), OfferState.TRYING) for one in offers]


BOTH = (task("b", WEB), task("b", API))
AS_ONE = (bringing(BOTH[0], BOTH[1]), bringing(BOTH[1], BOTH[0]))
TABLE = {
    "nothing is tried": ([], targets(task("a")), OLD),
    "its only task is tried": (following(bringing(task("b"))), targets(task("b")), NEW),
    "one of two is tried": (following(AS_ONE[0]), targets(BOTH[0], task("a", API)), OLD),
    "both are tried": (following(*AS_ONE), targets(*BOTH), NEW),
    "one is tried, the other is assigned already": (following(AS_ONE[0]), targets(*BOTH), NEW),
    "one of them is not here": (following(AS_ONE[0]), targets(BOTH[0]), OLD),
    "an offer brings nothing": (following(offer(task("b"))), targets(task("b")), OLD),
    "it brings that there is nothing": (
        following(bringing(task("b"), sections=Sections())), targets(task("b")), Sections(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_is_offered_is_in_force_while_all_its_tasks_are_of_their_new_revisions(case: str) -> None:
    """Wholly the assigned or wholly the offered, and of another stack what is assigned."""
    trials, wanted, expected = TABLE[case]
    assignment = Assignment(NAME, 1, 1, (), (*OLD.sensors, GATE), OLD.actuators, OLD.functions)
    found = in_force(assignment, trials, wanted)
    assert found == replace(expected, sensors=(*expected.sensors, GATE))


def test_what_another_stack_has_given_up_yields_to_what_is_offered() -> None:
    """A pin that changes hands is never asked for twice."""
    assignment = Assignment(NAME, 1, 1, (), (bell(1), bell(2, "yard", "gate"), bell(3, "yard", "door")))
    found = in_force(assignment, following(bringing(task("b"))), targets(task("b")))
    assert found.sensors == (bell(2), bell(3, "yard", "door"))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node with revision a and its sections."""
    rig = Rig(tmp_path)
    for image in ("web:a", "web:b", "api:a", "api:b"):
        rig.registry.push(image)
    rig.registry.push("web:crash", CRASHING)
    for image in ("greet:1", "greet:2"):
        rig.registry.push(image, Behaviour(exits_after_s=0.5))
    rig.run(2)
    assign(rig, 1, task("a"))
    rig.run(5)
    return rig


def assign(rig: Rig, generation: int, *tasks: TaskSpec, sections: Sections = OLD) -> None:
    """The controller assigns tasks, and with them these."""
    rig.assign(generation, *tasks, sensors=sections.sensors, actuators=sections.actuators, functions=sections.functions)


def number(rig: Rig) -> set[int]:
    """The numbers of what is in force; there is never more than one."""
    found = rig.node.sections()
    pins = {pin_of(one) for one in found.sensors}
    return pins | {int(one.container.image.partition(":")[2]) for one in found.functions}


def opened(rig: Rig) -> list[OpenDevices]:
    """How devices were opened so far."""
    return [effect for effect in rig.effects if isinstance(effect, OpenDevices)]


def press(rig: Rig) -> str:
    """Press the bell; the image of the function that ran."""
    rig.read("bell", on=True)
    rig.run(0.1)
    rig.read("bell", on=False)
    rig.run(3)
    return [effect.function.container.image for effect in rig.effects if isinstance(effect, Run)][-1]


def test_a_node_follows_the_old_sections_until_it_tries_the_revision(rig: Rig) -> None:
    """Staging brings the function's image and changes nothing; the grant switches; keeping and assigning change nothing more."""
    rig.offer(1, bringing(task("b")))
    rig.run(30)
    assert rig.engine.look().has("greet:2")
    assert (number(rig), press(rig)) == ({1}, "greet:1")
    rig.grant()
    rig.run(1)
    assert (number(rig), press(rig)) == ({2}, "greet:2")
    rig.run(20)
    count = len(opened(rig))
    assign(rig, 2, task("b"), sections=NEW)
    rig.offer(2)
    rig.run(5)
    assert (number(rig), press(rig)) == ({2}, "greet:2")
    assert len(opened(rig)) == count == 2
    assert all(result.status == "done" for result in rig.messages(Result))


def test_a_revision_that_fails_takes_its_sections_with_it(rig: Rig) -> None:
    """Without a controller in reach, the old sensor and the old function are back with the old container."""
    rig.offer(1, bringing(task("crash")))
    rig.run(5)
    rig.grant()
    rig.run(0.5)
    rig.cut()
    assert number(rig) == {2}
    rig.run(30)
    assert rig.running() == {WEB: ["a"]}
    assert (number(rig), press(rig)) == ({1}, "greet:1")


def test_of_what_is_assigned_already_the_assignment_has_the_word(rig: Rig) -> None:
    """An offer of the very revision that is assigned is settled, and brings nothing."""
    rig.offer(1, bringing(task("a")))
    rig.run(5)
    (status,) = rig.status().offers
    assert (status.state, number(rig)) == (OfferState.SETTLED, {1})


def test_what_a_function_does_while_it_changes_it_does_to_its_end(rig: Rig) -> None:
    """A run that began with the old one ends with its result, and the next is the new one's."""
    rig.registry.push("greet:1", Behaviour(exits_after_s=4.0))
    rig.offer(1, bringing(task("b")))
    rig.run(30)
    rig.read("bell", on=True)
    rig.run(1)
    rig.grant()
    rig.run(10)
    (result,) = rig.messages(Result)
    assert (result.status, result.attempt, number(rig)) == ("done", 1, {2})
    assert [effect.function.container.image for effect in rig.effects if isinstance(effect, Run)] == ["greet:1"]


def test_an_output_that_came_with_a_revision_is_made_safe_however_that_ends(rig: Rig) -> None:
    """Its last agent may have been killed: the next one knows of it when it starts, and only then gives the revision up."""
    pump = ActuatorSpec("pump", "porch", "relay", {"pin": 6})
    rig.offer(1, replace(bringing(task("b"), sections=replace(NEW, actuators=(pump,))), monitor_s=60.0))
    rig.run(5)
    rig.grant()
    for _ in range(3):
        rig.run(3)
        assert rig.node.sections().actuators == (pump,)
        rig.crash()
    assert rig.node.sections().actuators == (pump,)
    rig.run(1)
    assert rig.node.sections().actuators == (LAMP,)
    (status,) = rig.status().offers
    assert "restarted 3 times" in status.reason


def test_two_services_switch_with_the_last_and_fall_back_with_the_first(rig: Rig) -> None:
    """In between the node has what it had."""
    assign(rig, 2, task("a"), task("a", API))
    rig.run(5)
    rig.offer(1, *(replace(one, monitor_s=30.0) for one in AS_ONE))
    rig.run(12)
    asked = {request.task: request for request in rig.messages(Request)}
    seen = []
    for name in (WEB, API):
        rig.send(GrantTopic(FLEET, NAME), Grant(name, "b", asked[name].nonce))
        rig.run(2)
        seen.append(number(rig))
    assert seen == [{1}, {2}]
    rig.offer(2, replace(AS_ONE[0], monitor_s=30.0))
    rig.run(2)
    assert number(rig) == {1}


def test_an_offer_whose_function_cannot_be_had_is_never_tried(rig: Rig) -> None:
    """A function is part of its revision: without its image the offer fails while it is staged, and says which."""
    missing = replace(greet(2), container=Container("greet:nowhere"))
    rig.offer(1, bringing(task("b"), sections=replace(NEW, functions=(missing,))))
    rig.run(30)
    (status,) = rig.status().offers
    assert status.state is OfferState.FAILED
    assert "greet:nowhere" in status.reason
    assert (rig.running(), number(rig)) == ({WEB: ["a"]}, {1})


def test_an_offer_waits_for_its_function_while_the_registry_is_away(rig: Rig) -> None:
    """It is not staged, says for what it waits, and goes on by itself."""
    rig.offer(1, bringing(task("b"), sections=Sections(functions=(greet(3),))))
    rig.registry.up = False
    rig.run(30)
    (status,) = rig.status().offers
    assert status.state is OfferState.STAGING
    rig.registry.push("greet:3", Behaviour(exits_after_s=0.5))
    rig.registry.up = True
    rig.run(600)
    (status,) = rig.status().offers
    assert status.state is OfferState.STAGED


def test_an_offer_that_failed_for_want_of_a_login_is_staged_with_the_right_one(rig: Rig) -> None:
    """Also where it was a function's image that the registry refused."""
    secret = replace(greet(2), container=Container("private:5000/greet:2"))
    rig.offer(1, bringing(task("b"), sections=replace(NEW, functions=(secret,))))
    rig.run(30)
    (status,) = rig.status().offers
    assert (status.state, status.was_staging) == (OfferState.FAILED, True)
    rig.registry.push("private:5000/greet:2", Behaviour(exits_after_s=0.5))
    rig.assign(2, task("a"), logins=(Login("private:5000", "me", "right"),))
    rig.run(60)
    (status,) = rig.status().offers
    assert status.state is OfferState.STAGED


def test_an_unchanged_sensor_is_not_disturbed_by_its_revision(rig: Rig) -> None:
    """Only the function changes, so nothing is opened again and no press is lost."""
    rig.offer(1, bringing(task("b"), sections=replace(OLD, functions=(greet(2),))))
    rig.run(5)
    rig.grant()
    rig.run(20)
    assign(rig, 2, task("b"), sections=replace(OLD, functions=(greet(2),)))
    rig.run(5)
    assert len(opened(rig)) == 1
    assert press(rig) == "greet:2"


@pytest.mark.parametrize("dies_hard", [False, True])
@pytest.mark.parametrize("fuse", range(0, 24, 3))
@pytest.mark.parametrize("revision", ["b", "crash"])
def test_wherever_it_dies_a_node_has_the_sections_of_its_revision(
    rig: Rig, revision: str, fuse: int, dies_hard: bool
) -> None:
    """In every turn, and after every cut, what is in force is of the revision that should run, with nobody to ask."""
    rig.offer(1, bringing(task(revision)))
    rig.run(5)
    rig.fuse, rig.dies_hard = fuse, dies_hard
    rig.grant()
    for _ in range(80):
        rig.run(0.5)
        wanted = rig.node.targets()[WEB].spec.revision
        assert number(rig) == ({1} if wanted == "a" else {2})
    rig.run(60)
    expected = "a" if rig.running() == {WEB: ["a"]} else revision
    assert rig.running() == {WEB: [expected]}
    assert number(rig) == ({1} if expected == "a" else {2})
