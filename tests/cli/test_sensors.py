"""`bramble sensors`: what the fleet has, and which kinds there are."""

from __future__ import annotations

import json
from dataclasses import asdict

from protocol.manifest import acting, sensing
from protocol.manifest.catalogue import kinds
from protocol.manifest.meanings import MEANINGS
from protocol.operator import DeviceRow, OperatorOrder, OrderVerb
from tests.cli.test_look import cells, rows
from tests.fakes.session import FakeSession, operate

DOOR = DeviceRow("hall.door", "pi-1", "online", "sensor", "button", "pin 17", "released")
METER = DeviceRow("hall.meter", "pi-1", "online", "sensor", "mqtt", "home/meter", fault="'?' is no number")
LAMP = DeviceRow("hall.lamp", "pi-2", "offline", "actuator", "led", "pin 27", "on")


def test_ls_shows_each_device_with_what_is_wrong_with_it() -> None:
    """Of a node that is away it says that what it shows may be old."""
    session = FakeSession(answers={OrderVerb.DEVICES: rows(DOOR, METER, LAMP)})
    done = operate(session, "sensors", "ls", "hall", "--node", "pi-1")
    assert (done.exit_code, done.stderr) == (0, "")
    assert cells(done.stdout) == [
        ["DEVICE", "NODE", "IS A", "KIND", "ON", "VALUE", "REASON"],
        ["hall.door", "pi-1", "sensor", "button", "pin 17", "released", "-"],
        ["hall.meter", "pi-1", "sensor", "mqtt", "home/meter", "-", "'?' is no number"],
        ["hall.lamp", "pi-2", "actuator", "led", "pin 27", "on", "pi-2 is offline: as it was last"],
    ]
    assert session.orders == [OperatorOrder(OrderVerb.DEVICES, "hall", {"node": "pi-1"})]
    done = operate(session, "sensors", "ls", "-o", "json")
    assert json.loads(done.stdout)[2] == asdict(LAMP)


def test_the_catalogue_has_every_kind_without_a_broker() -> None:
    """Each kind of sensor and actuator is a row with its events or values."""
    session = FakeSession()
    done = operate(session, "sensors", "kinds")
    assert (done.exit_code, done.stderr, session.dialled) == (0, "", [])
    first = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert first == [*sensing.KINDS, *acting.KINDS]
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("distance ")]
    assert row.split() == ["distance", "sensor", "m", "changed,", "out-of-range,", "in-range"]


def test_one_kind_tells_its_keys() -> None:
    """A kind says what it is, what it says, and of every key what it means, holds and is when it is left out."""
    done = operate(FakeSession(), "sensors", "kinds", "pwm-led")
    assert "takes: on, off, blink or a level from 0 to 1 (or 0% to 100%)" in done.stdout
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "required" in rows["pin"]
    assert "100.0" in rows["frequency"]
    assert "pulses a second" in rows["frequency"]


def test_the_same_as_json() -> None:
    """Programs get the whole catalogue, or the one kind that was asked for."""
    every = json.loads(operate(FakeSession(), "sensors", "kinds", "-o", "json").stdout)
    assert [kind["name"] for kind in every] == [*sensing.KINDS, *acting.KINDS]
    one = json.loads(operate(FakeSession(), "sensors", "kinds", "rotary-encoder", "-o", "json").stdout)
    assert (one["unit"], one["events"]) == ("steps", ["clockwise", "counter-clockwise"])
    assert [key["name"] for key in one["keys"]] == ["nodes", "a", "b", "max_steps", "wrap"]


def test_a_kind_that_is_none_is_named_with_the_nearest() -> None:
    """A slip of the pen is put right."""
    done = operate(FakeSession(), "sensors", "kinds", "servos")
    assert done.exit_code == 3
    assert "no kind 'servos'" in done.stderr
    assert "did you mean 'servo'?" in done.stderr


def test_every_key_has_a_meaning_and_every_meaning_a_key() -> None:
    """No key of any kind is unexplained, and nothing is explained that is not there."""
    keys = {key.name for kind in kinds() for key in kind.keys}
    assert keys == set(MEANINGS)
    assert all(kind.what and kind.values for kind in kinds())
