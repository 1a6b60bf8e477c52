"""Where tasks go, and why not elsewhere."""

from __future__ import annotations

from protocol.observed import Link
from protocol.operator import OrderVerb
from tests.controller.desk import Desk, web


def spread(desk: Desk, *nodes: str) -> dict[str, int]:
    """How many tasks each node was told to run."""
    return {node: len(desk.tasks(node)) for node in nodes}


def test_tasks_spread_over_the_nodes_ties_by_name() -> None:
    """Three tasks on two nodes: the first by name takes the odd one."""
    desk = Desk()
    for node in ("pi-2", "pi-1"):
        desk.hello(node)
    desk.manifest("shop", web(replicas="3"))
    assert spread(desk, "pi-1", "pi-2") == {"pi-1": 2, "pi-2": 1}


def test_the_least_loaded_node_takes_the_next_service() -> None:
    """Between nodes without a task of the service, the one with fewer tasks wins."""
    desk = Desk()
    for node in ("pi-1", "pi-2"):
        desk.hello(node)
    desk.manifest("one", web())
    desk.manifest("two", web())
    assert spread(desk, "pi-1", "pi-2") == {"pi-1": 1, "pi-2": 1}


def test_a_placed_task_never_moves_without_a_cause() -> None:
    """A node that joins, and one that goes away, disturb nobody."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web(replicas="2"))
    before = desk.assignment("pi-1")
    desk.hello("pi-2")
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(600.0)
    desk.hello("pi-1", assignment_epoch=1, assignment_generation=1, assignment_hash=before.content_hash, epoch=2)
    assert desk.assignment("pi-1") == before
    assert desk.tasks("pi-2") == {}


def test_an_offline_node_gets_nothing_new_and_says_why() -> None:
    """The task waits with one reason per node, and is placed when a node comes."""
    desk = Desk()
    desk.hello("pi-1")
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(600.0)
    desk.manifest("shop", web())
    assert desk.stack("shop").services[0].reasons == ("1 of 1 tasks have no node", "pi-1: is offline")
    desk.hello("pi-2")
    assert desk.tasks("pi-2") == {"shop.web.1": "web:1"}
    assert desk.stack("shop").services[0].reasons == ()


def test_every_refused_node_has_its_own_reason() -> None:
    """`explain` says one line per node: chosen, or what speaks against it."""
    desk = Desk()
    desk.hello("pi-1", labels={"place": "porch"})
    desk.hello("pi-2", labels={"place": "attic"})
    desk.hello("pi-3", engine="", labels={"place": "porch"})
    desk.hello("pi-4", labels={"place": "porch"})
    desk.order(OrderVerb.DRAIN, "pi-4")
    desk.manifest("shop", web(placement="{constraints: [node.labels.place == porch]}"))
    answer = desk.order(OrderVerb.EXPLAIN, "shop.web", key="o2")
    assert answer is not None
    lines = {line["node"]: (line["chosen"], line["objections"]) for line in answer.result["nodes"]}
    assert lines == {
        "pi-1": (True, ()),
        "pi-2": (False, ("place is attic, not porch",)),
        "pi-3": (False, ("has no Docker Engine",)),
        "pi-4": (False, ("is drained",)),
    }


def test_explain_says_who_would_be_next_and_why_others_would_not() -> None:
    """Nodes without an objection are told apart by the first score that differs; what must leave says so."""
    desk = Desk()
    for node, site in (("pi-1", "home"), ("pi-2", "home"), ("pi-3", "work"), ("pi-4", "work"), ("pi-5", "home")):
        desk.hello(node, labels={"site": site})
    desk.manifest("other", web(placement="{constraints: [node.id == pi-4]}"))
    desk.manifest("shop", web(replicas="2", placement="{preferences: [{spread: node.labels.site}]}"))
    answer = desk.order(OrderVerb.EXPLAIN, "shop.web", key="o2")
    assert answer is not None
    assert [(line["node"], line["chosen"], line["objections"]) for line in answer.result["nodes"]] == [
        ("pi-1", True, ()),
        ("pi-2", False, ("would be the next to be chosen",)),
        ("pi-3", True, ()),
        ("pi-4", False, ("others have fewer tasks",)),
        ("pi-5", False, ("others come first by name",)),
    ]


def test_a_published_port_is_on_a_node_once() -> None:
    """Two tasks with one port need two nodes; the rest wait, and say so."""
    desk = Desk()
    desk.hello("pi-1")
    text = "services:\n  web: {image: web:1, ports: ['80:80'], deploy: {replicas: 2}}\n"
    desk.manifest("shop", text)
    assert spread(desk, "pi-1") == {"pi-1": 1}
    said = "pi-1: carries this service already, and its port can be published once"
    assert desk.stack("shop").services[0].reasons == ("1 of 2 tasks have no node", said)
    desk.hello("pi-2")
    assert spread(desk, "pi-1", "pi-2") == {"pi-1": 1, "pi-2": 1}


def test_services_of_one_stack_keep_off_each_others_ports() -> None:
    """The second service with the port goes to the other node."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.manifest("shop", "services:\n  a: {image: a, ports: ['80:80']}\n  b: {image: b, ports: ['80:80']}\n")
    assert (desk.tasks("pi-1"), desk.tasks("pi-2")) == ({"shop.a.1": "a"}, {"shop.b.1": "b"})


