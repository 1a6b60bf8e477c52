"""A node's queue of invocations: who gives way, who comes again and when, what follows a success, and what a crash leaves of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.decide import results
from agent.decide.inputs import RunEnded
from agent.decide.invocation import State
from agent.decide.invocations import MISSING_S
from agent.decide.limits import Limits
from protocol.calling import Action, Backoff, Queue, QueueMode, Rate
from protocol.delivery import RUN_BYTES
from protocol.desired import Invocation
from protocol.envelope import Packet, pack
from protocol.function import FunctionSpec
from protocol.observed import Result, ResultStatus
from protocol.topics import InvocationTopic, ResultTopic
from sim.images import Behaviour
from tests.fakes.agent import FLEET, LAMP, NAME, Rig, function

SINGLE, RESTART, QUEUED, PARALLEL = QueueMode
DONE, FAILED, EXPIRED, SKIPPED = ResultStatus
AT_ONCE = Backoff(0.0, 0.0)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.5, answer=lambda *_: "on"))
    rig.registry.push("fail:1", Behaviour(exits_after_s=0.5, exit_code=1))
    rig.registry.push("slow:1", Behaviour(exits_after_s=5.0))
    rig.registry.push("hang:1", Behaviour())
    rig.run(2)
    return rig


def assign(rig: Rig, *functions: FunctionSpec, generation: int = 1) -> None:
    rig.assign(generation, actuators=(LAMP,), functions=functions)
    rig.run(2)


def call(rig: Rig, number: int = 1, name: str = "greet", **given: float) -> None:
    made = Invocation(f"call-{number}", "porch", name, {"id": "event-1"}, "{}", **given)
    rig.send(InvocationTopic(FLEET, NAME, made.id), made)


def test_a_call_of_what_is_not_here_is_not_taken_at_once_and_then_refused(rig: Rig) -> None:
    """A function goes while its node's engine is away, and comes back with it: whoever calls meanwhile asks again."""
    assign(rig, function())
    assign(rig, generation=2)
    call(rig, epoch=1)
    rig.run(MISSING_S / 2)
    assert ends(rig) == {}
    assign(rig, function(), generation=3)
    call(rig, epoch=1)
    rig.run(5)
    assert ends(rig) == {"call-1": DONE}
    assign(rig, generation=4)
    rig.run(MISSING_S)
    call(rig, 2, epoch=1)
    rig.run(MISSING_S - 1)
    call(rig, 2, epoch=1)
    rig.run(1)
    assert "call-2" not in ends(rig)
    call(rig, 2, epoch=1)
    rig.run(1)
    assert ends(rig)["call-2"] is FAILED
    assign(rig, function(), generation=5)
    assign(rig, generation=6)
    call(rig, 3, epoch=1)
    rig.run(1)
    assert "call-3" not in ends(rig)


def ends(rig: Rig) -> dict[str, ResultStatus]:
    """How each invocation ended."""
    return {result.id: result.status for result in rig.messages(Result)}


def result(rig: Rig, number: int = 1) -> Result:
    (found,) = [one for one in rig.messages(Result) if one.id == f"call-{number}"]
    return found


# Modes.


def test_a_single_function_takes_no_second_call(rig: Rig) -> None:
    """While one runs the next is skipped, and says why; when it has ended one is taken again."""
    assign(rig, function("slow", queue=Queue(SINGLE, 1)))
    call(rig, 1, "slow")
    rig.run(1)
    call(rig, 2, "slow")
    rig.run(10)
    call(rig, 3, "slow")
    rig.run(10)
    assert ends(rig) == {"call-1": DONE, "call-2": SKIPPED, "call-3": DONE}
    assert "its queue is single" in result(rig, 2).reason
    assert rig.engine.ran == [("call-1", 1), ("call-3", 1)]


