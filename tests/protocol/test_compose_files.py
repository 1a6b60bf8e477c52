"""Compose files as people publish them become stacks, or say exactly which keys keep them from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.envelope import read_json
from protocol.manifest.schema import schema
from protocol.reading import document, stackfile
from protocol.reading.document import Document
from protocol.shapes import JsonValue, Shape, write
from protocol.stack import Mode, Stack
from tests.protocol.test_compose_schema import SCHEMA as PUBLISHED

HERE = Path(__file__).parent / "compose"
EXAMPLES = Path(__file__).parents[2] / "manifests"
FILES = sorted(HERE.glob("*.yaml"))
DEPLOYS = [*FILES, *sorted(EXAMPLES.glob("*.yaml"))]
OURS = jsonschema.Draft202012Validator(json.loads(schema()))

REFUSED = {
    "gitea": [(19, "volumes[0]"), (27, "links"), (33, "env_file"), (37, "volumes[0]")],
    "nextcloud": [(16, "volumes[0]"), (71, "file"), (73, "file"), (75, "file")],
}
"""What is not for a controller to read: line and key."""


def read(path: Path) -> Document:
    """A file as its content and marks."""
    found = document.read(path.read_bytes())
    assert isinstance(found, Document)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_published_file_deploys_or_names_the_keys(path: Path) -> None:
    """Either the whole file is a stack, or every key that keeps it from being one is told, with its line and a remedy."""
    got = stackfile.read(path.read_bytes(), path.stem)
    if path.stem not in REFUSED:
        assert isinstance(got, Stack), got
        return
    assert isinstance(got, tuple)
    assert [(fault.line, fault.path.rsplit(".", 1)[-1]) for fault in got] == REFUSED[path.stem]
    assert all(fault.reason and fault.remedy for fault in got)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_files_are_compose(path: Path) -> None:
    """The published schema of Compose takes them, so they show what people write."""
    jsonschema.Draft7Validator(PUBLISHED).validate(read(path).content)


@pytest.mark.parametrize("path", DEPLOYS, ids=lambda path: path.stem)
def test_our_schema_takes_what_we_take(path: Path) -> None:
    """An editor underlines nothing in a file that deploys, and something in one that has a refused key."""
    faults = [error.json_path for error in OURS.iter_errors(read(path).content)]
    assert bool(faults) == (path.stem in REFUSED), faults


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in REFUSED], ids=lambda path: path.stem)
def test_a_stack_of_a_published_file_reads_back_as_itself(path: Path) -> None:
    """The store keeps it, and the same text always gives the same revisions."""
    one, other = (stackfile.read(path.read_bytes(), path.stem) for _ in range(2))
    assert isinstance(one, Stack)
    assert isinstance(other, Stack)
    assert Shape(Stack).read(read_json(write(one))) == one
    assert [s.revision for s in one.services.values()] == [s.revision for s in other.services.values()]


def test_jobs_and_waiting_are_what_they_say() -> None:
    """The batch stack's modes, conditions and schedule arrive whole."""
    stack = stackfile.read((HERE / "batch.yaml").read_bytes(), "batch")
    assert isinstance(stack, Stack)
    services = stack.services
    assert services["backup"].mode is Mode.REPLICATED_JOB
    assert services["backup"].job is not None
    assert services["backup"].job.schedule == "30 4 * * *"
    assert services["warm"].mode is Mode.GLOBAL_JOB
    assert services["migrate"].job is None
    assert services["migrate"].restart.condition == "none"
    assert services["shop"].replicas == 2
    assert [(one.service, one.condition) for one in services["shop"].depends_on] == [
        ("db", "service_healthy"),
        ("migrate", "service_completed_successfully"),
    ]
    assert [(login.registry, login.username) for login in stack.logins] == [("registry.local:5000", "fleet")]


STRUCTURAL = [
    "services: {w: {}}",
    "services: {w: {image: 3}}",
    "services: {w: {image: x, imag: y}}",
    "services: {W: {image: x}}",
    "services: {svc-a: {image: x}}",
    "services: {w: {image: x, build: .}}",
    "services: {w: {image: x, ports: ['80:http']}}",
    "services: {w: {image: x, ports: [{target: 0}]}}",
    "services: {w: {image: x, mem_limit: lots}}",
    "services: {w: {image: x, volumes: [{type: npipe, target: /x}]}}",
    "services: {w: {image: x, stop_grace_period: 10}}",
    "services: {w: {image: x, network_mode: 'service:v'}}",
    "services: {w: {image: x, deploy: {mode: everywhere}}}",
    "services: {w: {image: x, deploy: {replicas: -1}}}",
    "services: {w: {image: x, x-bramble: {need: {}}}}",
    "services: {w: {image: x, x-bramble: {needs: {buses: [usb]}}}}",
    "services: {w: {image: x}}\nconfigs: {c: {file: ./c}}",
    "services: {w: {image: x}}\nvolumes: {'a b': {}}",
    "sensors: {d: {kind: buton, pin: 4}}",
    "sensors: {d: {kind: button, pin: 40}}",
    "functions: {f: {image: x, timeout: soon}}",
]


@pytest.mark.parametrize("text", STRUCTURAL)
def test_our_schema_refuses_what_we_refuse(text: str) -> None:
    """What the models find wrong in one place, an editor finds, too."""
    found = document.read(text.encode())
    assert isinstance(found, Document)
    assert isinstance(stackfile.read(text.encode(), "porch"), tuple)
    assert not OURS.is_valid(found.content)


def places(value: JsonValue, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def spoilt(value: JsonValue, path: tuple[str | int, ...], with_: JsonValue) -> JsonValue:
    """The document with another value in one place."""
    if not path:
        return with_
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {key: spoilt(part, rest, with_) if key == step else part for key, part in value.items()}
    return [spoilt(part, rest, with_) if place == step else part for place, part in enumerate(value)]


CONTENTS = {path.stem: read(path).content for path in FILES}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8) | st.sampled_from(["", "-1", "0", "a:b:c", "${X}", "{{.Node.", "/x", "::", "80-1", "²", "x-bramble"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=40, deadline=None)  # the reader of YAML takes 50 ms for a long file
@given(st.sampled_from(sorted(CONTENTS)), st.data())
def test_a_file_with_anything_anywhere_never_raises(name: str, data: st.DataObject) -> None:
    """A stack that can be stored, or faults that say something and know their place."""
    content: Any = CONTENTS[name]
    path = data.draw(st.sampled_from(places(content)))
    got = stackfile.read(json.dumps(spoilt(content, path, data.draw(JUNK))).encode(), name)
    if isinstance(got, Stack):
        assert Shape(Stack).read(read_json(write(got))) == got
    else:
        assert all(fault.reason for fault in got)
