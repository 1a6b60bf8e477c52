"""May one more begin now? Tables for each limit, and random histories in which none is ever exceeded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.decide.fleet import Fleet
from controller.decide.rollouts import steering
from controller.decide.rollouts.budget import at_once, crowded, most_ever
from controller.decide.rollouts.outages import Group, group
from controller.decide.rollouts.slot import HOLDING, RolloutState
from protocol.observed import TaskState
from protocol.update import Disruption, Portion, Update
from tests.controller.gradual import SERVICE, Bed


@pytest.mark.parametrize(
    ("parallelism", "ramp", "tasks", "well", "most"),
    [
        (Portion(1), 1.0, 10, 5, 1),
        (Portion(0), 1.0, 10, 0, 10),
        (Portion(20), 1.0, 10, 0, 10),
        (Portion(share=0.25), 1.0, 10, 0, 3),
        (Portion(share=0.01), 1.0, 10, 0, 1),
        (Portion(1), 2.0, 100, 0, 1),
        (Portion(1), 2.0, 100, 1, 2),
        (Portion(1), 2.0, 100, 2, 2),
        (Portion(1), 2.0, 100, 3, 4),
        (Portion(1), 2.0, 100, 6, 4),
        (Portion(1), 2.0, 100, 7, 8),
        (Portion(1), 2.0, 5, 7, 5),
        (Portion(2), 1.5, 100, 2, 3),
        (Portion(2), 1.5, 100, 5, 4),
        (Portion(share=0.1), 2.0, 100, 10, 20),
        (Portion(1), 1.1, 100, 7, 1),
        (Portion(1), 1.1, 100, 8, 2),
        (Portion(0), 3.0, 7, 0, 7),
    ],
)
def test_how_many_may_be_changing_at_once(parallelism: Portion, ramp: float, tasks: int, well: int, most: int) -> None:
    """A number or a share, times the ramp for each full round that went well, and never more than there are."""
    assert at_once(Update(parallelism, ramp=ramp), tasks, well) == most


@given(st.integers(0, 20), st.floats(1, 100), st.integers(1, 500), st.integers(0, 500))
def test_a_ramp_never_falls_and_never_exceeds_the_tasks(count: int, ramp: float, tasks: int, well: int) -> None:
    """Whatever it is multiplied by: at least one, at most all, and no less than a round before."""
    update = Update(Portion(count), ramp=ramp)
    most = at_once(update, tasks, well)
    assert 1 <= most <= tasks
    assert at_once(update, tasks, well + 1) >= most


@pytest.mark.parametrize(
    ("update", "rollback", "most"),
    [
        (Update(Portion(2)), None, 2),
        (Update(Portion(1), ramp=2), None, 8),
        (Update(Portion(1)), Update(Portion(3)), 3),
        (Update(Portion(4), ramp=2), Update(Portion(1)), 8),
        (Update(Portion(1)), Update(Portion(0)), 10),
    ],
)
def test_how_many_may_ever_be_changing_at_once(update: Update, rollback: Update | None, most: int) -> None:
    """In the last round of a ramp, or on the way back: what a rehearsal holds a rollout to."""
    assert most_ever(update, rollback, 10) == most


SITE = Disruption("site", Portion(1))


@pytest.mark.parametrize(
    ("disruption", "tasks", "out", "task", "says"),
    [
        (SITE, 4, {}, "a", ""),
        (SITE, 4, {"b": "pi-3"}, "a", "site porch has 1 of 1 out of work: pi-3"),
        (SITE, 4, {"a": "pi-1"}, "a", ""),
        (SITE, 4, {"a": "pi-1", "b": "pi-3"}, "a", ""),
        (Disruption("site", Portion(2)), 4, {"b": "pi-3"}, "a", ""),
        (Disruption("site", Portion(share=0.5)), 4, {"b": "pi-3"}, "a", ""),
        (Disruption("site", Portion(share=0.25)), 4, {"b": "pi-3"}, "a", "site porch has 1 of 1 out of work: pi-3"),
        (Disruption("site", Portion(0)), 4, {}, "a", "site porch has 0 of 0 out of work"),
    ],
)
def test_the_budget_of_a_group(disruption: Disruption, tasks: int, out: dict[str, str], task: str, says: str) -> None:
    """Others that are out of work take its places; one that is out itself can only get better."""
    assert crowded(disruption, "porch", Group(tasks, out), task) == says


def test_one_of_each_site_at_a_time() -> None:
    """However many the parallelism would allow."""
    bed = Bed(4, "{max_unavailable: {per: node.labels.site, count: 1}}", parallelism="0")
    assert bed.ask() == ["pi-1", "pi-3"]
    assert bed.ask() == []
    bed.end("pi-1")
    assert bed.begin() == ["pi-2"]


def test_who_is_away_takes_its_place_in_the_budget_of_its_site() -> None:
    """The other one of the site works on until the first is back; the other site is not held up."""
    bed = Bed(4, "{max_unavailable: {per: node.labels.site, count: 1}}", parallelism="0")
    bed.leave(bed.pis[0])
    bed.settle_there()
    assert bed.ask() == ["pi-3"]
    bed.end("pi-3")
    assert bed.rounds() == [["pi-4"]]
    bed.come_back(bed.pis[0])
    assert bed.rounds() == [["pi-2"], ["pi-1"]]


def test_who_does_not_run_may_be_updated_and_starves_nobody() -> None:
    """A task that failed at the old revision is what an update is for."""
    bed = Bed(2, "{max_unavailable: {per: node.labels.site, count: 1}}", parallelism="0")
    bed.pis[0].broken = TaskState.FAILED
    bed.pis[0].report()
    assert bed.ask() == ["pi-1"]
    bed.pis[0].broken = None
    bed.end("pi-1")
    assert bed.rounds() == [["pi-2"]]


def test_nodes_without_the_label_are_in_no_group() -> None:
    """The budget is of those that share a value."""
    bed = Bed(3, "{max_unavailable: {per: node.labels.room, count: 1}}", parallelism="0")
    assert bed.ask() == ["pi-1", "pi-2", "pi-3"]


def test_who_waits_for_room_begins_as_soon_as_there_is_some() -> None:
    """Without asking again: in the order of asking, one after the other."""
    bed = Bed(3)
    assert bed.ask() == ["pi-1"]
    bed.end("pi-1")
    assert bed.begin() == ["pi-2"]
    bed.end("pi-2")
    assert bed.begin() == ["pi-3"]


def test_a_request_waits_no_longer_than_its_node_would_take_the_answer() -> None:
    """Half of the grant's time is left for its way; later the node has asked anew."""
    bed = Bed(2)
    assert bed.ask() == ["pi-1"]
    bed.desk.turn(bed.desk.fleet.terms.grant_valid_s)
    bed.end("pi-1")
    assert bed.begin() == []
    assert bed.ask() == ["pi-2"]


