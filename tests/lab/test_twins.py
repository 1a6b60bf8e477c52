"""A card that somebody copied, on real hosts: quarantined within a minute, heard both, and a node again when one is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from protocol.operator import OrderVerb
from protocol.shapes import JsonValue
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

BELL = 17
PORCH = b"""
services:
  clock: {image: "registry.local:5000/clock:1", deploy: {mode: global}}
sensors:
  doorbell: {kind: button, pin: 17, debounce: 30ms}
"""
QUARANTINE_S = 60.0


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two nodes with an engine, and a third machine whose card will be the copy of the first one's."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1", "pi-2", without_engine=("pi-3",)) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == 3 or None, "three nodes", SOON_S)
        yield desk


def row(desk: Desk, name: str) -> dict[str, JsonValue]:
    """A line of `bramble nodes`."""
    rows = desk.watch.order(OrderVerb.NODES)
    assert isinstance(rows, list)
    return next(found for found in rows if isinstance(found, dict) and found["node"] == name)


def test_a_copied_card_is_quarantined_and_the_others_feel_nothing(desk: Desk) -> None:
    """Both drive each other off the broker; events of both arrive, containers stay, and one left is a node again."""
    desk.publish("porch", PORCH)
    desk.watch.until(lambda: len(desk.bramble.containers()) == 2 or None, "a clock on both", 60.0)
    before = desk.bramble.containers()
    original, copy = desk.bramble.hosts["pi-1"], desk.bramble.hosts["pi-3"]
    desk.bramble.agents["pi-3"].kill()
    desk.bramble.agents["pi-1"].kill()
    shutil.rmtree(copy.directory / "agent")
    shutil.copytree(original.directory / "agent", copy.directory / "agent", ignore=shutil.ignore_patterns("finger"))
    desk.bramble.start_agent("pi-1")
    desk.bramble.start_agent("pi-3", named="pi-1")
    found = desk.watch.until(
        lambda: found if (found := row(desk, "pi-1"))["presence"] == "quarantined" else None, "quarantine", QUARANTINE_S
    )
    assert "two devices speak under the name pi-1" in str(found["reasons"])
    heard = len(desk.watch.events["pi-1"])
    for name in ("pi-1", "pi-3"):
        desk.bramble.press(name, BELL)
    streams = desk.watch.until(
        lambda: found if len(found := {e.stream for e in desk.watch.events["pi-1"][heard:]}) == 2 else None,
        "an event of each",
        120.0,
    )
    assert len(streams) == 2
    assert row(desk, "pi-2")["presence"] == "online"
    assert desk.bramble.containers() == before
    assert "two devices" in desk.bramble.command("explain", "porch.clock")
