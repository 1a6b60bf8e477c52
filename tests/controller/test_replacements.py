"""Nodes that are lost, replaced and return: each value of `disconnect` in every order of events that matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Remark
from controller.decide.presence import Presence
from controller.decide.rollouts.slot import SlotState
from protocol.observed import Link, TaskState, TaskStatus
from protocol.operator import OrderVerb, TaskPlace
from tests.controller.desk import Desk, running
from tests.controller.pi import Pi

TASK = "shop.web.1"
OFFLINE_S = 11.0
"""After a will: the grace is over."""


def text(disconnect: str = "", image: str = "web:1", **service: str) -> str:
    """A service of one task with a policy."""
    more = "".join(f"    {key}: {value}\n" for key, value in service.items())
    said = f"    x-bramble: {{disconnect: {disconnect}}}\n" if disconnect else ""
    return f"services:\n  web:\n    image: {image}\n{more}{said}"


def fleet(disconnect: str = "", path: Path | None = None, nodes: int = 3, **service: str) -> Desk:
    """Some nodes; pi-1 runs the one task in a container of its own."""
    desk = Desk(path)
    desk.hello("pi-1")
    desk.manifest("shop", text(disconnect, **service))
    runs(desk, "pi-1", "c1")
    for number in range(2, nodes + 1):
        desk.hello(f"pi-{number}")
        desk.runs(f"pi-{number}")
    return desk


def runs(desk: Desk, node: str, container: str = "", state: TaskState = TaskState.RUNNING) -> None:
    """A node says that it runs all that it was told, each in this container."""
    tasks = tuple(
        TaskStatus(task.task, task.revision, state, 1, container=container) for task in running(desk.assignment(node))
    )
    desk.status(node, tasks)


def falls(desk: Desk, node: str = "pi-1", after_s: float = OFFLINE_S) -> None:
    """Lose the connection, and stay away for so long; the others go on speaking."""
    desk.presence(node, Link.OFFLINE, epoch=epoch(desk, node))
    passes(desk, after_s, away=node)


def passes(desk: Desk, seconds: float, away: str = "") -> None:
    """Let time pass; whoever is online says something now and then."""
    end = desk.now + seconds
    while desk.now < end:
        desk.turn(min(20.0, end - desk.now))
        for node in sorted(desk.fleet.leases):
            if node not in away.split() and desk.fleet.presence(node) is not Presence.OFFLINE:
                desk.status(node, shown(desk, node))


def shown(desk: Desk, node: str) -> tuple[TaskStatus, ...]:
    """What a node said last, of the tasks that it is still told to run."""
    status, told = desk.fleet.statuses.get(node), {spec.task for spec in desk.assignment(node).tasks}
    return tuple(task for task in (status.tasks if status else ()) if task.task in told)


def epoch(desk: Desk, node: str) -> int:
    """Of the node's connection."""
    return desk.fleet.leases[node].epoch


def returns(desk: Desk, node: str = "pi-1", container: str = "c1") -> None:
    """Connect again, and say what runs: everything that the node is told to run, when it has read that."""
    desk.presence(node, Link.ONLINE, epoch=epoch(desk, node) + 1)
    desk.hello(node, epoch=epoch(desk, node), assignment_epoch=1)
    runs(desk, node, container)


def told(desk: Desk) -> list[str]:
    """The nodes that are told to run the task."""
    return [node for node in sorted(desk.fleet.nodes) if TASK in desk.tasks(node)]


def place(desk: Desk) -> TaskPlace:
    """How the task stands, as operators read it."""
    answer: Any = desk.order(OrderVerb.PS, "shop", key="ps")
    return TaskPlace(**answer.result[0])


def test_without_a_policy_a_task_waits_for_its_node_for_ever() -> None:
    """A node that is off for a year is no reason to begin a second copy."""
    desk = fleet()
    falls(desk, after_s=86_400.0)
    assert told(desk) == ["pi-1"]
    assert place(desk).reason == "the node is offline; it was running when it was last heard"


def test_a_replaced_task_runs_elsewhere_under_its_own_id_at_once() -> None:
    """And goes on where it was: nobody tells the old node to stop."""
    desk = fleet("{replace: true}")
    before = desk.assignment("pi-1")
    falls(desk, after_s=9.0)
    assert told(desk) == ["pi-1"]
    passes(desk, 2.0, away="pi-1")
    assert (told(desk), desk.assignment("pi-1")) == (["pi-1", "pi-2"], before)
    runs(desk, "pi-2")
    assert (place(desk).node, place(desk).state) == ("pi-2", "running")


