"""Functions in Home Assistant: a button that calls, a sensor of the last end, an event of each, on the device of their stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Effect, Reply, Say
from controller.decide.home_assistant import announce, events, functions
from controller.decide.home_assistant.desk import HomeAssistant
from protocol import topics
from protocol.desired import Invocation
from protocol.envelope import FactMark
from protocol.observed import Link, Result, ResultStatus
from tests.controller.desk import FLEET, Desk
from tests.controller.home import OURS, PREFIX, command, components, greets, rung, settled, shown, state
from tests.controller.home_assistant_rules import broken, is_state

STACK = """\
functions:
  greet: {image: "greet:1", expires: 20s}
  write-down: {image: "write-down:1"}
"""
DEVICE = f"{PREFIX}/device/bramble_{FLEET}_stack_porch/config"
GREET = f"{OURS}/stack/porch/function/greet"
REFUSAL = f"{OURS}/stack/porch/own/refusal/state"


def porch(path: Path | None = None, *without: str) -> Desk:
    """A node that runs both functions, all of it announced."""
    desk = Desk(path, home_assistant=PREFIX)
    desk.fleet.home_assistant.without = without
    desk.hello("pi-1")
    desk.presence("pi-1", Link.ONLINE)
    desk.manifest("porch", STACK)
    settled(desk)
    return desk


def press(desk: Desk, payload: str = functions.CALL, **more: Any) -> tuple[Effect, ...]:
    """Somebody presses the button."""
    return command(desk, "stack/porch/function/greet", payload, **more)


def called(effects: tuple[Effect, ...]) -> list[Invocation]:
    return [one.message for one in effects if isinstance(one, Say) and isinstance(one.message, Invocation)]


def end(
    desk: Desk, key: str, status: ResultStatus = ResultStatus.DONE, sequence: int = 0, **more: Any
) -> tuple[Effect, ...]:
    """The node says how it ended."""
    result = Result(key, "pi-1", "porch", "greet", status, 1, **more)
    mark = FactMark("s-pi-1", sequence, 1) if sequence else None
    return desk.heard(topics.ResultTopic(FLEET, "pi-1", key), result, mark=mark)


def test_each_function_of_a_stack_is_a_button_a_sensor_and_an_event() -> None:
    """On one device, reached by the controller's; all of it as Home Assistant takes it."""
    desk = porch()
    assert set(components(desk, DEVICE)) == {
        *(f"{platform}_function_{name}" for platform in ("button", "sensor", "event") for name in ("greet", "write-down")),
        "sensor_own_refusal",
    }  # fmt: skip
    document = json.loads(desk.said[DEVICE])
    assert document["dev"]["via_device"] == f"bramble_{FLEET}_controller_{FLEET}"
    assert broken(DEVICE, desk.said[DEVICE]) == []
    said = json.loads(desk.said[f"{GREET}/state"])
    assert (said["state"], said["available"]) == (None, "online")
    assert is_state(components(desk, DEVICE)["sensor_function_greet"], said)


def test_a_press_is_a_call_on_the_ledger_and_its_end_is_told_once() -> None:
    """While it is open the function is running; then it stands as it ended, with how, and for how long it ran."""
    desk = porch()
    (asked,) = called(press(desk))
    assert (asked.stack, asked.function, asked.attributes["type"]) == ("porch", "greet", "dev.bramble.call")
    desk.turn(announce.PACE_S)
    assert state(desk, f"{GREET}/state") == "running"
    effects = end(desk, asked.id, exit_code=0, duration_s=1.5, output="hello\n")
    assert rung(effects) == ["done"]
    desk.turn(announce.PACE_S)
    said = json.loads(desk.said[f"{GREET}/state"])
    assert said["state"] == "done"
    told = {
        "exit_code": 0,
        "duration": 1.5,
        "node": "pi-1",
        "attempt": 1,
        "output": "hello\n",
        "id": asked.id,
        "open": 0,
    }
    assert said["attributes"].items() >= told.items()
    assert rung(end(desk, asked.id)) == []


def test_a_failure_says_why() -> None:
    """The word, the exit code and the reason."""
    desk = porch()
    (asked,) = called(press(desk))
    assert rung(end(desk, asked.id, ResultStatus.FAILED, exit_code=1, reason="exited with code 1")) == ["failed"]
    desk.turn(announce.PACE_S)
    said = json.loads(desk.said[f"{GREET}/state"])
    assert (said["state"], said["attributes"]["exit_code"]) == ("failed", 1)
    assert said["attributes"]["reason"] == "exited with code 1"


def test_what_expires_here_is_told_as_well() -> None:
    """Nobody said a result, and it has ended all the same."""
    desk = porch()
    press(desk)
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(3600.0)
    desk.turn(announce.PACE_S)
    assert state(desk, f"{GREET}/state") == "expired"


