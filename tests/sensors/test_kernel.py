"""Chips in /sys: found by name, read in people's units; trees as the kernel makes them, on a disk of the test."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from protocol.desired import SensorSpec
from protocol.manifest.sensing_kernel import Hwmon, Iio
from protocol.sources import CHANNELS
from sensors import kernel
from sensors.kernel import HWMON, HWMON_SORTS, IIO, IIO_SORTS, W1, hwmon, iio, w1
from sensors.sampler import Probe


def spec(kind: str, **options: object) -> SensorSpec:
    return SensorSpec("room", "porch", kind, options)


def chip(root: Path, entry: str, **files: str) -> None:
    """An entry under /sys with these files."""
    (root / entry).mkdir(parents=True)
    for name, text in files.items():
        (root / entry / name).write_text(f"{text}\n")


def bme280(root: Path, entry: str = "iio:device0") -> None:
    """What the kernel's driver shows of the data sheet's example, with humidity."""
    chip(
        root, f"{IIO}/{entry}", name="bme280",
        in_temp_input="25080", in_pressure_input="100.653", in_humidityrelative_input="46333",
    )  # fmt: skip


@pytest.mark.parametrize(("channel", "value"), [("temp", 25.08), ("pressure", 1006.53), ("humidity", 46.333)])
def test_a_channel_is_read_in_the_units_of_people(channel: str, value: float, tmp_path: Path) -> None:
    """The kernel's m°C, kPa and m% are said as °C, hPa and %."""
    bme280(tmp_path)
    assert iio(spec("iio", match="bme280", channel=channel), tmp_path)() == value


def test_a_raw_value_is_moved_and_scaled(tmp_path: Path) -> None:
    """Without a processed value it is (raw + offset) * scale, the channel's own or the one that its sort shares."""
    chip(
        tmp_path, f"{IIO}/iio:device1", name="ads1015",
        in_voltage0_raw="1000", in_voltage0_scale="2", in_voltage1_raw="500", in_voltage_scale="3", in_voltage_offset="10",
    )  # fmt: skip
    said = {"match": "ads1015", "channel": "voltage"}
    assert iio(spec("iio", **said), tmp_path)() == pytest.approx(2.02)
    assert iio(spec("iio", **said, number=1), tmp_path)() == pytest.approx(1.53)


@pytest.mark.parametrize(
    ("channel", "options", "value"),
    [("voltage", {"number": 1}, 12.044), ("voltage", {}, 0.004), ("current", {}, 0.5), ("power", {}, 6.02)],
)
def test_hwmon_speaks_in_thousandths_and_millionths(
    channel: str, options: dict[str, object], value: float, tmp_path: Path
) -> None:
    """INA219: mV, mA and µW become V, A and W; the lowest number is meant where none is said."""
    chip(
        tmp_path, f"{HWMON}/hwmon2",
        name="ina219", in0_input="4", in1_input="12044", curr1_input="500", power1_input="6020000",
    )  # fmt: skip
    assert hwmon(spec("hwmon", match="ina219", channel=channel, **options), tmp_path)() == value


def test_an_older_driver_has_its_name_at_the_device(tmp_path: Path) -> None:
    """LM75 on an older kernel: hwmon0/device/name."""
    chip(tmp_path, f"{HWMON}/hwmon0", temp1_input="21500")
    chip(tmp_path, f"{HWMON}/hwmon0/device", name="lm75")
    assert hwmon(spec("hwmon", match="lm75", channel="temp"), tmp_path)() == 21.5


def test_a_chip_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """Who wrote a wrong name sees the right ones."""
    bme280(tmp_path)
    with pytest.raises(ValueError, match=r"there is no 'bmp280' under .*; there is bme280 \(iio:device0 at devices\)"):
        iio(spec("iio", match="bmp280", channel="temp"), tmp_path)()
    with pytest.raises(ValueError, match="there is nothing"):
        hwmon(spec("hwmon", match="lm75", channel="temp"), tmp_path)()


def test_two_chips_of_one_name_are_told_apart_by_their_entries(tmp_path: Path) -> None:
    """The name alone is refused, an entry is taken."""
    bme280(tmp_path)
    bme280(tmp_path, "iio:device1")
    with pytest.raises(ValueError, match="'bme280' is there 2 times"):
        iio(spec("iio", match="bme280", channel="temp"), tmp_path)()
    assert iio(spec("iio", match="iio:device1", channel="temp"), tmp_path)() == 25.08


