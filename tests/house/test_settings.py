"""Every setting has its line in the page, with the default that the code has."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from agent import settings as of_agent
from controller import settings as of_controller
from controller.decide.terms import Terms

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
AGENT, _, _REST = PAGE.partition("## The controller")
CONTROLLER, _, TERMS = _REST.partition("### `[terms]`")


def listed(part: str) -> dict[str, str]:
    """The keys of a part of the page, each with its default as it stands there."""
    found: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", part, re.MULTILINE):
        keys, values = (re.findall(r"`([^`]*)`", cell) for cell in (names, defaults))
        found |= dict(zip(keys, values if len(values) == len(keys) else [""] * len(keys), strict=True))
    return found


def has(settings: type[object]) -> dict[str, str]:
    """The settings of a process, each with its default as TOML writes it; empty where it has none of its own."""
    plain = {one.name: one.default for one in fields(settings) if isinstance(one.default, str | int | float)}  # type: ignore[arg-type]
    return {one.name: json.dumps(plain[one.name]) if one.name in plain else "" for one in fields(settings)}  # type: ignore[arg-type]


def test_the_agents_settings_are_on_the_page() -> None:
    """No key without its line, none that is not there, and the defaults are those of the code."""
    assert listed(AGENT) == has(of_agent.Settings) | {"labels": "{}"}


def test_the_controllers_settings_are_on_the_page() -> None:
    """What it shares with an agent is listed there."""
    shared = {name: "" for name in listed(CONTROLLER) if name in listed(AGENT) and not listed(CONTROLLER)[name]}
    known = has(of_controller.Settings)
    known |= {f"[[{name}]]": known.pop(name) for name in ("registries", "mirrors")}
    del known["terms"]
    assert listed(CONTROLLER) == known | shared


def test_the_terms_are_on_the_page_and_the_others_are_refused(tmp_path: Path) -> None:
    """What the controller's own settings fill in would do nothing there."""
    outside = ("image_lookup_s", "logins", "mirrors")
    assert listed(TERMS) == {name: said for name, said in has(Terms).items() if name not in outside}
    for name in outside:
        (tmp_path / "c.toml").write_text(f"[terms]\n{name} = {'1.0' if name == 'image_lookup_s' else '[]'}\n")
        refused = of_controller.read(tmp_path / "c.toml", {})
        assert f"terms.{name}: stands outside of [terms]; write " in str(refused)
