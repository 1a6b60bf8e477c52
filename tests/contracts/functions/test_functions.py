"""What a function may rely on, however it is run: once, warm over TCP or a socket, as a process, and in the fakes."""

from __future__ import annotations

import json
import time

from agent.adapters.streams import OUTPUT_LIMIT_BYTES
from tests.contracts.functions.worlds import World

GONE_S = 20.0


def test_the_body_goes_in_and_the_output_comes_out(world: World) -> None:
    """Letters of all scripts and long bodies included; well is exit code 0, and nothing is said of it."""
    ended = world.call("echo", "Grüße, 世界\n")
    assert (ended.exit_code, ended.output, ended.reason, ended.timed_out) == (0, "Grüße, 世界\n", "", False)
    assert ended.duration_s > 0
    body = "0123456789abcdef" * 16_000
    assert world.call("echo", body).output == body


def test_the_event_and_the_environment_are_there(world: World) -> None:
    """A function sees what caused it, and its own settings."""
    assert json.loads(world.call("environment").output) == {"COLOUR": "red", "id": "e-1"}


def test_data_is_read_and_answered_as_json(world: World) -> None:
    """What a handler gets and gives is what JSON can say."""
    assert json.loads(world.call("data", '{"name": "Ann"}').output) == {"said": "Ann"}


def test_a_secret_is_read_by_its_name(world: World) -> None:
    """Its text, and nothing around it."""
    assert world.call("secret").output == "hush"


def test_secrets_stand_where_others_look_for_them(world: World) -> None:
    """In containers at OpenFaaS's path and at Compose's; a process has no place of its own there, and finds none of them."""
    ended = world.call("paths")
    assert (ended.output == "hushhush") is world.has_paths()
    assert (ended.exit_code == 0) is world.has_paths()


def test_a_failure_tells_what_it_was(world: World) -> None:
    """An exception and a bad status are failures; their words are the error, and there is no output."""
    for kind in ("fail", "status"):
        ended = world.call(kind)
        assert ended.exit_code != 0
        assert "no luck" in ended.error
        assert (ended.output, ended.timed_out) == ("", False)


def test_what_is_printed_is_no_output(world: World) -> None:
    """The output is the answer alone."""
    assert world.call("print", "answer").output == "answer"


def test_output_beyond_the_limit_is_cut_and_says_so(world: World) -> None:
    """256 KiB pass whole; one byte more is cut, and told."""
    full = world.call("full")
    assert (len(full.output), full.reason) == (OUTPUT_LIMIT_BYTES, "")
    loud = world.call("loud")
    assert (len(loud.output), loud.exit_code) == (OUTPUT_LIMIT_BYTES, 0)
    assert loud.reason == f"the output was cut after {OUTPUT_LIMIT_BYTES} of {OUTPUT_LIMIT_BYTES + 1} bytes"


def test_the_timeout_ends_all_of_it(world: World) -> None:
    """Also what the function has started; the next call finds a function that works."""
    ended = world.call("hang", timeout_s=1.0)
    assert (ended.exit_code, ended.timed_out, ended.reason) == (None, True, "killed after its timeout of 1 s")
    deadline_mono_s = time.monotonic() + GONE_S
    while world.hangs():
        assert time.monotonic() < deadline_mono_s
        time.sleep(0.05)
    assert world.call("echo", "well").output == "well"


def test_asked_again_the_same_run_gives_the_same_answer(world: World) -> None:
    """After a crash between the end and the commit: what has ended is told once more, a warm function is asked with the same id."""
    first, second = world.call("echo", "same"), world.again()
    assert (first.output, second.output) == ("same", "same")
    assert (second.invocation, second.attempt) == (first.invocation, first.attempt)