def test_a_restarted_function_runs_its_newest_call_alone(rig: Rig) -> None:
    """The one that runs is stopped before the newest begins, and what waited is skipped."""
    assign(rig, function("slow", queue=Queue(RESTART, 1), retries=3))
    for number in (1, 2, 3):
        call(rig, number, "slow")
        rig.run(1)
        assert len(rig.engine.running()) <= 1
    rig.run(20)
    assert ends(rig) == {"call-1": SKIPPED, "call-2": SKIPPED, "call-3": DONE}
    assert "call-2, took its place" in result(rig, 1).reason
    assert rig.engine.ran[-1] == ("call-3", 1)


@pytest.mark.parametrize("after_s", [0.01, 0.05, 0.3, 1.0, 2.0])
def test_what_is_being_stopped_ends_after_a_crash(rig: Rig, after_s: float) -> None:
    """Whenever the agent dies, the old one is ended, and the new one runs once."""
    assign(rig, function("slow", queue=Queue(RESTART, 1)))
    call(rig, 1, "slow")
    rig.run(1)
    call(rig, 2, "slow")
    rig.run(after_s)
    rig.crash()
    rig.run(30)
    assert ends(rig) == {"call-1": SKIPPED, "call-2": DONE}
    assert rig.engine.ran.count(("call-2", 1)) == 1


def test_a_parallel_function_begins_all_its_calls(rig: Rig) -> None:
    """As many as it may go side by side at once; one more fails, and says that there is no room."""
    assign(rig, function("slow", queue=Queue(PARALLEL, 3)))
    for number in range(4):
        call(rig, number, "slow")
    rig.run(1)
    assert len(rig.engine.running()) == 3
    rig.run(10)
    assert sorted(ends(rig).values()) == [DONE, DONE, DONE, FAILED]
    assert "queue full" in result(rig, 3).reason


def test_a_queue_is_as_long_as_it_says(rig: Rig) -> None:
    """One that runs and one that waits are two."""
    assign(rig, function("slow", queue=Queue(QUEUED, 2)))
    for number in range(3):
        call(rig, number, "slow")
    rig.run(20)
    assert ends(rig) == {"call-0": DONE, "call-1": DONE, "call-2": FAILED}


# Rate, expiry, retries.


def test_a_rate_spreads_the_begins(rig: Rig) -> None:
    """Two at once, then one each five seconds, also over a crash."""
    assign(rig, function(rate=Rate(2, 10.0), concurrency=9))
    for number in range(4):
        call(rig, number)
    rig.run(1)
    assert len(rig.engine.ran) == 2
    rig.crash()
    rig.run(3)
    assert len(rig.engine.ran) == 2
    rig.run(2)
    assert len(rig.engine.ran) == 3
    rig.run(10)
    assert len(rig.messages(Result)) == 4


def test_a_rate_that_is_gone_is_forgotten(rig: Rig) -> None:
    """A function without a rate keeps no bucket."""
    assign(rig, function(rate=Rate(2, 10.0)))
    call(rig)
    rig.run(2)
    assert len(rig.node.buckets) == 1
    assign(rig, function(), generation=2)
    call(rig, 2)
    rig.run(2)
    assert len(rig.node.buckets) == 0


def test_what_could_not_begin_in_time_expires(rig: Rig) -> None:
    """The function says how long its own calls wait; the controller says it for what it sends."""
    assign(rig, function("hang", expires_s=5.0, then=(Action(call="hang"),)), function(then=(Action(call="hang"),)))
    call(rig, 1, "hang")
    call(rig, 2)
    rig.run(12)
    expired = [one for one in rig.messages(Result) if one.status is EXPIRED]
    assert [(one.function, one.attempt) for one in expired] == [("hang", 0)]
    assert "ran out" in expired[0].reason


