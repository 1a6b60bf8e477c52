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


def test_a_password_that_cannot_be_read_is_said_by_name(tmp_path: Path) -> None:
    """Both processes end with a sentence, before they do anything."""
    (tmp_path / "odd").write_bytes(b"\xff")
    for file in (tmp_path / "none", tmp_path / "odd"):
        environ = {"BRAMBLE_BROKER_PASSWORD_FILE": str(file)}
        for refused in (read_agents(None, environ, "pi"), read_controllers(None, environ)):
            assert isinstance(refused, Refusal)
            assert str(file) in str(refused)
