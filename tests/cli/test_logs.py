"""`bramble logs`: each task's node is asked, and what one of them does not say keeps nobody from the rest."""

from __future__ import annotations

import json
from dataclasses import asdict

from protocol.operator import Denial, Explanation, NodeObjection, OperatorOrder, OrderVerb, TaskPlace
from tests.fakes.session import FakeSession, no, operate, yes

TASKS = [asdict(TaskPlace(f"shop.web.{number}", f"pi-{number}", "running")) for number in (1, 2)]


def session(*answers: object) -> FakeSession:
    return FakeSession(answers={OrderVerb.PS: yes(TASKS), OrderVerb.COMMAND: list(answers)})


def asked(number: int, lines: str = "100") -> OperatorOrder:
    arguments = {"verb": "logs", "target": f"shop.web.{number}", "value": lines}
    return OperatorOrder(OrderVerb.COMMAND, f"pi-{number}", arguments)


def test_the_lines_of_several_tasks_say_whose_they_are() -> None:
    """As Compose does, task by task."""
    talk = session(yes("one\ntwo\n"), yes("three\n"))
    done = operate(talk, "logs", "shop.web")
    assert (done.exit_code, done.stdout) == (0, "shop.web.1 | one\nshop.web.1 | two\nshop.web.2 | three\n")
    assert talk.orders == [OperatorOrder(OrderVerb.PS, "shop.web"), asked(1), asked(2)]


def test_the_lines_of_one_task_stand_alone() -> None:
    """Fit for a pipe; as many as were asked for."""
    talk = session(yes("one\n"))
    done = operate(talk, "logs", "shop.web", "--node", "pi-2", "-n", "7")
    assert (done.exit_code, done.stdout) == (0, "one\n")
    assert talk.orders[1:] == [asked(2, "7")]
    done = operate(session(yes("one\n")), "logs", "shop", "--node", "pi-1", "-o", "json")
    assert json.loads(done.stdout) == {"task": "shop.web.1", "node": "pi-1", "lines": ["one"]}


def test_a_node_that_says_nothing_is_told_and_the_others_are_shown() -> None:
    """The command has failed all the same."""
    done = operate(session(no("pi-1 is offline; a command needs the node to answer"), yes("two\n")), "logs", "shop.web")
    assert (done.exit_code, done.stdout) == (1, "shop.web.2 | two\n")
    assert done.stderr == "shop.web.1 on pi-1: pi-1 is offline; a command needs the node to answer\n"


def test_a_service_without_tasks_there_is_not_found() -> None:
    """With a word about where to look."""
    done = operate(session(), "logs", "shop.web", "--node", "pi-9")
    assert done.exit_code == 3
    assert "shop.web has no task on pi-9; `bramble ps` lists them" in done.stderr


NO_SERVICE = no("there is no stack or service 'porch.greet'", Denial.NOT_FOUND)
HOSTS = Explanation(
    "porch.greet",
    (NodeObjection("pi-1", chosen=True), NodeObjection("pi-2", chosen=True), NodeObjection("pi-3", chosen=False)),
)
NO_INSTANCE = no("porch.greet has no instance on this node now")


def function(*answers: object) -> FakeSession:
    said = {OrderVerb.PS: NO_SERVICE, OrderVerb.EXPLAIN: yes(asdict(HOSTS)), OrderVerb.COMMAND: list(answers)}
    return FakeSession(answers=said)


def test_the_lines_of_a_function_say_whose_they_are() -> None:
    """Each node that may run it is asked, and one with an instance is enough."""
    talk = function(yes("one\n"), NO_INSTANCE)
    done = operate(talk, "logs", "porch.greet")
    assert (done.exit_code, done.stdout) == (0, "pi-1 | one\n")
    assert done.stderr == "porch.greet on pi-2: porch.greet has no instance on this node now\n"
    arguments = {"verb": "logs", "target": "porch.greet", "value": "100"}
    assert talk.orders[2:] == [OperatorOrder(OrderVerb.COMMAND, node, arguments) for node in ("pi-1", "pi-2")]


def test_a_function_without_an_instance_has_no_lines() -> None:
    """Nor has what nobody has."""
    assert operate(function(NO_INSTANCE, NO_INSTANCE), "logs", "porch.greet").exit_code == 1
    nobody = FakeSession(answers={OrderVerb.PS: NO_SERVICE, OrderVerb.EXPLAIN: no("no such thing", Denial.NOT_FOUND)})
    done = operate(nobody, "logs", "porch.greet")
    assert (done.exit_code, done.stderr) == (3, "bramble: no such thing\n")
