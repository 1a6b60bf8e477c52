"""What is measured: probes on files of their own, and the thread that asks them."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from protocol.desired import ActuatorSpec, SensorSpec
from sensors.board import Board
from sensors.meters import Meters
from sensors.probes import PROBES
from sensors.sampler import Sampled, Sampler
from sensors.stage import Faulted, Reading

PATIENCE_S = 10.0


def spec(kind: str, **options: object) -> SensorSpec:
    return SensorSpec("it", "porch", kind, options)


def machine(root: Path) -> Path:
    """The files of a Pi that is warm and busy."""
    for name, text in (
        ("sys/class/thermal/thermal_zone0/temp", "48312\n"),
        ("proc/loadavg", "0.50 1.25 2.00 1/99 7\n"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("kind", "options", "value"),
    [("cpu-temperature", {}, 48.312), ("load-average", {"minutes": 1}, 0.5), ("load-average", {"minutes": 15}, 2.0)],
)
def test_a_probe_reads_what_the_kernel_says(
    kind: str, options: dict[str, object], value: float, tmp_path: Path
) -> None:
    """Millidegrees become degrees, and of the loads the right one is taken."""
    assert PROBES[kind](spec(kind, **options), machine(tmp_path))() == value


def test_a_disk_is_used_as_df_says(tmp_path: Path) -> None:
    """Percent of what can be used, so a full disk is 100."""
    assert 0 <= PROBES["disk-usage"](spec("disk-usage", path=str(tmp_path)), Path("/"))() <= 100


def test_what_cannot_be_read_is_a_fault_and_then_a_baseline_again(tmp_path: Path) -> None:
    """A missing file is said with its name; when it is back, its first reading is an opening one."""
    said: SimpleQueue[Reading | Faulted] = SimpleQueue()
    meters = Meters(said.put, tmp_path)
    meters.set_all((spec("cpu-temperature", every=0.1),))
    fault = said.get(timeout=PATIENCE_S)
    assert isinstance(fault, Faulted)
    assert "thermal_zone0/temp" in fault.reason
    machine(tmp_path)
    while isinstance(seen := said.get(timeout=PATIENCE_S), Faulted):
        pass
    assert (seen.value, seen.opening) == (48.312, True)
    again = said.get(timeout=PATIENCE_S)
    assert isinstance(again, Reading)
    assert not again.opening
    meters.close()


def test_what_is_not_wanted_any_more_is_not_asked() -> None:
    """Once another probe is asked in its place, it is called no more, however often the other one is."""
    asked: SimpleQueue[str] = SimpleQueue()
    sampler = Sampler(lambda _: None)
    sampler.keep({"it": Sampled(lambda: asked.put("it"), 0.01)})
    assert asked.get(timeout=PATIENCE_S) == "it"
    sampler.keep({"other": Sampled(lambda: asked.put("other"), 0.01)})
    while asked.get(timeout=PATIENCE_S) != "other":
        pass
    assert [asked.get(timeout=PATIENCE_S) for _ in range(5)] == ["other"] * 5
    sampler.close()


def test_a_meter_that_stays_keeps_its_rhythm(tmp_path: Path) -> None:
    """Opening another sensor does not read it once more, so it makes no new baseline."""
    said: SimpleQueue[Reading | Faulted] = SimpleQueue()
    meters, hour_s = Meters(said.put, machine(tmp_path)), 3600.0
    heat, load = SensorSpec("heat", "porch", "cpu-temperature", {"every": hour_s}), spec("load-average", every=hour_s)
    meters.set_all((heat,))
    assert said.get(timeout=PATIENCE_S).sensor == "heat"
    meters.set_all((heat, load))
    assert said.get(timeout=PATIENCE_S).sensor == "it"
    meters.close()
    assert said.empty()


def test_a_board_has_pins_and_meters_side_by_side() -> None:
    """A measured sensor needs no pin and no pin library."""
    said: SimpleQueue[Reading | Faulted] = SimpleQueue()
    board = Board(said.put, "mock")
    (bell, disk), _ = board.open((SensorSpec("bell", "porch", "button", {"pin": 17}), spec("disk-usage", path="/")), ())
    assert (bell.place, disk.place, disk.fault) == ("pin 17", "/", "")
    assert {said.get(timeout=PATIENCE_S).sensor for _ in range(2)} == {"bell", "it"}
    board.close()


def test_a_mistake_in_one_probe_silences_no_other() -> None:
    """It is told as its sensor's fault; a thread that died of it would be missed by nobody."""
    said: SimpleQueue[Reading | Faulted] = SimpleQueue()
    sampler = Sampler(said.put)
    sampler.keep({"wrong": Sampled(lambda: {}["no such key"], 60.0), "right": Sampled(lambda: 1.0, 0.01)})
    seen = [said.get(timeout=PATIENCE_S) for _ in range(3)]
    sampler.close()
    assert [(one.sensor, one.reason) for one in seen if isinstance(one, Faulted)] == [
        ("wrong", "a fault of this agent: KeyError: 'no such key'")
    ]
    assert {one.sensor for one in seen if isinstance(one, Reading)} == {"right"}


def test_a_probe_that_never_returns_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' code may wait for ever; an agent that is to end must not, nor what is asked after it."""
    monkeypatch.setattr("sensors.sampler.CLOSED_WITHIN_S", 0.05)
    asked, goes_on = threading.Event(), threading.Event()
    said: SimpleQueue[Reading | Faulted] = SimpleQueue()
    sampler = Sampler(said.put)
    sampler.keep({"stuck": Sampled(lambda: asked.set() or goes_on.wait(), 60.0)})  # type: ignore[func-returns-value]
    assert asked.wait(PATIENCE_S)
    sampler.close()
    sampler.keep({"other": Sampled(lambda: 1.0, 60.0)})
    assert said.get(timeout=PATIENCE_S).sensor == "other"
    goes_on.set()
    sampler.close()


def test_outputs_are_safe_before_a_sensor_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thermometer that takes its time must not keep a heater on."""
    board = Board(lambda _: None, "mock")
    board.open((), (ActuatorSpec("heater", "porch", "led", {"pin": 27}),))
    board.apply("heater", "on")
    found: list[bool] = []
    monkeypatch.setattr(Meters, "close", lambda _: found.append(board.pins()[0].high))
    board.close()
    assert found == [False]


def test_a_kernel_that_says_nothing_of_its_memory_is_a_fault(tmp_path: Path) -> None:
    """Containers and old kernels show less of it."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1000 kB\nMemFree: 10 kB\n")
    with pytest.raises(ValueError, match="how much of it is available"):
        PROBES["memory"](spec("memory"), tmp_path)()
