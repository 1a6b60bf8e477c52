"""The clocks of a node: a turn's moment, and who has set the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.adapters.clocks import LOOK_EVERY_S, Clocks
from agent.adapters.host import Host
from protocol.observed import Clock


def host(root: Path) -> Host:
    return Host(root, {}, root=root)


def test_a_moment_is_what_the_clocks_read(tmp_path: Path) -> None:
    """Monotonic seconds, UTC to the millisecond, and the zone that holds."""
    before_s = time.monotonic()
    now = Clocks(host(tmp_path), lambda: ZoneInfo("Europe/Berlin")).now()
    assert before_s <= now.mono_s <= time.monotonic()
    assert abs(datetime.now(UTC).timestamp() - now.epoch_s) < 5  # noqa: TID251 - held against the clock itself
    assert (now.wall[-1], len(now.wall), str(now.zone)) == ("Z", 24, "Europe/Berlin")


def test_a_time_server_is_noticed_within_a_second(tmp_path: Path) -> None:
    """Its mark is not looked for in each turn."""
    clocks = Clocks(host(tmp_path))
    assert clocks.now().clock is Clock.GUESS
    mark = tmp_path / "run/systemd/timesync/synchronized"
    mark.parent.mkdir(parents=True)
    mark.touch()
    until_s = time.monotonic() + 5 * LOOK_EVERY_S
    while clocks.now().clock is not Clock.SYNCED:
        assert time.monotonic() < until_s
        time.sleep(0.02)
