"""What a manifest would set going: bytes, waits, misfits, and when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Inspect, Reply
from controller.decide.inputs import Inspected, Layer
from controller.decide.observe import observe
from controller.decide.rollouts.drafting import NOT_COUNTED
from controller.decide.terms import Terms
from protocol import topics
from protocol.observed import Answer, Health, Link, stored_name
from protocol.operator import OperatorOrder, OrderVerb
from tests.controller.desk import FLEET, Desk, running, web
from tests.controller.test_costs import calls_of
from tests.controller.test_memory import shelves

TERMS = Terms(image_lookup_s=10.0)
DIGESTS = {name: f"sha256:{number:064x}" for number, name in enumerate(("web:1", "web:2", "db:1"))}
BASE, ONE, TWO = Layer("base", 30_000_000), Layer("one", 5_000_000), Layer("two", 7_000_000)
LAYERS = {"web:1": (BASE, ONE), "web:2": (BASE, TWO), "db:1": (BASE, Layer("db", 90_000_000))}
CONFIG = "{parallelism: 1, monitor: 5s}"


def answered(desk: Desk, asked: Inspect, platforms: tuple[str, ...] = ("linux/arm64", "linux/amd64")) -> None:
    """A registry says what it has."""
    tag = asked.reference.partition("@")[0]
    layers = dict.fromkeys(platforms, LAYERS[tag]) if asked.plan else {}
    said = Inspected(asked.stack, asked.reference, DIGESTS[tag], platforms, plan=asked.plan, layers=layers)
    observe(desk.fleet, said, desk.now)


def plan(desk: Desk, text: str, *, but_not: str = "", platforms: tuple[str, ...] = ("linux/arm64",)) -> dict[str, Any]:
    """Ask for a plan, and answer for the registries; `but_not` is silent."""
    order = OperatorOrder(OrderVerb.PLAN, "shop", {"manifest": text})
    effects = desk.heard(topics.OrderTopic(FLEET, "p1"), order)
    for asked in [effect for effect in effects if isinstance(effect, Inspect)]:
        if asked.reference.partition("@")[0] != but_not:
            answered(desk, asked, platforms)
    effects = (*effects, *desk.turn(TERMS.image_lookup_s * 3 if but_not else 0.0))
    (reply,) = [effect for effect in effects if isinstance(effect, Reply)]
    assert reply.answer.ok, reply.answer.message
    found: dict[str, Any] = reply.answer.result
    return found


def fleet(text: str, nodes: int = 2, path: Path | None = None) -> Desk:
    """A service that runs everywhere, by digest."""
    desk = Desk(path, TERMS)
    for number in range(1, nodes + 1):
        desk.hello(f"pi-{number}", zone="Europe/Berlin")
    for effect in desk.manifest("shop", text):
        if isinstance(effect, Inspect):
            answered(desk, effect)
    desk.turn()
    for number in range(1, nodes + 1):
        desk.runs(f"pi-{number}")
    return desk


def stores(desk: Desk, node: str, *images: str) -> None:
    """A node runs what it should, and says which images are on its disk."""
    names = tuple(stored_name(f"{image}@{DIGESTS[image]}") for image in images)
    desk.status(node, running(desk.assignment(node)), images=names)


def globally(image: str, **more: str) -> str:
    """A service that goes everywhere."""
    return web(image, mode="global", update_config=CONFIG, **more)


def by_node(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of a plan."""
    return {row["node"]: row for row in found["rows"]}


def test_a_plan_counts_the_layers_that_a_node_does_not_have() -> None:
    """What the image before has brought is not fetched again; on a new node all is."""
    desk = fleet(globally("web:1"))
    rows = by_node(plan(desk, globally("web:2")))
    found = {node: (row["service"], row["change"], row["pull_bytes"]) for node, row in rows.items()}
    assert found == dict.fromkeys(("pi-1", "pi-2"), ("service web", "update", TWO.size_bytes))
    assert rows["pi-1"]["details"] == (f"image web:1@{DIGESTS['web:1']} -> web:2@{DIGESTS['web:2']}",)


def test_services_of_one_node_share_layers() -> None:
    """What one brings the other has; a node that has nothing fetches everything once."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    found = plan(desk, web("web:1") + "  db: {image: 'db:1'}\n")
    sizes = sorted(row["pull_bytes"] for row in found["rows"])
    assert sum(sizes) == sum({layer.digest: layer.size_bytes for layer in (*LAYERS["web:1"], *LAYERS["db:1"])}.values())


def test_a_silent_registry_leaves_the_bytes_unknown() -> None:
    """The answer comes when the time is over, and says who was silent; an operator's repetitions do not ask again."""
    desk = fleet(globally("web:1"))
    found = plan(desk, globally("web:2"), but_not="web:2")
    assert {row["pull_bytes"] for row in found["rows"]} == {None}
    assert any("web:2" in reason and "did not answer" in reason for reason in found["reasons"])
    order = OperatorOrder(OrderVerb.PLAN, "shop", {"manifest": globally("web:2")})
    first = desk.heard(topics.OrderTopic(FLEET, "p9"), order)
    assert any(isinstance(effect, Inspect) for effect in first)
    assert desk.heard(topics.OrderTopic(FLEET, "p9"), order) == ()


