"""Loading a project: what is published, under which name, with which variables, and where its faults are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.errors import CommandError
from cli.project import Asked, load, name_alone
from cli.written import written
from protocol.delivery import MANIFEST_BYTES
from protocol.reading import document
from protocol.reading.interpolation import escaped
from tests.cli.projects import WEB, content, faults, loaded, warnings

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["$X", "${X:-d}", "$$", "a: b", "1"]
)
SERVICES = st.fixed_dictionaries(
    {"image": NAMES},
    optional={
        "environment": st.dictionaries(NAMES, TEXTS, max_size=3),
        "labels": st.dictionaries(NAMES, TEXTS, max_size=3),
        "command": st.lists(TEXTS, max_size=3),
        "user": TEXTS,
        "read_only": st.booleans(),
        "x-note": TEXTS,
    },
)
STACKS = st.fixed_dictionaries(
    {"services": st.dictionaries(NAMES, SERVICES, min_size=1, max_size=3)}, optional={"name": NAMES}
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STACKS)
def test_a_plain_document_is_published_byte_for_byte(tmp_path: Path, stack: dict[str, Any]) -> None:
    """Whatever uses no variable and names no other file goes out as it stands, also with doubled dollars in it."""
    text = f"# a comment\n{written(escaped(stack))}"
    project = loaded(tmp_path, {"porch.yaml": text})
    assert faults(project) == []
    assert project.payload == text.encode()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STACKS, STACKS)
def test_what_was_resolved_is_resolved_for_good(tmp_path: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    """The printed document, loaded again in another environment, prints the same: a fixed point."""
    files = {"a.yaml": written(first), "b.yaml": written(second)}
    once = loaded(tmp_path, files, environ={"X": "x $Y"})
    if once.findings.faults:
        return  # a text that is no variable; told, and nothing is published
    again = loaded(tmp_path, {"again.yaml": once.text}, environ={"X": "another"})
    assert faults(again) == []
    assert (again.name, again.text, again.payload) == (once.name, once.text, once.text.encode())


def test_variables_come_from_the_environment_before_the_file(tmp_path: Path) -> None:
    """The process environment wins over `.env`, which is read beside the first file."""
    files = {"porch.yaml": WEB.replace("web:1", "$A:$B"), ".env": "A=file\nB=${A}-1\n"}
    assert content(tmp_path, files)["services"]["web"]["image"] == "file:file-1"
    assert content(tmp_path, files, environ={"A": "here"})["services"]["web"]["image"] == "here:here-1"


def test_env_files_replace_the_default_one(tmp_path: Path) -> None:
    """`--env-file` may be repeated, the later one wins, and `.env` is not read then."""
    files = {
        "porch.yaml": WEB.replace("web:1", "${A}:${B}${C-}"),
        ".env": "C=no\n",
        "1.env": "A=a\nB=1\n",
        "2.env": "B=2\n",
    }
    asked = {"env_files": ("1.env", "2.env")}
    assert content(tmp_path, files, **asked)["services"]["web"]["image"] == "a:2"
    listed = content(tmp_path, files, environ={"COMPOSE_ENV_FILES": "1.env,2.env"})
    assert listed["services"]["web"]["image"] == "a:2"


@pytest.mark.parametrize(("text", "sentence"), [(None, "no such file"), ("A='", "1.env:1: a ' is not closed")])
def test_an_env_file_that_cannot_be_read_ends_the_command(tmp_path: Path, text: str | None, sentence: str) -> None:
    """Missing or misspelt, it is named."""
    files = {"porch.yaml": WEB} | ({"1.env": text} if text is not None else {})
    with pytest.raises(CommandError) as ended:
        loaded(tmp_path, files, env_files=("1.env",))
    assert sentence in ended.value.message


def test_an_unset_variable_is_told_once_and_becomes_nothing(tmp_path: Path) -> None:
    """As Compose: a warning with its first place, and an empty text."""
    text = WEB + "    user: $NOPE\n    hostname: h${NOPE}\n"
    project = loaded(tmp_path, {"porch.yaml": text})
    assert warnings(project) == [
        "porch.yaml:4:5: services.web.user: the variable 'NOPE' is not set; it becomes an empty text"
    ]
    found: Any = project.content
    assert (found["services"]["web"]["user"], found["services"]["web"]["hostname"]) == ("", "h")


def test_a_text_that_is_no_variable_is_told_at_its_place(tmp_path: Path) -> None:
    """Bad syntax and what must be set are faults of the file and line where they stand."""
    text = WEB + "    user: $1\n    hostname: ${NAME:?name it}\n"
    found = faults(loaded(tmp_path, {"porch.yaml": text}))
    assert [line.split("; ")[0] for line in found] == [
        "porch.yaml:4:5: services.web.user: a $ names no variable in '$1'",
        "porch.yaml:5:5: services.web.hostname: the variable 'NAME' must be set: name it",
    ]


def test_what_a_variable_brings_is_not_read_for_variables_again(tmp_path: Path) -> None:
    """A password with a dollar arrives with it: what is published has the dollar doubled."""
    text = WEB + "    environment: {P: '${P}', Q: 'a$$b'}\n"
    project = loaded(tmp_path, {"porch.yaml": text}, environ={"P": "s$cret"})
    found: Any = project.content
    assert found["services"]["web"]["environment"] == {"P": "s$$cret", "Q": "a$$b"}


def test_the_project_name_is_a_variable_too(tmp_path: Path) -> None:
    """`COMPOSE_PROJECT_NAME` is there for the files, whatever named the stack."""
    text = WEB.replace("web:1", "${COMPOSE_PROJECT_NAME}:1")
    assert content(tmp_path, {"porch.yaml": text})["services"]["web"]["image"] == "porch:1"
    assert content(tmp_path, {"porch.yaml": text}, name="attic")["services"]["web"]["image"] == "attic:1"


@pytest.mark.parametrize(
    ("file", "text", "said", "name"),
    [
        ("shop.yaml", "", {}, "shop"),
        ("shop.yaml", "name: porch\n", {}, "porch"),
        ("shop.yaml", "name: ${WHERE}\n", {"WHERE": "attic"}, "attic"),
        ("shop.yaml", "name: porch\n", {"COMPOSE_PROJECT_NAME": "env"}, "env"),
        ("shop.yaml", "name: porch\n", {"COMPOSE_PROJECT_NAME": "env", "-p": "asked"}, "asked"),
        ("compose.yaml", "", {}, "my-shop"),
        ("docker-compose.yml", "", {}, "my-shop"),
        ("sub/compose.yaml", "", {}, "sub"),
        ("compose.yaml", "name: porch\n", {}, "porch"),
    ],
)
def test_the_stack_is_named_as_compose_names_it(
    tmp_path: Path, file: str, text: str, said: dict[str, str], name: str
) -> None:
    """The option, the variable, the file's word, then a compose.yaml's directory or any other file's own name."""
    here = tmp_path / "My_Shop"
    asked, environ = said.get("-p", ""), {key: value for key, value in said.items() if key != "-p"}
    project = loaded(here, {file: text + WEB}, files=(file,), name=asked, environ=environ)
    assert project.name == name
    assert project.document["name"] == name
    assert name_alone(Asked((file,), asked), environ, here) == name


