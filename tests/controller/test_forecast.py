"""When an update will probably be done: the numbers, what they come from, and whether they come true."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf
from pathlib import Path
from random import Random

import pytest

from controller.decide.records import Attendance
from controller.decide.rollouts import attendance, forecast
from controller.decide.rollouts.forecast import Prospect, likely_s
from protocol.observed import Link
from tests.controller.desk import Desk

HOUR_S, DAY_S = 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("prospects", "expected_s"),
    [
        ([], 0.0),
        ([Prospect(30.0)] * 10, 30.0),
        ([Prospect(30.0, HOUR_S, HOUR_S)] * 2, 30.0),  # 1 in 60 goes meanwhile
        ([Prospect(0.0, inf, HOUR_S, HOUR_S)], 3.0 * HOUR_S),  # an exponential gap is over to 95 % after three means
        ([Prospect(30.0)] * 19 + [Prospect(30.0, HOUR_S, 0.0, 9000 * DAY_S)], 30.0),
    ],
)  # fmt: skip
def test_what_is_foretold(prospects: list[Prospect], expected_s: float) -> None:
    """Nothing takes no time; who stays takes its work; a twentieth that stays away is left out."""
    assert likely_s(prospects) == pytest.approx(expected_s, rel=0.01, abs=1.0)


def test_who_stays_away_for_good_has_no_forecast() -> None:
    """Better no number than one that nobody believes."""
    assert likely_s([Prospect(30.0)] * 9 + [Prospect(30.0, HOUR_S, DAY_S, 4000 * DAY_S)]) is None


def test_many_tasks_are_foretold_like_few() -> None:
    """The short sum and the normal one agree where they meet."""
    prospects = [Prospect(30.0, DAY_S, HOUR_S, HOUR_S)] * forecast.EXACT_TASKS
    few, many = likely_s(prospects), likely_s([*prospects, prospects[0]])
    assert few == pytest.approx(many, rel=0.02)


@pytest.mark.parametrize("later", [Prospect(60.0, DAY_S, HOUR_S), Prospect(30.0, HOUR_S, HOUR_S), Prospect(30.0, DAY_S, DAY_S),
                                   Prospect(30.0, DAY_S, HOUR_S, HOUR_S)])  # fmt: skip
def test_more_work_shorter_stretches_and_longer_gaps_take_longer(later: Prospect) -> None:
    """Each number counts in its own direction."""
    plain = Prospect(30.0, DAY_S, HOUR_S)
    for within_s in (40.0, 600.0, HOUR_S, 3 * HOUR_S):
        assert forecast.done(later, within_s) <= forecast.done(plain, within_s) <= 1.0


def even(_: Random, mean_s: float) -> float:
    """Always the same: a lamp that is switched off every evening."""
    return mean_s


def wild(random: Random, mean_s: float) -> float:
    """Mostly short, now and then very long: a bad line."""
    return random.lognormvariate(0.0, 1.5) * mean_s / 3.08


def split(random: Random, mean_s: float) -> float:
    """A blink nine times of ten, else a weekend."""
    return mean_s * (0.1 if random.random() < 0.9 else 9.1)


def plain(random: Random, mean_s: float) -> float:
    """Without memory, as the forecast has it."""
    return random.expovariate(1 / mean_s)


Length = Callable[[Random, float], float]


def lived(random: Random, up_s: float, gap_s: float, stretches: int, length: Length) -> Attendance:
    """What is remembered of a node after some stretches and gaps."""
    seen = Attendance("pi")
    for _ in range(stretches):
        seen = attendance.with_stretch(seen, length(random, up_s))
        seen = attendance.with_gap(seen, length(random, gap_s))
    return seen


def come_upon(random: Random, up_s: float, gap_s: float, length: Length) -> tuple[bool, float, float]:
    """A node at a moment that knows nothing of it: whether it is away, since when, and for how long still."""
    time_s = random.uniform(0.0, 200.0 * (up_s + gap_s))
    while True:
        for is_away, mean_s in ((False, up_s), (True, gap_s)):
            lasts_s = length(random, mean_s)
            if lasts_s > time_s:
                return is_away, time_s, lasts_s - time_s
            time_s -= lasts_s


def rehearse(seed: int, nodes: int, stretches: int, length: Length) -> tuple[float, float]:
    """What was foretold for one fleet whose nodes are as unlike as real ones, and what came."""
    random = Random(seed)
    prospects, ends_s = [], []
    for _ in range(nodes):
        up_s, gap_s = random.lognormvariate(9.0, 1.0), random.lognormvariate(7.5, 1.0)  # medians of 2.3 h and 30 min
        work_s = random.uniform(20.0, 1200.0)
        seen = lived(random, up_s, gap_s, stretches, length)
        is_away, since_s, still_s = come_upon(random, up_s, gap_s, length)
        left_s = max(attendance.rest_s(seen), since_s) if is_away else 0.0
        prospects.append(Prospect(work_s, seen.up_s, seen.gap_s, left_s))
        end_s, stretch_s = (still_s, length(random, up_s)) if is_away else (0.0, still_s)
        while stretch_s < work_s:
            work_s, end_s = work_s - stretch_s, end_s + stretch_s + length(random, gap_s)
            stretch_s = length(random, up_s)
        ends_s.append(end_s + work_s)
    said_s = likely_s(prospects)
    assert said_s is not None
    return said_s, sorted(ends_s)[ceil(0.95 * nodes) - 1]


@pytest.mark.parametrize(
    ("nodes", "stretches", "length"),
    [
        (5, 20, plain),
        (20, 10, plain),
        (50, 5, plain),
        (250, 10, plain),
        (20, 10, even),
        (20, 10, wild),
        (20, 10, split),
    ],
)
def test_what_is_foretold_comes_true_in_nine_runs_of_ten(nodes: int, stretches: int, length: Length) -> None:
    """From short histories, also of nodes that come and go otherwise than is assumed; and it is no wild exaggeration."""
    runs = 20 if nodes > 100 else 100
    found = [rehearse(seed, nodes, stretches, length) for seed in range(runs)]
    right = sum(came_s <= said_s for said_s, came_s in found)
    ratios = sorted(said_s / came_s for said_s, came_s in found)
    print(
        f"{nodes} nodes, {length.__name__}: right in {right / runs:.0%}, typically {ratios[runs // 2]:.1f} times as long"
    )
    assert right >= 0.9 * runs
    assert ratios[runs // 2] < 5.0


def test_a_node_that_comes_and_goes_is_remembered(tmp_path: Path) -> None:
    """Stretches and gaps by the controller's own clock, over its restart; what the restart cut is left out."""
    desk = Desk(tmp_path)
    desk.hello("pi-1")
    for _ in range(3):
        desk.turn(1000.0)
        desk.status("pi-1")
        desk.presence("pi-1", Link.OFFLINE)
        desk.turn(10.0)
        desk.turn(500.0)
        desk.status("pi-1")
    desk.restart()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(10.0)
    seen = desk.fleet.attendances["pi-1"]
    assert (seen.ups, seen.gaps) == (3, 3)
    assert seen.up_s == pytest.approx(1010.0, abs=11.0)
    assert seen.gap_s == pytest.approx(500.0, abs=11.0)
    found = attendance.prospect(desk.fleet, "pi-1", 30.0, desk.now + 5000.0)
    assert found is not None
    assert found.left_s == pytest.approx(5000.0, abs=1.0)


def test_a_node_that_never_went_stays_and_one_that_never_returned_has_no_prospect() -> None:
    """What nobody has seen is not made up."""
    desk = Desk()
    desk.hello("pi-1")
    assert attendance.prospect(desk.fleet, "pi-1", 30.0, desk.now) == Prospect(30.0)
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(60.0)
    assert attendance.prospect(desk.fleet, "pi-1", 30.0, desk.now) is None
