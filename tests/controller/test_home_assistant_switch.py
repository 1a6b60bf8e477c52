"""The one switch: a setting, a variable or a flag; and what the process hears because of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.home_assistant.desk import HomeAssistant
from controller.decide.inputs import Heard, HomeAssistantSaid, Unreadable
from controller.packing import read
from controller.settings import Settings, with_home_assistant
from controller.settings import read as settings_of
from protocol import delivery
from protocol.envelope import Packet
from protocol.refusal import Refusal

STATUS = "homeassistant/status"
COMMANDS = "bramble/v1/default/home-assistant/+/+/+/+/set"


def written(tmp_path: Path, text: str, name: str = "controller.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_it_is_off_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    """By a line of the file, by the environment over it, by the flag over both."""
    file = written(tmp_path, 'home_assistant = "ha"\n')
    plain, said = settings_of(written(tmp_path, "", "plain.toml"), {}), settings_of(file, {})
    over = settings_of(file, {"BRAMBLE_HOME_ASSISTANT": "home"})
    assert isinstance(plain, Settings)
    assert isinstance(said, Settings)
    assert isinstance(over, Settings)
    flagged = with_home_assistant(over, "house")
    assert isinstance(flagged, Settings)
    assert [one.shown_to().prefix for one in (plain, said, over, flagged)] == ["", "ha", "home", "house"]
    assert with_home_assistant(said, None) == said
    assert not plain.shown_to().is_on


def test_functions_are_left_out_by_patterns(tmp_path: Path) -> None:
    """In the file or in the environment, one after the other; what could never match is refused."""
    said = settings_of(written(tmp_path, 'home_assistant_without = "callers.write-down *.internal-?"\n'), {})
    assert isinstance(said, Settings)
    shows = said.shown_to().shows
    assert [shows(one) for one in ("callers.write-down", "a.internal-1", "callers.announce")] == [False, False, True]
    over = settings_of(None, {"BRAMBLE_HOME_ASSISTANT_WITHOUT": "*"})
    assert isinstance(over, Settings)
    assert not over.shown_to().shows("callers.announce")
    assert isinstance(settings_of(written(tmp_path, 'home_assistant_without = "Callers/#"\n'), {}), Refusal)


@pytest.mark.parametrize("prefix", ["a/#", "+", "a b", "/a", "a/"])
def test_what_is_no_prefix_is_refused(tmp_path: Path, prefix: str) -> None:
    """Wherever it is said."""
    assert isinstance(with_home_assistant(Settings(), prefix), Refusal)
    assert isinstance(settings_of(written(tmp_path, f'home_assistant = "{prefix}"\n'), {}), Refusal)


def test_its_commands_are_heard_only_where_it_is_on() -> None:
    """Whoever has none of it subscribes to nothing of it."""
    assert COMMANDS not in dict(delivery.subscriptions("default"))
    assert HomeAssistant("", STATUS).subscriptions("default") == ()
    assert dict(HomeAssistant("ha", STATUS).subscriptions("default")) == {COMMANDS: 1, STATUS: 0}


def test_its_birth_is_read_on_its_own_topic() -> None:
    """Any bytes are a word there, and nothing anywhere else."""
    assert read(Packet(STATUS, b"online"), STATUS) == HomeAssistantSaid("online")
    assert isinstance(read(Packet(STATUS, b"\xff"), STATUS), HomeAssistantSaid)
    assert isinstance(read(Packet(STATUS, b"online")), Unreadable)
    assert isinstance(read(Packet(COMMANDS.replace("+", "a"), b"ON", qos=1), STATUS), Heard)
