"""The last lines of a task's container: which container is asked, and what an answer holds of what it said."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.docker_api import Answer as Said
from agent.adapters.docker_api import EngineAwayError
from agent.adapters.logs import ANSWER_BYTES, last_lines
from agent.decide.effects import ReadLog
from agent.decide.inputs import CommandDone
from protocol.container import Container
from protocol.desired import Command, TaskSpec, Verb
from protocol.observed import Answer
from protocol.shapes import write
from protocol.topics import CommandTopic
from tests.fakes.agent import FLEET, NAME, Rig

ASKED = ReadLog("c1", "abc", 10)


def frame(stream: int, text: bytes) -> bytes:
    """As Docker puts a piece of a stream on the wire."""
    return struct.pack(">BxxxL", stream, len(text)) + text


class Api:
    """An engine with one container, which has said these bytes."""

    def __init__(self, said: bytes = b"", driver: str = "local", *, tty: bool = False, status: int = 200) -> None:
        self.said, self.asked = said, dict[str, Any]()
        self._answer = Said(status, {"HostConfig": {"LogConfig": {"Type": driver}}, "Config": {"Tty": tty}})
        self.is_away = False

    def call(self, method: str, path: str) -> Said:
        assert (method, path) == ("GET", "/containers/abc/json")
        if self.is_away:
            raise EngineAwayError("the engine is away")
        return self._answer if self._answer.ok else Said(self._answer.status, {"message": "no such container"})

    def chunks(self, path: str, query: Mapping[str, Any]) -> Iterator[bytes]:
        assert path == "/containers/abc/logs"
        self.asked = dict(query)
        yield from (self.said[place : place + 7] for place in range(0, len(self.said), 7))


def read(api: Any) -> CommandDone:
    return last_lines(api, ASKED)


def test_both_streams_come_in_their_order() -> None:
    """However the wire cuts the frames."""
    api = Api(frame(1, b"one\n") + frame(2, b"two, an error\n") + frame(1, b"three\n"))
    assert read(api) == CommandDone("c1", ok=True, result="one\ntwo, an error\nthree\n")
    assert api.asked == {"stdout": 1, "stderr": 1, "tail": 10}


def test_a_terminal_has_no_frames() -> None:
    """A container with `tty: true` says its bytes as they are."""
    assert read(Api(b"plain\n", tty=True)).result == "plain\n"


@pytest.mark.parametrize("byte", [b"x", b"\x01"])
def test_more_than_an_answer_holds_is_left_out_at_the_beginning(byte: bytes) -> None:
    """In whole lines, also where each character takes six in JSON."""
    done = read(Api(b"".join(frame(1, byte * 999 + b"\n") for _ in range(400))))
    assert isinstance(done.result, str)
    assert ANSWER_BYTES / 2 < len(write(done.result)) <= ANSWER_BYTES
    assert {len(line) for line in done.result.splitlines()} == {999}


def test_what_cannot_be_read_is_told() -> None:
    """A container that has gone, a log that nobody keeps, an engine that is away."""
    assert read(Api(status=404)) == CommandDone("c1", ok=False, message="its container is gone: no such container")
    assert "kept nowhere" in read(Api(driver="none")).message
    away = Api()
    away.is_away = True
    assert read(away) == CommandDone("c1", ok=False, message="the engine is away")


@pytest.mark.parametrize(
    ("task", "lines", "said"),
    [
        ("shop.db.1", "10", "there is no task 'shop.db.1' on this node"),
        ("shop.web.1", "0", "'0' is no number of lines from 1 to 5000"),
        ("shop.web.1", "99999", "'99999' is no number of lines from 1 to 5000"),
        ("shop.web.1", "all", "'all' is no number of lines from 1 to 5000"),
    ],
)
def test_a_node_refuses_what_it_cannot_read(tmp_path: Path, task: str, lines: str, said: str) -> None:
    """In a sentence that reaches the operator."""
    assert asked(tmp_path, task, lines) == Answer("c1", ok=False, message=said)


def test_a_node_reads_the_container_of_a_task(tmp_path: Path) -> None:
    """The one that it runs now, whatever its name."""
    answer = asked(tmp_path, "shop.web.1", "25")
    assert answer.ok
    assert str(answer.result).startswith("25 of ")


def asked(folder: Path, task: str, lines: str) -> Answer:
    """What a node answers that runs one task."""
    rig = Rig(folder)
    rig.run(2)
    rig.registry.push("web:1")
    rig.assign(1, TaskSpec("shop.web.1", "shop", "web", "r1", Container("web:1")))
    rig.run(5)
    rig.send(CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.LOGS, task, lines))
    rig.run(1)
    answer: Answer = rig.messages(Answer)[-1]
    return answer