def test_a_failed_call_comes_again_until_its_time_is_over(rig: Rig) -> None:
    """Then it ends as the last attempt did."""
    assign(rig, function("fail", retries=100, backoff=Backoff(1000.0, 1000.0)))
    call(rig, 1, "fail", valid_s=20.0)
    rig.run(30)
    assert result(rig).status is FAILED
    assert "exited with code 1" in result(rig).reason
    assert result(rig).attempt == 1


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"exit_code": 1}, "exited with code 1"),
        ({"exit_code": 1, "error": "Traceback:\n  File x\nKeyError: 'n'\n\n"}, "exited with code 1: KeyError: 'n'"),
        ({"exit_code": 2, "error": "\x1b[31mno\tluck\x1b[0m"}, "exited with code 2: [31mnoluck[0m"),
        ({"exit_code": 3, "error": "x" * 500}, f"exited with code 3: {'x' * 120}"),
        ({"exit_code": None, "reason": "it answered 503", "error": "later\n"}, "it answered 503: later"),
        ({"exit_code": 137, "timed_out": True}, "killed: it did not end within its timeout"),
    ],
)
def test_a_failure_tells_the_last_that_it_said(seen: dict[str, Any], told: str) -> None:
    """On one line that fits into a table and does nothing to a terminal."""
    assert results.failure(RunEnded("call-1", 1, **seen)) == told


def test_the_pauses_grow_within_their_bounds(rig: Rig) -> None:
    """No pause is longer than its bound; all the attempts are made."""
    assign(rig, function("fail", retries=6, backoff=Backoff(1.0, 4.0)))
    call(rig, 1, "fail")
    rig.run(6 * 4 + 7 * 1.0)
    assert [attempt for _, attempt in rig.engine.ran] == [1, 2, 3, 4, 5, 6, 7]
    assert result(rig).status is FAILED


def test_a_function_may_ask_to_be_left_alone(rig: Rig) -> None:
    """With a Retry-After the next attempt begins no sooner."""
    assign(rig, function("hang", retries=1, backoff=AT_ONCE))
    call(rig, 1, "hang")
    rig.run(1)
    rig.loop.inbox.put(RunEnded("call-1", 1, None, reason="503", retry_after_s=60.0))
    rig.run(55)
    assert [attempt for _, attempt in rig.engine.ran] == [1]
    rig.run(10)
    assert [attempt for _, attempt in rig.engine.ran] == [1, 2]


def test_an_engine_that_is_away_uses_up_no_retry(rig: Rig) -> None:
    """It waits for the engine, says so in the status, and runs as its first attempt."""
    assign(rig, function())
    rig.engine.away = "the Docker Engine does not answer"
    call(rig)
    rig.run(1)
    assert rig.messages(Result) == []
    assert [run.attempt for run in rig.node.runs.values()] == [0]
    assert any("greet cannot begin: the Docker Engine" in reason for reason in rig.status().reasons)
    rig.run(40)
    rig.engine.away = ""
    rig.run(30)
    assert (result(rig).status, result(rig).attempt) == (DONE, 1)
    assert not any("cannot begin" in reason for reason in rig.status().reasons)


def test_what_waits_for_an_engine_expires_with_the_reason(rig: Rig) -> None:
    """Nothing of it ran, so it expires, and says what was missing."""
    assign(rig, function())
    rig.engine.away = "the Docker Engine does not answer"
    call(rig, valid_s=20.0)
    rig.run(40)
    assert (result(rig).status, result(rig).attempt) == (EXPIRED, 0)
    assert "does not answer" in result(rig).reason


def test_a_function_that_comes_back_runs_what_waited(rig: Rig) -> None:
    """A controller takes it away while the engine is away; what has waited for a minute in vain has failed."""
    assign(rig, function("hang", concurrency=1), function())
    call(rig, 1, "hang")
    call(rig, 2, "hang")
    call(rig, 3)
    rig.run(0.1)
    assign(rig, generation=2)
    rig.run(20)
    assign(rig, function(), generation=3)
    rig.run(5)
    assert ends(rig)["call-3"] is DONE
    rig.run(60)
    assert "taken from this node" in result(rig, 2).reason


# What follows.


