"""What becomes of what an operator publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.effects import Remark, Say
from controller.decide.manifests import VOID_MOST
from protocol.envelope import Packet, pack
from protocol.observed import TaskState, TaskStatus
from protocol.operator import Verdict
from protocol.topics import ManifestTopic, StackStatusTopic
from tests.controller.desk import FLEET, Desk, web

BAD = "services: [1]"


def test_an_accepted_manifest_is_acknowledged_with_the_digest_of_its_bytes() -> None:
    """The publisher knows the verdict on his own text, in the same turn."""
    desk = Desk()
    desk.manifest("shop", web())
    status = desk.said[str(StackStatusTopic(FLEET, "shop"))]
    assert (status.verdict, len(status.manifest), len(status.revision)) == (Verdict.ACCEPTED, 12, 12)


def test_the_same_manifest_again_changes_nothing() -> None:
    """Whoever says it again is answered again, for he may not have heard; no generation moves for it."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    before = desk.assignment("pi-1")
    assert [type(effect.topic) for effect in desk.manifest("shop", web()) if isinstance(effect, Say)] == [
        StackStatusTopic
    ]
    assert desk.assignment("pi-1") == before


def test_a_refused_manifest_leaves_the_earlier_one_running() -> None:
    """A typo in a new revision takes nothing down."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    accepted = desk.stack("shop").revision
    desk.manifest("shop", "services:\n  web: {imag: web:2}\n")
    status = desk.stack("shop")
    assert (status.verdict, status.revision) == (Verdict.REFUSED, accepted)
    assert status.faults[0].line == 2
    assert desk.tasks("pi-1") == {"shop.web.1": "web:1"}
    desk.manifest("shop", web())
    assert desk.stack("shop").verdict is Verdict.ACCEPTED


def test_what_a_broker_kept_takes_no_stack_back_to_an_earlier_manifest() -> None:
    """After a power cut it shows what it had saved; that is refused in words, and what somebody publishes again is not."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.manifest("shop", web("web:2"))
    later = desk.stack("shop")
    desk.manifest("shop", web(), retained=True)
    status = desk.stack("shop")
    assert (status.verdict, status.revision) == (Verdict.REFUSED, later.revision)
    assert status.faults[0].reason == "a later manifest has replaced this one, which the broker has only kept"
    assert desk.stack("shop").services[0].revision == later.services[0].revision
    desk.manifest("shop", web("web:2"), retained=True)
    assert (desk.stack("shop").verdict, desk.stack("shop").revision) == (Verdict.ACCEPTED, later.revision)
    desk.manifest("shop", web())
    assert desk.stack("shop").verdict is Verdict.ACCEPTED
    assert desk.stack("shop").revision != later.revision


def test_what_was_published_while_nobody_listened_is_taken_from_the_broker() -> None:
    """A manifest that was never seen is news, whoever kept it."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    before = desk.stack("shop").revision
    desk.manifest("shop", web("web:2"), retained=True)
    assert desk.stack("shop").verdict is Verdict.ACCEPTED
    assert desk.stack("shop").revision != before


def test_a_manifest_that_is_too_large_is_refused_with_both_numbers() -> None:
    """Ten megabytes are not parsed, and not met with silence."""
    desk = Desk()
    desk.unreadable(ManifestTopic(FLEET, "huge"), "too large", 10_000_000)
    fault = desk.stack("huge").faults[0]
    assert fault.reason == "the manifest is 10000000 bytes; the limit is 262144"


def test_an_empty_payload_removes_the_stack_and_its_status() -> None:
    """Everything of the stack leaves the assignments, and the retained status goes."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.manifest("shop", "")
    assert desk.tasks("pi-1") == {}
    assert desk.said[str(StackStatusTopic(FLEET, "shop"))] == b""
    assert desk.turn(60.0) == ()


def test_of_stacks_that_were_never_accepted_the_last_hundred_are_kept(tmp_path: Path) -> None:
    """Whoever makes up names fills no memory: the oldest verdict goes, with its status, and is told and counted; over restarts."""
    desk = Desk(tmp_path)
    desk.manifest("shop", web())
    desk.manifest("shop", BAD)
    for number in range(VOID_MOST + 3):
        desk.manifest(f"s{number}", BAD)
        if number == 50:
            desk.restart()
        desk.manifest("s0" if number < 99 else "s99", BAD)  # said again, a verdict is not younger
    assert set(desk.fleet.stacks) == {"shop"} | {f"s{number}" for number in range(3, VOID_MOST + 3)}
    assert desk.said[str(StackStatusTopic(FLEET, "s2"))] == b""
    told = [effect.subject for effect in desk.effects if isinstance(effect, Remark) and "forgotten" in effect.sentence]
    assert told == ["s0", "s1", "s2"]
    assert desk.fleet.counts["verdicts_forgotten",] == 3


