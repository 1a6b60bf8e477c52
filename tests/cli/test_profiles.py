"""Profiles: what is there, what is left out, and who needed it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.projects import content, faults, loaded

TEXT = """\
services:
  web: {image: web}
  debug: {image: debug, profiles: [debug, dev]}
  test: {image: test, profiles: [test]}
"""


@pytest.mark.parametrize(
    ("asked", "environ", "names"),
    [
        ((), {}, ["web"]),
        (("debug",), {}, ["web", "debug"]),
        (("dev", "test"), {}, ["web", "debug", "test"]),
        (("*",), {}, ["web", "debug", "test"]),
        (("nobody",), {}, ["web"]),
        ((), {"COMPOSE_PROFILES": "dev, test"}, ["web", "debug", "test"]),
        (("test",), {"COMPOSE_PROFILES": "dev"}, ["web", "test"]),
    ],
)
def test_services_of_other_profiles_are_left_out(
    tmp_path: Path, asked: tuple[str, ...], environ: dict[str, str], names: list[str]
) -> None:
    """The option goes before the variable; who is there has no `profiles` any more."""
    found: Any = content(tmp_path, {"porch.yaml": TEXT}, profiles=asked, environ=environ)
    assert list(found["services"]) == names
    assert all("profiles" not in service for service in found["services"].values())


@pytest.mark.parametrize(
    ("need", "path"),
    [
        ("depends_on: [debug]", "depends_on[0]"),
        ("depends_on: {debug: {condition: service_started}}", "depends_on.debug"),
        ("network_mode: 'service:debug'", "network_mode"),
    ],
)
def test_a_service_that_needs_one_that_is_left_out_is_wrong(tmp_path: Path, need: str, path: str) -> None:
    """Compose refuses it too; the fault says which profile would help, and with it there is none."""
    text = TEXT + f"  app: {{image: app, {need}}}\n"
    found = faults(loaded(tmp_path, {"porch.yaml": text}))
    sentence = f"services.app.{path}: this needs 'debug', which is only there with the profile debug or dev; add --profile debug"
    assert [line.split(" ", 1)[1] for line in found] == [sentence]
    assert faults(loaded(tmp_path, {"porch.yaml": text}, profiles=("dev",))) == []


def test_a_need_that_is_not_required_goes_with_the_service(tmp_path: Path) -> None:
    """`required: false` says that it can do without."""
    text = TEXT + "  app: {image: app, depends_on: {debug: {condition: service_started, required: false}, web: {}}}\n"
    found = content(tmp_path, {"porch.yaml": text})
    assert found["services"]["app"]["depends_on"] == {"web": {}}
    alone = TEXT + "  app: {image: app, depends_on: {debug: {condition: service_started, required: false}}}\n"
    assert content(tmp_path, {"porch.yaml": alone})["services"]["app"] == {"image": "app"}


def test_a_service_that_is_left_out_may_need_what_it_wants(tmp_path: Path) -> None:
    """Nobody asks a service that is not there."""
    text = TEXT.replace("debug, profiles", "debug, depends_on: [test], profiles")
    assert list(content(tmp_path, {"porch.yaml": text})["services"]) == ["web"]