def test_a_suspect_moves_nothing() -> None:
    """It is back within its grace."""
    desk = fleet("{replace: true}")
    falls(desk, after_s=9.0)
    returns(desk)
    passes(desk, 120.0)
    assert told(desk) == ["pi-1"]


def test_nobody_is_replaced_while_we_are_deaf() -> None:
    """Our own link is down: we hear nobody, and nobody is away."""
    desk = fleet("{replace: true}")
    desk.link_down()
    desk.turn(10_000.0)
    desk.link_up()
    desk.turn(60.0)
    assert told(desk) == ["pi-1"]


def test_a_lost_original_is_given_up_and_ends_when_its_node_returns() -> None:
    """Until `lost_after` it is the old node's too; its end is counted from the last sign of life."""
    desk = fleet("{lost_after: 5m, replace: true}")
    falls(desk, after_s=290.0)
    runs(desk, "pi-2")
    assert told(desk) == ["pi-1", "pi-2"]
    passes(desk, 21.0, away="pi-1")
    assert told(desk) == ["pi-2"]
    returns(desk)
    passes(desk, 120.0)
    assert told(desk) == ["pi-2"]


@pytest.mark.parametrize(
    ("reconcile", "container", "stays"),
    [
        ("keep_original", "c1", "pi-1"),
        ("keep_original", "c2", "pi-1"),
        ("keep_replacement", "c1", "pi-2"),
        ("longest_running", "c1", "pi-1"),
        ("longest_running", "c2", "pi-2"),
        ("best_score", "c1", "pi-1"),
    ],
)
def test_a_node_that_returns_and_is_steady_ends_the_double(reconcile: str, container: str, stays: str) -> None:
    """Both run for a minute, as Nomad lets them; then the policy chooses, and the loser is told to stop."""
    desk = fleet(f"{{replace: true, reconcile: {reconcile}}}")
    falls(desk)
    runs(desk, "pi-2", "r1")
    returns(desk, container=container)
    passes(desk, 55.0)
    assert told(desk) == ["pi-1", "pi-2"]
    passes(desk, 10.0)
    assert told(desk) == [stays]
    assert desk.fleet.tasks[TASK].node == stays
    passes(desk, 60.0)
    assert desk.fleet.holds[TASK].nodes == (stays,)
    assert desk.stack("shop").converged


def test_best_score_prefers_the_node_with_less_to_do() -> None:
    """The scheduler's own order; the copy itself counts for neither."""
    desk = fleet("{replace: true}")
    falls(desk)
    runs(desk, "pi-2")
    returns(desk)
    desk.manifest("busy", "services: {a: {image: a, deploy: {placement: {constraints: [node.hostname == pi-1]}}}}")
    runs(desk, "pi-1", "c1")
    passes(desk, 70.0)
    assert told(desk) == ["pi-2"]


def test_a_node_that_falls_again_while_it_is_watched_begins_anew() -> None:
    """Steady means a whole minute."""
    desk = fleet("{replace: true, reconcile: keep_original}")
    falls(desk)
    runs(desk, "pi-2")
    returns(desk)
    passes(desk, 50.0)
    falls(desk)
    returns(desk)
    passes(desk, 50.0)
    assert told(desk) == ["pi-1", "pi-2"]
    passes(desk, 20.0)
    assert told(desk) == ["pi-1"]


def test_a_replacement_that_does_not_come_up_gives_way() -> None:
    """One that runs beats one that does not, whatever the policy."""
    desk = fleet("{replace: true, reconcile: keep_replacement}")
    falls(desk)
    runs(desk, "pi-2", state=TaskState.REJECTED)
    returns(desk)
    passes(desk, 70.0)
    assert told(desk) == ["pi-1"]


def test_a_replacement_that_falls_too_is_replaced_or_gives_back() -> None:
    """Never more than two: the first original is lost with its node still away; one that is back takes its task again."""
    desk = fleet("{replace: true, reconcile: keep_replacement}")
    falls(desk)
    runs(desk, "pi-2")
    desk.presence("pi-2", Link.OFFLINE)
    passes(desk, OFFLINE_S, away="pi-1 pi-2")
    assert told(desk) == ["pi-2", "pi-3"]
    runs(desk, "pi-3")
    returns(desk, "pi-2", "r1")
    desk.presence("pi-3", Link.OFFLINE)
    passes(desk, OFFLINE_S, away="pi-1 pi-3")
    assert (told(desk), desk.fleet.tasks[TASK].node) == (["pi-2", "pi-3"], "pi-2")


def test_a_replacement_waits_for_a_node_and_says_why() -> None:
    """And goes to the first that can take it."""
    desk = fleet("{replace: true}", nodes=1)
    falls(desk)
    assert place(desk).reason.startswith("the node is offline, and no other node may take it; it was running")
    desk.hello("pi-2")
    desk.turn(1.0)
    assert told(desk) == ["pi-1", "pi-2"]


