"""A `stack.yml` of OpenFaaS as it stands, on a real engine: its image, its environment, its secrets, its limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.decide.effects import Remove, Run, Stop, Warm
from agent.decide.inputs import Done, EngineSeen, RunEnded
from agent.decide.instance import key_of
from cli.project import Asked, load
from lab.images import archive
from protocol.function import FunctionSpec
from protocol.stack import Stack
from tests.fakes.warm_box import Inside
from tests.fakes.watchdog import watchdog

pytestmark = pytest.mark.lab

HANDLER = """#!/bin/sh
read word
echo "$word $1 $greeting $(cat /var/openfaas/secrets/key) $Http_ce_type"
[ "$word" != fail ] || { echo no luck >&2; exit 3; }
"""
STACK = """\
version: 1.0
provider: {name: openfaas, gateway: "http://127.0.0.1:8080"}
functions:
  shout:
    lang: dockerfile
    handler: ./shout
    image: shout:1
    fprocess: handler $greeting
    environment: {greeting: hello}
    environment_file: [env.yml]
    secrets: [key]
    limits: {memory: 64Mi, cpu: 500m}
    readonly_root_filesystem: true
"""


@pytest.fixture
def shout(inside: Inside, tmp_path: Path) -> Iterator[FunctionSpec]:
    """The function of the file, ready."""
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "key").write_text("hush")
    (tmp_path / "env.yml").write_text("environment:\n  greeting: good morning\n")
    (tmp_path / "stack.yml").write_text(STACK)
    stack = load(Asked(("stack.yml",)), {}, tmp_path).stack()
    assert isinstance(stack, Stack)
    made = stack.functions["shout"].spec
    inside.host.docker("load", "--quiet", given=archive(watchdog("shout", HANDLER), "shout:1"))
    warm = Warm(key_of(made, 1), made, 1)
    assert isinstance(inside.do(lambda: inside.engine.perform(warm)), Done)
    yield made
    seen = inside.engine.look()
    assert isinstance(seen, EngineSeen)
    for one in seen.instances:
        inside.do(lambda one=one: inside.engine.perform(Stop(one.key, one.id, 0.0)))  # type: ignore[misc]
        inside.do(lambda one=one: inside.engine.perform(Remove(one.key, one.id)))  # type: ignore[misc]


def ask(inside: Inside, made: FunctionSpec, body: str) -> RunEnded:
    step = Run("i1", "i1", 1, made, (("type", "pressed"),), body, None, key_of(made, 1))
    return inside.do(lambda: inside.engine.run(step))


def test_its_functions_answer_as_they_do_there(inside: Inside, shout: FunctionSpec) -> None:
    """`fprocess` without a shell, its environment, a file of it over that, a secret, headers; a read-only root; a 500."""
    ended = ask(inside, shout, "well\n")
    assert (ended.exit_code, ended.output) == (0, "well $greeting good morning hush pressed\n")
    failed = ask(inside, shout, "fail\n")
    assert (failed.exit_code, failed.reason) == (None, "it answered 500 Internal Server Error")
    assert failed.error == "exit status 3\nfail $greeting good morning hush pressed\nno luck\n"
