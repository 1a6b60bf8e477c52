"""The version is what the installer left."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from link.version import FROM_SOURCE, installed


def test_the_installed_version_is_what_packaging_tools_say() -> None:
    """Reading the folder's name and reading its contents come to the same."""
    assert installed() == metadata.version("bramble-fleet")


def test_a_checkout_that_nobody_installed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a distribution the version is below every release."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "gone")])
    assert installed() == FROM_SOURCE
