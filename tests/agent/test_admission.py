"""Who comes into a function's queue, how long the failed wait, and how often they begin."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decide.admission import Admitted, Unadmitted, admit, at_once
from agent.decide.backoff import RETRY_AFTER_MOST_S, pause_s
from agent.decide.invocation import Run, Seen, State
from agent.decide.rates import Bucket, drawn, ready_mono_s
from protocol.calling import Backoff, Queue, QueueMode, Rate
from protocol.function import Mode
from tests.fakes.agent import function

SINGLE, RESTART, QUEUED, PARALLEL = QueueMode


def runs(*states: State) -> tuple[Run, ...]:
    return tuple(Run(f"r-{number}", "porch", "greet", state=state) for number, state in enumerate(states))


WAITS, GOES, STOPS = State.PENDING, State.DISPATCHED, State.STOPPING


@pytest.mark.parametrize(
    ("queue", "others", "verdict"),
    [
        (Queue(SINGLE), (), Admitted()),
        (Queue(SINGLE), (WAITS,), Seen.SUPERSEDED),
        (Queue(SINGLE), (GOES,), Seen.SUPERSEDED),
        (Queue(RESTART), (), Admitted()),
        (Queue(RESTART), (GOES, WAITS), Admitted(runs(GOES, WAITS))),
        (Queue(RESTART), (STOPS,), Admitted()),
        (Queue(QUEUED, 2), (GOES,), Admitted()),
        (Queue(QUEUED, 2), (GOES, WAITS), Seen.CANNOT),
        (Queue(PARALLEL, 2), (GOES,), Admitted()),
        (Queue(PARALLEL, 2), (GOES, GOES), Seen.CANNOT),
    ],
)
def test_a_queue_says_who_comes_in(queue: Queue, others: tuple[State, ...], verdict: Admitted | Seen) -> None:
    """Each mode takes, refuses or displaces as Home Assistant has it."""
    found = admit(function(queue=queue), runs(*others))
    assert (found.how if isinstance(found, Unadmitted) else found) == verdict


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({"concurrency": 3}, 3),
        ({"concurrency": 3, "mode": Mode.WARM}, None),
        ({"queue": Queue(SINGLE), "mode": Mode.WARM}, 1),
        ({"queue": Queue(RESTART)}, 1),
        ({"queue": Queue(PARALLEL, 7)}, 7),
    ],
)
def test_a_queue_says_how_many_go_side_by_side(given: dict[str, object], most: int | None) -> None:
    """One, as many as the function's concurrency, or all that came in; what is warm asks its instances."""
    assert at_once(function(**given)) == most


@given(st.text(min_size=1, max_size=8), st.integers(1, 200), st.floats(0, 100), st.floats(0, 1000))
def test_a_pause_stays_within_its_bounds(invocation: str, attempt: int, delay_s: float, more_s: float) -> None:
    """It is never longer than the doubled delay and the longest, and the same invocation and attempt draw the same one."""
    backoff = Backoff(delay_s, delay_s + more_s)
    pause = pause_s(invocation, attempt, backoff)
    assert 0 <= pause <= min(delay_s + more_s, delay_s * 2.0 ** min(attempt - 1, 60))
    assert pause == pause_s(invocation, attempt, backoff)


def test_pauses_are_spread_over_their_bounds() -> None:
    """A thousand invocations that failed together come back evenly: full jitter."""
    pauses = sorted(pause_s(f"i-{number}", 4, Backoff(1.0, 60.0)) for number in range(1000))
    assert 3.5 < sum(pauses) / len(pauses) < 4.5
    assert max(later - earlier for earlier, later in pairwise(pauses)) < 0.1


@pytest.mark.parametrize(("asked_s", "waits_s"), [(30.0, 30.0), (1e9, RETRY_AFTER_MOST_S), (-5.0, 0.0)])
def test_a_function_may_ask_for_a_longer_pause(asked_s: float, waits_s: float) -> None:
    """What it asks for is waited, within reason."""
    assert pause_s("i", 1, Backoff(0.0, 0.0), asked_s) == waits_s


@given(
    st.integers(1, 20),
    st.floats(0.1, 100),
    st.lists(st.floats(0, 50), min_size=1, max_size=60),
)
def test_no_more_begin_than_the_rate_says(count: int, per_s: float, pauses: list[float]) -> None:
    """From any begin on, no more follow than a full bucket and what time has filled since."""
    rate, bucket, now_s, begins = Rate(count, per_s), None, 0.0, []
    for pause in pauses:
        now_s = max(now_s + pause, ready_mono_s(bucket, rate, now_s + pause))
        bucket = drawn(bucket, rate, now_s)
        begins.append(now_s)
    for place, first_s in enumerate(begins):
        for number, begin_s in enumerate(begins[place:]):
            assert number + 1 <= count + (begin_s - first_s) * count / per_s + 1e-6 * (number + 1)


def test_a_rate_lets_begin_what_time_has_filled() -> None:
    """After a burst one may begin each time a token is there; a clock that begins anew gives none away."""
    rate = Rate(2, 1.0)
    bucket = drawn(drawn(None, rate, 10.0), rate, 10.0)
    assert ready_mono_s(bucket, rate, 10.0) == 10.5
    assert ready_mono_s(bucket, rate, 11.0) == 11.0
    assert ready_mono_s(Bucket(0.0, 99.0), rate, 10.0) == 10.5
