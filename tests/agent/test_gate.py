"""The health gate: only one start that is well through its whole monitor window is kept, and what flaps never is."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.decide.steps import LOOK_EVERY_S
from protocol.container import HealthCheck
from protocol.desired import Conduct, Offer, Restart
from protocol.observed import OfferState, OfferStatus
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"
CHECK = HealthCheck(("CMD", "true"))
LONG_S = 100.0


def square(period_s: float, ill_first: bool) -> Behaviour:
    """Healthy for half a period, unhealthy for the other half, and so on for as long as anybody looks."""
    words = ("unhealthy", "healthy") if ill_first else ("healthy", "unhealthy")
    count = int(2 * LONG_S / period_s)
    return Behaviour(health=tuple((number * period_s / 2, words[number % 2]) for number in range(count)))


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


@settings(max_examples=25, deadline=None)
@given(
    period_s=st.floats(0.5, 60.0),
    monitor_s=st.floats(0.0, 60.0),
    ill_first=st.booleans(),
    is_hinted=st.booleans(),
    delay_s=st.sampled_from((None, 0.0, 1.0)),
)
def test_flapping_health_is_never_kept_and_not_tried_for_ever(
    period_s: float, monitor_s: float, ill_first: bool, is_hinted: bool, delay_s: float | None
) -> None:
    """Whatever the period and whenever the looks fall, a square wave of health passes no window that half of it fits into."""
    spec = replace(task("b", healthcheck=CHECK), restart=Restart(delay_s=delay_s))
    with tempfile.TemporaryDirectory() as folder:
        rig = tried(folder, square(period_s, ill_first), offer(spec, monitor_s=monitor_s), is_hinted=is_hinted)
        until_s = rig.now_s + monitor_s + 2 * LOOK_EVERY_S
        while offered(rig).state in (OfferState.STAGED, OfferState.TRYING) and rig.now_s < until_s:
            rig.run(1)
        rig.run(1)
        is_kept = offered(rig).state is OfferState.SETTLED
        assert is_kept or offered(rig).state is OfferState.FAILED
        assert not is_kept or (not ill_first and monitor_s <= period_s / 2)
        assert is_kept or ill_first or period_s / 2 <= monitor_s + 2 * LOOK_EVERY_S
        assert rig.running() == {WEB: ["b" if is_kept else "a"]}
        rig.store.close()


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
    assert f"was not well within {healthy_s:g} s" in offered(rig).reason
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
