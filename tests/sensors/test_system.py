"""What the system knows of itself, from files as the kernel makes them, and whether hosts answer, on loopback."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from protocol.desired import SensorSpec
from protocol.envelope import read_json
from sensors import edges
from sensors.edges import observe
from sensors.probes import PROBES
from sensors.sampler import Probe
from sensors.stage import Reading
from sensors.system import THROTTLED


def probe(kind: str, root: Path, **options: object) -> Probe:
    return PROBES[kind](SensorSpec("it", "porch", kind, options), root)


def write(root: Path, **files: str) -> None:
    """Files by their paths, with `__` for each slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def events(kind: str, *values: object, **options: object) -> list[str]:
    """What a sensor says of these values in a row."""
    chain, said = edges.fresh(SensorSpec("it", "porch", kind, options)), []
    for at_ns, value in enumerate(values):
        chain, sensed = observe(chain, Reading("it", value, at_ns))
        said += [one.event for one in sensed]
    return said


@pytest.mark.parametrize(
    ("said", "conditions"),
    [("0", ["normal"]), ("50005", ["under-voltage", "throttled"]), ("0x8", ["soft-temperature-limit"])],
)
def test_the_firmware_says_why_it_slows_down(said: str, conditions: list[str], tmp_path: Path) -> None:
    """The low bits are what holds now; what has been since the boot is no condition."""
    (tmp_path / THROTTLED).parent.mkdir(parents=True)
    (tmp_path / THROTTLED).write_text(said)
    assert probe("throttled", tmp_path)() == conditions


def test_without_the_firmware_the_kernel_watches_the_voltage(tmp_path: Path) -> None:
    """hwmon's rpi_volt knows under-voltage alone; a machine with neither says so."""
    with pytest.raises(ValueError, match="no Raspberry Pi"):
        probe("throttled", tmp_path)()
    write(tmp_path, sys__class__hwmon__hwmon1__name="rpi_volt", sys__class__hwmon__hwmon1__in0_lcrit_alarm="1")
    assert probe("throttled", tmp_path)() == ["under-voltage"]


def test_each_condition_that_begins_is_an_event() -> None:
    """What holds at the opening is none, and what goes on is said once."""
    low, hot = "under-voltage", "soft-temperature-limit"
    assert events("throttled", ["normal"], [low], [low, hot], [low, hot], ["normal"]) == [low, hot, "normal"]
    assert events("throttled", [low], [low]) == []


def test_memory_in_use_is_what_is_not_available(tmp_path: Path) -> None:
    """What the kernel could give back counts as free."""
    write(tmp_path, proc__meminfo="MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 750 kB")
    assert probe("memory", tmp_path)() == 25.0


@pytest.mark.parametrize(
    ("state", "carrier", "is_up"),
    [("up", "1", True), ("down", "0", False), ("unknown", "1", True), ("dormant", "1", False)],
)
def test_a_link_is_up_as_the_kernel_says(state: str, carrier: str, is_up: bool, tmp_path: Path) -> None:
    """An interface that does not say is up with its carrier."""
    write(tmp_path, sys__class__net__eth0__operstate=state, sys__class__net__eth0__carrier=carrier)
    assert probe("network-link", tmp_path, interface="eth0")() is is_up


def test_an_interface_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """Who wrote a wrong name sees the right ones."""
    write(tmp_path, sys__class__net__eth0__operstate="up", sys__class__net__lo__operstate="unknown")
    with pytest.raises(ValueError, match="no network interface 'wlan0'; there are eth0, lo"):
        probe("network-link", tmp_path, interface="wlan0")()


def test_traffic_is_counted_between_readings_and_never_negative(tmp_path: Path) -> None:
    """A counter that moves is a rate; one that was set back counts nothing."""
    counter = {"sys__class__net__eth0__statistics__tx_bytes": "1000000"}
    write(tmp_path, **counter)
    read = probe("network-traffic", tmp_path, interface="eth0", direction="sent")
    assert read() >= 0
    assert read() == 0.0
    write(tmp_path, **dict.fromkeys(counter, "9000000"))
    assert read() > 0
    write(tmp_path, **dict.fromkeys(counter, "0"))
    assert read() == 0.0


def test_a_host_that_answers_is_reachable() -> None:
    """Loopback answers an echo, in both families; an address that is none does not."""
    assert probe("ping", Path("/"), host="127.0.0.1")() is True
    assert probe("ping", Path("/"), host="1::2::3")() is False


def test_a_port_that_takes_a_connection_is_reachable() -> None:
    """Nobody listens on it any more: unreachable."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        read = probe("ping", Path("/"), host="127.0.0.1", port=server.getsockname()[1])
        assert read() is True
    assert read() is False


def test_a_file_is_created_changed_and_deleted(tmp_path: Path) -> None:
    """Each is an event of its own, and looking twice is none; the state can travel as it is."""
    read, path = probe("file", tmp_path, path="/etc/it"), tmp_path / "etc/it"
    seen = [read()]
    write(tmp_path, etc__it="one")
    seen += [read(), read()]
    write(tmp_path, etc__it="another")
    seen += [read()]
    path.unlink()
    seen += [read()]
    assert events("file", *seen) == ["created", "changed", "deleted"]
    assert read_json(json.dumps(seen[1]).encode()) == seen[1]


def test_a_link_that_flaps_is_settled_like_any_level() -> None:
    """Sources that are on or off pass the filters of pins, with words of their own."""
    assert events("network-link", True, False, True, False) == ["down", "up", "down"]
    assert events("ping", True, False, True, settle=1.0) == []
