"""What the store keeps, and what a controller that begins again from it decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.fleet import Fleet
from controller.decide.inputs import Heard
from controller.decide.observe import observe
from controller.decide.report import stack_status
from controller.decide.revive import revive
from controller.decide.terms import Terms
from controller.store import LATER, TABLES, DamagedStoreError, Store, StoreError
from protocol.desired import Assignment
from protocol.envelope import FactMark, Received
from protocol.observed import Hello, Inventory, Link
from protocol.operator import OrderVerb
from protocol.topics import AssignmentTopic, HelloTopic
from tests.controller.desk import FLEET, Desk, web
from tests.controller.test_invocations import RUNS, STACK, event, sense
from tests.controller.test_rollout import begun


def shelves(fleet: Fleet) -> dict[str, dict[str, object]]:
    """Everything that survives, as plain mappings."""
    return {name: {key: shelf[key] for key in shelf} for name, shelf in fleet.shelves().items()}


def test_there_is_a_table_for_every_shelf() -> None:
    """A new shelf without a migration is found here."""
    assert {*TABLES, *LATER} == set(Fleet(FLEET, Terms()).shelves())


def story(desk: Desk) -> list[object]:
    """A day of a small fleet; each step makes a turn."""
    steps = [
        lambda: desk.hello("pi-1", labels={"place": "porch"}),
        lambda: desk.hello("pi-2", labels=RUNS),
        lambda: desk.manifest("porch", STACK),
        lambda: desk.manifest("shop", web(replicas="3")),
        lambda: desk.runs("pi-1"),
        lambda: sense(desk, event()),
        lambda: desk.manifest("shop", web("web:2", replicas="3")),
        lambda: desk.order(OrderVerb.DRAIN, "pi-2", key="o1"),
        lambda: desk.runs("pi-2"),
        lambda: desk.presence("pi-1", Link.OFFLINE),
        lambda: desk.turn(30.0),
        lambda: desk.manifest("shop", "services: [1]"),
        lambda: desk.hello("pi-3"),
        lambda: desk.manifest("porch", ""),
    ]
    return list(steps)


@pytest.mark.parametrize("step", range(14))
def test_a_fleet_that_is_loaded_after_any_turn_decides_the_same(tmp_path: Path, step: int) -> None:
    """After a crash behind any commit: the same records, the same documents, no new generation, the same status."""
    desk = Desk(tmp_path)
    for act in story(desk)[: step + 1]:
        act()  # type: ignore[operator]
    before, statuses = (
        shelves(desk.fleet),
        {n: stack_status(desk.fleet, desk.fleet.stacks[n]) for n in desk.fleet.stacks},
    )
    desk.restart()
    assert shelves(desk.fleet) == before
    assert {name: stack_status(desk.fleet, desk.fleet.stacks[name]) for name in desk.fleet.stacks} == statuses


def test_what_was_rolling_goes_on_from_the_store(tmp_path: Path) -> None:
    """Offers, slots and the rollout itself are the same after a load."""
    desk, (one, _, _) = begun(path=tmp_path)
    one.ask("aaaaaaaa")
    before = shelves(desk.fleet)
    desk.restart()
    assert shelves(desk.fleet) == before


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    """A turn without news writes nothing, however large the fleet is."""
    store, fleet = Store(tmp_path / "controller.db"), Fleet(FLEET, Terms())
    fleet.count("rollouts")
    assert store.save(fleet)
    assert not store.save(fleet)
    store.close()


def test_a_damaged_file_ends_the_start_with_its_name(tmp_path: Path) -> None:
    """It is the truth of the fleet; only a person may decide to begin without it."""
    path = tmp_path / "controller.db"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(DamagedStoreError, match=r"controller\.db is damaged"):
        Store(path)


def test_a_record_of_a_newer_release_ends_the_start_with_its_place(tmp_path: Path) -> None:
    """An operator who went back to an older release reads what to do; nothing is passed over of the truth."""
    path = tmp_path / "controller.db"
    store = Store(path)
    store._connection.execute("INSERT INTO numbers VALUES ('epoch', '{\"value\": 1, \"colour\": 2}')")
    with pytest.raises(StoreError, match=r"numbers 'epoch': colour: .*start the release that wrote it"):
        store.load(Fleet(FLEET, Terms()))
    store.close()


def test_a_full_disk_ends_the_turn_with_the_name_of_the_file(tmp_path: Path) -> None:
    """Nothing was said that is not kept, and the supervisor tries again."""
    store, fleet = Store(tmp_path / "controller.db"), Fleet(FLEET, Terms())
    store._connection.execute("PRAGMA max_page_count = 1")  # SQLite then takes the disk for full
    for number in range(1000):
        fleet.count(f"number {number}")
    with pytest.raises(StoreError, match=r"controller\.db cannot be used: database or disk is full"):
        store.save(fleet)
    store.close()


def test_a_node_that_knows_more_than_a_restored_store_raises_the_epoch() -> None:
    """Whatever we say from now on counts as newer; no generation goes back."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.hello("pi-1", assignment_epoch=1, assignment_generation=9, assignment_hash="x", offers_generation=4)
    told = desk.assignment("pi-1")
    assert (told.epoch, told.generation) == (2, 10)
    assert desk.tasks("pi-1") == {"shop.web.1": "web:1"}


def test_an_empty_store_tells_nobody_to_stop() -> None:
    """A controller that lost its memory waits for manifests before it speaks of what should run."""
    desk = Desk()
    desk.hello("pi-1", assignment_epoch=3, assignment_generation=9, assignment_hash="x")
    assert desk.assignment("pi-1").generation == 0
    desk.manifest("shop", web())
    assert (desk.assignment("pi-1").epoch, desk.assignment("pi-1").generation) == (4, 10)


