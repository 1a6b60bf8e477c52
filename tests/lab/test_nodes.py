"""Nodes as they are: one without an engine, one that lost its power, one that an operator drains."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.commands import CommandError
from protocol.observed import ResultStatus
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

DOORBELL = 17
PORCH = b"""
services:
  clock: {image: "registry.local:5000/clock:1"}
sensors:
  doorbell: {kind: button, pin: 17, debounce: 30ms}
actuators:
  lamp: {kind: led, pin: 27}
functions:
  greet:
    image: registry.local:5000/greet:1
    timeout: 10s
    triggers: [{sensor: doorbell, on: pressed}]
"""


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two nodes with an engine and one without."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1", "pi-2", without_engine=("pi-zero",)) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == 3 or None, "three nodes", SOON_S)
        desk.publish("porch", PORCH)
        desk.runs("porch")
        yield desk


def test_a_node_without_an_engine_senses_and_says_so(desk: Desk) -> None:
    """Its event goes up, and the controller finds a node that runs the function."""
    status = desk.watch.until(lambda: desk.watch.nodes.get("pi-zero"), "the status of pi-zero", SOON_S)
    assert any("no container engine" in reason for reason in status.reasons)
    before = {node: len(results) for node, results in desk.watch.results.items()}
    desk.watch.until(lambda: desk.watch.nodes["pi-zero"].sensors, "its doorbell to be watched", SOON_S)
    desk.bramble.press("pi-zero", DOORBELL)
    watch = desk.watch
    found = watch.until(
        lambda: [r for node in ("pi-1", "pi-2") for r in watch.results[node][before.get(node, 0) :]], "a result", SOON_S
    )
    event = next(event for event in watch.events["pi-zero"] if event.type == "pressed")
    assert (found[0].status, found[0].cause) == (ResultStatus.DONE, event.id)
    assert event.taken == ()


def test_a_call_from_a_terminal_is_answered(desk: Desk) -> None:
    """`bramble invoke` prints what the function wrote."""
    assert "hello" in desk.bramble.command("invoke", "greet", "--data", "{}")
    with pytest.raises(CommandError):
        desk.bramble.command("invoke", "nobody")


def test_commands_show_the_fleet_as_it_is(desk: Desk) -> None:
    """The same words on the terminal as on the wire."""
    nodes = json.loads(desk.bramble.command("nodes", "-o", "json"))
    assert {row["node"]: bool(row["engine"]) for row in nodes} == {"pi-1": True, "pi-2": True, "pi-zero": False}
    explanation = desk.bramble.command("explain", "porch.clock")
    assert "pi-zero" in explanation
    assert "no Docker Engine" in explanation
    assert "porch" in desk.bramble.command("stacks")


def test_drained_tasks_move_and_activate_lets_them_come(desk: Desk) -> None:
    """The clock leaves the drained node for the other one, and it is one clock all the time."""
    (task,) = desk.runs("porch").services[0].tasks
    other = {"pi-1": "pi-2", "pi-2": "pi-1"}[task.node]
    desk.bramble.command("node", "drain", task.node)
    moved = desk.watch.until(lambda: _clock_on(desk, other), f"the clock on {other}", 30.0)
    assert moved
    desk.bramble.command("node", "activate", task.node)


def test_after_a_power_cut_everything_is_back_without_a_network(desk: Desk) -> None:
    """The host comes back with its cable pulled: the same container runs, and the doorbell still calls its function."""
    node = desk.runs("porch").services[0].tasks[0].node
    host = desk.bramble.hosts[node]
    before = desk.bramble.containers("clock")
    host.power_cut()
    host.start()
    host.cut()
    desk.bramble.start_agent(node)
    desk.watch.until(lambda: desk.bramble.containers("clock") == before or None, "the clock to run again", 30.0)
    results = len(desk.watch.results[node])
    since = host.moment()
    desk.bramble.press(node, DOORBELL)
    desk.watch.until(
        lambda: "0" in host.exit_codes("io.bramble.invocation", since) or None, "the function to run in the dark", 30.0
    )
    host.mend()
    desk.watch.until(lambda: desk.watch.results[node][results:], "its result to arrive", 60.0)
    assert desk.bramble.containers("clock") == before


def _clock_on(desk: Desk, node: str) -> bool:
    images = [c.image for c in desk.bramble.hosts[node].containers() if c.is_running]
    elsewhere = [c for n in ("pi-1", "pi-2") if n != node for c in desk.bramble.hosts[n].containers() if c.is_running]
    return any("clock" in image for image in images) and not elsewhere