def test_the_end_of_the_delay_wakes_who_waits() -> None:
    """Nobody has to ask again."""
    bed = Bed(2, delay="10s")
    assert bed.ask() == ["pi-1"]
    bed.end("pi-1")
    assert bed.begin() == []
    bed.desk.turn(10.0)
    assert bed.begin() == ["pi-2"]


GOES = [("pause", 0), ("ask", 0), ("resume", 0), ("leave", 1)]
"""Who waits for room goes away: it counts as out of work then, so the budget of its group would let it through."""

EXTRAS = (
    "{}",
    "{ramp: 2}",
    "{canary: {count: 1, promote: confirm}}",
    "{keep_previous: true, progress_deadline: 1m}",
    "{batches: [{nodes: node.labels.site == s1, success: 50%}, {count: 50%, success: 0%}]}",
    "{max_unavailable: {per: node.labels.site, count: 1}}",
    "{ramp: 3, lost: fail, max_unavailable: {per: node.labels.site, count: 50%}}",
)
STEPS = (
    "ask",
    "ask",
    "begin",
    "well",
    "well",
    "unwell",
    "leave",
    "back",
    "publish",
    "time",
    "resume",
    "pause",
    "confirm",
    "abort",
    "restart",
)
VERBS = {"resume": steering.resume, "pause": steering.pause, "confirm": steering.confirm, "abort": steering.abort}
Story = list[tuple[str, int]]


