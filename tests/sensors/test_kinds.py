"""The catalogue of kinds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from protocol import devices
from protocol.desired import SensorSpec
from protocol.manifest import acting, sensing
from protocol.manifest.section import Section
from protocol.sensor_words import Nature
from protocol.sources import SOURCES
from protocol.wired import WIRED
from sensors import kinds
from sensors.gauges import KINDS as GAUGES
from sensors.probes import PROBES

ROOT = Path(__file__).parents[2]


def test_every_kind_has_the_words_that_manifests_are_checked_with() -> None:
    """The names and events of the parts of the catalogue are equal, in the same order."""
    ours = [*kinds.SENSORS, *WIRED, *(kind for kind in PROBES if kind not in SOURCES)]
    assert [*ours, *SOURCES] == list(sensing.KINDS) == list(devices.SENSORS)
    assert list(devices.ACTUATORS) == list(acting.KINDS)
    assert all(kind.events == devices.SENSORS[name].events for name, kind in kinds.SENSORS.items())
    assert set(WIRED) == {*kinds.LIKE, *GAUGES}


def test_the_documented_catalogue_is_the_real_one() -> None:
    """docs/sensors.md has exactly one true row for every kind."""

    def names(words: Iterable[str]) -> str:
        return ", ".join(f"`{word}`" for word in words)

    def keys(model: type[Section]) -> list[str]:
        return sorted(set(model.model_fields) - {"kind", "pin", "nodes"})

    rows = [
        f"| `{name}` | {names(kind.events)} | {kind.pull} | {'high' if kind.on_is_high[kind.pull] else 'low'} "
        f"| {names(keys(sensing.KINDS[name]))} |"
        for name, kind in kinds.SENSORS.items()
    ]
    rows += [
        f"| `{name}` | {names(devices.SENSORS[name].events)} | {says} | {names(keys(sensing.KINDS[name]))} |"
        for name, says in (("button-board", "the button's name"), ("rotary-encoder", "steps"))
    ]
    rows += [
        f"| `{name}` | {names(words.events)} | {words.unit or 'a number'} | {names(keys(sensing.KINDS[name]))} |"
        for name, words in devices.SENSORS.items()
        if words.nature is Nature.NUMBER and name not in SOURCES
    ]
    rows += [
        f"| `{name}` | {', '.join([*(f'`{word}`' for word in words.values), *([words.also] if words.also else [])])} "
        f"| {names(keys(acting.KINDS[name]))} |"
        for name, words in devices.ACTUATORS.items()
    ]
    page = (ROOT / "docs" / "sensors.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


def test_only_kinds_that_can_be_held_take_a_hold() -> None:
    """The `hold` key has a meaning exactly where there is a held event."""
    for name, kind in kinds.SENSORS.items():
        assert ("hold" in sensing.KINDS[name].model_fields) == bool(kind.held)


def test_every_kind_knows_its_level_for_every_pull() -> None:
    """No wiring of a known kind is left undecided."""
    for kind in kinds.SENSORS.values():
        assert set(kind.on_is_high) == set(kinds.Pull)


@pytest.mark.parametrize(
    ("kind", "pull", "event", "high"),
    [
        ("button", "", "pressed", False),
        ("button", "", "released", True),
        ("button", "down", "pressed", True),
        ("button", "none", "pressed", False),
        ("motion", "", "motion", True),
        ("motion", "up", "motion", False),
        ("line", "", "line", False),
        ("line", "", "no-line", True),
        ("digital", "", "activated", True),
        ("digital", "up", "deactivated", True),
        ("button", "", "held", None),
        ("button", "", "motion", None),
    ],
)
def test_the_level_that_makes_an_event(kind: str, pull: str, event: str, high: bool | None) -> None:
    """Each event of a pin has one level that makes it; a hold takes time, and others' events are not made at all."""
    assert kinds.high_for(SensorSpec("s", "porch", kind, {"pin": 4, "pull": pull}), event) == high


def test_the_package_costs_no_gpiozero_until_a_pin_is_opened() -> None:
    """A node without sensors imports the whole package and still has no gpiozero in memory."""
    program = (
        "import sys; import sensors.board as b; board = b.Board(print, 'mock'); board.open((), ()); board.pins(); board.close();"
        "sys.exit('gpiozero' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0