def test_one_node_that_knows_more_changes_no_other_nodes_epoch() -> None:
    """Each is spoken to under its own: a hello raises nobody's but its sender's, and it alone is told anew."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.manifest("shop", web(mode="global"))
    effects = desk.hello("pi-1", assignment_epoch=1, assignment_generation=9, assignment_hash="x")
    assert [e.message.node for e in effects if isinstance(getattr(e, "message", None), Assignment)] == ["pi-1"]
    assert (desk.assignment("pi-1").epoch, desk.assignment("pi-2").epoch, desk.fleet.epoch) == (2, 1, 1)


def test_a_node_that_knows_something_else_under_the_same_number_is_told_anew() -> None:
    """The store was restored, and counted up to where it was before: the node would refuse the very number for ever."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.hello("pi-1", assignment_epoch=1, assignment_generation=1, assignment_hash="x")
    assert (desk.assignment("pi-1").epoch, desk.tasks("pi-1")) == (2, {"shop.web.1": "web:1"})


@pytest.mark.parametrize(("offers_hash", "epoch"), [("x", 2), ("", 1), (None, 1)])
def test_a_node_that_knows_other_offers_under_the_same_number_is_told_anew(offers_hash: str | None, epoch: int) -> None:
    """The assignment is the same by number and content. An older agent says no hash of its offers, and is believed."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web("web:1"))
    desk.runs("pi-1")
    desk.manifest("shop", web("web:2"))
    told, offered = desk.assignment("pi-1"), desk.offers("pi-1")
    assert offered.offers
    said = {
        "assignment_epoch": told.epoch,
        "assignment_generation": told.generation,
        "assignment_hash": told.content_hash,
    }
    known = offered.content_hash if offers_hash is None else offers_hash
    desk.hello("pi-1", offers_generation=offered.generation, offers_hash=known, **said)
    again = desk.offers("pi-1")
    assert (again.epoch, again.offers) == (epoch, offered.offers)
    assert desk.fleet.counts.get(("epochs_raised",), 0) == epoch - 1


def test_a_node_that_tells_more_than_is_known_here_is_heard_and_named() -> None:
    """Its hello counts; which key was passed over stands with the node until a hello that is known whole, and is logged once."""
    desk, topic = Desk(), HelloTopic(FLEET, "pi-1")
    for number in (1, 2):
        hello = Hello("pi-1", number, "b", "9.0", Inventory("pi", "armv7l"))
        observe(desk.fleet, Heard(Received(topic, hello, FactMark("s", number, number), "mood")), desk.now)
        assert len([one for one in desk.turn() if "mood" in getattr(one, "sentence", "")]) == (number == 1)
    assert "tells what this controller does not know yet (mood)" in str(desk.order(OrderVerb.NODES, key="n1"))
    desk.hello("pi-1", epoch=3)
    assert "mood" not in str(desk.order(OrderVerb.NODES, key="n2"))


def test_whoever_obeys_a_higher_epoch_is_spoken_to_above_it() -> None:
    """Its assignment is of epoch 1, its offers were of epoch 5: whatever is said below that is refused there."""
    desk = Desk()
    desk.manifest("shop", web())
    desk.hello("pi-1", assignment_epoch=1, assignment_generation=0, obeyed_epoch=5)
    assert desk.assignment("pi-1").epoch == 6


@pytest.mark.parametrize(("generation", "is_told"), [(1, False), (0, True)])
def test_a_hello_is_answered_only_where_it_differs(generation: int, *, is_told: bool) -> None:
    """A reconnect disturbs nothing; a lost retained message costs one more."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    told = desk.assignment("pi-1")
    said = {"assignment_epoch": 1, "assignment_generation": generation, "assignment_hash": told.content_hash}
    effects = desk.hello("pi-1", **said)
    assert [e.message for e in effects if isinstance(getattr(e, "message", None), Assignment)] == [told] * is_told


def test_everything_retained_is_said_again_after_a_reconnect_at_a_pace() -> None:
    """A killed broker forgot it all; 200 a second do not hurt the new one."""
    desk = Desk()
    for number in range(50):
        desk.hello(f"pi-{number}")
    desk.manifest("shop", web(mode="global"))
    desk.said.clear()
    desk.link_down()
    desk.link_up()
    counts = [sum(str(AssignmentTopic(FLEET, f"pi-{n}")) in desk.said for n in range(50))]
    for _ in range(2):
        desk.turn(0.1)
        counts.append(sum(str(AssignmentTopic(FLEET, f"pi-{n}")) in desk.said for n in range(50)))
    assert counts == [20, 40, 50]
    assert desk.said[f"bramble/v1/{FLEET}/stack/shop/status"].services[0].desired == 50


def test_deciding_anew_what_was_loaded_changes_nothing(tmp_path: Path) -> None:
    """Two loads of one file are two equal fleets."""
    desk = Desk(tmp_path)
    for act in story(desk)[:9]:
        act()  # type: ignore[operator]
    store, other = Store(tmp_path / "controller.db"), Fleet(FLEET, Terms())
    store.load(other)
    revive(other, 5.0)
    assert shelves(other) == shelves(desk.fleet)
    store.close()


def test_a_stack_that_goes_after_a_restart_takes_its_sensors_along(tmp_path: Path) -> None:
    """What was loaded is remembered as what the nodes were last looked at with; else its sensors would stay, or stop a turn."""
    desk = Desk(tmp_path)
    desk.hello("pi-1")
    desk.manifest("gate", "sensors:\n  bell: {kind: button, pin: 17}\n")
    desk.restart()
    desk.manifest("gate", "")
    desk.hello("pi-1", epoch=2)
    assert desk.assignment("pi-1").sensors == ()
