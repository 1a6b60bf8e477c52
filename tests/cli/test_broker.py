"""The command line through a real Mosquitto: the same words, on a real wire."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.commands import app
from lab.broker import Broker
from lab.processes import free_port
from link.session import Session
from link.settings import LinkSettings
from protocol.observed import SensorEvent
from protocol.operator import ControllerPresence, DiffRow, OrderVerb, ServiceStatus, StackRow, StackStatus, Verdict
from protocol.topics import ControllerPresenceTopic, EventTopic
from tests.fakes.controller import StandIn

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
PORCH = b"# \xc3\xa4\nname: porch\nservices:\n  web: {image: 'web:1'}\n"
ROW = asdict(StackRow("porch", Verdict.ACCEPTED, "rev1", True, 1, 0, 0))
EVENT = SensorEvent("s1", 1, "pi-1", "doorbell", "pressed", "2026-11-21T09:00:00.000Z", "boot", 5)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def bramble(broker: Broker, fleet: str, *words: str) -> Any:
    """Run a command of this process against the broker, each test in a fleet of its own."""
    environment = {"BRAMBLE_BROKER": f"127.0.0.1:{broker.port}", "BRAMBLE_FLEET": fleet}
    return CliRunner().invoke(app, list(words), env=environment)


def judged(stack: str, digest: str) -> tuple[StackStatus, ...]:
    """First accepted, then running."""
    web = ServiceStatus("web", "web:1", "rev1", 1, 0)
    accepted = StackStatus(stack, Verdict.ACCEPTED, digest, "rev1", services=(web,))
    return accepted, replace(accepted, converged=True, services=(replace(web, running=1),))


def test_a_question_is_answered_over_the_wire(broker: Broker) -> None:
    """The answer comes on the session's own response topic."""
    with StandIn(broker.port, {OrderVerb.STACKS: [ROW]}, fleet="asks"):
        done = bramble(broker, "asks", "stacks", "-o", "json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [ROW])


def test_a_lost_answer_is_asked_for_again_under_the_same_id(broker: Broker) -> None:
    """The controller may tell a repetition from a second wish."""
    with StandIn(broker.port, {OrderVerb.STACKS: [ROW]}, fleet="deaf", deaf_to=1) as controller:
        done = bramble(broker, "deaf", "stacks")
    assert done.exit_code == 0
    assert len({name for name, _ in controller.heard}) == 1
    assert len(controller.heard) == 2


def test_apply_publishes_the_very_bytes_and_waits_until_they_run(broker: Broker, tmp_path: Path) -> None:
    """What the controller reads is the file, comment and all; the command ends with everything running."""
    path = tmp_path / "porch.yaml"
    path.write_bytes(PORCH)
    with StandIn(broker.port, {}, judged=judged, fleet="apply") as controller:
        done = bramble(broker, "apply", "apply", "-f", str(path))
    assert (done.exit_code, controller.manifests) == (0, [("porch", PORCH)])
    assert done.stdout.startswith("porch: accepted as revision rev1; everything runs")
    assert "  web: 0/1 running" in done.stderr


def test_a_status_outlives_its_controller(broker: Broker, tmp_path: Path) -> None:
    """The retained status is the acknowledgement: it is there for whoever asks later."""
    path = tmp_path / "porch.yaml"
    path.write_bytes(PORCH)
    with StandIn(broker.port, {}, judged=judged, fleet="later"):
        assert bramble(broker, "later", "apply", "-f", str(path), "--detach").exit_code == 0
    done = bramble(broker, "later", "status", "porch")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "porch: accepted, revision rev1, everything runs")


def test_a_call_brings_its_output(broker: Broker) -> None:
    """The body goes out as it is, the output comes back as it is."""
    with StandIn(broker.port, {}, fleet="calls") as controller:
        done = bramble(broker, "calls", "invoke", "porch.greet", "-d", "Ada")
    assert (done.exit_code, done.stdout) == (0, "hi")
    assert controller.called == [("porch.greet", b"Ada")]


def test_a_controller_that_died_is_told_from_one_that_never_was(broker: Broker) -> None:
    """Its retained presence says so."""
    with session(broker, "dead") as other:
        other.say(ControllerPresenceTopic("dead"), ControllerPresence("offline", 4))
    dead = bramble(broker, "dead", "stacks", "--timeout", "200ms")
    never = bramble(broker, "never", "stacks", "--timeout", "200ms")
    assert (dead.exit_code, never.exit_code) == (5, 5)
    assert "its presence says offline" in dead.stderr
    assert "it has never been at this broker" in never.stderr


