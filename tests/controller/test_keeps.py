"""Warm functions over nodes: kept ready where the load is, told with the assignment, without stirring anything else."""

from __future__ import annotations

from pathlib import Path

from controller.decide.keeps import LOOK_EVERY_S
from controller.decide.scaling import CHANGE_EVERY_S, FEWER_AFTER_S
from protocol.load import FunctionLoad, Load
from protocol.observed import Link, Result, ResultStatus
from protocol.operator import OrderVerb
from protocol.topics import LoadTopic, ResultTopic
from tests.controller.desk import FLEET, Desk
from tests.controller.test_costs import calls_of
from tests.controller.test_invocations import call, dispatched

WARM = """
functions:
  ask:
    image: ask:1
    mode: warm
    concurrency: 4
    scale: {min: %d, max: 4, target: 2, zero_after: 5m, max_per_node: 2}
"""
ASK = "home.ask"


def home(path: Path | None = None, nodes: int = 3, least: int = 0) -> Desk:
    """A fleet that may run a warm function everywhere."""
    desk = Desk(path)
    for number in range(1, nodes + 1):
        desk.hello(f"pi-{number}")
    desk.manifest("home", WARM % least)
    desk.turn(CHANGE_EVERY_S)
    return desk


def says(desk: Desk, node: str, busy: int, instances: int = 1, function: str = ASK) -> None:
    """A node tells its load."""
    load = Load((FunctionLoad(function, busy, 0, instances),) if busy or instances else ())
    desk.heard(LoadTopic(FLEET, node), load)


def keeps(desk: Desk, nodes: int = 3) -> list[int]:
    """What each node was told to keep ready."""
    told = [desk.assignment(f"pi-{number}").functions for number in range(1, nodes + 1)]
    return [functions[0].keep if functions else -1 for functions in told]


def kept_by_node(desk: Desk, nodes: int = 3) -> list[int]:
    """What each node was told to keep ready, of all functions together."""
    told = [desk.assignment(f"pi-{number}").functions for number in range(1, nodes + 1)]
    return [sum(function.keep for function in functions) for functions in told]


def rests(desk: Desk, seconds: float) -> None:
    """Time passes, and everything that is due is looked at; the nodes are heard."""
    until = desk.now + seconds
    while desk.now < until:
        for number in range(1, 4):
            desk.presence(f"pi-{number}", Link.ONLINE)
        due = desk.fleet.deadlines.next_mono_s() or until
        desk.turn(max(0.1, min(20.0, until - desk.now, due - desk.now)))


def test_nothing_is_kept_of_what_nobody_calls() -> None:
    """Scale to zero is where it begins."""
    assert keeps(home()) == [0, 0, 0]


def test_min_is_kept_ready_from_the_beginning() -> None:
    """Spread over the nodes that are there."""
    assert sorted(keeps(home(least=2))) == [0, 1, 1]


def test_functions_of_equal_claim_are_spread_over_the_nodes(tmp_path: Path) -> None:
    """Each wants one instance, and no node keeps all of them; a restart knows what each node keeps already."""
    desk = Desk(tmp_path)
    for number in range(1, 4):
        desk.hello(f"pi-{number}")
    one = "  f%d: {image: ask:1, mode: warm, scale: {min: 1}}\n"
    desk.manifest("home", "functions:\n" + "".join(one % number for number in range(6)))
    assert kept_by_node(desk) == [2, 2, 2]
    desk.manifest("yard", "functions:\n" + one % 7)
    desk.restart()
    for number in range(1, 4):
        desk.hello(f"pi-{number}")
    desk.manifest("attic", "functions:\n" + one % 8 + one % 9)
    assert kept_by_node(desk) == [3, 3, 3]


def test_the_first_call_has_one_kept_where_it_goes() -> None:
    """The node begins at once, and is asked in the same turn."""
    desk = home()
    before = len(desk.effects)
    call(desk, "ask")
    asked = [node for node, _ in dispatched(tuple(desk.effects[before:]))]
    assert [f"pi-{number}" for number, keep in enumerate(keeps(desk), 1) if keep] == asked
    assert sum(keeps(desk)) == 1


def test_calls_go_to_the_nodes_that_have_an_instance() -> None:
    """A cold node would make the second call wait for a start that nobody asked for."""
    desk = home()
    before = len(desk.effects)
    for number in range(3):
        call(desk, "ask", f"c{number}")
    assert len({node for node, _ in dispatched(tuple(desk.effects[before:]))}) == 1


def test_load_on_one_node_has_others_help() -> None:
    """What each node keeps follows the sum of the load, at most one change within some seconds."""
    desk = home()
    says(desk, "pi-2", 1)
    assert keeps(desk) == [0, 1, 0]
    says(desk, "pi-2", 7)
    assert keeps(desk) == [0, 1, 0]
    desk.turn(CHANGE_EVERY_S)
    assert sorted(keeps(desk)) == [1, 1, 2]


def test_without_load_it_goes_down_and_at_last_to_zero() -> None:
    """First to one, after `zero_after` to none."""
    desk = home()
    says(desk, "pi-2", 8)
    assert sum(keeps(desk)) == 4
    says(desk, "pi-2", 0)
    rests(desk, FEWER_AFTER_S + 5.0)
    assert sum(keeps(desk)) == 1
    rests(desk, 300.0)
    assert keeps(desk) == [0, 0, 0]
    assert desk.fleet.counts["scalings", ASK, "fewer"] == 2