class Watched(Bed):
    """Checks after every step that no limit is exceeded, by the ground truth of what is down."""

    def check(self) -> None:
        """Parallelism and ramp; and each group's budget, in which the absent count."""
        fleet, policy = self.desk.fleet, self.rollout.policy
        held = [task for state in HOLDING for task in fleet.slots.of("state", (SERVICE, state))]
        down = {pi.name for pi in self.pis if pi.down}
        most = at_once(policy, len(self.pis), self.rollout.well)
        assert len(down) <= len(held) <= max(self.most, most)
        self.most = max(most, len(held))
        if policy.disruption is not None:
            changing = {fleet.slots[task].node for task in held}
            for site in ("s0", "s1", "s2"):
                there = {pi.name for pi in self.pis if fleet.nodes[pi.name].labels["site"] == site}
                out = there & (changing | self.away)
                assert not there & (changing - self.changing) or len(out) <= policy.disruption.most.of(len(there))
            self.changing = changing
            kept = self.groups()
            fleet.outages.clear()
            assert kept == self.groups()

    def groups(self) -> list[tuple[str, Group | None]]:
        """Who is out of work at each site, as the controller keeps it."""
        return [group(self.desk.fleet, SERVICE, "site", pi.name) for pi in self.pis]

    most = 6
    changing: AbstractSet[str] = frozenset()

    def step(self, what: str, index: int) -> None:
        """One thing happens."""
        pi = self.pis[index]
        match what:
            case "ask" | "begin" | "restart":
                getattr(self, what)()
            case "well" | "unwell" if pi.name not in self.away:
                self.end(pi.name, well=what == "well")
            case "leave":
                self.leave(pi)
            case "back" if pi.name in self.away:
                self.come_back(pi)
            case "publish":
                self.publish(f"web:{3 + index % 2}")
            case "time":
                self.desk.turn(20.0)
            case "resume" | "pause" | "confirm" | "abort":
                self.steer(VERBS[what])
        self.check()

    def restart(self) -> None:
        """The controller begins again from its store."""
        self.desk.restart()

    def steer(self, verb: Callable[[Fleet, str], object]) -> None:
        """An operator says what becomes of it."""
        verb(self.desk.fleet, SERVICE)
        self.desk.turn()

    def heal(self) -> None:
        """All come back and all is well: whatever was paused goes on."""
        self.come_back(*[pi for pi in self.pis if pi.name in self.away])
        self.publish("web:9")
        for _ in range(12):
            self.end()
            self.steer(steering.resume)
            self.steer(steering.confirm)
            self.rounds()


@pytest.mark.parametrize("extra", EXTRAS)
@settings(max_examples=10, deadline=None)
@given(story=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), max_size=40), budget=st.integers(0, 2))
@example(story=GOES, budget=0)
def test_no_limit_is_exceeded_at_any_time_and_nobody_starves(extra: str, story: Story, budget: int) -> None:
    """Whatever happens; and when all is well again, all run the last revision."""
    with tempfile.TemporaryDirectory() as folder:
        bed = Watched(6, extra, Path(folder), parallelism=str(budget), max_failure_ratio="0.3")
        for what, index in story:
            bed.step(what, index)
        bed.heal()
        assert set(bed.images()) == {"web:9"}
        assert bed.rollout.state is RolloutState.DONE