def test_without_files_those_of_the_directory_are_taken(tmp_path: Path) -> None:
    """compose.yaml before docker-compose.yml, with its override file; COMPOSE_FILE before both."""
    over = "services: {web: {user: over}}\n"
    files = {"compose.yaml": WEB, "docker-compose.yml": "no", "compose.override.yaml": over}
    assert content(tmp_path, files, files=())["services"]["web"]["user"] == "over"
    alone = content(tmp_path, {"a.yaml": WEB}, files=(), environ={"COMPOSE_FILE": "a.yaml:compose.override.yaml"})
    assert alone["services"]["web"]["user"] == "over"
    with_env = {
        ".env": "COMPOSE_FILE=a.yaml,b.yaml\nCOMPOSE_PATH_SEPARATOR=,\n",
        "b.yaml": "services: {web: {user: b}}",
    }
    assert content(tmp_path, with_env, files=())["services"]["web"]["user"] == "b"


def test_no_file_at_all_is_wrong_usage(tmp_path: Path) -> None:
    """Nothing named and nothing here: the sentence says what is looked for."""
    with pytest.raises(typer.BadParameter, match=r"there is no compose\.yaml here"):
        load(Asked(), {}, tmp_path)


def test_a_tag_is_gone_from_what_is_published(tmp_path: Path) -> None:
    """`!reset` in a file of its own removes what stands behind it, and means nothing to the controller."""
    text = WEB + "    user: !reset null\n    labels: !override {a: b}\n"
    found = content(tmp_path, {"porch.yaml": text})
    assert found["services"]["web"] == {"image": "web:1", "labels": {"a": "b"}}


