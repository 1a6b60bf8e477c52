"""Docker Compose's words at the terminal: up, down, config, diff, scale, restart, pull; their flags, output and exit codes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from protocol.operator import DiffRow, ManifestFault, OperatorOrder, OrderVerb, StackRow, StackStatus, Verdict
from protocol.reading import document
from protocol.topics import ManifestTopic, StackStatusTopic, Topic
from tests.fakes.session import FakeSession, no, operate, packet, yes

ROOT = Path(__file__).parents[2]
BASE = "services:\n  web:\n    image: ${IMAGE}\n    build: .\n  debug: {image: 'debug:1', profiles: [debug]}\n"
OVER = "services:\n  web: {environment: [WHERE]}\n  db: {image: 'db:1', deploy: {replicas: 2}}\n"
RESOLVED = """\
name: porch
services:
  web:
    image: web:1
    environment:
      WHERE: shed
  db:
    image: db:1
    deploy:
      replicas: 2
"""
WARNING = "warning: compose.yaml:4:5: services.web.build: 'build' is passed over; nodes pull web:1"


@pytest.fixture(autouse=True)
def porch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory `porch` with a project of two files and variables, and the terminal in it."""
    directory = tmp_path / "porch"
    directory.mkdir()
    (directory / "compose.yaml").write_text(BASE)
    (directory / "compose.override.yaml").write_text(OVER)
    (directory / ".env").write_text("IMAGE=web:1\nWHERE=shed\n")
    monkeypatch.chdir(directory)
    for name in ("IMAGE", "WHERE", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES"):
        monkeypatch.delenv(name, raising=False)
    return directory


def refusing(*faults: ManifestFault) -> FakeSession:
    """A controller that refuses whatever is published as `porch`."""

    def reply(_topic: Topic, message: bytes) -> list[Any]:
        digest = hashlib.sha256(message).hexdigest()[:12]
        return [
            packet(StackStatusTopic("default", "porch"), StackStatus("porch", Verdict.REFUSED, digest, faults=faults))
        ]

    return FakeSession(reply=reply)


@pytest.mark.parametrize("word", ["up", "apply"])
def test_up_publishes_the_resolved_project(word: str) -> None:
    """Without any option: the directory's files, merged, with their variables; told what is done otherwise."""
    session = FakeSession()
    done = operate(session, word, "-d")
    assert session.said == [(ManifestTopic("default", "porch"), RESOLVED.encode())]
    assert done.stderr.splitlines()[:2] == [WARNING, "porch: published to fleet 'default'"]


def test_up_takes_composes_flags(porch: Path) -> None:
    """Files, name, profile, variables and detachment, as Compose spells them."""
    (porch / "other.env").write_text("IMAGE=web:2\nWHERE=attic\n")
    session = FakeSession()
    words = ["-f", "compose.yaml", "-p", "attic", "--profile", "debug", "--env-file", "other.env", "--detach"]
    operate(session, "up", *words)
    topic, payload = session.said[0]
    found = document.read(payload)
    assert topic == ManifestTopic("default", "attic")
    assert isinstance(found, document.Document)
    expected = {"web": {"image": "web:2"}, "debug": {"image": "debug:1"}}
    assert found.content == {"name": "attic", "services": expected}


def test_a_fault_ends_in_1_before_anything_is_published(porch: Path) -> None:
    """Every fault has its own file and line; with JSON the file is said, too."""
    (porch / "compose.override.yaml").write_text("services:\n  db:\n    imag: db\n  web: {user: $1}\n")
    session = FakeSession()
    done = operate(session, "up")
    assert (done.exit_code, session.said, session.dialled) == (1, [], [])
    assert done.stderr.startswith("compose.override.yaml:4:9: services.web.user: a $ names no variable in '$1'")
    said = json.loads(operate(session, "up", "-o", "json").stdout)
    assert (said["verdict"], said["faults"][0]["file"], said["faults"][0]["line"]) == (
        "refused",
        "compose.override.yaml",
        4,
    )


def test_a_refusal_of_the_controller_names_what_was_written() -> None:
    """The controller speaks of lines of the resolved document; the operator reads his own files' lines."""
    fault = ManifestFault("only two nodes fit", "services.db.deploy.replicas", 10, 7, "add one")
    done = operate(refusing(fault, ManifestFault("no such registry", "services.web.image", 4, 5)), "up")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-2:] == [
        "compose.override.yaml:3:32: services.db.deploy.replicas: only two nodes fit; add one",
        "compose.yaml:3:5: services.web.image: no such registry",
    ]


def test_config_prints_what_up_publishes() -> None:
    """The very bytes on standard output, without a broker."""
    done = operate(FakeSession(unreachable="connection refused"), "config")
    assert (done.exit_code, done.stdout, done.stderr) == (0, RESOLVED, f"{WARNING}\n")