def test_without_registries_the_answer_comes_at_once() -> None:
    """And says that nobody was asked."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", globally("web:1"))
    answer = desk.order(OrderVerb.PLAN, "shop", key="p1", manifest=globally("web:2"))
    assert isinstance(answer, Answer)
    assert [row["pull_bytes"] for row in answer.result["rows"]] == [None]
    assert "no registry is asked" in answer.result["reasons"][0]


def test_each_wait_is_told_before_it_comes() -> None:
    """Absence, window, lock, a pin, a full disk: one sentence each, of the node that it is about."""
    desk = fleet(globally("web:1"), nodes=3)
    desk.presence("pi-2", Link.OFFLINE)
    desk.turn(60.0)
    desk.order(OrderVerb.PIN, "shop.web", key="o1", node="pi-3")
    desk.heard(topics.HealthTopic(FLEET, "pi-1"), Health(1.0, 0.1, 2**30, 1_000_000))
    text = (
        globally("web:2")
        + "    x-bramble: {update: {window: {schedule: '0 3 * * *', duration: 2h}, lock: {path: /run/busy}}}\n"
    )
    rows = by_node(plan(desk, text))
    common = [
        "waits for its window: 03:00 for 2 h, in Europe/Berlin",
        "waits while /run/busy is there, at most 1 h",
    ]
    assert rows["pi-1"]["disk_free_bytes"] == 1_000_000
    assert list(rows["pi-1"]["waits"]) == ["has 1000000 B of disk free, less than it has to pull", *common]
    assert list(rows["pi-2"]["waits"]) == ["is away; it is updated when it returns", *common]
    assert list(rows["pi-3"]["waits"]) == [
        "pinned by an operator; `bramble unpin shop.web --node pi-3` ends it",
        *common,
    ]


def test_an_image_for_other_processors_is_told() -> None:
    """Before anything is pulled."""
    desk = fleet(globally("web:1"))
    rows = by_node(plan(desk, globally("web:2"), platforms=("linux/amd64",)))
    assert rows["pi-1"]["waits"] == ("is arm64, and the image is made for linux/amd64",)
    assert rows["pi-1"]["pull_bytes"] is None


@pytest.mark.parametrize(("away", "known"), [(False, True), (True, False)])
def test_when_it_is_probably_done(away: bool, known: bool) -> None:
    """Work, and the queue for the budget; who is away and never returned makes it unknown."""
    desk = fleet(globally("web:1"))
    if away:
        desk.presence("pi-2", Link.OFFLINE)
        desk.turn(60.0)
    found = plan(desk, globally("web:2"))
    work_s, round_s = 15.0 + 5.0 + 7.0, 15.0 + 5.0
    assert found["likely_s"] == (pytest.approx(work_s + round_s, abs=1.0) if known else None)
    assert any("pi-2: away" in reason for reason in found["reasons"]) != known


def test_a_batch_that_waits_for_a_word_is_named() -> None:
    """Nobody can foretell when an operator confirms it."""
    desk = fleet(globally("web:1"))
    found = plan(desk, globally("web:2") + "    x-bramble: {update: {canary: {count: 1, promote: confirm}}}\n")
    assert list(found["reasons"]) == ["shop.web waits after canary until it is confirmed", NOT_COUNTED]


def test_nothing_to_do_takes_no_time() -> None:
    """The same manifest changes nothing."""
    desk = fleet(globally("web:1"))
    found = plan(desk, globally("web:1"))
    assert (found["rows"], found["likely_s"]) == ((), 0.0)


def test_a_faulty_manifest_has_no_plan_and_a_plan_leaves_nothing_behind(tmp_path: Path) -> None:
    """Whoever asks is told what is wrong; the fleet's memory is as it was."""
    desk = fleet(globally("web:1"), path=tmp_path)
    answer = desk.order(OrderVerb.PLAN, "shop", key="p0", manifest="services: [1]")
    assert answer is not None
    assert (answer.ok, "would be refused" in answer.message) == (False, True)
    before = shelves(desk.fleet)
    plan(desk, globally("web:2"))
    assert shelves(desk.fleet) == before
    assert desk.fleet.drafts == {}


def republished(desk: Desk, text: str) -> None:
    """Another manifest is accepted, and all run it."""
    for effect in desk.manifest("shop", text):
        if isinstance(effect, Inspect):
            answered(desk, effect)
    desk.turn()


def test_what_a_rollback_has_left_on_the_disk_is_not_fetched_again() -> None:
    """A node that says it has the image fetches nothing; one that does not say so fetches what is new to it."""
    desk = fleet(globally("web:1"))
    stores(desk, "pi-1", "web:1", "web:2")
    stores(desk, "pi-2", "web:1")
    rows = by_node(plan(desk, globally("web:2")))
    assert {node: row["pull_bytes"] for node, row in rows.items()} == {"pi-1": 0, "pi-2": TWO.size_bytes}


