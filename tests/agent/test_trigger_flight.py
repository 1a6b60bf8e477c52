"""The flight recorder gives what a node last read, and never more than an answer holds."""

from __future__ import annotations

from agent.decide.node import FLIGHT_MOST, Node
from agent.decide.trigger_flight import TRACE_BYTES, told
from protocol.desired import Command, Verb
from protocol.shapes import write
from sensors.stage import Reading

ASKED = Command("c1", Verb.TRACE)


def flown(*readings: Reading) -> list[dict[str, object]]:
    node = Node("pi-1", "home", "boot", "1", "s")
    node.flight.extend(readings)
    done = told(node, ASKED)
    assert done.ok
    lines = done.result
    assert isinstance(lines, list)
    return lines


def test_readings_come_in_the_order_in_which_they_were_taken() -> None:
    """With the mark of those that were made at an opening."""
    assert flown(Reading("door", value=False, at_ns=1, opening=True), Reading("door", value=True, at_ns=2)) == [
        {"sensor": "door", "value": False, "at_ns": 1, "opening": True},
        {"sensor": "door", "value": True, "at_ns": 2},
    ]


def test_the_oldest_are_let_go() -> None:
    """There are so many and no more."""
    lines = flown(*(Reading("door", value=True, at_ns=number) for number in range(FLIGHT_MOST + 20)))
    assert [line["at_ns"] for line in lines] == list(range(20, FLIGHT_MOST + 20))


def test_long_readings_are_fewer() -> None:
    """What other devices say by MQTT can be long; the newest of it fit into a packet."""
    lines = flown(*(Reading("meter", value="x" * 10_000, at_ns=number) for number in range(100)))
    assert lines[-1]["at_ns"] == 99
    assert TRACE_BYTES - 20_000 < len(write(lines)) < TRACE_BYTES + 1_000