@pytest.mark.parametrize(
    ("flags", "lines"),
    [(["--services"], ["db", "web"]), (["--images"], ["db:1", "web:1"]), (["--quiet"], []), (["-q"], [])],
)
def test_config_prints_parts(flags: list[str], lines: list[str]) -> None:
    """Names or images, a line each, or a list in JSON; quiet is for the exit code alone."""
    done = operate(FakeSession(), "config", *flags)
    assert (done.exit_code, done.stdout.splitlines()) == (0, lines)
    if lines:
        assert json.loads(operate(FakeSession(), "config", *flags, "-o", "json").stdout) == lines


def test_config_prints_a_hash_that_follows_what_runs(porch: Path) -> None:
    """Another image is another revision; another number of tasks is not."""

    def hashes() -> list[str]:
        return operate(FakeSession(), "config", "--hash").stdout.splitlines()

    before = hashes()
    (porch / "compose.override.yaml").write_text(OVER.replace("replicas: 2", "replicas: 3"))
    assert hashes() == before
    (porch / ".env").write_text("IMAGE=web:2\nWHERE=shed\n")
    after = hashes()
    assert (after[0], after[1] != before[1]) == (before[0], True)
    assert [line.split()[0] for line in after] == ["db", "web"]


def test_config_in_json_is_the_document() -> None:
    """What a program reads is what is published."""
    done = operate(FakeSession(), "config", "-o", "json")
    found = document.read(RESOLVED.encode())
    assert isinstance(found, document.Document)
    assert json.loads(done.stdout) == found.content


def test_config_with_faults_ends_in_1(porch: Path) -> None:
    """Its exit code says whether `up` would publish."""
    (porch / "compose.override.yaml").write_text("services: {web: {imag: x}}\n")
    done = operate(FakeSession(), "config", "-q")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "compose.override.yaml:1:18: services.web.imag: " in done.stderr


ROWS = [
    DiffRow("pi-1", "service web", "update", ("image: web:1 to web:2",)),
    DiffRow("pi-2", "service web", "keep"),
    DiffRow("pi-2", "service db", "add"),
]


def test_diff_asks_the_controller_and_shows_what_would_change() -> None:
    """The whole document goes with the question; what stays is not shown; changes end in 1."""
    session = FakeSession(answers={OrderVerb.DIFF: yes([asdict(row) for row in ROWS])})
    done = operate(session, "diff")
    assert session.orders == [OperatorOrder(OrderVerb.DIFF, "porch", {"manifest": RESOLVED})]
    assert done.exit_code == 1
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NODE", "CHANGE", "WHAT", "DETAILS"],
        ["pi-1", "update", "service", "web", "image:", "web:1", "to", "web:2"],
        ["pi-2", "add", "service", "db", "-"],
    ]
    assert (session.said, "bramble:" in done.stderr) == ([], False)


def test_diff_in_json_has_every_row() -> None:
    """Also what stays; the exit code is the same."""
    session = FakeSession(answers={OrderVerb.DIFF: yes([asdict(row) for row in ROWS])})
    done = operate(session, "diff", "-o", "json")
    assert (done.exit_code, len(json.loads(done.stdout))) == (1, 3)


def test_diff_without_changes_is_0() -> None:
    """Nothing to do, and it says so."""
    session = FakeSession(answers={OrderVerb.DIFF: yes([asdict(ROWS[1])])})
    done = operate(session, "diff")
    assert (done.exit_code, done.stdout) == (0, "porch: nothing would change\n")


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (FakeSession(answers={OrderVerb.DIFF: no("this controller knows no diff")}), 2),
        (FakeSession(unreachable="connection refused"), 6),
        (FakeSession(), 5),
    ],
)
def test_diff_that_cannot_be_found_out_is_more_than_1(session: FakeSession, code: int) -> None:
    """A script tells "it would change" from "nobody knows"."""
    assert operate(session, "diff").exit_code == code


def test_diff_of_a_manifest_with_faults_is_2(porch: Path) -> None:
    """The faults are shown as everywhere; the exit code is not that of a change."""
    (porch / "compose.override.yaml").write_text("services: {web: {imag: x}}\n")
    done = operate(FakeSession(), "diff")
    assert (done.exit_code, "services.web.imag" in done.stderr) == (2, True)


def row(name: str) -> dict[str, object]:
    """A stack in the answer to `stacks`, as JSON brings it."""
    return asdict(StackRow(name, Verdict.ACCEPTED, "rev1", True, 1, 0, 0))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["down"], "porch"),
        (["down", "attic"], "attic"),
        (["down", "-f", "compose.yaml"], "porch"),
        (["down", "-p", "attic"], "attic"),
        (["rm", "attic"], "attic"),
    ],
)
def test_down_removes_the_stack_that_up_would_publish(words: list[str], name: str, porch: Path) -> None:
    """Named, or found by its files, which may be wrong by now."""
    (porch / "compose.yaml").write_text("services: {web: {imag: $1}}\n")
    session = FakeSession(answers={OrderVerb.STACKS: [yes([row(name)]), yes([])]})
    done = operate(session, *words)
    assert (done.exit_code, done.stdout) == (0, f"{name}: removed\n")
    assert session.said == [(ManifestTopic("default", name), b"")]


