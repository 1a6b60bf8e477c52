"""What operators order of services beside their manifests: scale, restart, pull."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.observed import Answer
from protocol.operator import Denial, OrderVerb
from tests.controller.desk import Desk, web
from tests.controller.pi import Pi


def fleet(path: Path | None = None, count: int = 3) -> Desk:
    """Some nodes."""
    desk = Desk(path)
    for number in range(1, count + 1):
        desk.hello(f"pi-{number}")
    return desk


def told(desk: Desk) -> int:
    """How many tasks all nodes were told to run."""
    return sum(len(desk.tasks(name)) for name in desk.fleet.nodes)


def scale(desk: Desk, replicas: Any, key: str = "s1", target: str = "shop.web") -> Answer:
    """Order a number of replicas."""
    answer = desk.order(OrderVerb.SCALE, target, key=key, replicas=replicas)
    assert answer is not None
    return answer


def test_a_scale_holds_until_another_manifest_is_accepted(tmp_path: Path) -> None:
    """The same manifest again, a refused one and a restart of ours take nothing back; another content does."""
    desk = fleet(tmp_path)
    desk.manifest("shop", web())
    assert scale(desk, 3) == Answer("s1", ok=True, message="shop.web has 3 replicas until its manifest changes")
    assert told(desk) == 3
    desk.manifest("shop", web())
    desk.manifest("shop", "services: [1]")
    desk.restart()
    desk.manifest("shop", web() + "# a remark\n")
    assert told(desk) == 3
    assert desk.stack("shop").services[0].desired == 3
    desk.manifest("shop", web("web:2"))
    desk.manifest("shop", web())
    for name in ("pi-1", "pi-2", "pi-3"):
        desk.runs(name)
    assert told(desk) == 1


def test_a_scale_goes_to_nothing_and_back() -> None:
    """No replicas is a number like any other; the manifest's own number needs no override."""
    desk = fleet()
    desk.manifest("shop", web(replicas="2"))
    scale(desk, 0, "s1")
    assert told(desk) == 0
    for name in ("pi-1", "pi-2"):
        desk.runs(name)
    scale(desk, 2, "s2")
    assert told(desk) == 2
    assert scale(desk, 2, "s3").message == "shop.web has 2 replicas already"


@pytest.mark.parametrize(
    ("target", "replicas", "denial"),
    [
        ("shop.no", 2, Denial.NOT_FOUND), ("shop", 2, Denial.NOT_FOUND), ("shop.all", 2, Denial.CONFLICT),
        ("shop.web", -1, None), ("shop.web", 10_001, None), ("shop.web", "3", None), ("shop.web", True, None),
        ("shop.web", None, None),
    ],
)  # fmt: skip
def test_a_scale_that_makes_no_sense_is_refused(target: str, replicas: Any, denial: Denial | None) -> None:
    """In a sentence, and nothing changes."""
    desk = fleet()
    desk.manifest("shop", web() + "  all: {image: a, deploy: {mode: global}}\n")
    before = told(desk)
    answer = scale(desk, replicas, target=target)
    assert (answer.ok, answer.result) == (False, {"denial": denial.value} if denial else None)
    assert answer.message
    assert told(desk) == before


def test_a_restart_is_an_ordinary_update_of_the_same_content(tmp_path: Path) -> None:
    """Nothing is taken down at once: each node gets an offer, and goes when it is granted; a manifest later begins nothing."""
    desk = Desk(tmp_path)
    nodes = [Pi(desk, f"pi-{number}").join() for number in (1, 2)]
    desk.manifest("shop", web(replicas="2", update_config="{parallelism: 1, monitor: 1s}"))
    for node in nodes:
        node.read()
        node.report()
    before = [node.revision(f"shop.web.{n}") for n, node in enumerate(nodes, 1)]
    answer = desk.order(OrderVerb.RESTART, "shop")
    assert answer == Answer("o1", ok=True, message="shop.web: begun anew, as an update")
    assert [node.revision(f"shop.web.{n}") for n, node in enumerate(nodes, 1)] == before
    assert all(node.update(f"nonce{n:03d}") for n, node in enumerate(nodes))
    after = [node.revision(f"shop.web.{n}") for n, node in enumerate(nodes, 1)]
    assert after[0] == after[1] != before[0]
    assert desk.stack("shop").converged
    desk.restart()
    desk.manifest("shop", web(replicas="2", update_config="{parallelism: 1, monitor: 2s}"))
    assert desk.stack("shop").converged
    assert [desk.offers(node.name).offers for node in nodes] == [(), ()]


def test_a_restart_of_one_service_leaves_the_others_alone() -> None:
    """The target is a stack or one service; what is not there is denied by a word."""
    desk = fleet(count=1)
    desk.manifest("shop", web() + "  db: {image: db}\n")
    desk.runs("pi-1")
    desk.order(OrderVerb.RESTART, "shop.db")
    assert {offer.task.task for offer in desk.offers("pi-1").offers} == {"shop.db.1"}
    denied = desk.order(OrderVerb.RESTART, "shop.nothing", key="o2")
    assert denied is not None
    assert (denied.ok, denied.result) == (False, {"denial": Denial.NOT_FOUND.value})


def test_a_removed_stack_leaves_no_orders_behind() -> None:
    """Its scale and its restarts go with it."""
    desk = fleet()
    desk.manifest("shop", web())
    scale(desk, 2)
    desk.order(OrderVerb.RESTART, "shop.web", key="r1")
    desk.manifest("shop", "")
    assert (len(desk.fleet.scales), len(desk.fleet.restarts)) == (0, 0)


def test_a_pull_that_asks_no_registry_says_so() -> None:
    """Where look-ups are off, nothing would happen, and nothing is claimed."""
    desk = fleet()
    desk.manifest("shop", web())
    answer = desk.order(OrderVerb.PULL, "shop")
    assert answer is not None
    assert (answer.ok, answer.message) == (
        False, "no registry is asked for shop: its images have digests, or look-ups are off",
    )  # fmt: skip
