"""Nobody sleeps through anything: a loop that means to sleep would have decided nothing if it had turned meanwhile.

Whole histories with faults are lived through, and in every sleep each loop is turned early, at moments up to just before the end. A
deadline that sets no moment shows at once: the early turn decides or changes something that the sleep would have put off.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import agent.decide
from agent.decide.now import Now
from agent.loop import TICK_S
from agent.store import KINDS
from sim import head, node
from sim.history import SHORT, Plan, history
from sim.process import SHORTEST_S

WAITS_NOT = "nobody wakes for it alone"
"""What stands beside a comparison that another input brings on."""

SHARES = (0.1, 0.5, 0.999)
"""How far a sleep has gone when the loop is turned early."""


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every loop turned early in each of its sleeps; what it would have done by then stands in the list."""
    late: list[str] = []
    agents, controllers = node.Turner.wait_s, head.Turner.wait_s

    def agent_sleeps(self: node.Turner, now_mono_s: float) -> float:
        wait_s = agents(self, now_mono_s)
        if wait_s > TICK_S:
            late.extend(by_an_agent(self, now_mono_s, wait_s))
        return wait_s

    def controller_sleeps(self: head.Turner, now_mono_s: float) -> float:
        wait_s = controllers(self, now_mono_s)
        if wait_s > SHORTEST_S:
            late.extend(by_a_controller(self, now_mono_s, wait_s))
        return wait_s

    monkeypatch.setattr(node.Turner, "wait_s", agent_sleeps)
    monkeypatch.setattr(head.Turner, "wait_s", controller_sleeps)
    return late


def by_an_agent(turner: node.Turner, now_mono_s: float, wait_s: float) -> Iterator[str]:
    """What an agent would do while it sleeps."""
    loop = turner.loop
    known, due_mono_s = loop.node, loop._next_mono_s
    before = [getattr(known, kind).version for kind in KINDS]
    for share in SHARES:
        done = loop.turn(later(turner.now(now_mono_s), wait_s * share))
        after = [getattr(known, kind).version for kind in KINDS]
        if done or after != before:
            yield f"{known.name}, after {wait_s * share:.3f} s of {wait_s:.3f} s: {done}"
            return
    loop._next_mono_s = due_mono_s


def by_a_controller(turner: head.Turner, now_mono_s: float, wait_s: float) -> Iterator[str]:
    """What a controller would do while it sleeps."""
    for share in SHARES:
        done = turner.loop.turn(now_mono_s + wait_s * share)
        if done:
            yield f"the controller, after {wait_s * share:.3f} s of {wait_s:.3f} s: {done}"
            return


def later(now: Now, seconds: float) -> Now:
    """The same node's time after some seconds."""
    wall = datetime.fromisoformat(now.wall) + timedelta(seconds=seconds)
    return replace(now, mono_s=now.mono_s + seconds, wall=wall.isoformat().replace("+00:00", "Z"))


@pytest.mark.parametrize("seed", range(1, 9))
def test_short_histories_sleep_through_nothing(early: list[str], seed: int) -> None:
    """With faults every few seconds, no sleep puts off what could be decided earlier."""
    assert history(seed, replace(SHORT, series=1)).broken == ""
    assert early == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 13))
def test_long_histories_sleep_through_nothing(early: list[str], seed: int) -> None:
    """Nor in minutes of absence, leases that run out and updates that wait."""
    assert history(seed, Plan()).broken == ""
    assert early == []


def test_decisions_ask_for_moments_and_compare_none() -> None:
    """Whoever compares the time himself is not woken when it comes: only `Now` does."""
    folder = Path(str(agent.decide.__file__)).parent
    found = [place for path in sorted(folder.glob("*.py")) if path.name != "now.py" for place in compared(path)]
    assert found == []


def compared(path: Path) -> Iterator[str]:
    """Where a room compares the time itself, but where it says that it waits for something else."""
    text = path.read_text()
    lines = text.splitlines()
    for part in ast.walk(ast.parse(text)):
        if not isinstance(part, ast.Compare) or WAITS_NOT in lines[part.lineno - 1]:
            continue
        if any(map(is_the_time, ast.walk(part))):
            yield f"{path.name}:{part.lineno}"


def is_the_time(part: ast.AST) -> bool:
    """Whether this reads a clock of a `Now`."""
    if not isinstance(part, ast.Attribute) or part.attr not in ("mono_s", "epoch_s"):
        return False
    return isinstance(part.value, ast.Name) and part.value.id == "now"
