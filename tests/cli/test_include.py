"""`include`: other projects' parts beside one's own, with their own directories and variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.projects import WEB, content, faults, loaded

OTHER = "services: {db: {image: 'db:$TAG', env_file: db.env, environment: [ROLE]}}\nvolumes: {data: {}}\n"
FILES = {
    "porch.yaml": "include: [other/compose.yaml]\n" + WEB + "    user: ${TAG-mine}\n",
    "other/compose.yaml": OTHER,
    "other/.env": "TAG=7\nROLE=other\nWHO=other\n",
    "other/db.env": "A=$WHO\n",
    "db.env": "A=wrong\n",
}
DB = {"image": "db:7", "environment": {"A": "other", "ROLE": "other"}}


def test_an_included_project_keeps_its_directory_and_variables(tmp_path: Path) -> None:
    """Its `.env` and files are beside it; what it says is here, what it knows is not."""
    found = content(tmp_path, FILES)
    assert found["services"] == {"db": DB, "web": {"image": "web:1", "user": "mine"}}
    assert found["volumes"] == {"data": {}}
    assert "include" not in found


def test_variables_of_here_go_before_those_of_the_included(tmp_path: Path) -> None:
    """The including project's environment wins."""
    found = content(tmp_path, FILES, environ={"TAG": "8"})
    assert (found["services"]["db"]["image"], found["services"]["web"]["user"]) == ("db:8", "8")


@pytest.mark.parametrize(
    ("entry", "image", "role"),
    [
        ("{path: other/compose.yaml}", "db:7", "other"),
        ("{path: other/compose.yaml, env_file: here.env}", "db:9", "here"),
        ("{path: [other/compose.yaml, other/more.yaml]}", "db:more", "other"),
        ("{path: other/compose.yaml, project_directory: .}", "db:1", "none"),
    ],
)
def test_an_entry_says_files_directory_and_variables(tmp_path: Path, entry: str, image: str, role: str) -> None:
    """Several files are merged; a named directory or file of variables replaces its own."""
    files = FILES | {
        "porch.yaml": f"include:\n  - {entry}\n",
        "here.env": "TAG=9\nROLE=here\n",
        "other/more.yaml": "services: {db: {image: 'db:more'}}\n",
        ".env": "TAG=1\nROLE=none\n" if "project_directory" in entry else "",
    }
    found = content(tmp_path, files)["services"]["db"]
    assert (found["image"], found["environment"]["ROLE"]) == (image, role)


def test_includes_go_on_and_may_be_overridden(tmp_path: Path) -> None:
    """An included project includes another; a later file of `-f` is merged over what came in."""
    files = {
        "a.yaml": "include: [b/b.yaml]\n",
        "b.yaml": "services: {c: {user: over}}\n",
        "b/b.yaml": "include: [{path: c/c.yaml}]\nservices: {b: {image: b}}\n",
        "b/c/c.yaml": "services: {c: {image: c, user: c}}\n",
    }
    assert content(tmp_path, files)["services"] == {"c": {"image": "c", "user": "over"}, "b": {"image": "b"}}


def test_the_same_twice_is_no_conflict(tmp_path: Path) -> None:
    """Two projects may include the same third; what differs is a fault that names both places."""
    files = {
        "porch.yaml": "include: [a.yml, b.yml]\nvolumes:\n  data: {}\n",
        "a.yml": "services: {db: {image: db}}\nvolumes: {data: {}}\n",
        "b.yml": "services: {db: {image: db}}\n",
    }
    assert content(tmp_path, files)["services"] == {"db": {"image": "db"}}
    (found,) = faults(loaded(tmp_path, files | {"b.yml": "services: {db: {image: other}}\n"}))
    assert found.startswith("a.yml:1:12: services.db: b.yml:1, which is included, names one as well; rename one")


@pytest.mark.parametrize(
    ("include", "sentence"),
    [
        ("other.yml", "porch.yaml:1:1: include: this must be a list of files; write FILE, or {path"),
        ("[3]", "porch.yaml:1:11: include[0]: this names no file to include"),
        ("[{path: a.yml, smell: x}]", "include[0]: this names no file to include"),
        ("[nowhere.yml]", "porch.yaml:1:11: include[0]: cannot read "),
        ("[broken.yml]", "broken.yml:2:1: not readable as YAML"),
        ("[list.yml]", "list.yml:1:1: a manifest is a mapping"),
        ("[porch.yaml]", "porch.yaml:1:11: include[0]: files include each other in a circle"),
        ("[circle.yml]", "circle.yml:1:11: include[0]: files include each other in a circle"),
        ("[bad.yml]", "bad.yml:1:18: services.b.user: a $ names no variable"),
    ],
)
def test_what_cannot_be_included_is_told(tmp_path: Path, include: str, sentence: str) -> None:
    """No list, no file, no project, circles, and faults inside, each at its place."""
    files = {
        "porch.yaml": f"include: {include}\n{WEB}",
        "broken.yml": "services: [\n",
        "list.yml": "- 1\n",
        "circle.yml": "include: [porch.yaml]\n",
        "bad.yml": "services: {b: {  user: $1}}\n",
    }
    found = faults(loaded(tmp_path, files))
    assert any(line.startswith(sentence) or sentence in line for line in found), found
