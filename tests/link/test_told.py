"""What a process is told when it starts."""

from __future__ import annotations

from pathlib import Path

from agent.settings import read as read_agents
from controller.settings import read as read_controllers
from link.told import password
from protocol.refusal import Refusal


def test_a_password_is_a_file_s_text_without_its_line_s_end(tmp_path: Path) -> None:
    """As every editor writes it."""
    (tmp_path / "secret").write_text("hush\n")
    assert password(str(tmp_path / "secret")) == "hush"
    assert password("") == ""


def test_a_key_that_is_not_known_is_named_with_what_was_meant(tmp_path: Path) -> None:
    """And with its file and its table, without a word of Python; where nothing is near, with all that there are."""
    for read, text, says in (
        (read_agents, "broker_prt = 1", "the key 'broker_prt' is not known; did you mean 'broker_port'?"),
        (
            read_agents,
            "colour = 1",
            "the key 'colour' is not known; remove it, or take one of node, fleet, broker_host, ",
        ),
        (read_controllers, "metric_port = 1", "the key 'metric_port' is not known; did you mean 'metrics_port'?"),
        (read_controllers, "[terms]\nlease = 1.0", "the key 'lease' is not known in [terms]; did you mean 'lease_s'?"),
        (
            read_controllers,
            "[[registries]]\nhost = 'a'\n[[registries]]\nhost = 'b'\nusrname = 'c'",
            "the key 'usrname' is not known in [registries]; did you mean 'username'?",
        ),
    ):
        file = tmp_path / "settings.toml"
        file.write_text(text)
        refused = read(file, {}, *(["pi"] if read is read_agents else []))  # type: ignore[operator]
        assert isinstance(refused, Refusal)
        assert str(refused).startswith(f"{file}: {says}")


def test_a_password_that_cannot_be_read_is_said_by_name(tmp_path: Path) -> None:
    """Both processes end with a sentence, before they do anything."""
    (tmp_path / "odd").write_bytes(b"\xff")
    for file in (tmp_path / "none", tmp_path / "odd"):
        environ = {"BRAMBLE_BROKER_PASSWORD_FILE": str(file)}
        for refused in (read_agents(None, environ, "pi"), read_controllers(None, environ)):
            assert isinstance(refused, Refusal)
            assert str(file) in str(refused)
