"""S9 can be broken: what is beyond its bound is seen, in whatever collection, and so is what should have been forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields

import pytest

from agent.decide.node import Node
from agent.decide.publication import Publication
from controller.decide.fleet import Fleet
from controller.decide.records import Answered
from link.settings import BACKLOG
from protocol.envelope import Packet
from protocol.observed import Answer
from protocol.topics import ROOT
from sim.bounds import INBOX_MOST
from sim.storms import StraitFleet
from sim.violation import ViolationError
from tests.sim.resting import resting

MANY = 60
"""More than there is room for in a fleet without room."""

COLLECTIONS = ("Table", "Shelf", "Pile", "Counter", "dict", "set", "list", "deque")

OF_A_NODE = {
    "a limit of its own": "ended publications publishing missing flight trials following",
    "one record, or a few words of ours": "assignments offerings silences counters",
    "the queue of each function": "runs running",
    "what a manifest names": "tasks buckets timers memories timetables marks completed attested edges levels lives planned held"
    " unclear remarks counts asked watching locks hindered mended instances lineages",
    "what its engine shows, and what is in hand": "busy pulling unseen glances strays waits pulled unfetched interrupted"
    " discarding",
    "one turn": "effects",
}
OF_THE_CONTROLLER = {
    "a limit of its own": "ledger letters intakes streams voices histories departed announcements answered answered_order asked"
    " backlog kept dead ended numbers drafts fields",
    "what a manifest names": "stacks images revisions tasks holds pendings rollouts slots scales restarts originals pins undos"
    " earlier ends outages numberings rankings scheduled hosted hosts rosters device_nodes scalings keeps settled_mono_s waiting"
    " early stranded lookups reported reported_mono_s orphans switched seen stored counts",
    "the nodes of the fleet": "nodes leases statuses assignments offers attendances quarantines devices held laden heard_mono_s"
    " health here_mono_s away_mono_s suspect_mono_s falls_mono_s flapping unheeded told unknown unsaid",
    "one turn": "requests effects durations",
}
"""What bounds each collection."""


@pytest.fixture
def fleet() -> Iterator[StraitFleet]:
    """One that has come to rest."""
    with resting(StraitFleet) as fleet:
        yield fleet


def _missing(node: Node) -> None:
    node.missing.update({("home", f"f{number}"): 0.0 for number in range(MANY)})


def _ended(node: Node) -> None:
    for number in range(MANY):
        node.ended.put(f"run-{number}", "done")


def _publications(node: Node) -> None:
    for number in range(MANY):
        node.publications.put(f"one-{number}", Publication(f"one-{number}", "home/door", "open", retain=False))


def _publishing(node: Node) -> None:
    node.publishing.update({f"one-{number}": 1 for number in range(MANY)})


@pytest.mark.parametrize("fill", [_missing, _ended, _publications, _publishing])
def test_a_node_that_keeps_too_much_breaks_s9(fleet: StraitFleet, fill: Callable[[Node], None]) -> None:
    """At the next look, with what it is and how much of it there may be."""
    node = fleet.nodes["pi-1"]
    assert node.node is not None
    fleet.invariants.bounds.look("pi-1", node)
    fill(node.node)
    with pytest.raises(ViolationError, match=r"^S9: pi-1 keeps \d+ "):
        fleet.invariants.bounds.look("pi-1", node)


@pytest.mark.parametrize(("kind", "bounds"), [(Node, OF_A_NODE), (Fleet, OF_THE_CONTROLLER)])
def test_it_is_known_of_each_collection_what_bounds_it(kind: type, bounds: dict[str, str]) -> None:
    """Whoever adds one says so here, and holds it to its bound in `sim.bounds` if it has one of its own."""
    there = {one.name for one in fields(kind) if str(one.type).split("[")[0] in COLLECTIONS}
    named = [name for names in bounds.values() for name in names.split()]
    assert sorted(named) == sorted(there)


def test_a_process_that_stands_still_is_read_for_no_further_than_its_backlog(fleet: StraitFleet) -> None:
    """The broker keeps the rest, and nothing of it is lost: whoever goes on takes all of it in."""
    process, knows = fleet.head.process, fleet.head.fleet
    assert knows is not None
    process.stop(5.0)
    for number in range(3 * BACKLOG):
        fleet.world.broker.route(Packet(f"{ROOT}/default/manifest/bad", b"[%d]" % number, qos=1))
    fleet.run_for(4.0)
    assert BACKLOG <= process.waiting == process.waited_most <= INBOX_MOST
    fleet.run_for(4.0)
    assert process.waiting == 0
    assert knows.counts["manifests", "refused"] == 3 * BACKLOG


@pytest.mark.parametrize("who", ["pi-1", "the controller"])
def test_a_process_for_which_too_much_waits_breaks_s9(fleet: StraitFleet, who: str) -> None:
    """Also when it has taken it in since."""
    process = fleet.nodes[who].process if who in fleet.nodes else fleet.head.process
    for _ in range(INBOX_MOST + 1):
        process.deliver_to()(object())
    fleet.run_for(1.0)
    with pytest.raises(ViolationError, match=rf"^S9: {who} keeps \d+ inputs in its inbox"):
        fleet.invariants.bounds.sweep()


def test_a_controller_that_keeps_too_much_breaks_s9(fleet: StraitFleet) -> None:
    """Here the answers to orders."""
    knows = fleet.head.fleet
    assert knows is not None
    fleet.invariants.bounds.look_at_head()
    for number in range(MANY):
        knows.answered.put(f"order-{number}", Answered(f"order-{number}", number, Answer("", ok=True)))
    with pytest.raises(ViolationError, match=r"^S9: the controller keeps \d+ answered orders"):
        fleet.invariants.bounds.look_at_head()


@pytest.mark.parametrize(
    ("remember", "whose"),
    [
        (lambda node, _: node.hindered.update({"home.gone": "its registry was away"}), "pi-1"),
        (lambda node, _: node.remarks.update({"a trial that is gone": "no limit of memory"}), "pi-1"),
        (lambda node, _: node.counts.update({("ticks_missed", "home.gone"): 1}), "pi-1"),
        (lambda _, knows: knows.stranded.update({"home.gone": {"run-1"}}), "the controller"),
        (lambda _, knows: knows.settled_mono_s.update({"home.gone": 1.0}), "the controller"),
    ],
)
def test_whoever_remembers_what_is_gone_breaks_s9_at_rest(
    fleet: StraitFleet, remember: Callable[[Node, Fleet], None], whose: str
) -> None:
    """Its name came with a manifest, and should have gone with it."""
    node, knows = fleet.nodes["pi-1"].node, fleet.head.fleet
    assert node is not None
    assert knows is not None
    fleet.invariants.bounds.at_rest()
    remember(node, knows)
    with pytest.raises(ViolationError, match=f"^S9: {whose} remembers .*gone, which is gone"):
        fleet.invariants.bounds.at_rest()
