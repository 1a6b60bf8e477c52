"""`extends`: from this file and others, in chains, with paths that stay relative to the file that wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.projects import content, faults, loaded, warnings

BASE = """\
services:
  base:
    image: base:1
    command: [base]
    environment: {A: base, B: base}
    env_file: base.env
    ports: ["80:80"]
"""


def test_a_service_takes_anothers_keys_and_merges_its_own(tmp_path: Path) -> None:
    """In one file: mappings merged, lists appended, commands replaced; the other stays as it is."""
    text = BASE.replace("    env_file: base.env\n", "") + (
        "  web:\n    extends: base\n    command: [web]\n    environment: [B=web]\n    ports: ['81:81']\n"
    )
    found = content(tmp_path, {"porch.yaml": text})["services"]
    assert found["web"] == {
        "image": "base:1",
        "command": ["web"],
        "environment": {"A": "base", "B": "web"},
        "ports": ["80:80", "81:81"],
    }
    assert found["base"]["command"] == ["base"]


def test_a_service_of_another_file_brings_its_directory(tmp_path: Path) -> None:
    """The other file's env_file is beside it; its variables are those of here; only the service is taken."""
    files = {
        "porch.yaml": "services:\n  web:\n    extends: {file: common/base.yaml, service: base}\n    user: $WHO\n",
        "common/base.yaml": BASE.replace("base:1", "$IMAGE") + "  other: {image: other}\n",
        "common/base.env": "C=file\nA=file\n",
        "base.env": "C=wrong\n",
        ".env": "IMAGE=base:7\nWHO=me\n",
    }
    found = content(tmp_path, files)["services"]
    assert list(found) == ["web"]
    assert (found["web"]["image"], found["web"]["user"]) == ("base:7", "me")
    assert found["web"]["environment"] == {"C": "file", "A": "base", "B": "base"}


def test_extensions_go_on_through_files(tmp_path: Path) -> None:
    """A service extends one that extends a third, in a directory of its own."""
    files = {
        "porch.yaml": "services: {web: {extends: {file: a/a.yaml, service: a}, user: web}}\n",
        "a/a.yaml": "services: {a: {extends: {file: b/b.yaml, service: b}, hostname: a, user: a}}\n",
        "a/b/b.yaml": "services: {b: {extends: c}, c: {image: 'c:1', hostname: c, stop_signal: c}}\n",
    }
    found = content(tmp_path, files)["services"]
    assert found == {"web": {"image": "c:1", "hostname": "a", "stop_signal": "c", "user": "web"}}


def test_files_are_extended_before_they_are_merged(tmp_path: Path) -> None:
    """What a later file says goes over what an earlier one extends; tags mean what they mean between files."""
    files = {
        "a.yaml": "services: {base: {image: 'b:1', ports: ['80:80'], user: b}, web: {extends: base, ports: ['81:81']}}\n",
        "b.yaml": "services: {web: {ports: !override ['82:82'], user: !reset null}}\n",
    }
    assert content(tmp_path, files)["services"]["web"] == {"image": "b:1", "ports": ["82:82"]}
    tagged = "services: {base: {image: 'b:1', user: b}, web: {extends: base, user: !reset null}}\n"
    assert content(tmp_path, {"c.yaml": tagged})["services"]["web"] == {"image": "b:1"}


def test_a_fault_of_what_is_extended_names_the_file_it_stands_in(tmp_path: Path) -> None:
    """The other file's line, not the line that extends it."""
    files = {
        "porch.yaml": "services:\n  web:\n    extends: {file: c/base.yaml, service: base}\n",
        "c/base.yaml": "services:\n  base:\n    image: b:1\n    prots: []\n    user: $NOPE\n",
    }
    project = loaded(tmp_path, files)
    assert project.stack() is None
    assert faults(project)[0].startswith("c/base.yaml:4:5: services.web.prots: ")
    assert warnings(project)[0].startswith("c/base.yaml:5:5: services.base.user: the variable 'NOPE'")


@pytest.mark.parametrize(
    ("extends", "sentence"),
    [
        ("web", "porch.yaml:3:5: services.web.extends: services extend each other in a circle: web extends web"),
        (
            "{file: c/circle.yaml, service: loop}",
            "services extend each other in a circle: loop extends pool extends loop",
        ),
        ("{file: c/loop.yaml, service: there}", "in a circle: web extends there extends web"),
        ("nobody", "porch.yaml:3:5: services.web.extends: porch.yaml has no service 'nobody' to extend"),
        ("{file: c/loop.yaml, service: nobody}", "c/loop.yaml has no service 'nobody' to extend"),
        ("{file: nowhere.yaml, service: x}", "porch.yaml:3:15: services.web.extends.file: cannot read "),
        ("{file: c/broken.yaml, service: x}", "c/broken.yaml:2:1: not readable as YAML"),
        ("{file: c/list.yaml, service: x}", "c/list.yaml has no service 'x' to extend"),
        ("{service: base, smell: good}", "services.web.extends: this names no service to extend; write"),
        ("{file: c/loop.yaml}", "services.web.extends: this names no service to extend; write"),
        ("[base]", "services.web.extends: this names no service to extend; write"),
    ],
)
def test_what_cannot_be_extended_is_told(tmp_path: Path, extends: str, sentence: str) -> None:
    """Circles within and across files, services and files that are not there, and what is no extension."""
    files = {
        "porch.yaml": f"services:\n  web:\n    extends: {extends}\n    image: x\n  base: {{image: x}}\n",
        "c/circle.yaml": "services: {loop: {extends: pool}, pool: {extends: loop}}\n",
        "c/loop.yaml": "services: {there: {extends: {file: ../porch.yaml, service: web}}}\n",
        "c/broken.yaml": "services: [\n",
        "c/list.yaml": "- 1\n",
    }
    assert any(sentence in line for line in faults(loaded(tmp_path, files))), faults(loaded(tmp_path, files))