def test_a_success_sets_what_it_names(rig: Rig) -> None:
    """An action sets its value, or what the function said."""
    assign(rig, function(then=(Action(set="lamp"),)), function("slow", then=(Action(set="lamp", value="off"),)))
    call(rig)
    rig.run(3)
    assert rig.outputs == {"lamp": "on"}
    call(rig, 2, "slow")
    rig.run(8)
    assert rig.outputs == {"lamp": "off"}


def test_what_cannot_be_set_is_told(rig: Rig) -> None:
    """The function did its work, and the result says what did not follow."""
    assign(rig, function("slow", then=(Action(set="lamp"), Action(set="siren", value="on"))))
    call(rig, 1, "slow")
    rig.run(8)
    assert result(rig).status is DONE
    assert "no actuator 'siren'" in result(rig).reason
    assert "led takes" in result(rig).reason


def test_a_failure_is_followed_by_nothing(rig: Rig) -> None:
    """Actions are for successes; who wants to know of failures has a trigger."""
    assign(rig, function("fail", then=(Action(set="lamp", value="on"), Action(publish="a/b"), Action(call="fail"))))
    call(rig, 1, "fail")
    rig.run(5)
    assert rig.outputs == {"lamp": "off"}
    assert (rig.posted, len(rig.engine.ran)) == ([], 1)


def test_a_success_calls_another_function_once(rig: Rig) -> None:
    """The call carries the given payload, one more of depth, and an id that the controller derives alike."""
    bodies: list[str] = []
    rig.registry.push("next:1", Behaviour(exits_after_s=0.1, answer=lambda body, _: bodies.append(body) or ""))
    assign(rig, function(then=(Action(call="next", value={"a": 1}),)), function("next"))
    call(rig)
    rig.run(5)
    first, second = rig.messages(Result)
    assert bodies == ['{"a":1}']
    assert first.taken == (second.id,)
    assert (second.depth, second.cause) == (1, "call-1")


def test_functions_that_call_each_other_come_to_an_end(rig: Rig) -> None:
    """Eight deep, and the last one says so."""
    assign(rig, function(then=(Action(call="greet"),)))
    call(rig)
    rig.run(30)
    assert [one.depth for one in rig.messages(Result)] == list(range(9))
    assert "have called each other" in rig.messages(Result)[-1].reason


def test_a_publication_reaches_its_broker_once(rig: Rig) -> None:
    """What a success says on a topic of others carries an id, and is forgotten when the broker has it."""
    assign(rig, function(then=(Action(publish="home/door", retain=True), Action(publish="home/x", value={"a": 1}))))
    call(rig)
    rig.run(5)
    assert rig.posted == [
        Packet("home/door", b"on", (("id", "call-1-0"),), 1, retain=True),
        Packet("home/x", b'{"a":1}', (("id", "call-1-1"),), 1),
    ]
    assert len(rig.node.publications) == 0


@pytest.mark.parametrize("crash", [False, True])
def test_a_publication_waits_for_its_broker(rig: Rig, crash: bool) -> None:
    """Without a link, also over a power cut, it is kept, and said when there is one."""
    assign(rig, function(then=(Action(publish="home/door"),)))
    call(rig)
    rig.run(0.2)
    rig.cut()
    rig.run(5)
    assert rig.posted == []
    if crash:
        rig.cut_power()
    rig.mend()
    rig.run(10)
    assert [packet.payload for packet in rig.posted] == [b"on"]
    assert len(rig.node.publications) == 0


def test_a_publication_waits_for_room(rig: Rig) -> None:
    """A window that is full delays it."""
    assign(rig, function(then=(Action(publish="home/door"),)))
    rig.is_crowded = True
    call(rig)
    rig.run(5)
    assert len(rig.node.publications) == 1
    rig.is_crowded = False
    rig.run(2)
    assert len(rig.posted) == 1


def test_a_publication_that_is_refused_is_dropped_and_told(rig: Rig) -> None:
    """The broker's access rules forbid it: it holds up nothing, and the status names the topic."""
    rig.refuses = "not authorized"
    assign(rig, function(then=(Action(publish="home/door"),)))
    call(rig)
    rig.run(5)
    assert len(rig.node.publications) == 0
    assert any("home/door" in reason and "not authorized" in reason for reason in rig.status().reasons)