def test_a_function_that_nobody_can_run_now_is_not_available() -> None:
    """And a press that comes all the same is refused in words, and not kept for later."""
    desk = porch()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(desk.fleet.terms.suspect_grace_s + 1.0)
    assert json.loads(desk.said[f"{GREET}/state"])["available"] == "offline"
    press(desk)
    assert state(desk, REFUSAL) == "no node that is online may run porch.greet; it is not called later"
    assert len(desk.fleet.ledger) == 0
    desk.presence("pi-1", Link.ONLINE, 2)
    desk.turn(announce.PACE_S)
    assert json.loads(desk.said[f"{GREET}/state"])["available"] == "online"
    assert len(called(press(desk))) == 1
    assert state(desk, REFUSAL) is None


REFUSED = [
    ("stack/porch/function/greet", "PRESS", {}, "is called by 'call'"),
    ("stack/porch/function/greet", "call", {"retained": True}, "the broker has kept"),
    ("stack/porch/function/bar", "call", {}, "there is no function 'porch.bar'"),
    ("stack/attic/function/greet", "call", {}, "there is no function 'attic.greet'"),
    ("stack/porch/own/greet", "call", {}, "there is nothing to command"),
]


@pytest.mark.parametrize(("what", "payload", "more", "reason"), REFUSED, ids=[reason for _, _, _, reason in REFUSED])
def test_a_bad_press_is_refused_in_words(what: str, payload: str, more: dict[str, Any], reason: str) -> None:
    """And calls nothing."""
    desk = porch()
    effects = command(desk, what, payload, response_topic="my/desk", **more)
    (reply,) = [one for one in effects if isinstance(one, Reply)]
    assert reason in reply.answer.message
    assert called(effects) == []


def test_a_press_for_which_there_is_no_room_is_refused() -> None:
    """A full ledger is told where the press came from."""
    desk = porch()
    desk.fleet.terms = desk.fleet.terms.__class__(ledger_rows=1)
    press(desk)
    press(desk)
    assert state(desk, REFUSAL) == "too many invocations are open; call again later"


def test_some_are_left_out_on_request() -> None:
    """By patterns; a stack all of whose functions are left out is no device."""
    assert HomeAssistant(without=("callers.*",)).shows("porch.greet")
    desk = porch(None, "*.write-*")
    assert "button_function_write-down" not in components(desk, DEVICE)
    assert "button_function_greet" in components(desk, DEVICE)
    assert DEVICE not in shown(porch(None, "porch.*"))


def test_a_function_that_goes_is_taken_back_and_a_stack_as_a_whole(tmp_path: Path) -> None:
    """With what was remembered of them."""
    desk = porch(tmp_path)
    (asked,) = called(press(desk))
    end(desk, asked.id)
    desk.manifest("porch", STACK.replace("greet", "welcome"))
    settled(desk)
    assert components(desk, DEVICE)["button_function_greet"] == {"p": "button"}
    assert f"{GREET}/state" not in shown(desk)
    assert len(desk.fleet.ends) == 0
    desk.manifest("porch", "")
    settled(desk)
    assert [topic for topic in shown(desk) if "porch" in topic] == []


def test_a_controller_that_begins_again_knows_how_they_ended(tmp_path: Path) -> None:
    """The last end is durable, and what is open is counted anew."""
    desk = porch(tmp_path)
    (asked,) = called(press(desk))
    end(desk, asked.id, exit_code=0, duration_s=1.5)
    desk.said.clear()
    desk.restart()
    settled(desk)
    said = json.loads(desk.said[f"{GREET}/state"])
    assert (said["state"], said["attributes"]["exit_code"], said["attributes"]["duration"]) == ("done", 0, 1.5)
    press(desk)
    desk.restart()
    settled(desk)
    assert state(desk, f"{GREET}/state") == "running"


def test_switched_off_nothing_is_left_of_it(tmp_path: Path) -> None:
    """Its device is taken back, and what was remembered for it."""
    desk = porch(tmp_path)
    (asked,) = called(press(desk))
    end(desk, asked.id)
    assert len(desk.fleet.ends) == 1
    desk.home_assistant = ""
    desk.restart()
    settled(desk)
    assert desk.said[DEVICE] == b""
    assert len(desk.fleet.ends) == 0


def test_an_end_of_last_night_rings_no_bell() -> None:
    """What ended while its node was away says how things stand, and is no event."""
    desk = porch()
    (asked,) = called(press(desk))
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(events.LATE_S + 1.0)
    desk.presence("pi-1", Link.ONLINE, 2)
    greets(desk, 10)
    assert rung(end(desk, asked.id, sequence=5)) == []
    desk.turn(announce.PACE_S)
    assert state(desk, f"{GREET}/state") == "done"


def test_a_storm_of_calls_is_no_storm_of_states() -> None:
    """Events come at once; how things stand is said twice a second at most, and the last word is said."""
    desk = porch()
    said = 0
    for number in range(20):
        effects = [*press(desk)]
        (asked,) = called(tuple(effects))
        effects += end(desk, asked.id, exit_code=number)
        said += sum(isinstance(one, Say) and str(one.topic) == f"{GREET}/state" for one in effects)
    assert said <= 1
    desk.turn(announce.PACE_S)
    assert json.loads(desk.said[f"{GREET}/state"])["attributes"]["exit_code"] == 19


def test_nothing_is_kept_for_nobody() -> None:
    """Without the switch no end is remembered."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("porch", STACK)
    end(desk, "0123456789abcdef0123")
    assert len(desk.fleet.ends) == 0
