"""What two devices of one stack both want: said of both, where each stands, before anything is published."""

from __future__ import annotations

import pytest

from protocol.reading import stackfile
from protocol.stack import Stack

PORCH, SHED = "nodes: [node.labels.place == porch]", "nodes: [node.labels.place == shed]"


def said(text: str) -> list[tuple[str, int | None, str]]:
    """The faults of a stack: path, line, reason."""
    found = stackfile.read(text.encode(), "porch")
    return [] if isinstance(found, Stack) else [(fault.path, fault.line, fault.reason) for fault in found]


def test_both_of_two_who_want_one_pin_are_named_with_their_lines() -> None:
    """Neither is the one that is wrong, so whoever reads sees where both stand."""
    text = "sensors:\n  bell: {kind: button, pin: 17}\nactuators:\n  lamp:\n    kind: led\n    pin: 17\n"
    assert said(text) == [
        ("sensors.bell.pin", 2, "sensors.bell wants pin 17, which actuators.lamp of the same stack has"),
        ("actuators.lamp.pin", 6, "actuators.lamp wants pin 17, which sensors.bell of the same stack has"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "paths"),
    [
        ("kind: button, pin: 17", "kind: button, pin: 18", []),
        (f"kind: button, pin: 17, {PORCH}", f"kind: button, pin: 17, {SHED}", []),
        (f"kind: button, pin: 17, {PORCH}", "kind: button, pin: 17", ["sensors.a.pin", "sensors.b.pin"]),
        (
            "kind: button-board, buttons: {up: 5, down: 6}",
            "kind: distance, trigger: 4, echo: 6",
            ["sensors.a.buttons.down", "sensors.b.echo"],
        ),
        ("kind: mcp3008, bus: spi0.0, channel: 0", "kind: mcp3008, bus: spi0.0, channel: 1", []),
        (
            "kind: mcp3008, bus: spi0.0, channel: 0",
            "kind: mcp3008, bus: spi0.0, channel: 0",
            ["sensors.a", "sensors.b"],
        ),
        ("kind: mcp3008, bus: spi0.0, channel: 0", "kind: button, pin: 9", ["sensors.a", "sensors.b.pin"]),
    ],
)
def test_what_cannot_be_had_together_is_refused(one: str, other: str, paths: list[str]) -> None:
    """Pins, wires of a bus and channels; devices that never meet on a node get on."""
    found = said(f"sensors:\n  a: {{{one}}}\n  b: {{{other}}}\n")
    assert [path for path, _, _ in found] == paths


def test_a_device_that_names_a_pin_twice_is_refused() -> None:
    """It could never be opened."""
    assert [reason for _, _, reason in said("sensors:\n  a: {kind: distance, trigger: 4, echo: 4}\n")] == [
        "it names pin 4 twice"
    ]