def test_a_load_that_wavers_changes_no_generation() -> None:
    """A hundred samples between six and eight in flight: not one new assignment."""
    desk = home()
    says(desk, "pi-2", 8)
    before = [desk.assignment(f"pi-{number}").generation for number in (1, 2, 3)]
    for number in range(100):
        says(desk, "pi-2", 6 + number % 3)
        desk.turn(3.0)
        for node in (1, 2, 3):
            desk.presence(f"pi-{node}", Link.ONLINE)
    assert [desk.assignment(f"pi-{number}").generation for number in (1, 2, 3)] == before


def test_a_node_that_goes_away_keeps_what_it_had_and_others_make_up_for_it() -> None:
    """Its return disturbs nothing: it finds the assignment that it has."""
    desk = home(least=2)
    (idle,) = [number for number, keep in enumerate(keeps(desk), 1) if not keep]
    gone = next(number for number, keep in enumerate(keeps(desk), 1) if keep)
    generation = desk.assignment(f"pi-{gone}").generation
    desk.presence(f"pi-{gone}", Link.OFFLINE)
    desk.turn(60.0)
    desk.turn(CHANGE_EVERY_S)
    assert keeps(desk)[idle - 1] == 1
    assert keeps(desk)[gone - 1] == 1
    desk.presence(f"pi-{gone}", Link.ONLINE, epoch=2)
    desk.turn(CHANGE_EVERY_S)
    assert desk.assignment(f"pi-{gone}").generation == generation


def test_a_drained_node_keeps_nothing_ready() -> None:
    """Another one does instead, also when it is active again."""
    desk = home(nodes=2, least=1)
    (kept,) = [number for number, keep in enumerate(keeps(desk, 2), 1) if keep]
    desk.order(OrderVerb.DRAIN, f"pi-{kept}", key="o1")
    assert keeps(desk, 2) == [int(number != kept) for number in (1, 2)]
    desk.turn(CHANGE_EVERY_S)
    desk.order(OrderVerb.ACTIVATE, f"pi-{kept}", key="o2")
    desk.turn(CHANGE_EVERY_S)
    assert keeps(desk, 2) == [int(number != kept) for number in (1, 2)]


def test_a_restart_of_the_controller_tells_nobody_anything_new(tmp_path: Path) -> None:
    """What is kept is durable; what is remembered of load is not, so it counts anew before it lets anything go."""
    desk = home(tmp_path)
    says(desk, "pi-2", 8)
    before = [desk.assignment(f"pi-{number}") for number in (1, 2, 3)]
    desk.restart()
    desk.turn(FEWER_AFTER_S - 10.0)
    assert [desk.fleet.assignments[f"pi-{number}"] for number in (1, 2, 3)] == before


def test_a_node_is_believed_only_about_what_it_hosts() -> None:
    """Nobody has other nodes start anything by a word about a stranger's function (S10)."""
    desk = home()
    says(desk, "pi-1", 50, function="other.thing")
    desk.manifest("other", "functions:\n  thing: {image: t:1, mode: warm, nodes: ['node.labels.x == y']}\n")
    says(desk, "pi-1", 50, function="other.thing")
    desk.turn(CHANGE_EVERY_S)
    assert desk.fleet.loads.busy("other.thing") == 0
    assert len(desk.fleet.keeps) == 0


def test_a_function_that_is_gone_or_cold_is_kept_no_longer() -> None:
    """No row stays of it."""
    desk = home(least=2)
    desk.manifest("home", "functions:\n  ask: {image: 'ask:1'}\n")
    assert keeps(desk) == [0, 0, 0]
    desk.manifest("home", WARM % 1)
    desk.turn(CHANGE_EVERY_S)
    desk.manifest("home", "")
    assert (len(desk.fleet.keeps), len(desk.fleet.scalings)) == (0, 0)


def test_the_operator_sees_what_is_kept() -> None:
    """In the row of the function."""
    desk = home()
    says(desk, "pi-2", 3, 1)
    answer = desk.order(OrderVerb.FUNCTIONS, ASK)
    assert answer is not None
    assert isinstance(answer.result, list)
    (row,) = answer.result
    assert isinstance(row, dict)
    assert (row["mode"], row["in_flight"], row["instances"], row["keep"]) == ("warm", 3, 1, 2)


def test_a_sample_costs_what_it_changes_however_many_nodes_there_are() -> None:
    """A node of a large fleet tells its load between two looks: no other node is looked at (law 10)."""
    costs = []
    for nodes in (5, 40):
        desk = home(nodes=nodes)
        says(desk, "pi-2", 8)
        desk.turn(LOOK_EVERY_S / 2)
        costs.append(calls_of(lambda desk=desk: says(desk, "pi-3", 1)))  # type: ignore[misc]
    assert costs[1] <= costs[0] + 5


def test_a_call_that_no_load_ever_shows_keeps_no_instance_for_ever() -> None:
    """It waited for a node for a moment, had one, and was over before the node told its load: nothing is kept in the end."""
    desk = home()
    call(desk, "ask")
    desk.turn(LOOK_EVERY_S)
    assert sum(keeps(desk)) == 1
    key = next(iter(desk.fleet.ledger))
    node = desk.fleet.ledger[key].node
    desk.heard(ResultTopic(FLEET, node, key), Result(key, node, "home", "ask", ResultStatus.DONE, 1))
    rests(desk, 600.0)
    assert keeps(desk) == [0, 0, 0]
