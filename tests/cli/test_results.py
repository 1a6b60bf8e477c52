"""Following how calls end: each once, a line for people, a document per line for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from protocol.observed import Result, ResultStatus
from protocol.topics import ResultTopic
from tests.fakes.session import FakeSession, operate, packet

DONE = Result(
    "f25f6961b8bf2d0b0886", "pi-1", "porch", "greet", ResultStatus.DONE, 1, exit_code=0, output="\nhello\x1b[1m\nyou\n",
    started_at="2026-11-22T09:00:00Z", duration_s=0.30471,
)  # fmt: skip
FAILED = replace(
    DONE, id="e64d8ca16e6342e4e951", node="pi-2", function="ask", status=ResultStatus.FAILED, attempt=3,
    reason="exited with code 1: no luck", output="",
)  # fmt: skip
EXPIRED = Result("aa", "pi-2", "home", "ask", ResultStatus.EXPIRED, 0, reason="its time ran out before it began")


def followed(*words: str) -> tuple[int, list[str], FakeSession]:
    """What is shown of three results, one of which comes twice."""
    arriving = [packet(ResultTopic("default", one.node, one.id), one) for one in (DONE, DONE, FAILED, EXPIRED)]
    session = FakeSession(arriving=arriving)
    done = operate(session, "functions", "results", *words)
    return done.exit_code, done.stdout.splitlines(), session


def test_a_result_is_a_line_with_its_output_or_its_reason() -> None:
    """Once, on one line, and without what would do something to a terminal."""
    assert followed()[:2] == (
        0,
        [
            "2026-11-22T09:00:00Z  pi-1  porch.greet  done  0.305 s  f25f6961b8bf2d0b0886  hello[1m",
            "2026-11-22T09:00:00Z  pi-2  porch.ask  failed  0.305 s  attempt=3  e64d8ca16e6342e4e951  exited with code 1: no luck",
            "-  pi-2  home.ask  expired  aa  its time ran out before it began",
        ],
    )


def test_a_stack_a_function_and_a_node_narrow_it() -> None:
    """The node by the broker, stack and function here: a topic names neither."""
    assert [line.split("  ")[2] for line in followed("porch")[1]] == ["porch.greet", "porch.ask"]
    assert [line.split("  ")[2] for line in followed("home.ask")[1]] == ["home.ask"]
    session = followed("--node", "pi-2", "--fleet", "home")[2]
    assert [filters for *_, filters in session.dialled] == [("bramble/v1/home/node/pi-2/up/result/+",)]


def test_json_is_a_whole_result_per_line() -> None:
    """With everything that it said."""
    _, lines, _ = followed("-o", "json", "--follow")
    assert json.loads(lines[0]) == json.loads(json.dumps(asdict(DONE)))


def test_count_counts_what_was_meant() -> None:
    """Too few in time end in 5; going on and ending exclude each other."""
    assert followed("porch", "--count", "2")[0] == 0
    assert followed("porch", "--count", "3", "--timeout", "1s")[0] == 5
    assert followed("--follow", "--count", "1")[0] == 2
