"""The unit files say what systemd understands, keep their processes locked in, and start what we ship.

systemd itself is asked (`systemd-analyze`, of Debian's package systemd); no service manager needs to run for it.
"""

from __future__ import annotations

import configparser
import re
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.launcher.__main__ import DEFAULT_STATE
from agent.settings import Settings
from lab.broker import TUNED

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
OURS = ["bramble-agent", "bramble-controller", "bramble-broker"]

LAUNCHED = {"bramble-agent": "bramble-agent-launch"}
"""What is not started by itself."""

EXPOSURE_LIMIT = 2.0
"""Of systemd's 10.0, and the aim for the agent; what is left at that height is the network and the pins."""

STARTS_WITHIN_S = 10.0


def unit_ids(unit: Path) -> str:
    return unit.stem


def text_with_programs_of_this_machine(unit: Path) -> str:
    """The unit, starting a program that exists everywhere: systemd objects to one that is not installed."""
    return re.sub(r"(?m)^(Exec\w+=)\S+", r"\g<1>/bin/true", unit.read_text())


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False)


def verify(unit: Path) -> subprocess.CompletedProcess[str]:
    return analyze("verify", "--man=no", "--recursive-errors=no", str(unit))


def settings(unit: Path) -> dict[str, str]:
    """The unit's last word on each setting, flat."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names are case-sensitive
    parser.read_string(unit.read_text())
    return {key: value for section in parser.sections() for key, value in parser[section].items()}


def broker_settings(text: str) -> dict[str, str]:
    lines = (line.partition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {key: value for key, _, value in lines}


def test_every_process_has_its_unit() -> None:
    """Broker, controller and agent, and no unit that no test looks at."""
    assert sorted(unit.stem for unit in UNITS) == sorted(OURS)


@pytest.mark.parametrize("unit", UNITS, ids=unit_ids)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, so no line is ignored on the systemd that we run on."""
    copy = tmp_path / unit.name
    copy.write_text(text_with_programs_of_this_machine(unit))
    verdict = verify(copy)
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")


def test_a_line_that_systemd_does_not_know_is_noticed(tmp_path: Path) -> None:
    """The check above can fail: one word of a later systemd is told by name."""
    copy = tmp_path / "bramble-agent.service"
    text = text_with_programs_of_this_machine(SYSTEMD / "bramble-agent.service")
    copy.write_text(text.replace("[Service]\n", "[Service]\nRestartSoonish=6\n"))
    assert "RestartSoonish" in verify(copy).stderr


@pytest.mark.parametrize("unit", UNITS, ids=unit_ids)
def test_a_process_that_is_taken_over_gets_nowhere(unit: Path) -> None:
    """`systemd-analyze security` finds each exposed by 2.0 of 10 at most."""
    verdict = analyze("security", "--offline=true", f"--threshold={EXPOSURE_LIMIT * 10:.0f}", str(unit))
    found = re.search(rf"Overall exposure level for {unit.name}: (\d+\.\d+)", verdict.stdout)
    assert found, verdict.stderr
    assert float(found[1]) <= EXPOSURE_LIMIT
    assert verdict.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=unit_ids)
def test_a_unit_never_gives_up(unit: Path) -> None:
    """Ready when it says so, restarted whenever it ends, without a limit of starts."""
    said = settings(unit)
    assert said["Type"] == "notify"
    assert said["Restart"] == "always"
    assert said["StartLimitIntervalSec"] == "0"


@pytest.mark.parametrize("unit", UNITS, ids=unit_ids)
def test_a_unit_never_waits_for_the_network(unit: Path) -> None:
    """The edge acts alone: no node waits with its sensors for a network, or for the right time."""
    said = settings(unit)
    for key in ("After", "Wants", "Requires"):
        assert "network-online.target" not in said.get(key, "")
        assert "time-sync.target" not in said.get(key, "")