def test_a_global_service_is_on_every_node_that_may_carry_it() -> None:
    """Nodes that join get it, a drained one loses it, an active one gets it back."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web(mode="global"))
    desk.hello("pi-2")
    desk.hello("pi-3", engine="")
    assert spread(desk, "pi-1", "pi-2", "pi-3") == {"pi-1": 1, "pi-2": 1, "pi-3": 0}
    desk.order(OrderVerb.DRAIN, "pi-2")
    assert spread(desk, "pi-1", "pi-2") == {"pi-1": 1, "pi-2": 0}
    desk.order(OrderVerb.ACTIVATE, "pi-2", key="o2")
    assert spread(desk, "pi-1", "pi-2") == {"pi-1": 1, "pi-2": 1}


def test_a_drained_nodes_task_starts_elsewhere_only_after_it_stopped() -> None:
    """Never two copies where one is asked: the new node waits for the old one's word."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.runs("pi-1")
    desk.hello("pi-2")
    before = desk.assignment("pi-1")
    desk.order(OrderVerb.DRAIN, "pi-1")
    assert (desk.tasks("pi-1"), desk.tasks("pi-2")) == ({}, {})
    desk.status("pi-1", (), observed_generation=before.generation)
    assert desk.tasks("pi-2") == {}
    assert "waits until pi-1 has stopped it" in desk.stack("shop").services[0].reasons[0]
    desk.runs("pi-1")
    assert desk.tasks("pi-2") == {"shop.web.1": "web:1"}


def test_scaling_down_takes_from_the_fullest_node_and_scaling_up_fills_the_numbers() -> None:
    """Numbers are used again, so a task id never means two tasks at once."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.manifest("shop", web(replicas="3"))
    desk.manifest("shop", web(replicas="2"))
    assert spread(desk, "pi-1", "pi-2") == {"pi-1": 1, "pi-2": 1}
    desk.manifest("shop", web(replicas="4"))
    tasks = {*desk.tasks("pi-1"), *desk.tasks("pi-2")}
    assert len(tasks) == 4


def test_a_changed_label_moves_what_no_longer_fits() -> None:
    """The constraint is the operator's word, also for what is placed already."""
    desk = Desk()
    desk.hello("pi-1", labels={"place": "porch"})
    desk.hello("pi-2", labels={"place": "porch"})
    desk.manifest("shop", web(placement="{constraints: [node.labels.place == porch]}"))
    desk.runs("pi-1")
    desk.hello("pi-1", labels={"place": "attic"}, assignment_epoch=1, assignment_generation=1)
    desk.runs("pi-1")
    assert (desk.tasks("pi-1"), desk.tasks("pi-2")) == ({}, {"shop.web.1": "web:1"})


def test_an_engine_that_is_gone_for_a_moment_moves_nothing() -> None:
    """A restart of the Docker daemon is no reason to start everything elsewhere."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.manifest("shop", web())
    before = desk.assignment("pi-1")
    desk.hello("pi-1", engine="", assignment_epoch=1, assignment_generation=1)
    assert (desk.assignment("pi-1"), desk.tasks("pi-2")) == (before, {})
