"""How commands fail: one sentence, a remedy, and an exit code that scripts can rely on."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from protocol.operator import ControllerPresence, OrderVerb, StackRow, Verdict
from protocol.refusal import Refusal
from tests.fakes.session import FakeSession, no, operate, yes


def test_a_broker_that_is_away_ends_in_6_and_says_how_to_name_another() -> None:
    """Nobody at the address: the sentence names it, asks the likely question and names the setting."""
    done = operate(
        FakeSession(unreachable="connection refused by 10.0.0.9:1883"), "stacks", "--broker", "10.0.0.9:1883"
    )
    assert done.exit_code == 6
    expected = "bramble: cannot reach the broker: connection refused by 10.0.0.9:1883; is it running? set --broker or "
    assert (done.stdout, done.stderr) == ("", f"{expected}BRAMBLE_BROKER\n")


def test_a_reason_without_a_place_gets_one() -> None:
    """Whatever the link says, the sentence tells which broker was meant."""
    done = operate(FakeSession(unreachable="no route to host"), "stacks", "--broker", "nas")
    assert "cannot reach the broker at nas:1883: no route to host" in done.stderr


def test_a_silent_controller_ends_in_5_with_its_presence() -> None:
    """The controller is known and does not answer: its last word about itself is told."""
    session = FakeSession(controller=ControllerPresence("offline", 7))
    done = operate(session, "stacks", "--fleet", "home")
    assert done.exit_code == 5
    assert (
        done.stderr == "bramble: no answer from the controller of fleet 'home' within 10 s; its presence says offline\n"
    )


def test_a_fleet_without_a_controller_makes_us_doubt_its_name() -> None:
    """No presence at all: most likely the fleet's name is wrong."""
    done = operate(FakeSession(), "stacks", "--fleet", "hmoe", "--timeout", "2m")
    assert done.exit_code == 5
    assert "'hmoe' within 2 min; it has never been at this broker; is the fleet's name right?" in done.stderr


@pytest.mark.parametrize(("denial", "code"), [("not-found", 3), ("conflict", 4), ("", 1), ("news-to-us", 1)])
def test_a_no_of_the_controller_has_its_exit_code(denial: str, code: int) -> None:
    """What does not exist is 3, what stands in the way is 4, any other no is 1; the sentence is the controller's."""
    session = FakeSession(answers={OrderVerb.DRAIN: no("the fleet has no node 'pi-9'", denial)})
    done = operate(session, "node", "drain", "pi-9")
    assert (done.exit_code, done.stderr) == (code, "bramble: the fleet has no node 'pi-9'\n")


def test_a_refused_order_says_why() -> None:
    """An order that the link does not take is an error with the link's sentence."""
    session = FakeSession(answers={OrderVerb.STACKS: Refusal("not authorised", "bramble/v1/default/order/1")})
    done = operate(session, "stacks")
    assert (done.exit_code, done.stderr) == (1, "bramble: bramble/v1/default/order/1: not authorised\n")


def test_an_answer_in_another_tongue_is_an_error_and_no_crash() -> None:
    """A controller of another version may answer without what is needed here; that is said in words."""
    session = FakeSession(answers={OrderVerb.STACKS: yes([{"smell": "fine"}])})
    done = operate(session, "stacks")
    assert done.exit_code == 1
    assert "not a StackRow as this version knows it" in done.stderr
    assert "use the controller's version" in done.stderr


def test_what_a_newer_controller_tells_beside_is_passed_over_and_said_once() -> None:
    """The rows are shown; programs that read the output see nothing of it."""
    rows = [
        asdict(StackRow(name, Verdict.ACCEPTED, "r1", True, 1, 0, 0)) | {"smell": "fine"} for name in ("porch", "shed")
    ]
    done = operate(FakeSession(answers={OrderVerb.STACKS: yes(rows)}), "stacks")
    assert (done.exit_code, "porch" in done.stdout, "shed" in done.stdout) == (0, True, True)
    assert done.stderr == (
        "warning: the controller tells what this version does not know (smell); use the controller's version of bramble\n"
    )


def test_a_verdict_that_is_new_is_not_taken_for_accepted() -> None:
    """And its word is said."""
    rows = [asdict(StackRow("porch", Verdict.ACCEPTED, "r1", True, 1, 0, 0)) | {"verdict": "pondered"}]
    done = operate(FakeSession(answers={OrderVerb.STACKS: yes(rows)}), "stacks", "-o", "json")
    assert "(verdict 'pondered')" in done.stderr
    assert '"accepted"' not in done.stdout


def test_errors_are_json_where_the_output_is() -> None:
    """A program that asked for JSON reads the failure without parsing prose."""
    done = operate(FakeSession(unreachable="connection refused"), "nodes", "-o", "json")
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "unreachable"
    assert error["message"] == "cannot reach the broker at localhost:1883: connection refused"
    assert "BRAMBLE_BROKER" in error["remedy"]


@pytest.mark.parametrize(
    "words",
    [
        ["stacks", "--timeout", "soon"],
        ["stacks", "--broker", "nas:http"],
        ["stacks", "--broker", ":1883"],
        ["stacks", "-o", "xml"],
        ["apply"],
        ["events", "--follow", "--count", "3"],
        ["pins", "pi-1", "--drive", "17"],
        ["pins", "pi-1", "--set", "lamp"],
        ["pins", "pi-1", "--set", "lamp=on", "--drive", "17=press"],
    ],
)
def test_wrong_usage_is_2_before_anybody_is_asked(words: list[str]) -> None:
    """What cannot be meant is refused with the usage, and nothing goes to the broker."""
    session = FakeSession()
    done = operate(session, *words)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr
    assert (session.orders, session.said) == ([], [])


@pytest.mark.parametrize(
    ("broker", "place"),
    [("nas", ("nas", 1883)), ("nas:99", ("nas", 99)), ("[::1]:99", ("::1", 99)), ("[::1]", ("::1", 1883))],
)
def test_a_broker_is_named_with_or_without_a_port(broker: str, place: tuple[str, int]) -> None:
    """A host alone means the port of MQTT; IPv6 stands in brackets."""
    session = FakeSession(answers={OrderVerb.STACKS: yes([])})
    operate(session, "stacks", "--broker", broker)
    assert session.dialled[0][:2] == place


def test_the_environment_names_broker_and_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    """BRAMBLE_BROKER and BRAMBLE_FLEET stand in for the options."""
    monkeypatch.setenv("BRAMBLE_BROKER", "nas:99")
    monkeypatch.setenv("BRAMBLE_FLEET", "home")
    session = FakeSession(answers={OrderVerb.STACKS: yes([])})
    operate(session, "stacks", "--timeout", "1m30s")
    assert session.dialled[0][:3] == ("nas", 99, "home")
    assert session.waits == [90.0]
