"""Deploying and removing a stack: the local check, the wait for our own verdict, and what is told on the way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from protocol.envelope import Packet
from protocol.operator import (
    ControllerPresence,
    ManifestFault,
    OrderVerb,
    ServiceStatus,
    StackRow,
    StackStatus,
    TaskPlace,
    Verdict,
)
from protocol.refusal import Refusal
from protocol.rollouts import RolloutStatus
from protocol.topics import ManifestTopic, StackStatusTopic, Topic
from tests.fakes.session import FakeSession, operate, packet, yes

PORCH = b"""\
name: porch
services:
  web: {image: "web:1", deploy: {replicas: 2}}
"""
DIGEST = hashlib.sha256(PORCH).hexdigest()[:12]
TOPIC = StackStatusTopic("default", "porch")

WEB = ServiceStatus("web", "web:1", "rev1", 2, 0)
ACCEPTED = StackStatus("porch", Verdict.ACCEPTED, DIGEST, "rev1", services=(WEB,))
CONVERGED = replace(ACCEPTED, converged=True, services=(replace(WEB, running=2),))


@pytest.fixture
def porch(tmp_path: Path) -> str:
    path = tmp_path / "porch.yaml"
    path.write_bytes(PORCH)
    return str(path)


def answering(*statuses: StackStatus) -> FakeSession:
    """A controller that says these statuses once the manifest is there."""

    def reply(_topic: Topic, _message: bytes) -> list[Packet]:
        return [packet(TOPIC, status) for status in statuses]

    return FakeSession(reply=reply)


def test_a_manifest_is_published_as_it_is_and_waited_for(porch: str) -> None:
    """The bytes of the file go out unchanged; the command ends when everything runs, and told each step on the way."""
    half = replace(
        ACCEPTED,
        services=(replace(WEB, running=1, tasks=(TaskPlace("t", "pi-2", "preparing", reason="pulls web:1"),)),),
    )
    session = answering(ACCEPTED, half, CONVERGED)
    done = operate(session, "apply", "-f", porch)
    assert done.exit_code == 0
    assert session.said == [(ManifestTopic("default", "porch"), PORCH)]
    assert session.dialled[0][3] == (str(TOPIC),)
    assert done.stderr.splitlines() == [
        "porch: published to fleet 'default'",
        "  web: 0/2 running",
        "  web: 1/2 running; pi-2: pulls web:1",
        "  web: 2/2 running",
    ]
    assert done.stdout.startswith("porch: accepted as revision rev1; everything runs\n")
    assert "2/2" in done.stdout


def test_an_older_verdict_is_not_taken_for_ours(porch: str) -> None:
    """A retained status about other bytes says nothing about these."""
    older = replace(CONVERGED, manifest="000000000000")
    done = operate(answering(older), "apply", "-f", porch)
    assert done.exit_code == 5
    assert "no answer from the controller of fleet 'default'" in done.stderr


def test_detach_waits_for_the_verdict_only(porch: str) -> None:
    """The verdict is enough; what runs is seen later."""
    session = answering(ACCEPTED, CONVERGED)
    done = operate(session, "apply", "-f", porch, "--detach")
    assert (done.exit_code, len(session.arriving)) == (0, 1)
    assert "accepted as revision rev1; not everything runs yet" in done.stdout


def test_a_controller_that_refuses_is_quoted_like_a_compiler(porch: str) -> None:
    """What only the controller can know comes back with the file's name, line and column, and ends in 1."""
    fault = ManifestFault("port 8080 is taken by the stack 'shop'", "services.web.ports[0]", 3, 8, "choose another")
    done = operate(answering(replace(ACCEPTED, verdict=Verdict.REFUSED, faults=(fault,))), "apply", "-f", porch)
    assert done.exit_code == 1
    expected = f"{porch}:3:8: services.web.ports[0]: port 8080 is taken by the stack 'shop'; choose another"
    assert done.stderr.splitlines()[-1] == expected
    assert done.stdout == ""


def test_a_fault_is_found_before_anything_is_published(tmp_path: Path) -> None:
    """What we can see here ourselves never reaches the broker."""
    path = tmp_path / "porch.yaml"
    path.write_text("services:\n  web:\n    image: web:1\n    prots: []\n")
    session = FakeSession()
    done = operate(session, "apply", "-f", str(path))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{path}:4:5: services.web.prots: ")
    assert "'ports'" in done.stderr
    assert (session.said, session.dialled) == ([], [])


def test_a_pin_that_two_devices_want_is_found_here(tmp_path: Path) -> None:
    """Each of the two is named with its file and line, also where they stand in different files."""
    one, other = tmp_path / "compose.yaml", tmp_path / "more.yaml"
    one.write_text("name: porch\nsensors:\n  bell: {kind: button, pin: 17}\n")
    other.write_text("actuators:\n  lamp:\n    kind: led\n    pin: 17\n")
    session = FakeSession()
    done = operate(session, "apply", "-f", str(one), "-f", str(other))
    assert (done.exit_code, session.said) == (1, [])
    first, second = (line for line in done.stderr.splitlines() if "wants pin 17" in line)
    assert first.startswith(f"{one}:3:")
    assert "sensors.bell wants pin 17, which actuators.lamp of the same stack has" in first
    assert second.startswith(f"{other}:4:")
    assert "actuators.lamp wants pin 17, which sensors.bell of the same stack has" in second


