"""A lock that was overridden stands in the history of its service: where, of what, by its limit or by whom, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.rollouts import history
from protocol.operator import OrderVerb
from tests.controller.desk import Desk
from tests.controller.gradual import SERVICE, Bed

LOCK = "{lock: {path: /run/busy, at_most: 1m}}"
OUTLASTED = "web held /run/busy for longer than 1 min (at_most), and was updated all the same"
NOON = "2026-11-22T12:00:00+00:00"


def bed_of(nodes: int, path: Path | None = None) -> Bed:
    """Nodes in an update whose service has a lock, at noon."""
    bed = Bed(nodes, LOCK, path, parallelism=str(nodes))
    bed.desk.fleet.wall = NOON
    return bed


def notes(desk: Desk) -> list[tuple[str, ...]]:
    """What the history says was overridden, the newest revision first."""
    return [row.notes for row in history.shown(desk.fleet, SERVICE)]


@pytest.mark.parametrize("well", [True, False])
def test_a_lock_that_outlasted_its_limit_stands_in_the_history(tmp_path: Path, *, well: bool) -> None:
    """Said once, however often its node reports it, over a restart, and whether or not the trial went well."""
    bed = bed_of(2, tmp_path)
    bed.pis[0].overrode = OUTLASTED
    bed.ask()
    expected = [(f"shop.web.pi-1 on pi-1: {OUTLASTED} at {NOON}",), ()]
    assert notes(bed.desk) == expected
    bed.desk.restart()
    bed.end("pi-1", well=well)
    bed.settle_there()
    assert notes(bed.desk) == expected


def test_each_try_that_overrides_is_a_note_of_its_own() -> None:
    """What failed and is tried again on an operator's word may override the lock again."""
    bed = bed_of(1)
    bed.pis[0].overrode = OUTLASTED
    bed.ask()
    bed.end(well=False)
    assert bed.desk.order(OrderVerb.ROLLOUT_RESUME, SERVICE, key="o1")
    bed.ask()
    assert [len(said) for said in notes(bed.desk)] == [2, 0]


@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        ({"by": "ann@desk"}, "an operator (ann@desk)"),
        ({}, "an operator"),
        ({"by": "x" * 500}, f"an operator ({'x' * 100})"),
    ],
)
def test_who_forced_an_update_stands_in_the_history(arguments: dict[str, str], who: str) -> None:
    """As he names himself, within bounds; ordered once more it is no other note."""
    bed = bed_of(2)
    for key in ("o1", "o2"):
        answer = bed.desk.order(OrderVerb.OVERRIDE, SERVICE, key=key, node="pi-2", **arguments)
        assert answer is not None
        assert answer.ok
    assert notes(bed.desk) == [(f"shop.web on pi-2: {who} overrode the lock at {NOON}",), ()]


def test_what_is_not_kept_of_the_history_is_counted(tmp_path: Path) -> None:
    """The last twenty notes of a revision stay, and how many were before them."""
    bed = bed_of(25, tmp_path)
    for pi in bed.pis:
        pi.overrode = OUTLASTED
    bed.ask()
    (first, *others), before = notes(bed.desk)
    assert (first, len(others), before) == ("5 earlier ones are not kept", history.NOTES_KEPT, ())
    bed.desk.restart()
    assert notes(bed.desk)[0] == (first, *others)