def test_an_empty_payload_for_an_unknown_stack_is_told_and_forgotten() -> None:
    """Nothing is retained for a stack that never was."""
    desk = Desk()
    effects = desk.manifest("nobody", "")
    assert effects == (Remark("nobody", "an empty manifest removes a stack, but there is none of this name"),)
    assert desk.fleet.counts["refusals", "unknown_stack"] == 1


PORT = "services:\n  web: {{image: web:1, ports: ['8080:80'], deploy: {{placement: {{constraints: [{0}]}}}}}}\n"
DOORBELL = "sensors:\n  doorbell: {{kind: button, pin: {1}, nodes: [{0}]}}\n"
LAMP = "actuators:\n  lamp: {{kind: led, pin: {1}, nodes: [{0}]}}\n"
PORCH, ATTIC = "node.labels.place == porch", "node.labels.place == attic"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (PORT.format(""), PORT.format(""), "port 8080/tcp of the host"),
        (PORT.format(PORCH), PORT.format("node.labels.site == home"), "port 8080/tcp of the host"),
        (DOORBELL.format(PORCH, 17), DOORBELL.format(PORCH, 18), "the device name 'doorbell'"),
        (DOORBELL.format(PORCH, 17), LAMP.format(PORCH, 17), "pin 17"),
    ],
)
def test_two_stacks_cannot_claim_one_thing_of_one_node(first: str, second: str, said: str) -> None:
    """Whoever was accepted first keeps it; the refusal names both."""
    desk = Desk()
    desk.manifest("one", first)
    desk.manifest("two", second)
    assert desk.stack("one").verdict is Verdict.ACCEPTED
    status = desk.stack("two")
    assert status.verdict is Verdict.REFUSED
    assert said in status.faults[0].reason
    assert "'one'" in status.faults[0].reason
    assert "'two'" in status.faults[0].reason


KNOB = "sensors: {knob: {kind: rotary-encoder, a: 5, b: 6}}"
FAN = "actuators: {fan: {kind: motor, forward: 13, backward: 6}}"
STRIP = "actuators: {strip: {kind: rgb-led, red: 16, green: 20, blue: 21}}"
PAD = "sensors: {pad: {kind: button-board, buttons: {up: 21}}}"
BOTH = "sensors:\n  bell: {{kind: button, pin: 4, nodes: [{0}]}}\nactuators:\n  lamp: {{kind: led, pin: 4, nodes: [{1}]}}\n"
POT = "sensors:\n  {0}: {{kind: mcp3008, channel: {1}}}\n"


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        (KNOB, FAN, "pin 6"),
        (STRIP, PAD, "pin 21"),
        (POT.format("pot", 1), POT.format("knob", 1), "channel 1 of spi0.0"),
        (POT.format("pot", 1), "sensors: {knob: {kind: mcp3208, channel: 2}}", "spi0.0"),
        (POT.format("pot", 1), "actuators: {lamp: {kind: led, pin: 10}}", "pin 10"),
        (POT.format("pot", 1), POT.format("knob", 2), ""),
        (POT.format("pot", 1), "sensors: {knob: {kind: mcp3208, channel: 1, bus: spi0.1}}", ""),
    ],
)
def test_every_pin_and_channel_of_a_device_is_claimed(one: str, two: str, said: str) -> None:
    """All pins of a device count, wires of a bus against others too; those who speak on it, and channels of a chip, get on."""
    desk = Desk()
    desk.manifest("one", one)
    desk.manifest("two", two)
    assert desk.stack("one").verdict is Verdict.ACCEPTED
    faults = desk.stack("two").faults
    assert bool(faults) == bool(said)
    assert not said or f"wants {said}, which" in faults[0].reason


def test_one_stack_does_not_take_a_pin_twice() -> None:
    """Two devices of one manifest that can meet on a node, or two keys of one, are refused, and both are named."""
    desk = Desk()
    desk.manifest("one", BOTH.format(PORCH, ""))
    one, other = sorted(fault.reason for fault in desk.stack("one").faults)
    assert one == "actuators.lamp wants pin 4, which sensors.bell of the same stack has"
    assert other == "sensors.bell wants pin 4, which actuators.lamp of the same stack has"
    desk.manifest("two", "actuators: {fan: {kind: motor, forward: 5, backward: 5}}")
    assert "pin 5" in desk.stack("two").faults[0].reason
    desk.manifest("three", BOTH.format(PORCH, ATTIC))
    assert desk.stack("three").verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("one", "two"), [(PORT, PORT), (DOORBELL, DOORBELL)])
