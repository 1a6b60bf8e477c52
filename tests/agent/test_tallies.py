"""What is counted of a sensor, a function or a job is counted while it is there, and not longer (S9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.adapters.metrics import COUNTERS
from agent.decide import tallies
from agent.loop import SAFETY_S
from tests.fakes.agent import DOORBELL, Rig, function

LABELS = {"sensor": tallies.OF_SENSORS, "function": tallies.OF_FUNCTIONS, "task": tallies.OF_JOBS}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.run(1)
    return rig


def counted(rig: Rig) -> set[str]:
    return {name[1] for name in rig.node.counts if name[0] in tallies.OF_FUNCTIONS + tallies.OF_SENSORS}


def test_what_is_counted_of_a_thing_goes_with_it(rig: Rig) -> None:
    """Manifests that come and go leave nothing behind, however many there are."""
    for generation in range(1, 6):
        name = f"f{generation}"
        rig.assign(generation, sensors=(DOORBELL,) if generation < 5 else (), functions=(function(name),))
        rig.run(1)
        rig.node.tally("invocations", f"porch.{name}", "done")
        rig.node.tally("events", "doorbell", "pressed")
        rig.run(1)
        assert counted(rig) == {f"porch.{name}", "doorbell"} - ({"doorbell"} if generation == 5 else set())


def test_of_what_is_gone_nothing_more_is_counted(rig: Rig) -> None:
    """A run may end after its function has gone: also a second time under the same name."""
    rig.assign(1, functions=(function(),))
    rig.run(1)
    for _ in range(2):
        rig.node.tally("invocations", "porch.gone", "failed")
        rig.run(SAFETY_S)
        assert counted(rig) == set()


def test_words_of_ours_stay(rig: Rig) -> None:
    """Also where a function has the name of one."""
    rig.node.tally("trials", "settled")
    rig.assign(1)
    rig.run(1)
    assert rig.node.counts["trials", "settled"] == 1


@pytest.mark.parametrize("label", LABELS)
def test_it_is_known_of_each_count_whether_it_is_of_something(label: str) -> None:
    """As the metrics' labels say."""
    assert {name for name, (_, labels) in COUNTERS.items() if labels[:1] == (label,)} == set(LABELS[label])
