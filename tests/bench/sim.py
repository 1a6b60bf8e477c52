"""How fast the simulator proves and rehearses: short and long histories, and a rollout over 500 nodes that takes a week.

All times are processor time, so other work on the machine distorts them least; ten thousand short histories are reckoned from one
thousand, lived through as in `make sim`: by two processes. The peers are no programs but the limits that we
set ourselves.
"""

from __future__ import annotations

import logging
import resource
import time
from collections import deque
from collections.abc import Callable

from sim.absence import Absence
from sim.command import lived
from sim.history import SHORT, Plan, history
from sim.rehearsal import Script, rehearse
from tests.bench.figure import Figure, Say

SHORT_SEEDS, LONG_SEEDS = 1000, 6
SEEDS, PROCESSORS, MINUTES = 10_000, 2, 5.0
"""What `make sim` is to live through, and in how long."""

NODES, WEEK_S, LIMIT_S = 500, 7 * 86_400.0, 60.0
ABSENCE = Absence(share=0.3, spell_s=8 * 3600.0, cuts_per_h=5.0)
STACK = b"""name: kiosk
services:
  screen:
    image: registry.local:5000/screen:2
    deploy:
      mode: global
      update_config: {parallelism: 10%, monitor: 30s, max_failure_ratio: 0.2}
    x-bramble: {update: {window: {schedule: "0 2 * * SUN", duration: 4h}}}
"""
"""It waits for Sunday night, so that the week is one."""


def measure(say: Say) -> tuple[Figure, ...]:
    """Minutes of ten thousand histories, seconds of one, and of a week."""
    logging.disable(logging.CRITICAL)
    try:
        return _measured(say)
    finally:
        logging.disable(logging.NOTSET)


def _measured(say: Say) -> tuple[Figure, ...]:
    before = _childrens_s()
    deque(lived(range(1, SHORT_SEEDS + 1), SHORT, PROCESSORS), maxlen=0)
    short_s = (_childrens_s() - before) / SHORT_SEEDS
    say(f"{1 / short_s:.1f} short histories a second of processor time")
    long_s = _cost_s(lambda: [history(seed, Plan()) for seed in range(1, LONG_SEEDS + 1)]) / LONG_SEEDS
    say(f"{1 / long_s:.1f} long ones")
    week_s = _cost_s(lambda: say(f"the week: {rehearse(7, Script(NODES, WEEK_S, STACK, ABSENCE)).reports}"))
    minutes = SEEDS * short_s / PROCESSORS / 60
    return (
        Figure(f"{SEEDS:,} short histories, {PROCESSORS} processors", "the limit", minutes, MINUTES, "min", 1.0),
        Figure("a long history", "a short one", long_s, short_s, "s"),
        Figure(f"{NODES} nodes over a week", "the limit", week_s, LIMIT_S, "s", 1.0),
    )


def _childrens_s() -> float:
    """The processor time of all processes that this one had and has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cost_s(act: Callable[[], object]) -> float:
    began_s = time.process_time()
    act()
    return time.process_time() - began_s
