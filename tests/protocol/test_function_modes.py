"""What a function may say of how it is run: a process, a handler, secrets; and what is refused because it would do nothing."""

from __future__ import annotations

import pytest

from protocol.function import FunctionSpec, Mode
from protocol.reading import stackfile
from protocol.stack import Stack

HANDLER = "def handle(event, context):\n    return event.body\n"


def read(function: str, rest: str = "") -> Stack | tuple[str, ...]:
    found = stackfile.read(f"functions:\n  f: {function}\n{rest}".encode(), "s")
    if isinstance(found, Stack):
        return found
    return tuple("; ".join(filter(None, (fault.reason, fault.remedy))) for fault in found)


def spec(function: str, rest: str = "") -> FunctionSpec:
    found = read(function, rest)
    assert isinstance(found, Stack), found
    return found.functions["f"].spec


def test_a_process_has_a_command_and_no_image() -> None:
    """A function that runs as a process says what, and gets no container."""
    made = spec("{mode: process, command: [cat], mem_limit: 64M, environment: {A: b}}")
    assert (made.mode, made.needs_engine, made.container.image) == (Mode.PROCESS, False, "")
    assert (made.container.command, made.container.memory_bytes) == (("cat",), 64 * 1024 * 1024)


def test_a_handler_is_text_of_the_manifest() -> None:
    """A handler travels with its function, and another text is another revision."""
    one = spec("{image: python:3, handler: 'def handle(event, context): return 1'}")
    other = spec("{image: python:3, handler: 'def handle(event, context): return 2'}")
    assert one.handler == "def handle(event, context): return 1"
    assert one.revision != other.revision


def test_a_function_uses_secrets_of_its_stack() -> None:
    """The text of a secret comes along; another text is another revision."""
    made = spec("{image: 'a:1', secrets: [key]}", "secrets: {key: {content: one}}")
    other = spec("{image: 'a:1', secrets: [key]}", "secrets: {key: {content: two}}")
    assert made.secrets == {"key": "one"}
    assert made.revision != other.revision


def test_placeholders_of_a_function_are_about_its_node() -> None:
    """The controller fills them in for each node; what only a task has is refused, in the environment and in a secret."""
    made = spec("{image: 'a:1', environment: {A: 'on {{.Node.Hostname}}'}}")
    assert made.container.environment == {"A": "on {{.Node.Hostname}}"}
    (fault,) = read("{image: 'a:1', environment: {A: '{{.Task.Slot}}'}}")
    assert (
        fault
        == "a function has no service and no task to be named after; take one of the node, like {{.Node.Hostname}}"
    )
    (fault,) = read("{image: 'a:1', secrets: [key]}", "secrets: {key: {content: '{{.Service.Name}}'}}")
    assert fault.startswith("the secret 'key' asks for a service or a task, and a function has neither; ")
    (fault,) = read("{image: 'a:1', environment: {A: '{{.Node.Site}}'}}")
    assert fault.startswith("'{{.Node.Site}}' is no placeholder; ")


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        ("{}", "the key 'image' is missing; add it, or write mode: process"),
        ("{mode: process}", "there is nothing to run; write command, or handler"),
        (
            "{image: 'a:1', handler: a.py}",
            "'a.py' is a file of your machine; publish it with `bramble up`, which sends what is in it"),
        ("{image: 'a:1', handler: 'x = 1'}", "it has no `handle`; write `def handle(event, context):`"),
        (
            "{image: 'a:1', command: b, handler: 'def handle(a, b): pass'}",
            "a handler is run by a runner of ours; remove command, or the handler",
        ),
        ("{image: 'a:1', secrets: [key]}", "there is no secret 'key'; add it under the top-level `secrets`"),
        *(
            (f"{{mode: process, command: a, {key}: {value}}}", f"{key} is for containers, and this function is a process: {why}")
            for key, value, why in (
                ("image", "b", "it runs what its node has; remove image, or write mode: once"),
                ("entrypoint", "b", "it has no image whose entrypoint there could be another of; write it as command"),
                ("network_mode", "none", "it has the network of its node; remove network_mode"),
                ("user", "b", "it runs as the user that its node's settings name (`process_user`); remove user"),
                ("read_only", "true", "it sees its node's files as its user does; remove read_only"),
                ("cpus", "1", "no share of the processors can be given to it; remove cpus"),
            )
        ),
    ],
)  # fmt: skip
def test_what_would_do_nothing_is_refused(function: str, fault: str) -> None:
    """Each refusal says why, and what to write instead."""
    assert read(function) == (fault,)
