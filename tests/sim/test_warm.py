"""Fleets with warm functions through faults: every promise holds, and each comes to rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.history import SHORT, history

MANIFEST = b"""
name: porch
services:
  web: {image: "web:1", deploy: {mode: global}}
sensors:
  bell: {kind: button, pin: 17, debounce: 30ms}
functions:
  greet:
    image: greet:1
    mode: warm
    retries: 2
    scale: {zero_after: 5s, max_per_node: 2, target: 2}
    triggers: [{sensor: bell, on: pressed}]
  kept:
    image: kept:1
    mode: warm
    scale: {min_per_node: 1}
    triggers: [{sensor: bell, on: released}]
"""
SEEDS, PARTS = 12, 2
PLAN = replace(SHORT, series=1, manifest=MANIFEST, seconds=60.0, work_every_s=3.0, reconnects=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_promise_holds(part: int) -> None:
    """Events call instances that come, go, are cut off and found again; each call has one effect, and the fleet comes to rest."""
    courses = [history(seed, PLAN) for seed in range(1 + part, SEEDS + 1, PARTS)]
    assert {course.seed: course.broken for course in courses if course.broken} == {}
    assert sum("runs " in line for course in courses for line in course.trace) > 5 * len(courses)
