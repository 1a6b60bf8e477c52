"""What the pages show works: each manifest is accepted, and each command exists with the options that it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cli.commands import app
from cli.output import fault_line
from cli.project import Asked, load

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "manifests").glob("*.yaml")])
PARTS = ("agent", "cli", "controller", "link", "protocol", "sensors", "sim")
CODE = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))

SIMULATOR = "sim"

FILES = {"api-key": "s3cret", "greet.py": "def handle(event, context):\n    return event.body\n"}
"""What examples of manifests read beside them."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`bramble\s([^`]+)`")
_TYPED = re.compile(r"^(?:\$ )?bramble (.+)$", re.MULTILINE)
_MORE_LINES = re.compile(r"\\\n\s*")


def manifests() -> Iterator[tuple[str, str]]:
    """Each YAML block of a page, and where it begins."""
    for page in PAGES:
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            if found[1] == "yaml":
                yield f"{page.name}:{text.count(chr(10), 0, found.start()) + 1}", found[2]


def commands() -> Iterator[tuple[str, str]]:
    """Each `bramble …` of the pages and of what the code says, and the file it stands in."""
    for path in (*PAGES, *CODE):
        text = path.read_text()
        typed = [line for _, block in _BLOCK.findall(text) for line in _TYPED.findall(_MORE_LINES.sub("", block))]
        for words in (*_QUOTED.findall(text), *typed):
            yield path.name, " ".join(words.split())


def objection(words: str) -> str:
    """What is wrong with the words after `bramble`; empty if nothing is. Arguments are taken as they are."""
    command = typer.main.get_command(app)
    for word in shlex.split(words.replace("'", ""), comments=True):
        names = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        if (
            word == SIMULATOR and command.name == "bramble"
        ):  # it joins the app in `cli.__main__`, and reads its options itself
            return ""
        if word.startswith("-") and word != "-":
            if word not in names and word not in {"--help", "--install-completion"}:
                return f"bramble {words}: {command.name} has no option {word}"
        elif (below := getattr(command, "commands", None)) is not None:
            if word == "…":
                return ""
            if word not in below:
                return f"bramble {words}: {command.name} has no command {word}"
            command = below[word]
    return ""


@pytest.mark.parametrize("block", [pytest.param(text, id=place) for place, text in manifests()])
def test_a_manifest_of_a_page_is_accepted(block: str, tmp_path: Path) -> None:
    """Whoever copies an example may publish it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "page.yaml").write_text(block)
    project = load(Asked(("page.yaml",)), {}, tmp_path)
    stack = project.stack()
    assert [fault_line(found.file, found.fault) for found in project.findings.faults] == []
    assert stack is not None


def test_every_command_that_is_named_exists() -> None:
    """No page and no message sends people to a command, or an option, that is not there."""
    named = list(commands())
    assert len(named) > 100, "the pages are no longer read"
    assert [f"{place}: {wrong}" for place, words in named if (wrong := objection(words))] == []
