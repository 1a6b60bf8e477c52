"""Following the sensors: each event once, a line for people, a document per line for programs."""

from __future__ import annotations

import json
from dataclasses import replace

from protocol.envelope import Packet
from protocol.observed import Clock, SensorEvent
from protocol.topics import EventTopic, HelloTopic
from tests.fakes.session import FakeSession, operate, packet

PRESSED = SensorEvent(
    "s1", 4, "pi-1", "doorbell", "pressed", "2026-11-21T09:00:00.000Z", "boot", 12_000_000_000, Clock.SYNCED, True, 17,
    ("inv1",),
)  # fmt: skip
RELEASED = replace(PRESSED, sequence=5, type="released", value=None, clock=Clock.GUESS, taken=())


def arriving(*events: SensorEvent) -> list[Packet]:
    return [packet(EventTopic("default", event.node, event.sensor), event) for event in events]


def test_an_event_is_a_line_and_a_guessed_time_is_marked() -> None:
    """People see when, where and what; a clock that nobody set has a question mark."""
    done = operate(FakeSession(arriving=arriving(PRESSED, RELEASED)), "events", "--count", "2")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "2026-11-21T09:00:00.000Z  pi-1  doorbell  pressed  value=true  calls=inv1  s1-4",
        "2026-11-21T09:00:00.000Z?  pi-1  doorbell  released  s1-5",
    ]


def test_a_repeated_event_is_shown_once() -> None:
    """A fact may come twice over the wire; its id tells."""
    done = operate(FakeSession(arriving=arriving(PRESSED, PRESSED, RELEASED)), "events")
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["s1-4", "s1-5"]


def test_json_is_one_cloudevent_per_line() -> None:
    """Each line is a CloudEvent in its structured form."""
    done = operate(FakeSession(arriving=arriving(PRESSED)), "events", "--follow", "-o", "json")
    event = json.loads(done.stdout)
    assert (event["specversion"], event["id"], event["type"]) == ("1.0", "s1-4", "dev.bramble.sensor.pressed")
    assert event["source"] == "/bramble/default/node/pi-1/sensor/doorbell"
    assert event["data"] == {"event_type": "pressed", "value": True, "pin": 17}


def test_sensor_and_node_choose_what_is_read() -> None:
    """The choice is made by the broker: we read only what was asked for."""
    session = FakeSession()
    operate(session, "events", "--sensor", "doorbell", "--node", "pi-1", "--fleet", "home")
    operate(session, "events")
    assert [filters for *_, filters in session.dialled] == [
        ("bramble/v1/home/node/pi-1/up/event/doorbell",),
        ("bramble/v1/default/node/+/up/event/+",),
    ]


def test_count_ends_and_leaves_the_rest() -> None:
    """`--count 1` is for scripts that wait for one press."""
    session = FakeSession(arriving=arriving(PRESSED, RELEASED))
    done = operate(session, "events", "--count", "1")
    assert (done.exit_code, len(done.stdout.splitlines()), len(session.arriving)) == (0, 1, 1)


def test_too_few_events_in_time_end_in_5() -> None:
    """A script that waited in vain learns it from the exit code."""
    session = FakeSession(arriving=arriving(PRESSED))
    done = operate(session, "events", "--count", "2", "--timeout", "3s")
    assert (done.exit_code, session.waits) == (5, [3.0])
    assert "1 of 2 events came within 3 s" in done.stderr


def test_without_a_timeout_it_waits_for_ever() -> None:
    """Nobody presses a doorbell on time."""
    session = FakeSession()
    operate(session, "events")
    assert session.waits == [None]


def test_what_is_no_event_is_told_and_passed_over() -> None:
    """A stray message does not end the watch."""
    broken = Packet(str(EventTopic("default", "pi-1", "doorbell")), b"{}")
    stray = Packet(str(HelloTopic("default", "pi-1")), b"{}")
    done = operate(FakeSession(arriving=[broken, stray, *arriving(PRESSED)]), "events")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.count("not readable as an event") == 1
