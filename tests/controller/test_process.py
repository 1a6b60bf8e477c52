"""The real process at a real Mosquitto: published with `mosquitto_pub`, killed, and still right."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from controller.__main__ import main
from lab.broker import Broker
from protocol.topics import ControllerPresenceTopic, ManifestTopic, StackStatusTopic
from tests.controller.desk import FLEET, web

pytestmark = pytest.mark.broker

PATIENCE_S = 40


@contextmanager
def controller(broker: Broker, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A controller process; ended with SIGKILL, as a power cut would."""
    environment = os.environ | {
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "BRAMBLE_METRICS_PORT": "0",
        "BRAMBLE_IMAGE_LOOKUP_S": "0",
    }
    process = subprocess.Popen([sys.executable, "-m", "controller"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read(broker: Broker, topic: str) -> Any:
    """The retained message of a topic, as soon as there is one."""
    command = [
        "mosquitto_sub",
        "-h",
        broker.address,
        "-p",
        str(broker.port),
        "-t",
        topic,
        "-C",
        "1",
        "-W",
        str(PATIENCE_S),
    ]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def publish(broker: Broker, stack: str, payload: bytes) -> None:
    """What an operator does who has no tool of ours."""
    topic = str(ManifestTopic(FLEET, stack))
    command = ["mosquitto_pub", "-h", broker.address, "-p", str(broker.port), "-t", topic, "-r", "-q", "1", "-s"]
    subprocess.run(command, input=payload, check=True)


def test_a_manifest_is_acknowledged_and_survives_the_death_of_broker_and_controller(tmp_path: Path) -> None:
    """The broker forgets everything, the controller nothing; its status stands again without anybody's doing."""
    topic = str(StackStatusTopic(FLEET, "shop"))
    with Broker(tmp_path) as broker:
        with controller(broker, tmp_path / "state"):
            publish(broker, "shop", web().encode())
            first = read(broker, topic)
            broker.kill()
            broker.start()
            assert read(broker, topic) == first
        broker.kill()
        broker.start()
        with controller(broker, tmp_path / "state"):
            assert read(broker, topic) == first
            assert read(broker, str(ControllerPresenceTopic(FLEET)))["state"] == "online"
    assert (first["verdict"], first["services"][0]["desired"]) == ("accepted", 1)


def test_ten_megabytes_are_refused_in_words(tmp_path: Path) -> None:
    """The largest mistake still reaches us, and its publisher is told both numbers."""
    with Broker(tmp_path) as broker, controller(broker, tmp_path / "state"):
        publish(broker, "huge", b"x" * 10_000_000)
        assert (
            "10000000 bytes; the limit is 262144"
            in read(broker, str(StackStatusTopic(FLEET, "huge")))["faults"][0]["reason"]
        )


def test_wrong_settings_and_a_damaged_store_end_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes that a supervisor and a person can tell apart."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("flet = 1\n")
    assert main(["--settings", str(wrong)]) == 2
    assert "flet" in capsys.readouterr().err
    (tmp_path / "controller.db").write_bytes(b"no database" * 1000)
    right = tmp_path / "right.toml"
    right.write_text(f'state_dir = "{tmp_path}"\nmetrics_port = 0\n')
    assert main(["--settings", str(right), "--print-settings"]) == 0
    assert main(["--settings", str(right)]) == 1


def started(tmp_path: Path, state: Path, *, metrics_port: int = 0) -> int:
    """The exit code of a start with nobody at the broker's port."""
    file = tmp_path / "controller.toml"
    file.write_text(f'state_dir = "{state}"\nmetrics_port = {metrics_port}\nbroker_port = 1\n')
    return main(["--settings", str(file)])


@pytest.mark.parametrize("harm", ["a file in the way", "a directory in its place"])
def test_a_store_out_of_reach_ends_the_start_with_its_name(
    harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In one sentence, for a person."""
    state = tmp_path / "state"
    if harm == "a file in the way":
        state.touch()
    else:
        (state / "controller.db").mkdir(parents=True)
    assert started(tmp_path, state) == 1
    assert str(state) in caplog.messages[-1]


def test_a_taken_port_of_the_metrics_ends_the_start_with_its_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would be found missing in the night that it is needed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert started(tmp_path, tmp_path / "state", metrics_port=port) == 1
    assert f"127.0.0.1:{port}" in caplog.messages[-1]