def test_a_policy_that_comes_later_holds_for_who_is_away_already() -> None:
    """The newest manifest counts."""
    desk = fleet()
    falls(desk)
    desk.manifest("shop", text("{replace: true}"))
    desk.turn(1.0)
    assert told(desk) == ["pi-1", "pi-2"]


def test_a_global_service_has_nothing_to_replace() -> None:
    """Its tasks are their nodes'."""
    desk = fleet("{replace: true}", deploy="{mode: global}")
    falls(desk, after_s=600.0)
    assert sorted(desk.fleet.tasks) == ["shop.web.pi-1", "shop.web.pi-2", "shop.web.pi-3"]
    assert [len(desk.tasks(f"pi-{n}")) for n in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize("is_done", [True, False])
def test_a_job_is_replaced_unless_it_has_run_to_its_end(is_done: bool) -> None:
    """What is done needs no second run."""
    desk = fleet("{replace: true}", deploy="{mode: replicated-job}")
    runs(desk, "pi-1", "c1", TaskState.STOPPED if is_done else TaskState.RUNNING)
    falls(desk)
    assert told(desk) == (["pi-1"] if is_done else ["pi-1", "pi-2"])


def test_without_replace_a_lost_task_waits_for_its_nodes_word() -> None:
    """Never two copies: the new node is chosen after `lost_after`, and starts when the old one has shown that it stopped."""
    desk = fleet("{lost_after: 5m, replace: false}")
    falls(desk, after_s=290.0)
    assert told(desk) == ["pi-1"]
    assert place(desk).reason.startswith("the node is offline; after 5 min it goes elsewhere")
    passes(desk, 1800.0, away="pi-1")
    assert told(desk) == []
    assert place(desk).reason == "waits until pi-1 has stopped it"
    desk.presence("pi-1", Link.ONLINE, epoch=2)
    desk.hello("pi-1", epoch=2, assignment_epoch=1)
    desk.status("pi-1", (TaskStatus(TASK, "r", TaskState.RUNNING, 1),))
    assert told(desk) == []
    desk.status("pi-1", ())
    assert told(desk) == ["pi-2"]


def test_without_replace_a_task_that_stops_by_itself_moves_when_it_has() -> None:
    """Its own time, its grace, what clocks differ by and a margin for a late word: all from the last sign of life."""
    desk = fleet("{stop_on_client_after: 2m, replace: false}", stop_grace_period="20s")
    assert desk.assignment("pi-1").tasks[0].stop_after_s == 120.0
    falls(desk, after_s=120.0)
    assert place(desk).reason.startswith("the node is offline; it stops by itself after 2 min, and then another node")
    passes(desk, 20.0 + 90.0 - 1.0, away="pi-1")
    assert told(desk) == ["pi-1"]
    passes(desk, 2.0, away="pi-1")
    assert told(desk) == ["pi-2"]
    returns(desk)
    passes(desk, 120.0)
    assert told(desk) == ["pi-2"]


def test_a_copy_that_was_never_told_to_stop_by_itself_holds_its_task() -> None:
    """The old revision knows nothing of the new policy, and its node cannot be told."""
    desk = fleet("{lost_after: 1h, replace: false}")
    falls(desk)
    desk.manifest("shop", text("{stop_on_client_after: 1m, replace: false}"))
    passes(desk, 86_400.0, away="pi-1")
    assert told(desk) == ["pi-1"]


def test_a_drained_node_that_is_away_keeps_what_may_have_one_copy_only() -> None:
    """Its task is another's from now on, which waits; one that may be replaced starts there at once."""
    for policy, expected in (("{lost_after: 1h, replace: false}", []), ("{replace: true}", ["pi-2"])):
        desk = fleet(policy, nodes=1)
        falls(desk)
        desk.hello("pi-2")
        desk.order(OrderVerb.DRAIN, "pi-1")
        desk.turn(1.0)
        assert ("pi-2" in told(desk)) is bool(expected)


def test_a_controller_that_is_restarted_knows_who_was_replaced(tmp_path: Path) -> None:
    """The original is durable; times begin anew, so a moment is late and never early."""
    desk = fleet("{lost_after: 5m, replace: true, reconcile: keep_original}", tmp_path)
    falls(desk, after_s=200.0)
    runs(desk, "pi-2")
    desk.restart()
    assert told(desk) == ["pi-1", "pi-2"]
    passes(desk, 290.0, away="pi-1")
    assert told(desk) == ["pi-1", "pi-2"]
    passes(desk, 20.0, away="pi-1")
    assert told(desk) == ["pi-2"]


def test_a_restart_while_the_returned_node_is_watched_still_ends_the_double(tmp_path: Path) -> None:
    """Nothing of the watching is durable, and it begins anew."""
    desk = fleet("{replace: true, reconcile: keep_original}", tmp_path)
    falls(desk)
    runs(desk, "pi-2")
    returns(desk)
    desk.restart()
    passes(desk, 75.0)
    assert told(desk) == ["pi-1"]


def test_an_update_that_goes_on_meanwhile_leaves_the_old_copy_behind() -> None:
    """The replacement is updated; the original of an older revision never comes back."""
    desk = Desk()
    one, two = (Pi(desk, f"pi-{number}").join() for number in (1, 2))
    policy = "{replace: true, reconcile: keep_original}"
    desk.manifest("shop", text(policy))
    one.read()
    one.report()
    one.gone()
    two.greet()
    assert two.assignment.tasks[0].task == TASK
    desk.manifest("shop", text(policy, "web:2"))
    assert two.update("nonce000")
    one.reboot()
    one.greet()
    assert one.assignment.tasks[0].container.image == "web:1"
    for _ in range(8):
        desk.turn(10.0)
        for node in (one, two):
            node.read()
            node.report()
    assert (one.assignment.tasks, two.assignment.tasks[0].container.image) == ((), "web:2")


def test_a_granted_slot_of_a_lost_node_keeps_its_place_while_its_task_is_replaced() -> None:
    """The replacement stands in with the settled revision; the budget stays taken until the lost node has said how it ended."""
    desk = Desk()
    one, two = (Pi(desk, f"pi-{number}").join() for number in (1, 2))
    desk.manifest("shop", text("{replace: true}"))
    one.read()
    one.report()
    desk.manifest("shop", text("{replace: true}", "web:2"))
    one.read()
    one.ask("nonce000")
    assert one.go() == 1
    one.gone()
    two.greet()
    assert desk.fleet.tasks[TASK].node == "pi-2"
    assert (desk.fleet.slots[TASK].node, desk.fleet.slots[TASK].state) == ("pi-1", SlotState.LOST)
    assert not two.update("nonce111")
    assert two.assignment.tasks[0].container.image == "web:1"
    one.reboot()
    one.greet()
    one.recover()
    one.report()
    assert desk.fleet.slots[TASK].node == "pi-2"
    assert two.update("nonce222")


def test_a_node_that_toggles_for_an_hour_causes_one_move_and_one_warning() -> None:
    """Away for 20 s, here for 20 s: the task moves once, and the node is called unsteady once; ten minutes later it is trusted."""
    desk = fleet("{replace: true}")
    desk.effects.clear()
    moves: list[str] = []
    for _ in range(90):
        falls(desk, after_s=20.0)
        moves.append(desk.fleet.tasks[TASK].node)
        runs(desk, desk.fleet.tasks[TASK].node)
        returns(desk)
        passes(desk, 20.0)
        moves.append(desk.fleet.tasks[TASK].node)
    assert sum(one != other for one, other in zip(["pi-1", *moves], moves, strict=False)) == 1
    assert desk.fleet.unsteady("pi-1")
    assert [said for said in remarks(desk, "pi-1") if said.startswith("comes and goes")] == [
        "comes and goes: it fell 3 times within 10 min, and gets nothing new for now"
    ]
    passes(desk, 601.0)
    assert not desk.fleet.unsteady("pi-1")
    assert remarks(desk, "pi-1")[-1] == "has stayed as it is for 10 min, and may get something new again"
    assert told(desk) == ["pi-2"]


def test_an_unsteady_node_gets_nothing_new() -> None:
    """And says why; it may have its own back later, if the operator wants the original."""
    desk = fleet("{replace: true, reconcile: keep_original}", nodes=2)
    for _ in range(3):
        falls(desk, after_s=20.0)
        runs(desk, "pi-2")
        returns(desk)
        passes(desk, 5.0)
    desk.manifest("other", "services: {a: {image: a}}")
    assert "other.a.1" in desk.tasks("pi-2")
    answer = desk.order(OrderVerb.EXPLAIN, "other.a", key="e1")
    assert answer is not None
    lines: Any = answer.result
    assert lines["nodes"][0]["objections"] == ("comes and goes",)
    passes(desk, 120.0)
    assert told(desk) == ["pi-1", "pi-2"]
    passes(desk, 660.0)
    assert told(desk) == ["pi-1"]


def remarks(desk: Desk, subject: str) -> list[str]:
    """What the log was told about something."""
    return [e.sentence for e in desk.effects if isinstance(e, Remark) and e.subject == subject]
