"""Kinds that a package on the node brings along: an installed one, in a folder of the test."""

from __future__ import annotations

import importlib
from pathlib import Path
from queue import SimpleQueue

import pytest

from protocol.desired import SensorSpec
from sensors.board import Board
from sensors.own import OwnProbe
from sensors.stage import Faulted, Reading

PATIENCE_S = 10.0

MODULE = """
def co2(spec):
    base = spec.options.get("base", 400)
    return lambda: base + 15

def door(spec):
    return lambda: True

def state(spec):
    return lambda: {"mode": "auto"}

def broken(spec):
    def read():
        raise KeyError("no such register")
    return read

def long(spec):
    return lambda: "x" * 20_000

def vast(spec):
    return lambda: 2**60

def odd(spec):
    return lambda: object()
"""
ENTRIES = "[bramble.sensors]\n" + "\n".join(
    f"acme.{name} = acme_sensors:{name}" for name in ("co2", "door", "state", "broken", "odd", "vast", "long")
)


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `pip install acme-sensors` leaves."""
    (tmp_path / "acme_sensors.py").write_text(MODULE)
    told = tmp_path / "acme_sensors-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sensors\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


def spec(kind: str, **options: object) -> SensorSpec:
    return SensorSpec("it", "porch", kind, options)


@pytest.mark.parametrize(
    ("kind", "options", "value"),
    [
        ("acme.co2", {}, 415.0),
        ("acme.co2", {"base": 1000}, 1015.0),
        ("acme.door", {"shows": "level"}, True),
        ("acme.state", {"shows": "text"}, {"mode": "auto"}),
    ],
)
def test_a_package_reads_what_it_likes(kind: str, options: dict[str, object], value: object) -> None:
    """With the keys that the manifest gives it."""
    assert OwnProbe(spec(kind, **options))() == value


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("acme.nose", {}, "no package of this node brings it .*; there are acme.broken, acme.co2"),
        ("acme.broken", {}, "acme.broken: .*no such register"),
        ("acme.state", {}, "which is no number"),
        ("acme.co2", {"shows": "level", "base": 0.5}, "which is no level"),
        ("acme.odd", {"shows": "text"}, "says what is no JSON"),
        ("acme.long", {"shows": "text"}, "says 20002 bytes at once"),
        ("acme.vast", {"shows": "text"}, "not everybody can read: .*beyond 2"),
    ],
)
def test_what_goes_wrong_there_is_a_fault_in_words(kind: str, options: dict[str, object], reason: str) -> None:
    """Whatever others' code does, and a package that is not there."""
    with pytest.raises(ValueError, match=reason):
        OwnProbe(spec(kind, **options))()


def test_a_broken_package_ends_nothing_else() -> None:
    """Its sensor is faulted, the one beside it is read."""
    said: SimpleQueue[Reading | Faulted] = SimpleQueue()
    board = Board(said.put, "mock")
    good = SensorSpec("good", "porch", "acme.co2", {"every": 0.1})
    statuses, _ = board.open((spec("acme.broken", every=0.1), good), ())
    assert [status.fault for status in statuses] == ["", ""]
    seen = [said.get(timeout=PATIENCE_S) for _ in range(4)]
    assert {type(one) for one in seen if one.sensor == "it"} == {Faulted}
    assert {type(one) for one in seen if one.sensor == "good"} == {Reading}
    board.close()