def test_two_chips_of_one_name_are_told_apart_by_their_addresses(tmp_path: Path) -> None:
    """As on a real bus, the entry is a link into the device's directory."""
    for bus, entry in (("1-0076", "iio:device0"), ("1-0077", "iio:device1")):
        chip(tmp_path, f"sys/devices/{bus}/{entry}", name="bme280", in_temp_input=f"{int(bus[-1])}000")
        (tmp_path / IIO).mkdir(parents=True, exist_ok=True)
        (tmp_path / IIO / entry).symlink_to(tmp_path / f"sys/devices/{bus}/{entry}")
    assert iio(spec("iio", match="1-0077", channel="temp"), tmp_path)() == 7.0


def test_a_channel_that_a_chip_has_not_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    """A BMP280 measures no humidity."""
    chip(tmp_path, f"{IIO}/iio:device0", name="bmp280", in_temp_input="1", in_pressure_input="1")
    with pytest.raises(ValueError, match="has no channel humidity; it has in_pressure_input, in_temp_input"):
        iio(spec("iio", match="bmp280", channel="humidity"), tmp_path)()
    with pytest.raises(ValueError, match="has no channel temp 3"):
        iio(spec("iio", match="bmp280", channel="temp", number=3), tmp_path)()


def test_the_only_thermometer_needs_no_number(tmp_path: Path) -> None:
    """A bus master beside it is no thermometer; a second thermometer makes a number necessary."""
    chip(tmp_path, f"{W1}/w1_bus_master1")
    chip(tmp_path, f"{W1}/28-000001", temperature="20812")
    assert w1(spec("w1"), tmp_path)() == 20.812
    chip(tmp_path, f"{W1}/28-000002", temperature="-1062")
    assert w1(spec("w1", match="28-000002"), tmp_path)() == -1.062
    with pytest.raises(ValueError, match="28-000001"):
        w1(spec("w1"), tmp_path)()


def test_an_older_kernel_says_a_temperature_in_two_lines(tmp_path: Path) -> None:
    """A wrong checksum is a fault, and no temperature."""
    slave = "aa 01 : crc=5e {}\naa 01 4b t=26625"
    chip(tmp_path, f"{W1}/28-000001", w1_slave=slave.format("YES"))
    assert w1(spec("w1"), tmp_path)() == 26.625
    (tmp_path / W1 / "28-000001/w1_slave").write_text(slave.format("NO"))
    with pytest.raises(OSError, match="checksum"):
        w1(spec("w1"), tmp_path)()


def test_a_chip_that_does_not_answer_is_asked_again() -> None:
    """A DHT22 that fails three times out of four is read; a file that is not there is asked for once."""
    failures = [OSError(errno.ETIMEDOUT, "late")] * (kernel.TRIES - 1)

    def dht22() -> float:
        if failures:
            raise failures.pop()
        return 21.3

    assert kernel._patient(dht22)() == 21.3
    failures.append(FileNotFoundError(errno.ENOENT, "gone"))
    with pytest.raises(FileNotFoundError):
        kernel._patient(dht22)()


def test_every_channel_that_may_be_written_can_be_read_and_has_a_unit() -> None:
    """Manifest, reader and words name the same channels."""
    assert set(get_args(Iio.model_fields["channel"].annotation)) == set(IIO_SORTS)
    assert set(get_args(Hwmon.model_fields["channel"].annotation)) == set(HWMON_SORTS)
    assert set(IIO_SORTS) | set(HWMON_SORTS) == set(CHANNELS)


@pytest.mark.parametrize("kind", [iio, hwmon])
def test_a_channel_of_a_newer_controller_is_a_fault_and_no_end(kind: Callable[..., Probe], tmp_path: Path) -> None:
    """The loop opens it: what it raised there ended the agent at each start."""
    probe = kind(spec("iio", channel="acidity"), tmp_path)
    with pytest.raises(ValueError, match="'acidity' is no channel that this agent knows: temp, "):
        probe()


@pytest.mark.parametrize("said", ["nan", "inf", "-", ""])
def test_what_is_no_number_is_a_fault_with_its_file(said: str, tmp_path: Path) -> None:
    """An event of such a value could be read by nobody, and stood in the outbox for ever."""
    chip(tmp_path, f"{IIO}/iio:device0", name="bme280", in_temp_input=said)
    with pytest.raises(ValueError, match=r"in_temp_input says .*, which is no number"):
        iio(spec("iio", match="bme280", channel="temp"), tmp_path)()
