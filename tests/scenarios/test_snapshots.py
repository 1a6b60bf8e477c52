"""Stories of a card that was put back as it was some time ago: what the node has said since then, it does not know any more."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sim.fleet import SimFleet
from sim.node import SimNode
from tests.scenarios.porch import a_fleet, clocks, doorbell, lamps

LAMP = "porch.lamp"


def keep(node: SimNode, path: Path) -> None:
    """Copy a card."""
    copied(node.path, path)


def copied(store: Path, path: Path) -> None:
    """Copy a store that may be in use."""
    with closing(sqlite3.connect(store)) as card, closing(sqlite3.connect(path)) as copy:
        card.backup(copy)


def put(store: Path, path: Path) -> None:
    """Put a copy in the place of a store whose process is dead."""
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    shutil.copy(path, store)


def put_back(fleet: SimFleet, node: SimNode, path: Path) -> None:
    """Put the copy in the place of the card, which takes a minute without power."""
    node.cut_power()
    fleet.run_for(minutes=1)
    put(node.path, path)
    fleet.invariants.forgive(node.name)
    node.power()


@pytest.mark.parametrize("connections", [0, 1, 3])
@pytest.mark.parametrize("forgets", [False, True], ids=["the broker knows", "the broker forgot"])
def test_a_node_back_from_an_older_snapshot_is_heard_and_updated(
    tmp_path: Path, connections: int, *, forgets: bool
) -> None:
    """However often it has connected since the copy was made, it runs what it ran, and the next update reaches it in the budget."""
    with a_fleet(nodes=2) as fleet:
        node = fleet.nodes["pi-2"]
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        keep(node, tmp_path / "copy.db")
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_until_converged()
        for _ in range(connections):
            node.cut_power()
            fleet.run_for(minutes=1)
            node.power()
            fleet.run_until_converged()
        if forgets:
            fleet.world.broker.kill()
            fleet.world.broker.start()
        put_back(fleet, node, tmp_path / "copy.db")
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:two") == {"pi-1", "pi-2"}
        fleet.publish("porch", lamps("lamp:slow"))
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:slow") == {"pi-1", "pi-2"}
        assert fleet.invariants.most_down[LAMP] == 1


def test_a_controller_that_was_restored_is_heard_where_other_offers_are_known_by_the_same_numbers(
    tmp_path: Path,
) -> None:
    """Its copy counts up to the numbers of before while the nodes are away; they try what is wanted by now, and nothing else."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        copied(fleet.head.path, tmp_path / "copy.db")
        fleet.registry.up = False
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(minutes=1)
        fleet.cut("pi-1", "pi-2")
        fleet.run_for(minutes=2)
        fleet.head.kill()
        fleet.lose_broker()  # with what the nodes have said of themselves
        fleet.start_broker()
        put(fleet.head.path, tmp_path / "copy.db")
        fleet.invariants.restored()
        fleet.publish("porch", lamps("lamp:slow"))
        fleet.run_for(minutes=1)
        assert {name: offers_known(fleet, name) for name in fleet.nodes} == dict.fromkeys(
            fleet.nodes, ("lamp:two", "lamp:slow")
        )
        fleet.registry.up = True
        fleet.mend("pi-1", "pi-2")
        fleet.run_until_converged()
        assert fleet.settled(LAMP, "lamp:slow") == {"pi-1", "pi-2"}


def test_nodes_that_stay_connected_tell_a_restored_controller_of_other_offers_by_its_numbers(tmp_path: Path) -> None:
    """It is one more start of the same store to them; its other offers under a number that they have make them say hello."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        copied(fleet.head.path, tmp_path / "copy.db")
        fleet.publish("porch", lamps("lamp:two"))
        fleet.run_for(seconds=1)
        assert all(node.node is not None and node.node.offers.offers for node in fleet.nodes.values())
        fleet.head.kill()
        put(fleet.head.path, tmp_path / "copy.db")
        fleet.invariants.restored()
        fleet.publish("porch", lamps("lamp:slow"))
        fleet.run_until_converged(within_s=120.0)
        assert fleet.settled(LAMP, "lamp:slow") == {"pi-1", "pi-2"}


def test_a_restored_controller_soon_hears_how_nodes_stand_that_the_broker_forgot(tmp_path: Path) -> None:
    """They stay connected, and know a newer assignment than it says: they tell it, although nobody has kept their word."""
    with a_fleet(nodes=2) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        copied(fleet.head.path, tmp_path / "copy.db")
        fleet.publish("shed", clocks(2))
        fleet.run_until_converged()
        fleet.head.kill()
        put(fleet.head.path, tmp_path / "copy.db")
        fleet.invariants.restored()
        fleet.manifests["shed"] = b""
        for topic in [
            topic for topic in fleet.world.broker.retained if topic.endswith("/up/status") or "shed" in topic
        ]:
            del fleet.world.broker.retained[topic]
        fleet.run_for(minutes=1)
        assert fleet.head.fleet is not None
        for name, node in fleet.nodes.items():
            known = fleet.head.fleet.statuses.get(name)
            assert node.node is not None
            assert known is not None
            assert node.node.said is not None
            assert known.sequence == node.node.said.sequence


def test_a_controller_that_was_restored_to_before_its_nodes_joined_asks_who_they_are(tmp_path: Path) -> None:
    """They stay connected, and to them it is one more start of the same store; each runs on what it runs."""
    with a_fleet(nodes=2) as fleet:
        fleet.cut("pi-1", "pi-2")
        fleet.run_for(seconds=5)
        copied(fleet.head.path, tmp_path / "copy.db")
        fleet.mend("pi-1", "pi-2")
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        before = fleet.containers()
        fleet.head.kill()
        put(fleet.head.path, tmp_path / "copy.db")
        fleet.invariants.restored()
        fleet.run_until_converged(within_s=120.0)
        assert fleet.containers() == before


def offers_known(fleet: SimFleet, name: str) -> tuple[str, str]:
    """The image of the offer that a node has, and of the one that the controller told it, both under one number."""
    node, controller = fleet.nodes[name].node, fleet.head.fleet
    assert node is not None
    assert controller is not None
    known, told = node.offers, controller.offers[name]
    assert (known.epoch, known.generation) == (told.epoch, told.generation)
    (has,), (wanted,) = known.offers, told.offers
    return has.task.container.image, wanted.task.container.image


def test_what_is_sensed_after_the_snapshot_came_back_is_not_taken_for_what_was_sensed_before(tmp_path: Path) -> None:
    """Each press of the doorbell counts once: those that only the lost card remembered, and the new ones under the same numbers."""
    with a_fleet(nodes=2) as fleet:
        node = fleet.nodes["pi-2"]
        fleet.publish("bell", doorbell())
        fleet.run_until_converged()
        keep(node, tmp_path / "copy.db")
        for _ in range(5):
            assert node.press("bell")
            fleet.run_for(seconds=5)
        put_back(fleet, node, tmp_path / "copy.db")
        fleet.run_until_converged()
        before = fleet.head.handled
        for _ in range(3):
            assert node.press("bell")
            fleet.run_for(seconds=5)
        fleet.run_for(minutes=2)
        assert fleet.head.handled == before + 3 * len(("pressed", "released"))