def test_a_publication_is_no_longer_than_what_is_handed_on(rig: Rig) -> None:
    """Half a document would mislead, so nothing is said, and the result says why."""
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.1, answer=lambda *_: "x" * 20_000))
    assign(rig, function(then=(Action(publish="home/door"),)))
    call(rig)
    rig.run(5)
    assert rig.posted == []
    assert "20000 characters are too many for 'home/door'" in result(rig).reason


def test_publications_are_bounded(rig: Rig) -> None:
    """When there is no room, the oldest goes, counted."""
    rig.node.limits = Limits(publications=2)
    assign(rig, function(then=(Action(publish="home/door"),), concurrency=9))
    for number in range(3):
        call(rig, number)
    rig.run(0.1)
    rig.cut()
    rig.run(5)
    assert list(rig.node.publications) == ["call-1-0", "call-2-0"]
    assert rig.node.counts["publications", "dropped"] == 1


# Results.


def test_a_cut_output_says_so_also_in_a_success(rig: Rig) -> None:
    """The adapter says where it cut, and what follows is told beside it."""
    assign(rig, function("hang", then=(Action(set="siren", value="on"),)))
    call(rig, 1, "hang")
    rig.run(1)
    rig.loop.inbox.put(RunEnded("call-1", 1, 0, output="x", reason="the output was cut after 262144 of 300000 bytes"))
    rig.run(1)
    assert result(rig).status is DONE
    assert "cut after 262144 of 300000 bytes; stack porch has no actuator" in result(rig).reason


@pytest.mark.parametrize("character", ["x", "\n", "ä", "\x01", "\U0001f600"])
def test_a_whole_output_fits_into_its_result(character: str) -> None:
    """256 KiB of text travel; what JSON makes much longer is cut to what fits, and says so."""
    output = character * (256 * 1024 // len(character.encode()))
    made = results.fitting(Result("i", NAME, "porch", "greet", DONE, 1, output=output, error="e" * 8192))
    packet = pack(ResultTopic(FLEET, NAME, "i"), made)
    assert isinstance(packet, Packet)
    assert output.startswith(made.output)
    assert ("cut" in made.reason) == (made.output != output)
    if character == "\x01":
        assert RUN_BYTES - 8 < len(packet.payload) <= RUN_BYTES
    else:
        assert made.output == output


def test_a_failure_of_its_own_carries_what_it_was_called_with(rig: Rig) -> None:
    """Nobody else knows it; what the controller sent it knows itself."""
    assign(rig, function(then=(Action(call="fail", value="the body"),)), function("fail"))
    call(rig)
    rig.send(
        InvocationTopic(FLEET, NAME, "call-7"), Invocation("call-7", "porch", "fail", {"id": "e"}, "sent", epoch=1)
    )
    rig.run(5)
    failed = {one.cause: one for one in rig.messages(Result) if one.status is FAILED}
    assert (failed["call-1"].body, failed["call-1"].attributes["depth"]) == ("the body", "1")
    assert (failed["e"].body, failed["e"].attributes) == ("", {})


def test_the_lines_follow_whatever_changes_the_runs(rig: Rig) -> None:
    """Whoever puts or drops a run directly is seen at the next asking."""
    assign(rig, function("hang"))
    call(rig, 1, "hang")
    rig.run(1)
    (run,) = rig.node.lines.of(rig.node.runs, ("porch", "hang"))
    assert run.state is State.DISPATCHED
    rig.node.runs.put("other", replace(run, id="other"))
    assert [one.id for one in rig.node.lines.of(rig.node.runs, ("porch", "hang"))] == ["call-1", "other"]
    rig.node.runs.drop("call-1")
    assert [one.id for one in rig.node.lines.of(rig.node.runs, ("porch", "hang"))] == ["other"]
