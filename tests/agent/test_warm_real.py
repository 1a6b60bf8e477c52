"""Warm functions on a real Docker Engine: HTTP over TCP and over a unix socket, what answers mean, and what is left of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from agent.decide.effects import Remove, Run, Stop, Warm
from agent.decide.inputs import Done, EngineSeen, GiveUp, InstanceSeen, Phase, Retry, RunEnded
from agent.decide.instance import key_of
from protocol.container import Container
from protocol.function import FunctionSpec, Transport
from tests.fakes.engines import RealWorld
from tests.fakes.warm_box import LOUD_BYTES, Inside, box, function

pytestmark = pytest.mark.lab

SOON_S = 20.0
ATTRIBUTES = (("id", "e-1"), ("subject", "Türe 1"), ("type", "pressed"))


@pytest.fixture(scope="module")
def inside(real_world: RealWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """An agent on the host, and an engine that has the image."""
    real_world.clear()
    real_world.host.docker("pull", "--quiet", real_world.image("well"))
    made = Inside(real_world.host, tmp_path_factory.mktemp("warm"))
    yield made
    made.close()


@pytest.fixture(scope="module", params=[Transport.HTTP, Transport.SOCKET])
def warm(request: pytest.FixtureRequest, inside: Inside, real_world: RealWorld) -> Iterator[FunctionSpec]:
    """A warm function that is ready, over either transport; without any network where it needs none."""
    mode = "none" if request.param is Transport.SOCKET else ""
    made = function(box(real_world.image("well"), network_mode=mode), request.param)
    assert isinstance(warmed(inside, made), Done)
    yield made
    end(inside, made)


def warmed(inside: Inside, made: FunctionSpec) -> object:
    return inside.do(lambda: inside.engine.perform(Warm(key_of(made, 1), made, 1)))


def end(inside: Inside, made: FunctionSpec) -> None:
    for seen in instances(inside):
        inside.do(lambda seen=seen: inside.engine.perform(Stop(seen.key, seen.id, 0.0)))  # type: ignore[misc]
        inside.do(lambda seen=seen: inside.engine.perform(Remove(seen.key, seen.id)))  # type: ignore[misc]


def ask(inside: Inside, made: FunctionSpec, body: str, timeout_s: float = 10.0) -> RunEnded:
    step = Run("i1", "i1", 2, replace(made, timeout_s=timeout_s), ATTRIBUTES, body, None, key_of(made, 1))
    return inside.do(lambda: inside.engine.run(step))


def instances(inside: Inside) -> tuple[InstanceSeen, ...]:
    return shown(inside.engine.look())


def shown(seen: object) -> tuple[InstanceSeen, ...]:
    assert isinstance(seen, EngineSeen)
    return seen.instances


def test_the_body_goes_in_and_the_output_comes_out(inside: Inside, warm: FunctionSpec) -> None:
    """A warm function reads the event and its answer is its result, letters of all scripts and long bodies included."""
    ended = ask(inside, warm, "Grüße, 世界\n")
    assert (ended.exit_code, ended.output, ended.error, ended.reason) == (0, "Grüße, 世界\n", "", "")
    body = "0123456789abcdef" * 16_000
    assert ask(inside, warm, body).output == body


def test_the_attributes_are_headers_and_the_connection_is_kept(inside: Inside, warm: FunctionSpec) -> None:
    """CloudEvents in binary mode, percent-encoded; the invocation's id and attempt; one connection for both."""
    first, second = (json.loads(ask(inside, warm, "who").output) for _ in range(2))
    headers = {name.lower(): value for name, value in first["headers"].items()}
    assert (headers["ce-id"], headers["ce-subject"]) == ("e-1", "T%C3%BCre%201")
    assert (headers["x-call-id"], headers["x-attempt"]) == ("i1", "2")
    assert first["from"] == second["from"]
    assert first["environment"]["OPENFAAS_NAME"] == "fn"


def test_what_is_no_success_is_a_failure_with_its_words(inside: Inside, warm: FunctionSpec) -> None:
    """A status beyond 2xx fails the attempt; 429 and 503 may ask for patience, in seconds or with a date."""
    ended = ask(inside, warm, "fail")
    assert (ended.exit_code, ended.error, ended.reason) == (None, "no luck", "it answered 500 Internal Server Error")
    assert ended.retry_after_s is None
    assert ask(inside, warm, "busy").retry_after_s == 7.0
    assert ask(inside, warm, "later").retry_after_s == 30.0


def test_output_in_chunks_and_without_end_is_read(inside: Inside, warm: FunctionSpec) -> None:
    """Chunks are put together; what is more than a result holds is cut and says so; the connection stays good."""
    assert ask(inside, warm, "stream").output == "abcde"
    loud = ask(inside, warm, "loud")
    assert (len(loud.output), loud.exit_code) == (262_144, 0)
    assert loud.reason == f"the output was cut after 262144 of {LOUD_BYTES} bytes"
    assert ask(inside, warm, "still there").output == "still there"


def test_one_that_hangs_is_told_and_others_are_answered(inside: Inside, warm: FunctionSpec) -> None:
    """The timeout ends the waiting; the instance is another step's business."""
    ended = ask(inside, warm, "hang", timeout_s=0.3)
    assert (ended.exit_code, ended.timed_out, ended.reason) == (None, True, "killed after its timeout of 0.3 s")
    assert ask(inside, warm, "hello").output == "hello"


