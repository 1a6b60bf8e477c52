"""What the command line costs before it does anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from cli.commands import app
from tests.fakes.session import FakeSession, operate

OURS = ("rich.table", "rich.console", "paho", "ruamel.yaml", "link.session", "protocol.operator")
MODELS = ("pydantic", "pydantic_core")

LOOK = f"""
import sys, json
from cli.__main__ import main
sys.argv = ["bramble", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit:
    pass
print(json.dumps([name for name in {OURS + MODELS!r} if name in sys.modules]))
"""


def imported(*words: str) -> list[str]:
    """Run `bramble WORDS` in a process of its own; which of the heavy modules it imported."""
    run = subprocess.run([sys.executable, "-c", LOOK, json.dumps(words)], capture_output=True, text=True, check=True)
    assert "Usage:" in run.stdout
    found: list[str] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_help_imports_nothing_heavy() -> None:
    """Help does without the models, the tables and the link, so it is quick on a Pi."""
    assert imported("--help") == []


@pytest.mark.parametrize("words", [["apply", "--help"], ["up", "--help"], ["node", "drain", "--help"]])
def test_the_help_of_a_command_imports_none_of_its_work(words: list[str]) -> None:
    """A command's help costs what Typer itself needs (pydantic, in its newer versions) and nothing of ours."""
    assert not set(imported(*words)) & set(OURS)


def test_help_names_every_command() -> None:
    """Each command of the issue has its line in the help."""
    shown = operate(FakeSession(), "--help").stdout
    words = [
        "up",
        "down",
        "apply",
        "rm",
        "config",
        "diff",
        "plan",
        "scale",
        "restart",
        "pull",
        "pin",
        "unpin",
        "rollout",
        "stacks",
        "services",
        "ps",
        "nodes",
        "node",
        "explain",
        "status",
        "events",
        "invoke",
        "functions",
        "pins",
        "version",
    ]
    assert all(f"\n  {word} " in shown for word in words), shown


def test_every_command_shares_the_same_options() -> None:
    """Where the broker is and how to print can be said after any command."""
    for found in app.registered_commands:
        shown = operate(FakeSession(), str(found.name), "--help").stdout
        assert all(option in shown for option in ("--output", "--broker", "--fleet", "--timeout")), found.name


def test_version_needs_no_broker() -> None:
    """The version is printed while nothing is reachable."""
    done = operate(FakeSession(unreachable="connection refused"), "version", "-o", "json")
    assert done.exit_code == 0
    assert set(json.loads(done.stdout)) == {"version"}


def test_a_shell_completes_commands_and_their_values() -> None:
    """Bash asks by environment and gets the words that may follow."""
    for words, place, expected in (
        ("bramble sta", 1, {"stacks", "status"}),
        ("bramble nodes -o ", 3, {"table", "wide", "json"}),
    ):
        asked = {"_BRAMBLE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        command = [sys.executable, "-c", "from cli.commands import app; app(prog_name='bramble')"]
        run = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
        assert set(run.stdout.split()) == expected