@pytest.mark.parametrize("unit", UNITS, ids=unit_ids)
def test_a_unit_asks_for_no_group_that_may_be_missing(unit: Path) -> None:
    """systemd starts nothing in a group that the machine lacks; a node without Docker has its sensors all the same."""
    assert "SupplementaryGroups" not in settings(unit)


@pytest.mark.parametrize("unit", [u for u in UNITS if u.stem != "bramble-broker"], ids=unit_ids)
def test_our_processes_are_watched_and_are_what_we_install(unit: Path) -> None:
    """The unit starts a command that the distribution has, under a watchdog; settings are where it looks by itself."""
    commands = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    said = settings(unit)
    command = LAUNCHED.get(unit.stem, unit.stem)
    assert said["ExecStart"] == f"/opt/bramble/bin/{command}"
    assert command in commands
    assert said["WatchdogSec"] == "60s"


def test_outputs_become_safe_after_a_crash_too() -> None:
    """Whatever ended the agent, systemd has its outputs made safe."""
    said = settings(SYSTEMD / "bramble-agent.service")
    assert said["ExecStopPost"] == "-/opt/bramble/bin/bramble-agent --make-safe"


def test_the_launcher_and_the_agent_mean_the_same_folder() -> None:
    """Where the unit has its state, the launcher finds its releases, and the agent may write them."""
    said = settings(SYSTEMD / "bramble-agent.service")
    assert f"/var/lib/{said['StateDirectory']}" == DEFAULT_STATE == Settings("pi").state_dir


@pytest.mark.parametrize("unit", UNITS, ids=unit_ids)
def test_every_user_is_made_and_none_is_shared(unit: Path) -> None:
    """Each unit runs as a user of its own that bramble.sysusers makes."""
    users = [line.split()[1] for line in (SYSTEMD / "bramble.sysusers").read_text().splitlines() if line[:2] == "u "]
    said = settings(unit)
    assert said["User"] == said["Group"] == unit.stem
    assert users.count(said["User"]) == 1


def test_systemd_makes_the_users(tmp_path: Path) -> None:
    """`systemd-sysusers` understands our file, tried on an empty tree."""
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "bramble.sysusers")], check=True)
    made = {line.split(":")[0] for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    assert made == set(OURS)


def test_the_shipped_broker_is_the_tested_broker() -> None:
    """What the lab proves its broker with is what a fleet gets, on loopback and beside /etc/mosquitto."""
    shipped = broker_settings((SYSTEMD / "mosquitto.conf").read_text())
    assert {key: shipped.get(key) for key in TUNED} == dict(TUNED)
    assert shipped["listener"].endswith("127.0.0.1")
    assert settings(SYSTEMD / "bramble-broker.service")["ExecStart"].endswith(
        f" -c {shipped['persistence_location']}mosquitto.conf"
    )


@pytest.fixture
def started_broker(tmp_path: Path) -> Iterator[bytes]:
    """What a Mosquitto with our configuration, moved here and to a free port, says to its service manager."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    text = (SYSTEMD / "mosquitto.conf").read_text()
    text = text.replace("1883", str(port)).replace("/var/lib/bramble/broker", str(tmp_path))
    (tmp_path / "mosquitto.conf").write_text(text + "user root\n")  # root would become another user, who cannot write
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(STARTS_WITHIN_S)
        arguments = ["mosquitto", "-c", str(tmp_path / "mosquitto.conf")]
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        with subprocess.Popen(arguments, env=environ, stdout=subprocess.DEVNULL) as mosquitto:
            try:
                yield ear.recv(4096)
            finally:
                mosquitto.kill()  # Mosquitto 2.0.11 forgets a SIGTERM that comes right after READY


@pytest.mark.broker
def test_mosquitto_takes_the_configuration_and_says_that_it_is_ready(started_broker: bytes) -> None:
    """A real Mosquitto accepts every line, and Debian's build serves Type=notify."""
    assert b"READY=1" in started_broker