@pytest.mark.parametrize(
    ("words", "orders"),
    [
        (["scale", "web=3"], [("porch.web", 3)]),
        (["scale", "web=3", "db=0"], [("porch.web", 3), ("porch.db", 0)]),
        (["scale", "web=3", "--stack", "attic"], [("attic.web", 3)]),
        (["scale", "shop.web=3", "db=1"], [("shop.web", 3), ("porch.db", 1)]),
        (["scale", "web=1", "-f", "compose.yaml"], [("porch.web", 1)]),
    ],
)
def test_scale_orders_a_number_for_each_service(words: list[str], orders: list[tuple[str, int]]) -> None:
    """The stack is said with the service, by the option, or by the files of the directory."""
    session = FakeSession(answers={OrderVerb.SCALE: yes(message="")})
    done = operate(session, *words)
    assert done.exit_code == 0
    assert session.orders == [OperatorOrder(OrderVerb.SCALE, name, {"replicas": number}) for name, number in orders]
    assert done.stdout.splitlines() == [f"{name}: {number} wanted" for name, number in orders]


def test_scale_of_a_named_stack_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of any project, STACK.SERVICE is enough; a service alone is wrong usage."""
    monkeypatch.chdir(tmp_path)
    session = FakeSession(answers={OrderVerb.SCALE: yes(message="porch.web: 1 of 3 running")})
    done = operate(session, "scale", "porch.web=3")
    assert (done.exit_code, done.stdout) == (0, "porch.web: 1 of 3 running\n")
    lost = operate(session, "scale", "web=3")
    assert (lost.exit_code, "there is no compose.yaml here" in lost.stderr) == (2, True)


@pytest.mark.parametrize("wish", ["web", "web=", "web=x", "=3", "web=-1", "web=1.5", "web=12345678"])
def test_a_wish_without_a_number_is_wrong_usage(wish: str) -> None:
    """Nothing is ordered, not even of the wishes before it."""
    session = FakeSession(answers={OrderVerb.SCALE: yes()})
    done = operate(session, "scale", "db=1", "--", wish)
    assert (done.exit_code, session.orders) == (2, [])
    assert "is not SERVICE=NUMBER" in done.stderr


@pytest.mark.parametrize(("word", "verb"), [("restart", OrderVerb.RESTART), ("pull", OrderVerb.PULL)])
@pytest.mark.parametrize("target", ["porch", "porch.web"])
def test_restart_and_pull_name_a_stack_or_a_service(word: str, verb: OrderVerb, target: str) -> None:
    """What the controller says of it is printed; JSON has the order, its target and the answer."""
    session = FakeSession(answers={verb: yes({"moved": 1}, "two tasks to go")})
    done = operate(session, word, target)
    assert (done.exit_code, done.stdout) == (0, "two tasks to go\n")
    assert session.orders == [OperatorOrder(verb, target)]
    said = json.loads(operate(session, word, target, "-o", "json").stdout)
    assert said == [{"target": target, "order": word, "message": "two tasks to go", "result": {"moved": 1}}]


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["restart", "attic"], OrderVerb.RESTART),
        (["pull", "attic"], OrderVerb.PULL),
        (["scale", "a.b=1"], OrderVerb.SCALE),
    ],
)
def test_a_stack_that_nobody_has_is_3(words: list[str], verb: OrderVerb) -> None:
    """As for every command about something that does not exist."""
    done = operate(FakeSession(answers={verb: no("the fleet has no stack 'attic'", "not-found")}), *words)
    assert (done.exit_code, done.stderr) == (3, "bramble: the fleet has no stack 'attic'\n")


@pytest.mark.parametrize(
    "words",
    [
        ["down", "porch", "-f", "compose.yaml"],
        ["down", "porch", "-p", "attic"],
        ["config", "--services", "--images"],
        ["config", "-q", "--hash"],
        ["restart"],
        ["pull"],
        ["scale"],
        ["rm"],
    ],
)
def test_words_that_exclude_each_other_are_wrong_usage(words: list[str]) -> None:
    """Nothing is chosen silently."""
    session = FakeSession()
    done = operate(session, *words)
    assert (done.exit_code, session.orders, session.said) == (2, [], [])
    assert "Usage:" in done.stderr


def test_the_project_may_come_from_standard_input() -> None:
    """With a name of its own; relative files start from the working directory."""
    given = b"name: porch\nservices: {web: {image: '${IMAGE}', env_file: .env}}\n"
    done = operate(FakeSession(), "config", "-f", "-", given=given)
    assert done.exit_code == 0
    assert (
        done.stdout
        == "name: porch\nservices:\n  web:\n    image: web:1\n    environment:\n      IMAGE: web:1\n      WHERE: shed\n"
    )


def test_the_schema_needs_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anywhere it prints the very schema of the documentation; beside what asks for a project it is wrong usage."""
    monkeypatch.chdir(tmp_path)
    done = operate(FakeSession(unreachable="connection refused"), "config", "--schema")
    assert (done.exit_code, done.stdout) == (0, (ROOT / "docs/manifest.schema.json").read_text())
    for more in (("-q",), ("-f", "a.yaml"), ("--profile", "x")):
        assert operate(FakeSession(), "config", "--schema", *more).exit_code == 2
