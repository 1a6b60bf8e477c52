"""What other files and the environment say is in the one document that is published, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.delivery import MANIFEST_BYTES
from tests.cli.projects import WEB, content, faults, loaded, warnings


def web(tmp_path: Path, text: str, **files: str) -> Any:
    """The service `web` that says `text`, beside files of these names."""
    named = {name.replace("_", "."): body for name, body in files.items()}
    return content(tmp_path, {"porch.yaml": WEB + text} | named)["services"]["web"]


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("    env_file: a.env\n", {"A": "1", "B": "file"}),
        ("    env_file: [a.env, b.env]\n", {"A": "2", "B": "file"}),
        ("    env_file: [b.env, a.env]\n", {"A": "1", "B": "file"}),
        ("    env_file: [{path: a.env}]\n", {"A": "1", "B": "file"}),
        ("    env_file: {path: a.env, required: true}\n", {"A": "1", "B": "file"}),
        ("    env_file: [{path: no.env, required: false}, b.env]\n", {"A": "2"}),
        ("    env_file: [{path: r.env, format: raw}]\n", {"R": "'$x' # c"}),
        ("    env_file: a.env\n    environment: {B: own, C: 3}\n", {"A": "1", "B": "own", "C": 3}),
        ("    env_file: a.env\n    environment: [B=own]\n", {"A": "1", "B": "own"}),
    ],
)
def test_env_files_stand_below_the_environment(tmp_path: Path, text: str, environment: dict[str, Any]) -> None:
    """Later files over earlier ones, `environment` over all; one name, a list, or the long form."""
    found = web(tmp_path, text, a_env="A=1\nB=file\n", b_env="A=2\n", r_env="R='$x' # c\n")
    assert {key: str(value).replace("$$", "$") for key, value in found["environment"].items()} == {
        key: str(value) for key, value in environment.items()
    }
    assert "env_file" not in found


def test_label_files_stand_below_the_labels(tmp_path: Path) -> None:
    """As with variables: what the service says itself stays."""
    found = web(tmp_path, "    label_file: l.env\n    labels: [b=own]\n", l_env="a=1\nb=file\n")
    assert found["labels"] == {"a": "1", "b": "own"}
    assert "label_file" not in found


def test_variables_of_env_files_are_those_of_the_project(tmp_path: Path) -> None:
    """The environment, then `.env`, then the lines above; what nobody set is told with the file and its line."""
    files = {"porch.yaml": WEB + "    env_file: a.env\n", "a.env": "A=$X\nB=$A-$Y\nC=$Z\n", ".env": "X=dot\nY=dot\n"}
    project = loaded(tmp_path, files, environ={"Y": "here"})
    found: Any = project.content
    assert found["services"]["web"]["environment"] == {"A": "dot", "B": "dot-here", "C": ""}
    expected = "a.env:3: services.web.env_file: the variable 'Z' is not set; it becomes an empty text"
    assert warnings(project) == [expected]


def test_a_variable_without_a_value_takes_the_one_of_here(tmp_path: Path) -> None:
    """In a list or a mapping, of services and functions; one that is not set is left out, and told."""
    text = WEB + "    environment: [A, B, C=3]\nfunctions: {greet: {image: g, environment: {A: , D: 4}}}\n"
    project = loaded(tmp_path, {"porch.yaml": text}, environ={"A": "here"})
    found: Any = project.content
    assert found["services"]["web"]["environment"] == {"A": "here", "C": "3"}
    assert found["functions"]["greet"]["environment"] == {"A": "here", "D": 4}
    sentence = "porch.yaml:4:22: services.web.environment.B: 'B' has no value and is not set here; it is left out"
    assert warnings(project) == [sentence]


def test_configs_and_secrets_bring_their_content(tmp_path: Path) -> None:
    """From files beside the manifest and from variables; a dollar in them stays one."""
    text = (
        WEB + "configs:\n  a: {file: a.conf}\n  b: {environment: B}\n  c: {content: '${B}'}\n  d: {external: true}\n"
        "secrets:\n  s: {file: ./s.txt, labels: {x: y}}\n"
    )
    files = {"porch.yaml": text, "a.conf": "price $5\n  ${NOT}\n", "s.txt": "s3cret"}
    found = content(tmp_path, files, environ={"B": "b$"})
    assert found["configs"] == {
        "a": {"content": "price $$5\n  $${NOT}\n"},
        "b": {"content": "b$$"},
        "c": {"content": "b$$"},
        "d": {"external": True},
    }
    assert found["secrets"] == {"s": {"labels": {"x": "y"}, "content": "s3cret"}}


def test_an_image_is_not_built(tmp_path: Path) -> None:
    """`build` alone is refused with the way out; beside an image it is passed over, and told."""
    found = faults(loaded(tmp_path, {"porch.yaml": "services:\n  web:\n    build: .\n"}))
    sentence = "Bramble pulls images and builds none; build and push it, then write `image:`"
    assert found == [f"porch.yaml:3:5: services.web.build: {sentence}"]
    project = loaded(tmp_path, {"porch.yaml": WEB + "    build: {context: .}\n"})
    document: Any = project.content
    assert document["services"]["web"] == {"image": "web:1"}
    assert warnings(project) == ["porch.yaml:4:5: services.web.build: 'build' is passed over; nodes pull web:1"]


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("    env_file: no.env\n", "porch.yaml:4:5: services.web.env_file", "cannot read "),
        ("    env_file: [a.env, no.env]\n", "porch.yaml:4:23: services.web.env_file[1]", "cannot read "),
        ("    env_file: [{path: bad.env}]\n", "bad.env:2: services.web.env_file[0]", "'=2' begins with no name"),
        (
            "    env_file: [{path: a.env, smell: x}]\n",
            "porch.yaml:4:16: services.web.env_file[0]",
            "this names no file",
        ),
        (
            "    env_file: [{path: a.env, format: x}]\n",
            "porch.yaml:4:16: services.web.env_file[0]",
            "this names no file",
        ),
        ("    env_file: [3]\n", "porch.yaml:4:16: services.web.env_file[0]", "this names no file"),
        (
            "    env_file: big.env\n",
            "porch.yaml:4:5: services.web.env_file",
            "big.env is larger than a whole stack may be",
        ),
        ("    env_file: .\n", "porch.yaml:4:5: services.web.env_file", "cannot read "),
        ("configs: {c: {file: no.conf}}\n", "porch.yaml:4:15: configs.c.file", "cannot read "),
        ("configs: {c: {file: binary.env}}\n", "porch.yaml:4:15: configs.c.file", "binary.env is no UTF-8 text"),
        (
            "secrets: {s: {environment: NO}}\n",
            "porch.yaml:4:15: secrets.s.environment",
            "the variable 'NO' is not set here",
        ),
    ],
)
def test_what_cannot_be_carried_is_told_where_it_is_named(tmp_path: Path, text: str, place: str, sentence: str) -> None:
    """Files that are missing, unreadable, too large or no text; variables that nobody set."""
    (tmp_path / "binary.env").write_bytes(b"\xff\xfe")
    files = {"porch.yaml": WEB + text, "a.env": "A=1\n", "bad.env": "A=1\n=2\n", "big.env": "x" * (MANIFEST_BYTES + 1)}
    (found,) = faults(loaded(tmp_path, files, files=("porch.yaml",)))
    assert found.startswith(f"{place}: ")
    assert sentence in found


def test_a_fault_in_a_variable_of_a_file_names_that_file(tmp_path: Path) -> None:
    """What came from elsewhere and is refused by the models is told with the file that it came from."""
    files = {
        "porch.yaml": WEB + "    label_file: l.env\n    env_file: a.env\n    prots: 3\n",
        "l.env": "a=1\n",
        "a.env": "A=1\n",
    }
    project = loaded(tmp_path, files)
    assert project.stack() is None
    assert project.places["services.web.environment.A"].source.name == "a.env"
    assert project.places["services.web.labels.a"].source.name == "l.env"
    assert faults(project)[0].startswith("porch.yaml:6:5: services.web.prots")


def test_a_name_that_nobody_can_use_is_told(tmp_path: Path) -> None:
    """A container's name is one on its networks; a container of the node's own network is published, with a warning."""
    project = loaded(tmp_path, {"porch.yaml": WEB + "    container_name: me\n    network_mode: host\n"})
    said = "with network_mode host there is no network on which others could call it 'me'"
    assert warnings(project) == [f"porch.yaml:4:5: services.web.container_name: {said}"]


def test_a_handler_in_a_file_is_sent_as_its_text(tmp_path: Path) -> None:
    """Dollars and all; what this machine's Python cannot read is told with its file and line, for an image may have a newer one."""
    stack = "functions:\n  f:\n    image: python:3\n    handler: greet.py\n"
    code = "def handle(event, context):\n    return '$HOME'\n"
    made = loaded(tmp_path, {"a.yaml": stack, "greet.py": code})
    read = made.stack()
    assert read is not None
    assert read.functions["f"].spec.handler == code
    assert warnings(made) == []
    broken = loaded(tmp_path, {"a.yaml": stack, "greet.py": "def handle(event, context):\n    return (\n"})
    assert [line.partition(": functions")[0] for line in warnings(broken)] == ["greet.py:2"]
    inline = (
        "functions:\n  f:\n    image: python:3\n    handler: |\n      def handle(event, context):\n        return (\n"
    )
    assert [line.partition(": functions")[0] for line in warnings(loaded(tmp_path, {"a.yaml": inline}))] == ["a.yaml:6"]