def test_a_look_shows_it_and_a_new_agent_meets_it(inside: Inside, warm: FunctionSpec, real_world: RealWorld) -> None:
    """It is known by its labels; making it again makes nothing, and it is asked through the same door."""
    (seen,) = instances(inside)
    assert (seen.key, seen.phase, seen.health) == (key_of(warm, 1), Phase.RUNNING, "")
    again = Inside(real_world.host, inside.engine._warm.directory)
    try:
        assert isinstance(warmed(again, warm), Done)
        assert ask(again, warm, "hello").output == "hello"
        assert [one.id for one in instances(again)] == [seen.id]
    finally:
        again.close()


def test_what_is_removed_leaves_nothing(inside: Inside, real_world: RealWorld) -> None:
    """Container and directory go, and whoever asks then is told that it is not there."""
    made = replace(function(box(real_world.image("well"), network_mode="none"), Transport.SOCKET), name="gone")
    assert isinstance(warmed(inside, made), Done)
    folder: Path = inside.engine._warm.directory
    before = set(folder.iterdir())
    (seen,) = (one for one in instances(inside) if one.function == "gone")
    real_world.host.docker("kill", seen.id)
    broken = ask(inside, made, "hello")
    assert (broken.exit_code, broken.is_cut_off) == (None, True)
    assert isinstance(inside.do(lambda: inside.engine.perform(Remove(seen.key, seen.id))), Done)
    assert len(before - set(folder.iterdir())) == 1
    assert ask(inside, made, "hello").reason == "its instance is not there"
    assert all(one.function != "gone" for one in instances(inside))


def test_one_that_ends_at_once_is_given_up_with_its_last_words(inside: Inside, real_world: RealWorld) -> None:
    """What cannot become ready says why."""
    made = replace(
        function(Container(real_world.image("well"), command=("sh", "-c", "echo no luck; exit 3"))), name="brief"
    )
    outcome = warmed(inside, made)
    assert isinstance(outcome, GiveUp)
    assert outcome.reason == "it ended with exit code 3 before it was ready: no luck"
    end(inside, made)


def test_one_whose_server_is_not_up_yet_is_asked_until_it_is(inside: Inside, real_world: RealWorld) -> None:
    """OpenFaaS's of-watchdog is well before the server behind it listens; the first call waits, a later failure is one."""
    made = replace(function(box(real_world.image("well"), environment={"BEHIND": "5"})), name="behind")
    assert isinstance(warmed(inside, made), Done)
    assert ask(inside, made, "hello").output == "hello"
    assert ask(inside, made, "unreached").reason == "it answered 500 Internal Server Error"
    assert ask(inside, made, "hello").output == "hello"
    end(inside, made)


@pytest.mark.parametrize(("path", "asked"), [("", ["/_/health", *["who"] * 4]), ("/up", [*["/_/ready"] * 4, "who"])])
def test_a_function_says_itself_when_it_is_ready(
    inside: Inside, real_world: RealWorld, path: str, asked: list[str]
) -> None:
    """Where OpenFaaS's `ready_path` names where, the watchdog asks it there; without it the first call is made again."""
    environment = {"BEHIND": "3", "ready_path": path}
    made = replace(function(box(real_world.image("well"), environment=environment)), name="slow")
    assert isinstance(warmed(inside, made), Done)
    assert json.loads(ask(inside, made, "who").output)["asked"] == asked
    end(inside, made)


def test_a_failure_of_the_server_itself_is_no_such_answer(inside: Inside, real_world: RealWorld) -> None:
    """Or it would be called again and again, though nobody has asked for that."""
    made = replace(function(box(real_world.image("well"))), name="bare")
    assert isinstance(warmed(inside, made), Done)
    assert ask(inside, made, "bare").reason == "it answered 500 Internal Server Error"
    assert json.loads(ask(inside, made, "who").output)["asked"] == ["/_/health", "bare", "who"]
    end(inside, made)


def test_a_call_that_ends_its_server_has_begun(inside: Inside, real_world: RealWorld) -> None:
    """Also the first one, which would else use up no attempt and end one instance after the other."""
    made = replace(function(box(real_world.image("well"))), name="fragile")
    assert isinstance(warmed(inside, made), Done)
    ended = ask(inside, made, "doomed")
    assert (ended.is_cut_off, ended.is_unbegun) == (True, False)
    end(inside, made)


def test_one_that_dies_after_it_was_ready_is_made_anew_and_nobody_else_has_failed(
    inside: Inside, real_world: RealWorld
) -> None:
    """It is no instance that cannot become ready: who waits for it waits for the next one."""
    made = replace(function(box(real_world.image("well"))), name="mortal")
    assert isinstance(warmed(inside, made), Done)
    assert ask(inside, made, "die").is_cut_off
    assert warmed(inside, made) == Retry("it ended with exit code 3", 1.0)
    assert isinstance(warmed(inside, made), Done)
    assert ask(inside, made, "hello").output == "hello"
    end(inside, made)


def test_one_that_ends_is_seen_as_soon_as_the_engine_says_so(inside: Inside, real_world: RealWorld) -> None:
    """Docker's list is a moment behind its events, and nothing else would make anybody look."""
    made = replace(function(box(real_world.image("well"))), name="brittle")
    assert isinstance(warmed(inside, made), Done)
    other, looks = Inside(real_world.host, inside.engine._warm.directory), Queue[object]()
    try:
        other.engine.events(lambda: looks.put(other.engine.look()))  # nobody can look sooner
        (seen,) = shown(looks.get(timeout=SOON_S))
        assert seen.phase is Phase.RUNNING
        real_world.host.docker("kill", seen.id)
        assert [one.phase for one in shown(looks.get(timeout=SOON_S))] == [Phase.EXITED]
    finally:
        other.close()
    end(inside, made)
