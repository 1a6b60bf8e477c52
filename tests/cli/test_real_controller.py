"""The command line and a real controller process, through a real Mosquitto."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.commands import app
from lab.broker import Broker
from lab.processes import Process, spawn, wait_ready
from link.session import Session
from link.settings import LinkSettings
from protocol.envelope import FactMark, Packet, pack
from protocol.observed import Health, Hello, Inventory
from protocol.operator import Verdict
from protocol.topics import HealthTopic, HelloTopic, ManifestTopic, StackStatusTopic, Topic

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
PORCH = """\
name: porch
services:
  web: {image: "web:1", ports: ["8080:80"], deploy: {replicas: 2}}
functions:
  greet: {image: "greet:1", triggers: [{every: 10m}]}
"""
RIVAL = PORCH.replace("porch", "shop").replace("greet", "thank")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def controller(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    directory = tmp_path_factory.mktemp("controller")
    settings = {
        "BRAMBLE_BROKER_HOST": "127.0.0.1",
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(directory),
        "BRAMBLE_METRICS_PORT": "0",
        "BRAMBLE_IMAGE_LOOKUP_S": "0",
    }
    command = [sys.executable, "-m", "controller"]
    process = spawn("controller", command, directory / "log", extra={**os.environ, **settings}, directory=ROOT)
    try:
        wait_ready(process, lambda: bramble(broker, "stacks", "--timeout", "1s").exit_code == 0)
        yield process
    finally:
        process.terminate()


def bramble(broker: Broker, *words: str) -> Any:
    """Run a command of this process against the broker."""
    return CliRunner().invoke(app, list(words), env={"BRAMBLE_BROKER": f"127.0.0.1:{broker.port}"})


def session(broker: Broker, *filters: str) -> Session:
    """A conversation of somebody who has no command line."""
    return Session(LinkSettings("127.0.0.1", broker.port, "somebody"), "default", filters)


def written(directory: Path, name: str, text: str) -> str:
    path = directory / name
    path.write_text(text)
    return str(path)


def test_a_stack_lives_from_apply_to_rm(broker: Broker, controller: Process, tmp_path: Path) -> None:
    """Applied, listed, explained, in conflict with a rival, removed: each word means to the controller what it means to us."""
    applied = bramble(broker, "apply", "-f", written(tmp_path, "porch.yaml", PORCH), "--detach", "-o", "json")
    assert applied.exit_code == 0, applied.stderr
    assert json.loads(applied.stdout)["verdict"] == "accepted"

    listed = json.loads(bramble(broker, "stacks", "-o", "json").stdout)
    assert [(row["stack"], row["services"], row["functions"]) for row in listed] == [("porch", 1, 1)]
    services = json.loads(bramble(broker, "services", "porch", "-o", "json").stdout)
    assert [(row["desired"], row["running"]) for row in services] == [(2, 0)]
    assert bramble(broker, "status", "porch").exit_code == 0

    explained = bramble(broker, "explain", "porch.web", "-o", "json")
    assert explained.exit_code == 0, explained.stderr
    assert json.loads(explained.stdout)["target"] == "porch.web"

    rival = written(tmp_path, "shop.yaml", RIVAL)
    refused = bramble(broker, "apply", "-f", rival)
    assert refused.exit_code == 1
    assert f"{rival}:" in refused.stderr
    assert "8080" in refused.stderr

    for name in ("shop", "porch"):
        assert bramble(broker, "rm", name).exit_code == 0
    assert json.loads(bramble(broker, "stacks", "-o", "json").stdout) == []
    assert bramble(broker, "status", "porch").exit_code == 3


def test_a_project_goes_up_is_scaled_and_taken_down(broker: Broker, controller: Process, tmp_path: Path) -> None:
    """A resolved project is taken as it is meant, scaled and restarted; why nothing can be pulled is said."""
    base = written(tmp_path, "barn.yaml", "services: {web: {image: 'web:$TAG', environment: {PRICE: 5$$}}}\n")
    more = written(tmp_path, "more.yaml", "services: {web: {deploy: {replicas: 2}}}\n")
    (tmp_path / ".env").write_text("TAG=1\n")
    files = ("-f", base, "-f", more)
    up = bramble(broker, "up", *files, "-d", "-o", "json")
    assert (up.exit_code, json.loads(up.stdout)["stack"]) == (0, "barn"), up.stderr
    assert bramble(broker, "scale", "barn.web=3").exit_code == 0
    assert json.loads(bramble(broker, "services", "barn", "-o", "json").stdout)[0]["desired"] == 3
    assert bramble(broker, "restart", "barn.web").exit_code == 0
    pulled = bramble(broker, "pull", "barn.web")
    assert (pulled.exit_code, "no registry is asked for barn.web" in pulled.stderr) == (1, True)
    assert [bramble(broker, word, "nobody").exit_code for word in ("restart", "pull")] == [3, 3]
    assert bramble(broker, "down", *files).exit_code == 0


def test_a_plan_is_made_before_anything_is_published(broker: Broker, controller: Process, tmp_path: Path) -> None:
    """What would change and what is not known; a faulty manifest has none, and nothing has been published."""
    shed = written(tmp_path, "shed.yaml", "services: {web: {image: 'web:1'}}\n")
    planned = bramble(broker, "plan", "-f", shed)
    assert planned.exit_code == 0, planned.stderr
    assert "1 task would have no node" in planned.stdout
    assert "shed: no registry is asked" in planned.stdout
    found = json.loads(bramble(broker, "plan", "-f", shed, "-o", "json").stdout)
    assert [(row["service"], row["change"]) for row in found["rows"]] == [("service web", "add")]
    assert bramble(broker, "plan", "-f", written(tmp_path, "bad.yaml", "services: [1]\n")).exit_code == 1
    assert json.loads(bramble(broker, "stacks", "-o", "json").stdout) == []


def test_what_does_not_exist_is_3(broker: Broker, controller: Process) -> None:
    """Stacks, nodes, services and functions that nobody has: one exit code, one sentence each."""
    for words in (
        ("rm", "attic"),
        ("services", "attic"),
        ("ps", "attic"),
        ("ps", "--node", "pi-9"),
        ("explain", "attic.web"),
        ("node", "drain", "pi-9"),
        ("pins", "pi-9"),
        ("invoke", "attic.greet"),
        ("functions", "ls", "attic"),
        ("functions", "replay", "attic.greet"),
        ("functions", "drop", "--all"),
    ):
        done = bramble(broker, *words)
        assert (words, done.exit_code) == (words, 3), done.stderr
        assert done.stderr.startswith("bramble: ")


def test_an_empty_fleet_has_no_nodes(broker: Broker, controller: Process) -> None:
    """A question that finds nothing is answered, not refused."""
    done = bramble(broker, "nodes", "-o", "json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_updates_are_asked_for_and_steered_by_name(broker: Broker, controller: Process, tmp_path: Path) -> None:
    """A service that nothing carries has no update yet; one that does not exist is 3, in the same words for every order."""
    loft = written(tmp_path, "loft.yaml", "services: {web: {image: 'web:1'}}\n")
    assert bramble(broker, "up", "-f", loft, "-d").exit_code == 0
    for words in (("status", "loft.web"), ("status", "loft", "--watch")):
        shown = bramble(broker, "rollout", *words)
        assert (shown.exit_code, shown.stdout) == (0, f"{words[1]}: nothing has been updated yet\n"), shown.stderr
    history = json.loads(bramble(broker, "rollout", "history", "loft.web", "-o", "json").stdout)
    assert [(row["number"], row["image"], row["state"]) for row in history] == [(1, "web:1", "present")]
    assert history[0]["at"].startswith("20")
    written(tmp_path, "loft.yaml", "services: {web: {image: 'web:2'}}\n")
    assert bramble(broker, "up", "-f", loft, "-d").exit_code == 0
    for said in ("goes back to number 1", "has gone back to number 1 already"):
        undone = bramble(broker, "rollout", "undo", "loft.web")
        assert (undone.exit_code, said in undone.stdout) == (0, True), undone.output
    assert json.loads(bramble(broker, "services", "loft", "-o", "json").stdout)[0]["image"] == "web:1"
    for words in (("status",), ("history",), ("pause",), ("undo",), ("override", "--node", "pi-1")):
        assert bramble(broker, "rollout", words[0], "attic.web", *words[1:]).exit_code == 3
    assert bramble(broker, "pin", "loft.web", "--node", "pi-9").exit_code == 3
    assert bramble(broker, "rollout", "pause", "loft.web").exit_code == 4
    assert bramble(broker, "down", "loft").exit_code == 0


def test_a_wrong_condition_is_refused_with_its_column_whoever_publishes_it(broker: Broker, controller: Process) -> None:
    """The controller says what the command line would have said: the line of the manifest, and the column of the expression."""
    wrong = PORCH.replace("{every: 10m}", "{node: offline, when: [{cel: 'event.node =~ 1'}]}").replace("porch", "quay")
    with session(broker, "bramble/v1/default/stack/#") as opened:
        opened.say(ManifestTopic("default", "quay"), wrong.encode())
        said = opened.retained(StackStatusTopic("default", "quay"), 10.0)
        (fault,) = said.faults
        opened.say(ManifestTopic("default", "quay"), b"")
    assert said.verdict is Verdict.REFUSED
    assert "column 12: '=' means nothing in CEL" in fault.reason
    assert (fault.line, fault.path) == (5, "functions.greet.triggers[0].when[0].cel")


def test_a_newer_agent_is_heard_by_a_controller_that_does_not_know_its_words(
    broker: Broker, controller: Process
) -> None:
    """Its figures are taken, and the word that is new is named with the node."""
    hello = Hello("pi-new", 1, "b", "9.9.9", Inventory("pi-new", "armv7l"))
    said: list[tuple[Topic, Any, FactMark | None]] = [
        (HelloTopic("default", "pi-new"), hello, FactMark("s-new", 1, 1)),
        (HealthTopic("default", "pi-new"), Health(1.0, 0.5, 10**9, 10**9, temperature_celsius=41.5), None),
    ]
    with session(broker) as opened:
        for topic, message, mark in said:
            packet = pack(topic, message, mark)
            assert isinstance(packet, Packet)
            opened.publish(replace(packet, payload=packet.payload.replace(b'"guess"', b'"atomic"'), qos=1))
    wait_ready(controller, lambda: "41.5" in bramble(broker, "nodes", "-o", "json").stdout)
    (row,) = [row for row in json.loads(bramble(broker, "nodes", "-o", "json").stdout) if row["node"] == "pi-new"]
    assert "does not know yet (clock 'atomic')" in str(row["reasons"])
