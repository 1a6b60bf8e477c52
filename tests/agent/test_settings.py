"""A file, the environment over it, and a clear word for whatever is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.__main__ import main
from agent.settings import Settings, read
from protocol.refusal import Refusal


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def test_nothing_is_needed(tmp_path: Path) -> None:
    """Without a file and environment the node is named after its host."""
    settings = read(written(tmp_path, ""), {}, "Pi-Porch.local")
    assert settings == Settings("pi-porch")


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    """Each field can be set by either, numbers and labels included."""
    path = written(tmp_path, 'node = "pi-1"\nbroker_port = 1884\nhealth_s = 10\n[labels]\nsite = "home"\n')
    environ = {"BRAMBLE_BROKER_PORT": "1885", "BRAMBLE_LABELS": "site=shed, place=porch", "BRAMBLE_FLEET": "garden"}
    settings = read(path, environ, "x")
    assert isinstance(settings, Settings)
    assert (settings.node, settings.broker_port, settings.fleet, settings.health_s) == ("pi-1", 1885, "garden", 10.0)
    assert settings.labels == {"site": "shed", "place": "porch"}


@pytest.mark.parametrize(
    ("text", "environ", "words"),
    [
        ("colour = 1", {}, "colour"),
        ("broker_port = 'x'", {}, "broker_port"),
        ("broker_port = 70000", {}, "broker_port"),
        ("= 3", {}, "is no TOML"),
        ("pull_rate = 'fast'", {}, "pull_rate: 'fast' is no size"),
        ("", {"BRAMBLE_PULL_RATE": "1k"}, "less than 10000 bytes a second"),
        ("", {"BRAMBLE_BROKER_PORT": "many"}, "'many' is no number"),
        ("", {"BRAMBLE_LABELS": "home"}, "is not like site=home"),
        ("", {"BRAMBLE_NODE": "Pi 1"}, "cannot name a node"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, environ: dict[str, str], words: str) -> None:
    """One sentence with the key or variable in it."""
    refusal = read(written(tmp_path, text), environ, "pi-1")
    assert isinstance(refusal, Refusal)
    assert words in str(refusal)


def test_a_rate_counts_as_sizes_do(tmp_path: Path) -> None:
    """The cap of pulls is said as Compose says sizes; without one there is none."""
    capped, free = read(written(tmp_path, "pull_rate = '500k'"), {}, "a"), read(written(tmp_path, ""), {}, "a")
    assert isinstance(capped, Settings)
    assert isinstance(free, Settings)
    assert (capped.pull_rate_bps, free.pull_rate_bps) == (512_000, 0)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    """Only the default file may be missing."""
    assert "cannot be read" in str(read(tmp_path / "none.toml", {}, "pi-1"))


def test_the_command_shows_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--print-settings` shows each field and its value."""
    assert main(["--settings", str(written(tmp_path, 'node = "pi-1"')), "--print-settings"]) == 0
    assert "broker_port = 1883" in capsys.readouterr().out


def test_a_wrong_setting_ends_the_command_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No trace of Python, exit code 2."""
    assert main(["--settings", str(written(tmp_path, "colour = 1"))]) == 2
    assert "colour" in capsys.readouterr().err


def test_outputs_can_be_made_safe_by_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--make-safe` works on a node that never ran, too."""
    monkeypatch.setenv("BRAMBLE_STATE_DIR", str(tmp_path / "state"))
    assert main(["--settings", str(written(tmp_path, 'node = "pi-1"')), "--make-safe"]) == 0


def test_a_node_is_not_called_like_a_service_of_ours(tmp_path: Path) -> None:
    """Under such a name it would take over the controller's connection."""
    refused = read(None, {"BRAMBLE_NODE": "svc-controller-default"}, "pi")
    assert isinstance(refused, Refusal)
    assert "svc-" in refused.reason
