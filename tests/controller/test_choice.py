"""Which node is asked: the one that sensed it, else the one with the least to do by what it can."""

from __future__ import annotations

from controller.decide.choice import Choices
from controller.decide.invocation import Entry
from protocol.desired import Invocation
from protocol.load import FunctionLoad, Load
from protocol.observed import Link
from protocol.operator import OrderVerb
from protocol.topics import LoadTopic
from tests.controller.desk import FLEET, Desk
from tests.controller.test_costs import calls_of

GREET = "porch.greet"


def porch(nodes: int = 3, extra: str = "") -> Desk:
    """A fleet that may greet everywhere."""
    desk = Desk()
    for number in range(1, nodes + 1):
        desk.hello(f"pi-{number}")
    desk.manifest("porch", f"functions:\n  greet: {{image: 'greet:1', concurrency: 2{extra}}}\n")
    return desk


def busy(desk: Desk, node: str, in_flight: int, pending: int = 0, instances: int = 0) -> None:
    """A node tells its load."""
    desk.heard(LoadTopic(FLEET, node), Load((FunctionLoad(GREET, in_flight, pending, instances),)))


def chosen(desk: Desk, count: int = 1, near: str = "") -> list[str]:
    """The nodes of so many invocations that are given out in one turn."""
    choices = Choices(desk.fleet)
    return [choices.choose(Entry(Invocation(f"i{one}", "porch", "greet"), near=near)) for one in range(count)]


def test_the_node_that_sensed_it_is_asked_however_busy_it_is() -> None:
    """The shortest way, and the one that works without us."""
    desk = porch()
    busy(desk, "pi-2", 2, 40)
    assert chosen(desk, near="pi-2") == ["pi-2"]


def test_the_one_with_the_least_to_do_is_asked() -> None:
    """What it says of itself counts, timers and its own events included, which nobody here knows of yet."""
    desk = porch()
    busy(desk, "pi-1", 2)
    busy(desk, "pi-2", 1)
    busy(desk, "pi-3", 2, 5)
    assert chosen(desk) == ["pi-2"]


def test_what_is_given_out_in_one_turn_is_shared_out() -> None:
    """No sample has told of it yet."""
    desk = porch()
    busy(desk, "pi-1", 2)
    assert sorted(chosen(desk, 7)) == ["pi-1", "pi-2", "pi-2", "pi-2", "pi-3", "pi-3", "pi-3"]


def test_a_node_with_more_instances_is_asked_more() -> None:
    """Load is measured against what a node can do at once."""
    desk = porch(2, ", mode: warm, scale: {max_per_node: 4}")
    busy(desk, "pi-1", 0, instances=3)
    busy(desk, "pi-2", 0, instances=1)
    assert sorted(chosen(desk, 8)).count("pi-1") == 6


def test_a_warm_function_is_asked_where_it_is_warm() -> None:
    """While there is an instance, nobody waits for another to start."""
    desk = porch(3, ", mode: warm")
    busy(desk, "pi-3", 9, 9, instances=1)
    assert chosen(desk, 3) == ["pi-3"] * 3


def test_a_drained_node_is_asked_only_when_it_is_the_only_one() -> None:
    """What others can do is not put on a node that is to be left alone."""
    desk = porch(2)
    desk.order(OrderVerb.DRAIN, "pi-1")
    assert chosen(desk, 3) == ["pi-2"] * 3
    desk.presence("pi-2", Link.OFFLINE)
    desk.presence("pi-1", Link.ONLINE)
    desk.turn(20.0)
    assert chosen(desk) == ["pi-1"]


def test_nobody_is_asked_where_nobody_is_there() -> None:
    """It waits."""
    desk = porch(1)
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(60.0)
    assert chosen(desk) == [""]


def test_a_node_that_went_away_is_believed_no_longer() -> None:
    """What it said of its work is history when it is back."""
    desk = porch()
    busy(desk, "pi-1", 50)
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(60.0)
    assert desk.fleet.loads.busy(GREET) == 0


def test_many_choices_go_through_the_hosts_once() -> None:
    """The second hundred in one turn costs what a hundred choices cost, not a hundred times all hosts (law 10)."""
    desk = porch(60)
    choices = Choices(desk.fleet)
    entries = [Entry(Invocation(f"i{one}", "porch", "greet")) for one in range(100)]
    first = calls_of(lambda: choices.choose(entries[0]))
    rest = calls_of(lambda: [choices.choose(entry) for entry in entries[1:]])
    assert rest / 99 < first / 10


def test_of_very_many_hosts_some_are_drawn() -> None:
    """A choice among four hundred costs what one among seventy costs; yet in the end all of them have been asked."""
    costs = []
    for nodes in (70, 400):
        desk = porch(nodes)
        chosen(desk)
        costs.append(calls_of(lambda desk=desk: chosen(desk)))  # type: ignore[misc]
    assert costs[1] <= costs[0] + 5
    assert len({*chosen(desk, 3000)}) == 400


def test_the_only_host_that_is_there_is_found_among_very_many() -> None:
    """Those that are drawn may all be away."""
    desk = porch(100)
    for number in range(1, 101):
        if number != 42:
            desk.presence(f"pi-{number}", Link.OFFLINE)
    desk.turn(60.0)
    desk.presence("pi-42", Link.ONLINE)
    assert chosen(desk, 3) == ["pi-42"] * 3
