"""Placeholders of functions: each node is told its own, and a node that lacks one does not get the function."""

from __future__ import annotations

from typing import Any

from protocol.function import FunctionSpec
from protocol.operator import OrderVerb
from tests.controller.desk import Desk
from tests.controller.pi import Pi

LAMP = """
secrets: {token: {content: "t-{{.Node.ID}}"}}
functions:
  lamp: {image: "lamp:1", environment: {SITE: "at {{.Node.Labels.site}}"}, secrets: [token]}
  plain: {image: "plain:1", environment: {SITE: anywhere}}
"""


def told(desk: Desk, node: str) -> dict[str, FunctionSpec]:
    """The functions that a node was told to have."""
    return {one.name: one for one in desk.assignment(node).functions}


def begun() -> Desk:
    """Two nodes with a site of their own, one without."""
    desk = Desk()
    desk.hello("pi-1", labels={"site": "home"})
    desk.hello("pi-2", labels={"site": "barn"})
    desk.hello("pi-3")
    desk.manifest("yard", LAMP)
    return desk


def test_each_node_has_its_own_text() -> None:
    """Environment and secrets are filled in where the node is known, and another text is another revision."""
    desk = begun()
    one, two = told(desk, "pi-1")["lamp"], told(desk, "pi-2")["lamp"]
    assert (one.container.environment, one.secrets) == ({"SITE": "at home"}, {"token": "t-pi-1"})
    assert (two.container.environment, two.secrets) == ({"SITE": "at barn"}, {"token": "t-pi-2"})
    assert one.revision != two.revision
    assert told(desk, "pi-1")["plain"] == told(desk, "pi-2")["plain"]


def test_a_node_without_the_label_has_no_such_function_and_says_why() -> None:
    """It gets all others, and the operator reads what is missing."""
    desk = begun()
    assert set(told(desk, "pi-3")) == {"plain"}
    answer = desk.order(OrderVerb.EXPLAIN, "yard.lamp")
    assert answer is not None
    result: Any = answer.result
    assert {line["node"]: line["objections"] for line in result["nodes"]} == {
        "pi-1": (),
        "pi-2": (),
        "pi-3": ("has no label site, which a template asks for",),
    }


def test_another_label_is_another_revision_on_that_node_alone() -> None:
    """So a warm instance does not go on with the old text."""
    desk = begun()
    before = {node: told(desk, node)["lamp"].revision for node in ("pi-1", "pi-2")}
    desk.order(OrderVerb.LABEL, "pi-1", key="l1", set={"site": "pier"})
    assert told(desk, "pi-1")["lamp"].container.environment == {"SITE": "at pier"}
    assert told(desk, "pi-1")["lamp"].revision != before["pi-1"]
    assert told(desk, "pi-2")["lamp"].revision == before["pi-2"]
    desk.order(OrderVerb.LABEL, "pi-3", key="l2", set={"site": "quay"})
    assert told(desk, "pi-3")["lamp"].container.environment == {"SITE": "at quay"}


def shop(number: int) -> str:
    """A stack whose function changes with its service."""
    return f"""
services: {{web: {{image: "web:{number}", deploy: {{mode: global, update_config: {{parallelism: 1, failure_action: rollback}}}}}}}}
functions: {{greet: {{image: "greet:{number}", environment: {{N: "{number} on {{{{.Node.ID}}}}"}}}}}}
"""


def test_they_change_with_the_services_and_back() -> None:
    """While a node waits for its turn it keeps the text of before, and a rollback brings it back filled in."""
    desk = Desk()
    pis = [Pi(desk, f"pi-{number}").join() for number in (1, 2)]
    desk.manifest("shop", shop(1))
    for pi in pis:
        pi.read()
        pi.report()
    desk.manifest("shop", shop(2))
    assert told(desk, "pi-2")["greet"].container.environment == {"N": "1 on pi-2"}
    pis[0].update("00000001")
    assert told(desk, "pi-1")["greet"].container.environment == {"N": "2 on pi-1"}
    pis[1].update("00000002", well=False)
    pis[0].update("00000003")
    assert [told(desk, pi.name)["greet"].container.environment["N"] for pi in pis] == ["1 on pi-1", "1 on pi-2"]
