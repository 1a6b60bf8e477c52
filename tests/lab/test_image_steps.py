"""The steps of the agent's image, carried out in a folder instead of a container: no base image can be had everywhere.

Word for word those of Dockerfile.armhf, but for where they write; on this machine's processor, with its Python, and with what pip
finds. What of them belongs to Debian alone (apt-get, useradd) is left to `make image-armhf`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.house.test_image import ROOT, project, said, stages

pytestmark = pytest.mark.lab

ALLOWED_S = 300.0
"""For a wheel of our own tree, and some ten from an index."""


def context(folder: Path) -> Path:
    """What `docker build` would send: what .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    skipped = shutil.ignore_patterns(*(line.rpartition("/")[2] for line in lines if line.startswith("**/")))
    for name in (line.removeprefix("!") for line in lines if line.startswith("!")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=skipped)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder)
    return folder


def carried_out(folder: Path) -> Path:
    """The tree that the first stage leaves, made by its own lines."""
    (source,) = [rest.split()[1] for word, rest in stages()[0] if word == "COPY"]
    (steps,) = [rest for word, rest in stages()[0] if word == "RUN" and ".whl" in rest]
    context(folder / source.lstrip("/"))
    for place in ("/opt/bramble", "/wheel", source):
        assert place in steps
        steps = steps.replace(f" {place}", f" {folder}{place}").replace(f"({place}", f"({folder}{place}")
    steps = steps.replace("ls /wheel", f"ls {folder}/wheel")
    done = subprocess.run(["sh", "-ec", steps], capture_output=True, text=True, timeout=ALLOWED_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "opt" / "bramble"


def test_the_steps_of_the_image_give_an_agent_that_starts(tmp_path: Path) -> None:
    """By its entry point and in its environment: everything of the agent is there, with its parts of others, and nothing more."""
    made = carried_out(tmp_path)
    environment = dict(pair.split("=", 1) for pair in said("ENV")[0].split())
    environment = {"PATH": os.environ["PATH"], **environment, "STATE_DIRECTORY": str(tmp_path), "LG_WD": str(tmp_path)}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = [room for room in listed if room.partition(".")[0] in ("agent", "link", "protocol", "sensors")]
    others = ["cronsim", "docker", "gpiozero", "lgpio", "paho.mqtt.client", "prometheus_client"]
    words = [str(made / "bin" / "python"), "-I", "-c", f"import {', '.join((*rooms, *others))}"]
    assert _said(words, environment, tmp_path) == ""
    entry = made / "bin" / "bramble-agent-launch"
    version = _said([str(entry), "--", "--version"], environment, tmp_path)
    assert str(project()["version"]) in version
    assert not (made / "bin" / "pip").exists()


def _said(words: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, timeout=60.0, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