def test_nobody_at_the_address_ends_in_6() -> None:
    """A refused connection is told at once, with what to do."""
    address = f"127.0.0.1:{free_port('127.0.0.1')}"
    done = CliRunner().invoke(app, ["stacks", "--broker", address])
    assert done.exit_code == 6
    expected = f"bramble: cannot reach the broker: connection refused by {address}; is it running? set --broker or BRAMBLE_BROKER\n"
    assert done.stderr == expected


def test_a_manifest_that_is_too_large_never_leaves(broker: Broker, tmp_path: Path) -> None:
    """It is refused here, in words and with its size."""
    path = tmp_path / "porch.yaml"
    path.write_bytes(PORCH + b"# " + b"x" * 300_000 + b"\n")
    done = bramble(broker, "large", "apply", "-f", str(path))
    assert done.exit_code == 1
    assert f"{len(PORCH) + 300_003} bytes are more than the 262144" in done.stderr


def test_following_survives_a_broker_that_restarts_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """An event after the restart is shown; Ctrl-C ends the command as a shell expects."""
    with Broker(tmp_path / "broker") as own:
        environment = {**os.environ, "BRAMBLE_BROKER": f"127.0.0.1:{own.port}"}
        command = [sys.executable, "-m", "cli", "events", "--follow", "-o", "json"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=environment, cwd=ROOT, text=True, stdout=pipe, stderr=pipe)
        with process as follow, ExitStack() as at_last:
            at_last.callback(follow.kill)  # or a failure below would wait for it for ever
            assert follow.stdout is not None
            assert follow.stderr is not None
            assert "listening" in follow.stderr.readline()
            say(own, EVENT)
            assert json.loads(follow.stdout.readline())["id"] == "s1-1"
            own.kill()
            own.start()
            assert said_until_read(own, follow) == "s1-2"
            follow.send_signal(signal.SIGINT)
            assert follow.wait(10) == 130


def session(broker: Broker, fleet: str) -> Session:
    return Session(LinkSettings("127.0.0.1", broker.port, "somebody"), fleet)


def say(broker: Broker, event: SensorEvent) -> None:
    with session(broker, "default") as node:
        node.say(EventTopic("default", event.node, event.sensor), event)


def said_until_read(broker: Broker, follow: subprocess.Popen[str]) -> str:
    """Say the second event again and again, as an outbox does, until the follower is back and shows it."""
    for _ in range(20):
        say(broker, replace(EVENT, sequence=2))
        line = line_within(follow, 0.5)
        if line:
            return str(json.loads(line)["id"])
    return ""


def line_within(follow: subprocess.Popen[str], within_s: float) -> str:
    """The next line of the follower, or an empty text when none comes in time."""
    assert follow.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(follow.stdout, selectors.EVENT_READ)
        return follow.stdout.readline() if ready.select(within_s) else ""


def test_diff_and_scale_are_orders_on_the_wire(broker: Broker, tmp_path: Path) -> None:
    """The manifest travels as text within the order, whatever it says; the answers come back as rows and words."""
    path = tmp_path / "porch.yaml"
    path.write_bytes(PORCH)
    rows = [asdict(DiffRow("pi-1", "service web", "add")) | {"details": ["web:1"]}]
    answers: dict[OrderVerb, Any] = {OrderVerb.DIFF: rows, OrderVerb.SCALE: None}
    with StandIn(broker.port, answers, fleet="differs") as controller:
        changed = bramble(broker, "differs", "diff", "-f", str(path), "-o", "json")
        scaled = bramble(broker, "differs", "scale", "porch.web=3")
    assert (changed.exit_code, json.loads(changed.stdout)) == (1, rows)
    assert (scaled.exit_code, scaled.stdout) == (0, "porch.web: 3 wanted\n")
    orders = [(order.verb, order.target, order.arguments) for _, order in controller.heard]
    assert orders == [
        (OrderVerb.DIFF, "porch", {"manifest": PORCH.decode()}),
        (OrderVerb.SCALE, "porch.web", {"replicas": 3}),
    ]
