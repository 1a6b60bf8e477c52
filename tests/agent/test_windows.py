"""Updates begin inside the window of their offer, by a clock that is right, in the node's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.decide.durations import over
from agent.decide.now import Now
from agent.decide.report import AGAIN_S
from agent.decide.windows import closed
from protocol.desired import Offer, Window
from protocol.durations import said
from protocol.observed import Clock, OfferState, OfferStatus, Request
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S = 3600.0
NIGHT = Window("0 2 * * *", 3 * HOUR_S)
LATE = Window("30 2 * * *", HOUR_S)


def moment(local: str, zone: tzinfo = BERLIN, fold: int = 0, clock: Clock = Clock.SYNCED) -> Now:
    at = datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold)
    return Now(0.0, at.astimezone(UTC).isoformat().replace("+00:00", "Z"), clock, zone)


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        (NIGHT, moment("2026-01-10T01:59:59"), False),
        (NIGHT, moment("2026-01-10T02:00"), True),
        (NIGHT, moment("2026-01-10T04:59:59"), True),
        (NIGHT, moment("2026-01-10T05:00"), False),
        (NIGHT, moment("2026-01-10T02:30", UTC), True),
        (NIGHT, moment("2026-07-10T02:30"), True),
        (NIGHT, moment("2026-03-29T01:59"), False),
        (NIGHT, moment("2026-03-29T03:00"), True),
        (NIGHT, moment("2026-03-29T05:59"), True),
        (NIGHT, moment("2026-03-29T06:00"), False),
        (LATE, moment("2026-03-29T03:01"), True),
        (LATE, moment("2026-03-29T04:01"), False),
        (LATE, moment("2026-10-25T02:29"), False),
        (LATE, moment("2026-10-25T02:31"), True),
        (LATE, moment("2026-10-25T02:29", fold=1), True),
        (LATE, moment("2026-10-25T02:31", fold=1), False),
        (Window("0 22 * * 6", 10 * HOUR_S), moment("2026-01-11T07:59"), True),
        (Window("0 22 * * 6", 10 * HOUR_S), moment("2026-01-12T07:59"), False),
        (Window("0 * * * *", 2 * HOUR_S), moment("2026-01-12T07:59"), True),
    ],
    ids=lambda value: value.wall if isinstance(value, Now) else None,
)
def test_a_window_is_open_for_its_time_from_each_of_its_times(window: Window, now: Now, is_open: bool) -> None:
    """It lasts in real time; a time that a clock change skips comes right after it, and one that comes twice is taken once."""
    assert (closed(window, now) == "") is is_open


def test_without_a_window_it_is_always_open() -> None:
    """Nothing to wait for, whatever the clock."""
    assert closed(None, Now(0.0)) == ""


@pytest.mark.parametrize(
    ("window", "now", "reason"),
    [
        (NIGHT, moment("2026-01-10T21:00"), "waits for its window: 02:00 for 3 h, next at 2026-01-11 02:00+01:00"),
        (LATE, moment("2026-01-10T02:00"), "waits for its window: 02:30 for 1 h, next at 2026-01-10 02:30+01:00"),
        (
            Window("0 2 * * 1-5", 5400.0),
            moment("2026-01-10T21:00"),
            "waits for its window: 0 2 * * 1-5 for 1 h 30 min, next at 2026-01-12 02:00+01:00",
        ),
        (
            NIGHT,
            moment("2026-01-10T03:00", clock=Clock.GUESS),
            "waits for its window: 02:00 for 3 h; the node's clock is not set",
        ),
    ],
)
def test_a_closed_window_says_when_it_opens(window: Window, now: Now, reason: str) -> None:
    """In the node's own time; a clock that nobody has set opens nothing, and that is said."""
    assert closed(window, now) == reason


@pytest.mark.parametrize(
    ("seconds", "text", "so_far"),
    [
        (0.5, "0.5 s", ""), (59, "59 s", ""), (60, "1 min", "1 min"), (90, "1 min 30 s", "1 min"), (299, "4 min 59 s", "2 min"),
        (3600, "1 h", "1 h"), (5400, "1 h 30 min", "1 h"), (90_061, "1 d 1 h", "1 d"), (200_000, "2 d 7 h", "2 d"),
    ],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds: float, text: str, so_far: str) -> None:
    """In two units; what goes on is told in coarse steps."""
    assert (said(seconds), over(seconds)) == (text, so_far)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node that runs revision a, at one in the morning of a winter's day in Berlin."""
    rig = Rig(tmp_path, clock=Clock.SYNCED, zone=BERLIN)
    for revision in ("a", "b"):
        rig.registry.push(f"web:{revision}")
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    return rig


def told(rig: Rig) -> OfferStatus:
    (status,) = rig.status().offers
    return status


def nightly(revision: str = "b", **given: float) -> Offer:
    return offer(task(revision), window=NIGHT, **given)


def test_a_node_stages_at_once_and_asks_inside_its_window(rig: Rig) -> None:
    """The image comes at any time; the request comes when the window has opened, and the reason goes."""
    rig.offer(1, nightly())
    rig.run(30)
    assert told(rig).state is OfferState.STAGED
    assert told(rig).reason == "waits for its window: 02:00 for 3 h, next at 2026-01-01 02:00+01:00"
    assert rig.messages(Request) == []
    rig.now_s += HOUR_S - 60
    rig.run(60)
    assert rig.messages(Request)
    assert told(rig).reason == ""
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}


def test_a_wait_for_a_window_is_no_news_each_second(rig: Rig) -> None:
    """The reason holds still: no status is said for the passing of time."""
    rig.offer(1, nightly())
    rig.run(30)
    said_before = len(rig.said)
    rig.run(AGAIN_S / 2)
    assert [type(one.message).__name__ for one in rig.said[said_before:] if "status" in str(one.topic)] == []


def test_a_clock_that_nobody_has_set_opens_no_window(rig: Rig) -> None:
    """It may show three in the morning; once a time server has set it, the node asks."""
    rig.clock, rig.wall_off_s = Clock.GUESS, 2 * HOUR_S
    rig.offer(1, nightly())
    rig.run(30)
    assert rig.messages(Request) == []
    assert told(rig).reason.endswith("the node's clock is not set")
    rig.clock = Clock.SYNCED
    rig.run(3)
    assert rig.messages(Request)


def test_a_grant_that_comes_after_the_window_begins_nothing(rig: Rig) -> None:
    """Asked inside, granted outside: the node gives it back by naming its nonce, and asks anew on the next day."""
    rig.wall_off_s = 4 * HOUR_S - 60
    rig.offer(1, nightly())
    rig.run(60)
    asked = rig.messages(Request)[-1]
    rig.grant()
    rig.run(10)
    assert rig.running() == {WEB: ["a"]}
    assert (told(rig).state, told(rig).nonce) == (OfferState.STAGED, asked.nonce)
    assert rig.node.counts["grants_returned",] == 1
    rig.now_s += 21 * HOUR_S
    rig.run(10)
    assert told(rig).nonce == ""
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}


def test_what_began_inside_its_window_may_end_outside(rig: Rig) -> None:
    """A monitor window that reaches beyond is watched to its end, also over a power cut."""
    rig.wall_off_s = 4 * HOUR_S - 60
    rig.offer(1, nightly(monitor_s=90.0))
    rig.run(30)
    rig.grant()
    rig.run(20)
    rig.cut_power()
    rig.run(120)
    assert told(rig).state is OfferState.SETTLED
    assert rig.boxes() == {WEB: ["b"]}
