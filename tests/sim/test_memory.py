"""What an agent has worked out in an earlier turn is what it would work out now: nothing that it follows from is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.decide import report
from sim import node
from sim.history import SHORT, history


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_status_that_was_kept_is_the_one_that_would_be_said_now(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every turn of histories of all usual themes: whoever adds to the status adds to what it is kept by."""
    turns, compared = node.Turner.turn, []

    def turn(self: node.Turner, now_mono_s: float) -> int:
        decided = turns(self, now_mono_s)
        known = self.loop.node
        if known.engine is not None:
            assert report._status(known, 7) == report.status_of(known, 7)
            compared.append(known.name)
        return decided

    monkeypatch.setattr(node.Turner, "turn", turn)
    assert history(seed, replace(SHORT, series=1)).broken == ""
    assert len(compared) > 20
