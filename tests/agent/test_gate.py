"""The health gate: only one start that is well through its whole monitor window is kept, and what flaps never is."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.decide.node import LOOK_EVERY_S
from protocol.container import HealthCheck
from protocol.desired import Conduct, Offer, Restart
from protocol.durations import said
from protocol.observed import OfferState, OfferStatus
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"
CHECK = HealthCheck(("CMD", "true"))
LONG_S = 100.0


def square(period_s: float, phase: float, starting_s: float = 0.0) -> Behaviour:
    """Healthy for half a period, unhealthy for the other half, as long as anybody looks; begun at a phase of 0 to 1.

    Before that its health is `starting` for a while, as with a `start_period`.
    """
    half_s, first_s = period_s / 2, (0.5 - phase % 0.5) * period_s
    words = ("healthy", "unhealthy") if phase < 0.5 else ("unhealthy", "healthy")
    turns = [starting_s, *(starting_s + first_s + number * half_s for number in range(int(LONG_S / half_s)))]
    wave = tuple((at_s, words[number % 2]) for number, at_s in enumerate(turns))
    return Behaviour(health=(((0.0, "starting"),) if starting_s else ()) + wave)


def tried(folder: str | Path, behaviour: Behaviour, offered: Offer, *, is_hinted: bool = True) -> Rig:
    """A node that runs revision a and was granted revision b."""
    rig = Rig(Path(folder), is_hinted=is_hinted)
    rig.registry.push("web:a")
    rig.registry.push("web:b", behaviour)
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(20)
    rig.offer(1, offered)
    rig.run(20)
    rig.grant()
    return rig


def offered(rig: Rig) -> OfferStatus:
    (status,) = rig.status().offers
    return status


ENDS = [
    (period_s, phase, monitor_s)
    for period_s in (0.5, 60.0)
    for phase in (0.0, 0.2, 0.49, 0.5, 0.99)
    for monitor_s in (1.0, 5.0, 29.0, 31.0)
]
"""Both ends of what the health of an application may flap with, at phases that look well for long and hardly at all."""


@pytest.mark.parametrize("is_hinted", [False, True])
@pytest.mark.parametrize(("period_s", "phase", "monitor_s"), ENDS)
def test_the_quickest_and_the_slowest_flapping_are_found_out(
    tmp_path: Path, period_s: float, phase: float, monitor_s: float, is_hinted: bool
) -> None:
    """Half a second and a minute: it is kept only where the first stretch of health was as long as the window.

    Also where the engine tells nothing and every look falls on a moment of health.
    """
    _, is_kept = outcome(tmp_path, square(period_s, phase), monitor_s, is_hinted=is_hinted)
    well_s = (0.5 - phase) * period_s
    assert not is_kept or well_s >= monitor_s
    assert is_kept or well_s <= monitor_s + 2 * LOOK_EVERY_S


@settings(max_examples=40, deadline=None)
@given(
    period_s=st.floats(0.5, 60.0),
    phase=st.floats(0.0, 0.999),
    monitor_s=st.floats(0.0, 60.0),
    starting_s=st.sampled_from((0.0, 3.0)),
    is_hinted=st.booleans(),
    delay_s=st.sampled_from((None, 0.0, 1.0)),
)
def test_flapping_health_is_never_kept_and_not_tried_for_ever(  # noqa: PLR0917 - one of each that can vary
    period_s: float, phase: float, monitor_s: float, starting_s: float, is_hinted: bool, delay_s: float | None
) -> None:
    """Whatever the period and phase and whenever the looks fall, a square wave of health passes no window that it does not fill."""
    with tempfile.TemporaryDirectory() as folder:
        wave = square(period_s, phase, starting_s)
        took_s, is_kept = outcome(folder, wave, monitor_s, is_hinted=is_hinted, delay_s=delay_s)
        well_s = (0.5 - phase) * period_s  # of the first stretch; negative where it begins ill
        assert not is_kept or well_s >= monitor_s
        assert is_kept or well_s <= monitor_s + 2 * LOOK_EVERY_S
        assert took_s <= starting_s + monitor_s + 2 * LOOK_EVERY_S + 2


def outcome(
    folder: str | Path, behaviour: Behaviour, monitor_s: float, *, is_hinted: bool = True, delay_s: float | None = None
) -> tuple[float, bool]:
    """For how long a revision was tried, and whether it was kept; what runs then is the one or the other."""
    spec = replace(task("b", healthcheck=CHECK), restart=Restart(delay_s=delay_s))
    rig = tried(folder, behaviour, offer(spec, monitor_s=monitor_s), is_hinted=is_hinted)
    began_s = rig.now_s
    while offered(rig).state in (OfferState.STAGED, OfferState.TRYING) and rig.now_s < began_s + LONG_S:
        rig.run(1)
    took_s = rig.now_s - began_s
    rig.run(1)
    is_kept = offered(rig).state is OfferState.SETTLED
    assert is_kept or offered(rig).state is OfferState.FAILED
    assert rig.running() == {WEB: ["b" if is_kept else "a"]}
    rig.store.close()
    return took_s, is_kept


@pytest.mark.parametrize(("up_s", "is_kept"), [(1.0, False), (29.0, False), (31.0, True), (40.0, True)])
def test_an_end_within_the_monitor_window_fails_the_trial(tmp_path: Path, up_s: float, is_kept: bool) -> None:
    """What ends after 29 s of a window of 30 s is taken back; what ends after 31 s was well for as long as it was asked to be."""
    rig = tried(tmp_path, Behaviour(exits_after_s=up_s, exit_code=1), offer(task("b"), monitor_s=30.0))
    rig.run(45)
    assert offered(rig).state is (OfferState.SETTLED if is_kept else OfferState.FAILED)
    assert rig.boxes() == {WEB: ["b" if is_kept else "a"]}


@pytest.mark.parametrize("delay_s", [0.0, None])
def test_a_restart_that_nobody_saw_fails_the_trial(tmp_path: Path, delay_s: float | None) -> None:
    """A crash that is answered at once leaves a container that runs at every look, and is no success."""
    spec = replace(task("b"), restart=Restart(delay_s=delay_s))
    rig = tried(tmp_path, Behaviour(exits_after_s=12.0, exit_code=1), offer(spec, monitor_s=60.0), is_hinted=False)
    rig.run(60)
    assert offered(rig).state is OfferState.FAILED
    assert rig.boxes() == {WEB: ["a"]}


@pytest.mark.parametrize("healthy_s", [5.0, 30.0, 90.0])
def test_a_revision_has_so_long_to_be_well(tmp_path: Path, healthy_s: float) -> None:
    """Its offer says for how long it may be starting; then it is taken back, and the reason names the time."""
    slow = Behaviour(health=((0.0, "starting"), (600.0, "healthy")))
    made = replace(offer(task("b", healthcheck=CHECK)), conduct=Conduct(healthy_s=healthy_s))
    rig = tried(tmp_path, slow, made)
    rig.run(healthy_s - 2)
    assert offered(rig).state is OfferState.TRYING
    rig.run(6)
    assert offered(rig).state is OfferState.FAILED
    assert f"was not well within {said(healthy_s)}" in offered(rig).reason
    rig.run(5)
    assert rig.boxes() == {WEB: ["a"]}


def test_one_that_is_well_in_time_is_watched_beyond_it(tmp_path: Path) -> None:
    """The time is for becoming well; the monitor window comes after it."""
    slow = Behaviour(health=((0.0, "starting"), (8.0, "healthy")))
    made = replace(offer(task("b", healthcheck=CHECK), monitor_s=30.0), conduct=Conduct(healthy_s=10.0))
    rig = tried(tmp_path, slow, made)
    rig.run(20)
    assert offered(rig).state is OfferState.TRYING
    rig.run(25)
    assert offered(rig).state is OfferState.SETTLED


@pytest.mark.parametrize("up_s", [0.0, 0.5, 1.9])
@pytest.mark.parametrize("code", [126, 127])
def test_a_program_that_is_missing_is_told_by_its_code(tmp_path: Path, code: int, up_s: float) -> None:
    """However long an engine calls it running: the image is pulled once more, and if that does not help the code is the reason."""
    rig = tried(tmp_path, Behaviour(exits_after_s=up_s, exit_code=code), offer(task("b"), monitor_s=30.0))
    pulls = rig.registry.pulls
    rig.run(30)
    assert (offered(rig).state, rig.registry.pulls) == (OfferState.FAILED, pulls + 1)
    assert f"exited with code {code} " in offered(rig).reason
    assert rig.boxes() == {WEB: ["a"]}


def test_a_program_that_is_missing_until_it_is_pulled_once_more_is_tried(tmp_path: Path) -> None:
    """Meanwhile the task says what is done about it; the new container's own start is the one that is watched, and kept."""
    rig = tried(tmp_path, Behaviour(exits_after_s=0.5, exit_code=127), offer(task("b"), monitor_s=5.0))
    rig.registry.push("web:b")
    said: set[str] = set()
    while offered(rig).state in (OfferState.STAGED, OfferState.TRYING):
        rig.run(1)
        said |= {one.reason for one in rig.status().tasks}
    assert offered(rig).state is OfferState.SETTLED
    assert any(
        "web:b may be damaged on this node's disk; it is removed and pulled once more" in reason for reason in said
    )
    assert rig.running() == {WEB: ["b"]}
