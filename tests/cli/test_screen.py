"""On a screen: colours, unless nobody wants them, and a picture that changes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lab.broker import Broker
from protocol.operator import NodeRow, OrderVerb, StackRow, StackStatus, Verdict
from protocol.rollouts import Lane, RolloutStatus
from protocol.topics import StackStatusTopic
from tests.fakes.controller import StandIn

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b["
ENDED_S = 30.0


class InTurn(dict[OrderVerb, Any]):
    """To each question the next of its answers, and from then on the last."""

    def __getitem__(self, verb: OrderVerb) -> Any:
        answers = super().__getitem__(verb)
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def on_screen(broker: Broker, *words: str, **environment: str) -> str:
    """Run a command whose output is a terminal of 80 columns; what it drew."""
    reader, writer = pty.openpty()
    extra = {"BRAMBLE_BROKER": f"127.0.0.1:{broker.port}", "TERM": "xterm-256color", "COLUMNS": "80", **environment}
    command = [sys.executable, "-m", "cli", *words]
    with subprocess.Popen(
        command, env={**os.environ, **extra}, cwd=ROOT, stdout=writer, stderr=subprocess.DEVNULL
    ) as run:
        os.close(writer)
        drawn = b"".join(iter(lambda: _read(reader), b""))
        os.close(reader)
        assert run.wait(ENDED_S) == 0
    return drawn.decode()


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65_536)
    except OSError:  # the other end is closed
        return b""


def test_colours_follow_no_color(broker: Broker) -> None:
    """A screen shows what is well and what is not in colours; NO_COLOR turns them off, and the words stay."""
    answers = {OrderVerb.NODES: [asdict(NodeRow("pi-1", "online", "active", 1.0))]}
    with StandIn(broker.port, answers):
        colourful = on_screen(broker, "nodes")
        plain = on_screen(broker, "nodes", NO_COLOR="1")
    assert f"{ESCAPE}32monline" in colourful
    assert f"{ESCAPE}32m" not in plain
    assert "online" in plain


def test_a_screen_shows_only_columns_with_content_and_breaks_no_name(broker: Broker) -> None:
    """Eighty columns are few: what nobody has said takes no place, and a name is never cut."""
    name = "a-node-with-a-long-name-in-the-attic"
    row = NodeRow(name, "online", "active", 1.0, reasons=("one reason of many words " * 4,))
    with StandIn(broker.port, {OrderVerb.NODES: [asdict(row)]}):
        drawn = on_screen(broker, "nodes", NO_COLOR="1")
    assert name in drawn
    assert "TEMP" not in drawn
    assert "REASONS" in drawn


def test_watching_redraws_one_picture(broker: Broker) -> None:
    """On a screen the status is one picture, and the command ends when its time is over."""
    status = StackStatus("porch", Verdict.ACCEPTED, "m", "rev1", converged=True)
    answers = {OrderVerb.STACKS: [asdict(StackRow("porch", Verdict.ACCEPTED, "rev1", True, 0, 0, 0))]}
    with StandIn(broker.port, answers, retained=((StackStatusTopic("default", "porch"), status),)):
        drawn = on_screen(broker, "status", "--watch", "--timeout", "500ms")
    assert "porch: accepted, revision rev1, everything runs" in drawn


def test_watching_an_update_draws_its_lanes_in_place(broker: Broker) -> None:
    """A line per node with what it waits for, in one picture, until all is done."""
    lanes = (Lane("shop.web.1", "pi-1", "granted", "its node is trying it"), Lane("shop.web.2", "pi-2", "settled"))
    begun = RolloutStatus("r1", "shop.web", "rev2", "rolling", 1, 0, 0, 1, "1 updated", lanes=lanes)
    done = replace(begun, state="done", lanes=())
    with StandIn(broker.port, InTurn({OrderVerb.ROLLOUT_STATUS: [[asdict(begun)], [asdict(done)]]})) as controller:
        drawn = on_screen(broker, "rollout", "status", "--watch", NO_COLOR="1")
        assert len(controller.heard) >= 2
    assert "its node is trying it" in drawn
    assert "shop.web: done" in drawn