def test_what_an_image_of_the_history_has_brought_is_not_fetched_again() -> None:
    """The registry is asked for its layers too, because a node still has it; one that nobody has is not asked for."""
    desk = fleet(globally("db:1"))
    republished(desk, globally("web:1"))
    stores(desk, "pi-1", "db:1")
    stores(desk, "pi-2")
    order = OperatorOrder(OrderVerb.PLAN, "shop", {"manifest": globally("web:2")})
    asked = {
        one.reference.partition("@")[0]
        for one in desk.heard(topics.OrderTopic(FLEET, "p0"), order)
        if isinstance(one, Inspect)
    }
    assert asked == {"web:1", "web:2", "db:1"}
    stores(desk, "pi-1")
    order = OperatorOrder(OrderVerb.PLAN, "shop", {"manifest": globally("web:2")})
    asked = {
        one.reference.partition("@")[0]
        for one in desk.heard(topics.OrderTopic(FLEET, "p1"), order)
        if isinstance(one, Inspect)
    }
    assert asked == {"web:1", "web:2"}


def test_a_plan_of_many_rows_is_read_page_by_page() -> None:
    """The first page counts all of them; the pages together are all rows, each once; then it is forgotten."""
    desk = fleet(globally("web:1"), nodes=600)
    order = OperatorOrder(OrderVerb.PLAN, "shop", {"manifest": globally("web:2")})
    for asked in desk.heard(topics.OrderTopic(FLEET, "p1"), order):
        if isinstance(asked, Inspect):
            answered(desk, asked)
    page = made(desk)
    assert (page["total"], page["nodes"], page["pull_bytes"], page["unknown"]) == (
        600,
        600,
        600 * TWO.size_bytes,
        0,
    )
    nodes = [row["node"] for row in page["rows"]]
    while page["next"]:
        answer = desk.order(OrderVerb.PLAN, "shop", key=f"p{page['next']}", plan=page["plan"], **{"from": page["next"]})
        assert answer is not None
        page = answer.result
        nodes += [row["node"] for row in page["rows"]]
    assert nodes == sorted(f"pi-{number}" for number in range(1, 601))
    desk.turn(61.0)
    gone = desk.order(OrderVerb.PLAN, "shop", key="p9", plan="p1")
    assert gone is not None
    assert (gone.ok, gone.message) == (False, "the plan 'p1' is not kept any more; ask for it again")


def made(desk: Desk) -> dict[str, Any]:
    """The plan, when turns enough have passed."""
    for _ in range(500):
        for effect in desk.turn():
            if isinstance(effect, Reply):
                found: dict[str, Any] = effect.answer.result
                return found
    pytest.fail("no plan was made")


def begun(nodes: int) -> Desk:
    """A plan whose registries have answered."""
    desk = fleet(globally("web:1"), nodes=nodes)
    order = OperatorOrder(OrderVerb.PLAN, "shop", {"manifest": globally("web:2")})
    for asked in desk.heard(topics.OrderTopic(FLEET, "p1"), order):
        if isinstance(asked, Inspect):
            answered(desk, asked)
    return desk


def test_a_plan_costs_no_turn_more_in_a_large_fleet() -> None:
    """Law 10: three times the nodes take three times the turns, and each as many calls; counted, so it is always the same."""
    costs: dict[int, list[int]] = {}
    for nodes in (600, 1_800):
        desk = begun(nodes)
        costs[nodes] = []
        while (draft := desk.fleet.drafts.get("p1")) is not None and draft.pages is None:
            costs[nodes].append(calls_of(desk.turn))
    assert max(costs[1_800]) <= 1.2 * max(costs[600])
    assert 2 * len(costs[600]) <= len(costs[1_800]) <= 4 * len(costs[600])


def test_a_plan_of_a_stack_that_changes_meanwhile_is_of_what_is_so_then() -> None:
    """It begins anew: nothing of it is compared with what is over."""
    desk = begun(600)
    desk.turn()
    republished(desk, globally("web:2"))
    assert {row["details"] for row in made(desk)["rows"]} == {("its update goes on",)}


def test_a_node_that_leaves_meanwhile_is_left_out() -> None:
    """Nobody plans for it."""
    desk = begun(600)
    desk.presence("pi-7", Link.OFFLINE)
    desk.turn(60.0)
    desk.order(OrderVerb.DECOMMISSION, "pi-7", key="o9")
    assert "pi-7" not in {row["node"] for row in made(desk)["rows"]}


def test_many_plans_cost_a_turn_no_more_than_one() -> None:
    """They share its steps."""
    costs = []
    for count in (1, 5):
        desk = fleet(globally("web:1"), nodes=1_000)
        for number in range(count):
            desk.order(OrderVerb.DIFF, "shop", key=f"d{number}", manifest=globally("web:2"))
        costs.append(calls_of(desk.turn))
    assert 0 < costs[1] <= 1.2 * costs[0]
