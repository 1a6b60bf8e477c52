"""The figures as Prometheus reads them."""

from __future__ import annotations

import re
import socket
import urllib.request
from typing import Any

import pytest

from controller.adapters.metrics import Metrics, Snapshot
from controller.decide.effects import Remark
from controller.decide.invocations import tell
from protocol.container import Container
from protocol.function import FunctionSpec
from protocol.triggers.matching import Unclear
from tests.controller.desk import Desk


def shown(port: int, name: str) -> list[str]:
    """The lines of one metric."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as page:
        return re.findall(rf"^{name}{{.*$", page.read().decode(), re.MULTILINE)


def test_of_a_rollout_that_is_gone_nothing_is_shown() -> None:
    """A removed service must not stand at its last numbers for ever."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    metrics = Metrics("127.0.0.1", port)
    rolling = Snapshot({}, {}, {("shop.web", "settled"): 2}, (), 0, 0, True)
    metrics.publish(rolling)
    assert shown(port, "bramble_rollout_slots") == ['bramble_rollout_slots{service="shop.web",state="settled"} 2.0']
    metrics.publish(Snapshot({}, {}, {}, (), 0, 0, True))
    assert shown(port, "bramble_rollout_slots") == []


GREET = ("shop.greet",)
RAN: dict[str, Any] = {"durations": (("shop.greet", 0.5),), "functions": GREET}


def figures(counts: dict[tuple[str, ...], int], **more: Any) -> Snapshot:
    """What a controller with these counts shows."""
    return Snapshot(counts, {}, {}, more.pop("durations", ()), 0, 0, True, **more)


@pytest.fixture
def page() -> tuple[Metrics, int]:
    """The figures, and the port on which they are."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return Metrics("127.0.0.1", port), port


def test_of_a_function_that_is_gone_nothing_is_shown(page: tuple[Metrics, int]) -> None:
    """Neither its counters nor its times; another one of its name counts from 0, also when it comes in the same second."""
    metrics, port = page
    done = ("invocations", "shop.greet", "done")
    total, times = "bramble_invocations_total", "bramble_invocation_seconds_count"
    metrics.publish(figures({done: 3}, **RAN))
    assert [shown(port, name) for name in (total, times)] == [
        ['bramble_invocations_total{function="shop.greet",status="done"} 3.0'],
        ['bramble_invocation_seconds_count{function="shop.greet"} 1.0'],
    ]
    metrics.publish(figures({}, durations=RAN["durations"]))
    assert [shown(port, name) for name in (total, times)] == [[], []]
    metrics.publish(figures({done: 3}, functions=GREET))
    metrics.publish(figures({done: 1}, functions=GREET))
    assert shown(port, total) == ['bramble_invocations_total{function="shop.greet",status="done"} 1.0']


def named(desk: Desk) -> set[str]:
    """The functions that are counted."""
    return {name[1] for name in desk.fleet.counts if name[0] in ("invocations", "taken_over", "triggers_missed")}


def test_whoever_makes_up_function_after_function_fills_no_memory() -> None:
    """A stack that is removed, and one that loses a function, take their figures along; what ends later is of no name."""
    desk = Desk()
    desk.hello("pi-1")
    for number in range(5):
        desk.manifest("shop", f"functions: {{f{number}: {{image: a}}, stays: {{image: a}}}}")
        for name in (f"f{number}", "stays"):
            desk.fleet.tally_function("invocations", f"shop.{name}", "done")
    assert named(desk) == {"shop.f4", "shop.stays"}
    desk.manifest("shop", "")
    assert named(desk) == set()
    desk.fleet.tally_function("invocations", "shop.stays", "done")
    assert named(desk) == {"unknown"}


def test_a_condition_without_an_answer_is_told_once_also_when_its_function_is_gone() -> None:
    """A node that keeps the sections from before an update asks for functions that the manifest has no more."""
    desk, place = Desk(), (FunctionSpec("gone", "shop", "r1", Container("a")), 0)
    unclear = (Unclear(place, "no key"),) * 3
    for _ in range(3):
        tell(desk.fleet, unclear)
    desk.turn()
    assert len([effect for effect in desk.effects if isinstance(effect, Remark)]) == 1
    assert desk.fleet.counts["conditions_unclear", "unknown"] == 9
