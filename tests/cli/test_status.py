"""How stacks stand, once and as it changes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from protocol.envelope import Packet
from protocol.operator import (
    FunctionStatus,
    ManifestFault,
    OrderVerb,
    ServiceStatus,
    StackRow,
    StackStatus,
    Verdict,
)
from protocol.topics import StackStatusTopic
from tests.fakes.session import FakeSession, operate, packet, yes

PORCH = StackStatus(
    "porch", Verdict.ACCEPTED, "m1", "rev1", (), True, (ServiceStatus("web", "web:1", "rev1", 2, 2),),
    (FunctionStatus("greet", "greet:1", ("pi-1",), ("pi-2 is away",)),), ("doorbell", "lamp"),
)  # fmt: skip
SHOP = StackStatus("shop", Verdict.REFUSED, "m2", faults=(ManifestFault("unknown key", "services.web.prots", 3, 5),))


def said(status: StackStatus) -> Packet:
    return packet(StackStatusTopic("default", status.stack), status)


def removed(stack: str) -> Packet:
    return Packet(str(StackStatusTopic("default", stack)), b"", retain=True)


def listed(*names: str) -> dict[OrderVerb, object]:
    return {OrderVerb.STACKS: yes([asdict(StackRow(name, Verdict.ACCEPTED, "r", True, 1, 0, 0)) for name in names])}


def test_a_named_stack_is_read_from_the_broker_alone() -> None:
    """The last word is shown also while the controller is away: nobody is asked."""
    session = FakeSession(arriving=[said(PORCH)])
    done = operate(session, "status", "porch")
    assert (done.exit_code, session.orders) == (0, [])
    assert session.dialled[0][3] == ("bramble/v1/default/stack/porch/status",)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[0] == "porch: accepted, revision rev1, everything runs"
    assert lines[2].split()[:2] == ["web", "2/2"]
    assert lines[4].split()[:3] == ["greet", "greet:1", "pi-1"]
    assert lines[5] == "devices: doorbell, lamp"


def test_all_stacks_are_awaited_by_the_names_that_the_controller_gives() -> None:
    """A wildcard may deliver only some; the list of the controller says when all are here."""
    session = FakeSession(answers=listed("shop", "porch"), arriving=[said(SHOP), said(PORCH)])
    done = operate(session, "status", "-o", "json")
    assert [status["stack"] for status in json.loads(done.stdout)] == ["porch", "shop"]


def test_a_status_that_the_broker_lost_is_named() -> None:
    """Better an error than a picture with a hole."""
    session = FakeSession(answers=listed("shop", "porch"), arriving=[said(PORCH)])
    done = operate(session, "status")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "the broker has no status of shop" in done.stderr


def test_a_fleet_without_stacks_prints_nothing_and_says_so() -> None:
    """An empty fleet is no error."""
    done = operate(FakeSession(answers=listed()), "status")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "the fleet has no stacks\n")


def test_an_unknown_stack_is_3() -> None:
    """No status comes for what nobody ever published."""
    assert operate(FakeSession(), "status", "proch").exit_code == 3


def test_faults_of_a_refused_stack_are_shown() -> None:
    """The picture says what is wrong and where."""
    done = operate(FakeSession(arriving=[said(SHOP)]), "status", "shop")
    assert "shop: refused, revision none, not everything runs yet" in done.stdout
    assert "  manifest:3:5: services.web.prots: unknown key" in done.stdout


def test_watching_into_a_pipe_gives_a_document_per_change() -> None:
    """What is, then each change, then the removal; one JSON document a line."""
    later = replace(PORCH, converged=False)
    session = FakeSession(arriving=[said(PORCH), said(later), removed("porch")])
    done = operate(session, "status", "porch", "--watch", "-o", "json", "--timeout", "5s")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [status.get("converged") for status in found] == [True, False, None]
    assert found[-1] == {"stack": "porch", "removed": True}
    assert session.waits[-1] == 5.0


def test_watching_tells_people_the_same() -> None:
    """Without a screen there is nothing to redraw, so each change is printed."""
    session = FakeSession(arriving=[said(PORCH), said(replace(PORCH, converged=False)), removed("porch")])
    done = operate(session, "status", "porch", "--watch")
    assert done.stdout.count("porch: accepted") == 2
    assert done.stdout.endswith("porch: removed\n")
