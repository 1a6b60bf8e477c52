"""A history that breaks a promise is made short, and those that once did hold for ever."""

from __future__ import annotations

import pytest

from sim import command
from sim.history import Plan, history
from sim.minimal import least, minimised, promise_of
from sim.steps import Recording, Replay
from tests.sim.bugs import BUGS
from tests.sim.regressions import REGRESSIONS, Regression

SHORT = Plan(seconds=150.0)


@pytest.mark.slow
@pytest.mark.parametrize("one", REGRESSIONS, ids=lambda one: str(one.seed))
def test_what_once_broke_holds(one: Regression) -> None:
    """No mended history breaks again."""
    assert history(one.seed, one.plan).broken == "", one.was


def test_a_replay_of_every_step_is_the_same_history() -> None:
    """Byte for byte: to record and to replay changes nothing."""
    recording = Recording()
    recorded = history(4, SHORT, recording)
    assert len(recording.moments) > 3
    everything = frozenset(range(len(recording.moments)))
    assert recorded == history(4, SHORT) == history(4, SHORT, Replay(recording, everything))


def test_a_step_left_out_changes_no_later_one() -> None:
    """The faults that are kept strike the same node at the same moment in the same way."""
    recording = Recording()
    whole = history(4, SHORT, recording)
    later = history(4, SHORT, Replay(recording, frozenset(range(3, len(recording.moments)))))
    assert _struck(whole)[-1] == _struck(later)[-1]
    assert set(_struck(later)) < set(_struck(whole))


def _struck(course: object) -> list[str]:
    lines = getattr(course, "trace", ())
    return [line for line in lines if " fate " in line and "heals everything" not in line]


@pytest.mark.parametrize(
    ("culprits", "all_of"), [({3}, 10), ({0, 9}, 10), ({2, 5, 7}, 8), (set(), 6), ({0}, 1), ({0, 1}, 2)]
)
def test_as_few_as_still_fail(culprits: set[int], all_of: int) -> None:
    """What needs certain steps to fail is left with just these."""
    assert least(range(all_of), lambda kept: culprits <= set(kept)) == sorted(culprits)


def test_a_promise_is_known_whatever_its_sentence_says() -> None:
    """Another node's name is no other promise."""
    assert promise_of("S1: a lost [x]") == promise_of("S1: b lost [y]") == "S1"
    assert promise_of("after 3600 s the fleet has not converged: x") == promise_of("after 60 s the fleet has y: z")
    assert promise_of("") == ""


def test_a_broken_history_is_made_short(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Most of what happened has nothing to do with it; what is left still breaks the promise, and is printed as a story."""
    BUGS["grant everybody"].plant(monkeypatch)
    short = minimised(5, Plan())
    assert short is not None
    assert promise_of(short.course.broken) == "S1"
    assert short.kept <= 3 < short.steps
    print(command.shortened(short))
    said = capsys.readouterr().out
    assert f"{short.kept} of its {short.steps} faults and deeds are enough" in said
    assert "operator   publishes home" in said
    assert "S1: " in said.splitlines()[-1]


def test_what_holds_is_not_made_short() -> None:
    """There is nothing to look for."""
    assert minimised(1, Plan(seconds=30.0)) is None
