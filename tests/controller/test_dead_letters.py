"""What came to nothing is kept with its input, shown, replayed once, and dropped; within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Say
from controller.decide.invocation import InvocationState
from controller.decide.terms import Terms
from protocol.desired import Invocation
from protocol.ids import invocation_id
from protocol.observed import Answer, ResultStatus
from protocol.operator import OrderVerb
from tests.controller.desk import Desk
from tests.controller.test_invocations import call, dispatched, end, event, id_of, porch, sense

FAILED = ResultStatus.FAILED


def dead(desk: Desk, target: str = "") -> list[dict[str, Any]]:
    """The rows that an operator sees."""
    answer = desk.order(OrderVerb.DEAD_LETTERS, target, key="ask")
    assert isinstance(answer, Answer)
    assert isinstance(answer.result, list)
    return answer.result


def a_dead_one(path: Path | None = None, number: int = 1, **terms: Any) -> Desk:
    """A fleet in which so many presses came to nothing."""
    desk = porch(path, Terms(**terms) if terms else None)
    for one in range(1, number + 1):
        sense(desk, event(one))
        end(desk, id_of(event(one)), desk.fleet.ledger[id_of(event(one))].node, FAILED, reason=f"broken {one}")
    return desk


def test_what_failed_at_last_is_kept_with_its_input_and_why(tmp_path: Path) -> None:
    """After a restart, too."""
    desk = a_dead_one(tmp_path)
    desk.restart()
    (row,) = dead(desk)
    assert (row["id"], row["function"], row["status"], row["node"]) == (id_of(event()), "porch.greet", "failed", "pi-2")
    assert (row["reason"], row["attempt"], row["cause"]) == ("broken 1", 1, event().id)
    assert '"event_type":"pressed"' in row["body"]
    assert desk.fleet.ledger[row["id"]].state is InvocationState.FAILED


def test_what_expired_is_kept_as_well() -> None:
    """Nobody was there who could have run it."""
    desk = porch(pi_1={"place": "porch"})
    sense(desk, event())
    desk.turn(3600.0)
    assert [row["status"] for row in dead(desk)] == ["expired"]


def test_what_is_done_leaves_nothing() -> None:
    """Only what came to nothing is dead."""
    desk = porch()
    sense(desk, event())
    end(desk, id_of(event()), "pi-2")
    assert dead(desk) == []


def test_a_replay_runs_the_same_input_under_an_id_that_follows_from_the_letters() -> None:
    """A function can tell by `replayof`; its answer counts like any other."""
    desk = a_dead_one()
    answer = desk.order(OrderVerb.REPLAY, id_of(event()))
    assert answer is not None
    assert (answer.ok, answer.message) == (True, "1 dead letter replayed")
    named = invocation_id(f"replay {id_of(event())}", "porch", "greet", 0)
    (asked,) = [e.message for e in desk.effects if isinstance(e, Say) and isinstance(e.message, Invocation)][1:]
    assert (asked.id, asked.attributes["id"], asked.attributes["replayof"]) == (named, event().id, id_of(event()))
    assert dead(desk) == []
    end(desk, named, desk.fleet.ledger[named].node)
    assert desk.fleet.ledger[named].state is InvocationState.DONE


def test_an_order_that_comes_again_replays_nothing_again(tmp_path: Path) -> None:
    """It is told the same answer, after a restart, too; another order finds no letter."""
    desk = a_dead_one(tmp_path)
    first = desk.order(OrderVerb.REPLAY, id_of(event()), key="o1")
    desk.restart()
    assert desk.order(OrderVerb.REPLAY, id_of(event()), key="o1") == first
    again = desk.order(OrderVerb.REPLAY, id_of(event()), key="o2")
    assert again is not None
    assert (again.ok, again.result) == (False, {"denial": "not-found"})
    assert len(desk.fleet.ledger) == 2


def test_a_replay_that_fails_is_dead_again_under_its_own_id() -> None:
    """And may be replayed in its turn, as another invocation."""
    desk = a_dead_one()
    desk.order(OrderVerb.REPLAY, "porch.greet", key="o1")
    (row,) = [key for key in desk.fleet.ledger if key != id_of(event())]
    end(desk, row, desk.fleet.ledger[row].node, FAILED)
    assert [one["id"] for one in dead(desk)] == [row]
    desk.order(OrderVerb.REPLAY, "porch", key="o2")
    assert len({*desk.fleet.ledger}) == 3


@pytest.mark.parametrize(
    ("target", "said", "left"),
    [
        ("porch.greet", "3 dead letters dropped", 0),
        ("porch", "3 dead letters dropped", 0),
        ("", "3 dead letters dropped", 0),
        (id_of(event(2)), "1 dead letter dropped", 2),
        (id_of(event(2))[:8], "1 dead letter dropped", 2),
        ("porch.gret", "there is no dead letter of 'porch.gret'", 3),
        (id_of(event(2))[:3], f"there is no dead letter of '{id_of(event(2))[:3]}'", 3),
    ],
)
def test_letters_are_dropped_by_what_names_them(target: str, said: str, left: int) -> None:
    """An id or the beginning of one, a function, a stack, or all."""
    desk = a_dead_one(number=3)
    arguments = {} if target else {"all": True}
    answer = desk.order(OrderVerb.DROP, target, **arguments)
    assert answer is not None
    assert answer.message == said
    assert len(dead(desk)) == left


def test_an_order_says_which_it_means() -> None:
    """Nothing is dropped by an order that forgot to say what."""
    desk = a_dead_one()
    answer = desk.order(OrderVerb.DROP)
    assert answer is not None
    assert answer.message == "name an invocation, a stack.function or a stack; or `all`, and none of these"
    assert len(dead(desk)) == 1


def test_they_are_listed_newest_first_and_by_function() -> None:
    """Whoever looks has just heard of a failure."""
    desk = a_dead_one(number=3)
    assert [row["reason"] for row in dead(desk)] == ["broken 3", "broken 2", "broken 1"]
    assert len(dead(desk, "porch.greet")) == 3


@pytest.mark.parametrize("terms", [{"letters_kept": 2}, {"letters_bytes": 600}])
def test_they_are_bounded_by_number_and_by_weight(terms: dict[str, int], tmp_path: Path) -> None:
    """The oldest go, and are counted; a restart knows their order."""
    desk = a_dead_one(tmp_path, 2, **terms)
    desk.restart()
    for one in (3, 4):
        sense(desk, event(one))
        end(desk, id_of(event(one)), desk.fleet.ledger[id_of(event(one))].node, FAILED, reason=f"broken {one}")
    kept = [row["reason"] for row in dead(desk)]
    assert kept == [f"broken {one}" for one in (4, 3, 2, 1)][: len(kept)]
    assert 0 < len(kept) <= 2
    assert desk.fleet.counts["dead_letters_lost",] > 0


def test_a_replay_without_room_leaves_its_letter() -> None:
    """The answer says how many were not replayed, and why."""
    desk = a_dead_one(number=3, ledger_rows=2)
    answer = desk.order(OrderVerb.REPLAY, "porch.greet")
    assert answer is not None
    assert answer.message == "2 dead letters replayed; 1 not: too many invocations are open; try again later"
    assert [row["reason"] for row in dead(desk)] == ["broken 3"]


def test_a_result_that_came_before_its_event_is_whole_when_the_event_has_come() -> None:
    """Until then its input is not known, and a replay says so."""
    desk = porch()
    end(desk, id_of(event()), "pi-1", FAILED)
    refused = desk.order(OrderVerb.REPLAY, id_of(event()), key="o1")
    assert refused is not None
    assert not refused.ok
    assert "its input" in refused.message or "the input of" in refused.message
    sense(desk, event())
    assert dead(desk)[0]["is_whole"]
    answered = desk.order(OrderVerb.REPLAY, id_of(event()), key="o2")
    assert answered is not None
    assert answered.ok


def test_what_a_timer_called_brings_its_input_along() -> None:
    """Nobody but its node knows of the tick."""
    desk = porch()
    end(desk, "tick-1", "pi-1", FAILED, attributes={"id": "t-1", "type": "tick"}, body="{}")
    assert (dead(desk)[0]["is_whole"], dead(desk)[0]["cause"]) == (True, "t-1")


def test_a_letter_whose_node_was_done_after_all_is_taken_back() -> None:
    """It expired while its node was away; what is done need not be replayed."""
    desk = porch(pi_1={"place": "porch"}, pi_2={"runs": "yes"})
    sense(desk, event())
    desk.turn(3600.0)
    assert len(dead(desk)) == 1
    end(desk, id_of(event()), "pi-2")
    assert dead(desk) == []
    assert desk.fleet.counts["dead_letters_done",] == 1


def test_a_call_that_failed_is_answered_and_kept() -> None:
    """Its caller may be gone by the time that somebody mends the function."""
    desk = porch()
    call(desk, "greet", body=b"hello")
    (key,) = desk.fleet.ledger
    end(desk, key, desk.fleet.ledger[key].node, FAILED)
    assert [row["body"] for row in dead(desk)] == ["hello"]


def test_open_invocations_are_bounded_by_weight() -> None:
    """One large body more than fits is dropped, its caller told, and counted by its reason; what is small still fits."""
    desk = porch(terms=Terms(ledger_bytes=2_000))
    call(desk, "greet", "c1", b"x" * 1_500)
    (answer,) = call(desk, "greet", "c2", b"x" * 1_500)
    assert answer.message == "too many invocations are open; call again later"
    assert desk.fleet.counts["refusals", "ledger_bytes"] == 1
    assert dispatched(sense(desk, event())) != []


def test_answers_to_calls_are_bounded_by_weight(tmp_path: Path) -> None:
    """The oldest is forgotten first, and its repetition told so; after a restart, too."""
    desk = porch(tmp_path, Terms(answers_bytes=2_500))
    for name in ("c1", "c2"):
        call(desk, "greet", name)
        key = max(desk.fleet.ledger, key=lambda key: desk.fleet.ledger[key].number)
        end(desk, key, desk.fleet.ledger[key].node, output="x" * 1_500)
        desk.restart()
    (first,), (second,) = call(desk, "greet", "c1"), call(desk, "greet", "c2")
    assert "its answer is not known here" in first.message
    assert second.ok


def test_a_function_shows_what_it_has_to_do() -> None:
    """One row each: who may run it, who is there, what waits, what is dead."""
    desk = a_dead_one()
    answer = desk.order(OrderVerb.FUNCTIONS)
    assert answer is not None
    assert answer.result == [
        {
            "function": "porch.greet", "mode": "once", "image": "greet:1", "hosts": 2, "online": 2,
            "in_flight": 0, "pending": 0, "instances": 0, "keep": 0, "dead": 1,
        }
    ]  # fmt: skip
    missing = desk.order(OrderVerb.FUNCTIONS, "shop")
    assert missing is not None
    assert missing.message == "there is no stack or function 'shop'; write it as stack.name"