def test_a_refusal_in_json_is_the_status_with_its_faults(tmp_path: Path) -> None:
    """A program reads the same faults with their places."""
    path = tmp_path / "porch.yaml"
    path.write_text("services: 3\n")
    done = operate(FakeSession(), "apply", "-f", str(path), "-o", "json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["stack"], said["verdict"]) == (1, "porch", "refused")
    assert (said["faults"][0]["line"], said["faults"][0]["path"]) == (1, "services")


def test_a_stack_that_is_late_ends_in_5_with_what_is_missing(porch: str) -> None:
    """Time is over: the command says what is behind, and that it goes on without us."""
    done = operate(answering(ACCEPTED), "apply", "-f", porch, "--timeout", "30s")
    assert done.exit_code == 5
    last = done.stderr.splitlines()[-1]
    assert "porch does not run everywhere after 30 s: web (0/2 running); it goes on" in last


def test_a_rollout_that_halts_ends_the_wait_at_once(porch: str) -> None:
    """A rollout that went back is no success, and nothing to wait for."""
    rollout = RolloutStatus("r", "web", "rev1", "rolled_back", failed=1, reasons=("pi-1: exited with 3",))
    back = replace(ACCEPTED, services=(replace(WEB, rollout=rollout),))
    session = answering(ACCEPTED, back, CONVERGED)
    done = operate(session, "apply", "-f", porch)
    assert (done.exit_code, len(session.arriving)) == (1, 1)
    assert "the rollout of web is rolled back: pi-1: exited with 3" in done.stderr


DONE = RolloutStatus("r", "web", "rev1", "done", 2, 1, report="2 updated, 1 failed", reasons=("pi-3: exited with 3",))


@pytest.mark.parametrize("state", ["rolled_back", "done"])
def test_the_rollout_before_says_nothing_of_this_one(porch: str, state: str) -> None:
    """While its images are looked up a stack shows what was in force, however that ended; the wait goes on to its own end."""
    before = RolloutStatus("o", "web", "rev0", state, 1, 1, 0, 0, "1 failed", ("an operator aborted it",))
    awaits = replace(ACCEPTED, awaits_images=True, services=(replace(WEB, running=2, rollout=before),))
    done = operate(answering(awaits, CONVERGED), "apply", "-f", porch)
    assert done.exit_code == 0
    assert operate(answering(awaits), "apply", "-f", porch, "--timeout", "1s").exit_code == 5
    assert "its images are being looked up" in operate(answering(awaits), "apply", "-f", porch, "-d").stdout
    assert "looked up" not in operate(answering(awaits, ACCEPTED), "apply", "-f", porch, "-d").stdout


def test_a_device_with_a_fault_is_warned_of(porch: str) -> None:
    """Everything runs, and the bell will never ring."""
    wired = replace(CONVERGED, devices=("bell on pi-1", "gate on pi-1: pin 3 has a fixed pull"))
    done = operate(answering(wired), "apply", "-f", porch)
    assert done.exit_code == 0
    assert [line for line in done.stderr.splitlines() if line.startswith("warning")] == [
        "warning: gate on pi-1: pin 3 has a fixed pull"
    ]


def test_a_rollout_that_is_done_with_failures_ends_the_wait_at_once(porch: str) -> None:
    """What failed is tolerated and not tried again, so there is nothing to wait for; and it is no success."""
    done_with = replace(ACCEPTED, services=(replace(WEB, desired=3, running=2, rollout=DONE),))
    session = answering(ACCEPTED, done_with, CONVERGED)
    done = operate(session, "up", "-f", porch)
    assert (done.exit_code, len(session.arriving)) == (1, 1)
    assert "the rollout of web is done, and failed on 1 of 3: pi-3: exited with 3" in done.stderr


@pytest.mark.parametrize("other", [RolloutStatus("o", "api", "rev1", "rolling"), None], ids=["rolls", "starts"])
def test_what_else_moves_in_its_stack_is_waited_for(porch: str, other: RolloutStatus | None) -> None:
    """Another service is still being updated, or started: the wait ends with that."""
    behind = replace(WEB, desired=3, running=3, rollout=DONE)
    api = ServiceStatus("api", "api:1", "rev1", 1, 1 if other else 0, rollout=other)
    moving = replace(ACCEPTED, services=(behind, api))
    still = replace(ACCEPTED, services=(behind, replace(api, running=1, rollout=None)))
    session = answering(ACCEPTED, moving, still, CONVERGED)
    done = operate(session, "up", "-f", porch)
    assert (done.exit_code, len(session.arriving)) == (1, 1)


def test_the_name_comes_from_the_option_the_manifest_or_the_file(tmp_path: Path) -> None:
    """`--stack` goes before `name:`, and that before the file's own name."""
    path = tmp_path / "shop.yaml"
    nameless = PORCH.removeprefix(b"name: porch\n")
    for text, words, name in ((nameless, ["--stack", "attic"], "attic"), (PORCH, [], "porch"), (nameless, [], "shop")):
        path.write_bytes(text)
        session = FakeSession()
        operate(session, "apply", "-f", str(path), *words)
        assert session.said == [(ManifestTopic("default", name), text)]


def test_standard_input_needs_a_name() -> None:
    """A pipe has no file name to fall back to."""
    session = answering(CONVERGED)
    assert operate(session, "apply", "-f", "-", given=PORCH).exit_code == 0
    nameless = operate(FakeSession(), "apply", "-f", "-", given=PORCH[12:])
    assert (nameless.exit_code, "add `name:` or set --stack" in nameless.stderr) == (2, True)


def test_the_option_goes_before_the_name_in_the_manifest(tmp_path: Path) -> None:
    """One file under two names: what is published says the name that was asked for, as with Compose's `-p`."""
    path = tmp_path / "porch.yaml"
    path.write_bytes(PORCH)
    for option in ("--stack", "-p", "--project-name"):
        session = FakeSession()
        operate(session, "apply", "-f", str(path), option, "attic")
        topic, payload = session.said[0]
        assert topic == ManifestTopic("default", "attic")
        assert payload.startswith(b"name: attic\n")


@pytest.mark.parametrize("text", [b"", b"\n \n"])
def test_an_empty_file_does_not_remove_the_stack(tmp_path: Path, text: bytes) -> None:
    """On the wire an empty payload removes; here it is far more likely a mistake."""
    path = tmp_path / "porch.yaml"
    path.write_bytes(text)
    session = FakeSession()
    done = operate(session, "apply", "-f", str(path))
    assert (done.exit_code, session.said) == (1, [])
    assert "is empty; to remove a stack, use `bramble rm`" in done.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    """The sentence names the file and the reason."""
    done = operate(FakeSession(), "apply", "-f", "nowhere.yaml")
    assert (done.exit_code, done.stderr) == (1, "bramble: cannot read nowhere.yaml: no such file or directory\n")


def test_a_name_that_no_stack_can_have_is_refused(tmp_path: Path) -> None:
    """A file name with a blank or a capital makes no topic."""
    path = tmp_path / "My Porch.yaml"
    path.write_bytes(b"services: {}\n")
    done = operate(FakeSession(), "apply", "-f", str(path))
    assert (done.exit_code, "'My Porch' cannot be the name of a stack" in done.stderr) == (1, True)


def test_what_the_broker_does_not_take_is_an_error(porch: str) -> None:
    """Too large or forbidden: the link's own sentence."""
    done = operate(FakeSession(refuses=Refusal("not authorised")), "apply", "-f", porch)
    assert (done.exit_code, done.stderr) == (1, "bramble: not authorised\n")


def test_a_silent_controller_is_told_with_its_presence(porch: str) -> None:
    """Published, and nobody there to judge it."""
    session = FakeSession(controller=ControllerPresence("offline", 1))
    done = operate(session, "apply", "-f", porch)
    assert (done.exit_code, "its presence says offline" in done.stderr) == (5, True)


def row(name: str) -> dict[str, object]:
    """A stack in the answer to `stacks`, as JSON brings it."""
    return asdict(StackRow(name, Verdict.ACCEPTED, "rev1", True, 1, 0, 0))


def test_rm_publishes_emptiness_and_waits_until_the_stack_is_gone() -> None:
    """An empty payload removes; the command ends when the controller no longer lists the stack."""
    session = FakeSession(answers={OrderVerb.STACKS: [yes([row("porch")]), yes([row("porch")]), yes([])]})
    done = operate(session, "rm", "porch")
    assert (done.exit_code, done.stdout) == (0, "porch: removed\n")
    assert session.said == [(ManifestTopic("default", "porch"), b"")]


def test_rm_of_an_unknown_stack_is_3_and_publishes_nothing() -> None:
    """What does not exist cannot be removed; a typing error says so."""
    session = FakeSession(answers={OrderVerb.STACKS: yes([row("porch")])})
    done = operate(session, "rm", "proch")
    assert (done.exit_code, session.said) == (3, [])
    assert done.stderr == "bramble: the fleet has no stack 'proch'; `bramble stacks` lists them\n"


def test_rm_that_takes_too_long_says_so() -> None:
    """A stack that is still listed at the end of the wait is on its way."""
    session = FakeSession(answers={OrderVerb.STACKS: yes([row("porch")])})
    done = operate(session, "rm", "porch", "--timeout", "0s")
    assert (done.exit_code, "on its way out" in done.stderr) == (5, True)