def test_two_stacks_may_claim_one_thing_of_different_nodes(one: str, two: str) -> None:
    """Constraints that no node can meet together keep the two apart."""
    desk = Desk()
    desk.manifest("one", one.format(PORCH, 17))
    desk.manifest("two", two.format(ATTIC, 17))
    assert desk.stack("two").verdict is Verdict.ACCEPTED


def test_a_constraint_that_nobody_can_read_is_refused_at_its_path() -> None:
    """An impossible constraint is a fault of the manifest, not an eternal wait."""
    desk = Desk()
    desk.manifest("shop", web(placement="{constraints: [node.role == manager]}"))
    fault = desk.stack("shop").faults[0]
    assert fault.path == "services.web.deploy.placement.constraints[0]"
    assert "node.role" in fault.reason


def test_a_stack_that_is_too_large_to_describe_still_gets_its_verdict() -> None:
    """The names go first, then the services; whoever published it is always told."""
    desk = Desk()
    for number in range(4):
        desk.hello(f"pi-{number}")
    services = "".join(f"  web{n}: {{image: 'registry.local:5000/dashboard:{n}'}}\n" for n in range(1000))
    desk.manifest("shop", f"services:\n{services}")
    status = desk.stack("shop")
    assert status.verdict is Verdict.ACCEPTED
    assert isinstance(pack(StackStatusTopic(FLEET, "shop"), status), Packet)
    assert len(status.services) == 1000


SENSOR = "sensors: {bell: {kind: button, pin: 4}}"


def test_a_stack_that_comes_back_as_it_was_is_acknowledged_again() -> None:
    """Its retained status went with it, so whoever publishes it anew waits for a word."""
    desk = Desk()
    desk.hello("pi-1")
    for text in (SENSOR, web()):
        desk.manifest("shop", text)
        desk.turn(60.0)
        desk.manifest("shop", "")
        desk.turn(60.0)
        desk.said.clear()
        desk.manifest("shop", text)
        assert desk.said[str(StackStatusTopic(FLEET, "shop"))].verdict is Verdict.ACCEPTED
        desk.manifest("shop", "")


OF_NODES = ("nodes", "leases", "intakes", "attendances", "streams")
"""What is remembered of nodes, whatever they run."""


def test_what_no_stack_asks_for_is_forgotten() -> None:
    """A stack for each branch of somebody's code, for years: nothing of them stays (S9)."""
    desk = Desk()
    desk.hello("pi-1")
    for number in range(5):
        desk.manifest(f"branch-{number}", web(f"web:{number}"))
        desk.manifest(f"branch-{number}", web(f"web:{number}-b", replicas="0"))
        desk.turn(60.0)
        desk.manifest(f"branch-{number}", "")
        desk.turn(60.0)
    fleet = desk.fleet
    kept = {name: len(shelf) for name, shelf in fleet.shelves().items() if name not in OF_NODES}
    assert {name: size for name, size in kept.items() if size} == {"assignments": 1, "holds": 1}
    assert fleet.hosts == fleet.device_nodes == fleet.reported == fleet.reported_mono_s == fleet.settled_mono_s == {}
    assert fleet.catalogue.named == {}


def test_a_stack_on_many_nodes_is_reported_less_often() -> None:
    """Whoever reads it is a person; a status of thousands of sensors takes long to make."""
    desk = Desk()
    for number in range(300):
        desk.hello(f"pi-{number:03d}")
    desk.manifest("shop", SENSOR)
    assert desk.fleet.reported_mono_s["shop"] - desk.now > 0.5 + 0.29


def test_what_an_engine_warns_of_reaches_the_operator_although_all_runs() -> None:
    """A limit that a node ignores stands among the reasons of its service, which runs."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    (spec,) = desk.assignment("pi-1").tasks
    desk.status("pi-1", (TaskStatus(spec.task, spec.revision, TaskState.RUNNING, 1, reason="Limitation discarded."),))
    (service,) = desk.stack("shop").services
    assert (service.running, service.reasons) == (1, ("shop.web.1 on pi-1: Limitation discarded.",))


def test_a_stack_of_devices_runs_when_its_nodes_know_of_them() -> None:
    """A sensor is no service, and nothing runs before its node has been told."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("yard", "sensors: {bell: {kind: button, pin: 17}}")
    assert not desk.stack("yard").converged
    desk.status("pi-1")
    assert desk.stack("yard").converged
