"""The agents' versions at the terminal, and the order that changes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from protocol.operator import OperatorOrder, OrderVerb
from protocol.release import AgentRow
from tests.cli.test_look import cells
from tests.fakes.session import FakeSession, operate, yes

ROWS = (
    AgentRow("pi-1", "online", "0.2.0", "abc", "0.2.0", "settled"),
    AgentRow("pi-2", "offline", "0.1.0", "base", "0.2.0", "waiting", "its node is away; it is updated when it returns"),
)


EVERYTHING = (
    *("--index=https://x/simple", "--parallelism=10%", "--canary=1", "--monitor=2m", "--checkin=10m"),
    *("--failure-action=rollback", "--max-failure-ratio=0.1", "--sha256", "A" * 64),
    *("-l", "node.labels.site == home"),
)


def asked(*words: str) -> OperatorOrder:
    """The order that a command gives."""
    session = FakeSession(answers={verb: [yes([], "done")] for verb in OrderVerb})
    done = operate(session, "agents", *words)
    assert done.exit_code == 0, done.stderr
    return session.orders[-1]


@pytest.mark.parametrize("words", [(), ("ls",)])
def test_the_list_shows_what_runs_and_what_is_wanted(words: tuple[str, ...]) -> None:
    """`bramble agents` alone is the list, as `ls` is."""
    session = FakeSession(answers={OrderVerb.AGENTS: [yes([asdict(row) for row in ROWS])]})
    done = operate(session, "agents", *words)
    assert done.exit_code == 0
    assert cells(done.stdout)[1:] == [
        ["pi-1", "online", "0.2.0", "0.2.0", "settled", "-"],
        ["pi-2", "offline", "0.1.0", "0.2.0", "waiting", "its node is away; it is updated when it returns"],
    ]


@pytest.mark.parametrize("words", [(), ("ls",)])
def test_a_list_that_nobody_gives_is_a_failure(words: tuple[str, ...]) -> None:
    """A script must not take a broker that is away for a fleet in order."""
    assert operate(FakeSession(unreachable="no route to host"), "agents", *words).exit_code == 6


def test_the_list_as_json_is_the_answer_as_it_is() -> None:
    """Every field of the conversation's own words."""
    session = FakeSession(answers={OrderVerb.AGENTS: [yes([asdict(row) for row in ROWS])]})
    done = operate(session, "agents", "ls", "-o", "json")
    assert json.loads(done.stdout) == [asdict(row) for row in ROWS]


def test_an_update_says_what_was_said_and_nothing_else() -> None:
    """What is not said is the controller's to know."""
    order = asked("update", "0.2.0", *EVERYTHING)
    assert order == OperatorOrder(
        OrderVerb.AGENTS_UPDATE,
        "",
        {
            "version": "0.2.0",
            "index": "https://x/simple",
            "sha256": "a" * 64,
            "parallelism": "10%",
            "canary": "1",
            "monitor_s": 120.0,
            "checkin_s": 600.0,
            "failure_action": "rollback",
            "max_failure_ratio": 0.1,
            "constraints": ["node.labels.site == home"],
        },
    )
    assert asked("update", "0.2.0").arguments == {"version": "0.2.0"}


def test_an_image_is_ordered_by_its_name() -> None:
    """It is all of a release, so no version stands beside it."""
    order = asked("update", "--image", "registry.local/bramble-agent:2", "--parallelism", "2")
    assert order == OperatorOrder(
        OrderVerb.AGENTS_UPDATE, "", {"image": "registry.local/bramble-agent:2", "parallelism": "2"}
    )
    both = operate(FakeSession(), "agents", "update", "1.0", "--image", "a:1")
    assert (both.exit_code, "--image" in both.stderr) == (2, True)


def test_back_is_one_release_or_the_base() -> None:
    """The row before is an undo like any other; the base is a release without a version."""
    assert asked("update", "--to", "previous") == OperatorOrder(OrderVerb.ROLLOUT_UNDO, "svc-bramble.agent")
    assert "version" not in asked("update", "--to", "base").arguments


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name a version"),
        (("0.2.0", "--to", "base"), "name a version"),
        (("--to", "0.1.0"), "--to takes"),
        (("--to", "previous", "--monitor", "9s"), "as they were then"),
        (("0.2.0", "--monitor", "soon"), "duration"),
        (("0.2.0", "--wheel", "nothing.whl"), "neither a URL nor a file"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(words: tuple[str, ...], says: str) -> None:
    """Wrong usage is exit code 2."""
    session = FakeSession()
    done = operate(session, "agents", "update", *words)
    assert (done.exit_code, session.orders) == (2, [])
    assert says in done.stderr


def test_a_wheel_on_this_disk_is_refused_with_its_hash(tmp_path: Path) -> None:
    """Nodes cannot read it; what would work is said in full."""
    wheel = tmp_path / "bramble_fleet-0.2.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    done = operate(FakeSession(), "agents", "update", "0.2.0", "--wheel", str(wheel))
    assert done.exit_code == 2
    said = " ".join(done.stderr.replace("│", " ").split())
    assert "http.server" in said
    assert "ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91" in said.replace(" ", "")