def test_faults_of_a_resolved_document_are_told_where_they_were_written(tmp_path: Path) -> None:
    """The models' sentence comes with the line of the source, though the published text has other lines."""
    text = "# a\n\n\nservices:\n  web:\n    image: $IMAGE\n    deploy:\n\n      replicas: ${N}\n"
    project = loaded(tmp_path, {"porch.yaml": text}, environ={"IMAGE": "web:1", "N": "many"})
    assert project.stack() is None
    assert [line.split(": ")[0:2] for line in faults(project)] == [["porch.yaml:9:7", "services.web.deploy.replicas"]]


def test_an_unreadable_file_is_told_with_the_others(tmp_path: Path) -> None:
    """Each file says its own faults, with its name."""
    found = faults(loaded(tmp_path, {"a.yaml": "services: [", "b.yaml": WEB + "    user: $1\n", "c.yaml": "- 1\n"}))
    assert [line.split(":")[0] for line in found] == ["a.yaml", "b.yaml", "c.yaml"]


def test_a_relative_bind_mount_is_refused(tmp_path: Path) -> None:
    """It would be a path of this machine; the fault says so at its line."""
    text = WEB + "    user: ${U:-1}\n    volumes:\n      - ./data:/data\n"
    project = loaded(tmp_path, {"porch.yaml": text})
    assert project.stack() is None
    assert faults(project)[0].startswith("porch.yaml:6:9: services.web.volumes[0]")
    assert "relative to your machine" in faults(project)[0]


def test_a_stack_that_is_too_large_names_the_file_that_makes_it_so(tmp_path: Path) -> None:
    """The limit is the wire's; the remedy counts the bytes of the largest part."""
    big = "A=" + "x" * (MANIFEST_BYTES - 100)
    files = {"porch.yaml": WEB + "    env_file: big.env\n    user: " + "u" * 200 + "\n", "big.env": big}
    (found,) = faults(loaded(tmp_path, files))
    assert found.startswith("big.env: ")
    assert (
        f"are more than the {MANIFEST_BYTES} of a whole stack; {MANIFEST_BYTES - 100} of them come from big.env"
        in found
    )


def test_what_is_printed_is_a_document_of_its_own(tmp_path: Path) -> None:
    """The name comes first, comments and anchors are gone."""
    text = "x-a: &a {restart: always}\nservices:\n  web:\n    <<: *a\n    image: web:1  # comment\n"
    project = loaded(tmp_path, {"porch.yaml": text})
    found = document.read(project.text.encode())
    assert isinstance(found, document.Document)
    assert list(project.document) == ["name", "x-a", "services"]
    assert found.content == project.document
    assert project.payload == text.encode()


def test_a_project_is_found_from_below(tmp_path: Path) -> None:
    """The nearest directory above with a file of Compose's names is the project's: its override, its `.env`, its name."""
    for name, text in {
        "compose.yaml": WEB,
        "My_Shop/docker-compose.yml": "services:\n  web:\n    image: web:${TAG}\n",
        "My_Shop/docker-compose.override.yml": "services:\n  web:\n    user: ${WHO}\n",
        "My_Shop/.env": "TAG=2\nWHO=me\n",
        "My_Shop/src/deep/.env": "TAG=9\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    project = load(Asked(), {}, tmp_path / "My_Shop/src/deep")
    assert (project.name, faults(project)) == ("my-shop", [])
    assert project.content == {"services": {"web": {"image": "web:2", "user": "me"}}}
    assert project.file == "../../docker-compose.yml"
    assert name_alone(Asked(), {}, tmp_path / "My_Shop/src/deep") == "my-shop"
