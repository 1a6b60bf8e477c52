"""The image of the agent is read, not built: what it copies is here, it starts what we ship, and keeps what must outlive it.

What it installs has wheels for a 32-bit Pi, by the lock. tests/lab/test_image_steps.py carries its steps out in a folder, on this
machine's processor. `make image-armhf` builds and starts it, which takes the network and half an hour.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from agent.launcher import __main__ as launcher
from agent.settings import DEFAULT_FILE, Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Dockerfile.armhf"
STATE = Path(Settings("pi-1").state_dir)

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """Word and rest of each instruction: without comments, which may stand within a continued one, and on one line."""
    plain = re.sub(r"(?m)^\s*#.*\n?", "", text)
    joined = re.sub(r"\s*\\\n\s*", " ", plain)
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, from its `FROM` on."""
    found: list[list[Instruction]] = []
    for word, rest in instructions(FILE.read_text()):
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def said(word: str) -> list[str]:
    """What an instruction of the last stage, which becomes the image, says."""
    return [rest for known, rest in stages()[-1] if known == word]


def project() -> dict[str, dict[str, object]]:
    """What pyproject.toml says of us."""
    table: dict[str, dict[str, object]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def test_it_is_read_as_docker_reads_it() -> None:
    """Two stages; an instruction goes on over comments, and nothing is left that is none."""
    words = {word for stage in stages() for word, _ in stage}
    assert words <= {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "VOLUME", "ENTRYPOINT", "ARG", "LABEL"}
    assert len(stages()) == 2
    assert instructions("A b \\\n # c\n  d\nE f\n") == [("A", "b d"), ("E", "f")]


def test_what_it_copies_is_here() -> None:
    """From the tree, what .dockerignore lets through; from the stage that builds, what is made there."""
    built = [rest for word, rest in stages()[0] if word == "RUN"]
    for word, rest in (one for stage in stages() for one in stage):
        source, *_ = [part for part in rest.split() if not part.startswith("--")]
        if word == "COPY" and "--from=build" in rest:
            assert any(f"-m venv {source}" in run for run in built)
        elif word == "COPY":
            assert (ROOT / source).exists()


def test_the_tree_that_it_copies_is_whole() -> None:
    """.dockerignore keeps everything out but what is named: each package of ours, and each file that the build reads, is."""
    ignore = (ROOT / ".dockerignore").read_text().split("\n")
    through = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    assert "*" in ignore
    assert {name for name in through if not (ROOT / name).exists()} == set()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("docs", "tests")}
    assert packages <= through
    assert {"pyproject.toml", str(project()["readme"])} <= through


def test_the_wheel_that_it_installs_is_whole() -> None:
    """A room of the agent, or of what it is built on, that the distribution does not name would be missing in the image."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    roots = ("agent", "protocol", "link", "sensors")
    rooms = {path.parent.relative_to(ROOT) for root in roots for path in (ROOT / root).rglob("__init__.py")}
    assert {".".join(room.parts) for room in rooms} <= listed


def test_its_entry_point_is_the_launcher() -> None:
    """Only that can put a release in the place of another; what a user adds is the agent's own, behind the dashes."""
    (entry,) = said("ENTRYPOINT")
    program, *arguments = json.loads(entry)
    assert arguments == ["--"]
    assert project()["scripts"][Path(program).name] == f"{launcher.__name__}:main"
    copied = [rest.split() for rest in said("COPY")]
    assert any(Path(program).is_relative_to(target) for *_, target in copied)


def test_it_is_made_with_what_an_agent_needs() -> None:
    """Our own extra of that name; and a system's Python that can make the environments of releases, as the first was made."""
    extras = project()["optional-dependencies"]
    (installed,) = [re.findall(r"\[(\w+)\]", rest) for word, rest in stages()[0] if word == "RUN" and ".whl" in rest]
    assert [name for name in installed if name in extras] == ["agent"]
    assert any({"python3-venv", "ca-certificates"} <= set(run.split()) for run in said("RUN"))


APART = {"lgpio"}
"""What the image adds to our own requirements: of use on a Pi alone, so no machine that runs our tests needs it in the lock."""


def test_what_it_installs_is_in_the_lock_and_has_wheels_for_it() -> None:
    """At the locked versions everything that an agent needs comes without a compiler, for the Python 3.11 of its base."""
    lock = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    ours = lock[str(project()["name"])]
    todo = [one["name"] for one in (*ours["dependencies"], *ours["optional-dependencies"]["agent"])]
    (run,) = [rest for word, rest in stages()[0] if word == "RUN" and ".whl" in rest]
    assert {re.split(r"[<>=]", text)[0] for text in re.findall(r"'([a-z][^']*)'", run)} == APART
    known: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in known:
            known.add(name)
            todo += [one["name"] for one in lock[name].get("dependencies", ()) if "win32" not in one.get("marker", "")]
    assert {"paho-mqtt", "docker", "gpiozero", "cronsim", "requests"} <= known
    wheels = {name: [one["url"].rpartition("/")[2] for one in lock[name].get("wheels", ())] for name in known}
    assert {name: found for name, found in wheels.items() if not any(map(_fits, found))} == {}


def _fits(wheel: str) -> bool:
    """Whether pip takes a wheel on ARMv7 with Python 3.11: a pure one, or one that is made for just that."""
    *_, python, abi, platform = wheel.removesuffix(".whl").split("-")
    is_pure = "py3" in python.split(".") and (abi, platform) == ("none", "any")
    is_made_for_it = python == "cp311" and re.search(r"manylinux[\w.]*_armv7l|linux_armv7l", platform) is not None
    return is_pure or is_made_for_it


def test_what_must_outlive_a_container_is_in_its_volume() -> None:
    """The store, and the releases beside it, where both the agent and its launcher look for them when nobody says otherwise."""
    (volume,) = said("VOLUME")
    assert Path(launcher.DEFAULT_STATE) == STATE
    assert (STATE / launcher.FOLDER).is_relative_to(volume)
    (user,) = said("USER")
    made = next(run for run in said("RUN") if "install -d" in run)
    assert f"-o {user}" in made
    assert {volume, str(STATE)} <= set(made.split())
    assert said("WORKDIR") == [str(STATE)]
    assert dict(pair.split("=", 1) for pair in said("ENV")[0].split())["LG_WD"] == str(STATE)


def test_its_example_mounts_what_it_reads() -> None:
    """Who copies the command from its head gives it the volume, and the settings where they are looked for."""
    head = FILE.read_text()
    mounts = dict(re.findall(r"-v ([\w/.]+):([\w/.]+)", head))
    (volume,) = said("VOLUME")
    assert volume in mounts.values()
    assert str(DEFAULT_FILE.parent) in mounts.values()
    assert mounts["/var/run/docker.sock"] == Settings("pi-1").docker_host.removeprefix("unix://")


def test_it_runs_under_what_the_unit_runs_under() -> None:
    """The same environment as under systemd, but for the place that each of them has for the pins' library."""
    unit = (ROOT / "systemd" / "bramble-agent.service").read_text()
    (of_unit,) = re.findall(r"(?m)^Environment=(.*)$", unit)
    (of_image,) = said("ENV")
    assert _but_for_pins(of_image) == _but_for_pins(of_unit)


def _but_for_pins(environment: str) -> set[str]:
    return {pair for pair in environment.split() if not pair.startswith("LG_WD=")}
