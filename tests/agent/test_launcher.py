"""The launcher with real processes: releases that check in, hang, crash, or are cut short, and SIGKILL at each step."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.launcher import markers
from agent.launcher.child import Child, Command
from agent.launcher.disk import Disk
from agent.launcher.markers import Try

SOON_S = 20.0

STAYS = "trap 'exit 0' TERM; while :; do sleep 0.05 & wait $!; done"
CHECKS_IN = f'"{sys.executable}" -P -m tests.agent.checks_in "$BRAMBLE_RELEASES" "$BRAMBLE_RELEASE"; {STAYS}'
ASKS_FOR = 'cp "$BRAMBLE_RELEASES/next.json" "$BRAMBLE_RELEASES/trying.json"; exit 75'
ROOT = Path(__file__).parents[2]


@dataclass
class Ground:
    """A folder of releases, and the launcher over it."""

    folder: Path
    launcher: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def release(self, name: str, body: str) -> None:
        """A release whose agent is a script; it writes down who it is first."""
        script = self.folder / name / "bin" / "bramble-agent"
        script.parent.mkdir(parents=True)
        script.write_text(f'#!/bin/sh\necho "$BRAMBLE_RELEASE $$ $*" >> "{self.folder}/log"\n{body}\n')
        script.chmod(0o755)
        (self.folder / name / markers.COMPLETE).touch()

    def offer(self, name: str, within_s: float = 30.0, nonce: str = "n1") -> None:
        markers.write(Disk(self.folder), Try(name, "r-1", "task", f"rev-{name}", nonce, within_s))

    def launch(self) -> None:
        words = [sys.executable, "-P", "-m", "agent.launcher", "--releases", str(self.folder), "--", "--word"]
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **self.environ}
        self.launcher = subprocess.Popen(words, env=environ, stderr=(self.folder / "err").open("ab"))

    @property
    def pid(self) -> int:
        assert self.launcher is not None
        return self.launcher.pid

    def log(self) -> list[list[str]]:
        try:
            return [line.split() for line in (self.folder / "log").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def last(self) -> tuple[str, int]:
        name, pid, *_ = self.log()[-1] if self.log() else ("", "0")
        return name, int(pid)

    def until(self, claim: Callable[[], object], what: str) -> None:
        end_s = time.monotonic() + SOON_S
        while not claim():
            assert time.monotonic() < end_s, f"{what}: {self.log()}, {(self.folder / 'err').read_text()}"
            time.sleep(0.02)

    def end(self) -> None:
        if self.launcher is not None and self.launcher.poll() is None:
            self.launcher.kill()
            self.launcher.wait()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    made.release("old", STAYS)
    markers.point(Disk(tmp_path), markers.CURRENT, "old")
    yield made
    made.end()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_outside_of_a_trial_the_agent_takes_the_launchers_place(ground: Ground) -> None:
    """Nothing stands between systemd and the agent; it gets its own arguments."""
    ground.launch()
    ground.until(ground.log, "the agent to start")
    assert ground.log() == [["old", str(ground.pid), "--word"]]


def test_a_release_that_is_kept_stays(ground: Ground) -> None:
    """It has become the current one, the one before is kept as previous, and SIGTERM ends both processes."""
    ground.release("new", CHECKS_IN)
    ground.offer("new")
    ground.launch()
    ground.until(lambda: markers.trying(Disk(ground.folder)) is None, "the release to be kept")
    name, pid = ground.last()
    assert (name, is_alive(pid), markers.verdict(Disk(ground.folder))) == ("new", True, None)
    links = [markers.linked(Disk(ground.folder), link) for link in (markers.CURRENT, markers.PREVIOUS)]
    assert links == ["new", "old"]
    assert ground.launcher is not None
    ground.launcher.terminate()
    assert ground.launcher.wait(SOON_S) == 0
    assert not is_alive(pid)


BAD = {
    "hangs": (STAYS, 0.5, "in time"),
    "crashes at once": ("exit 3", 30.0, "status 3"),
    "crashes in its monitor window": ("sleep 0.3; exit 4", 30.0, "status 4"),
    "is killed": ("kill -9 $$", 30.0, "SIGKILL"),
    "ends well too soon": ("exit 0", 30.0, "status 0"),
}


@pytest.mark.parametrize("body", BAD)
def test_one_that_is_not_kept_gives_its_place_back(body: str, ground: Ground) -> None:
    """The old one starts in the launcher's place, the current one never changed, and the reason waits for it."""
    script, within_s, says = BAD[body]
    ground.release("new", script)
    ground.offer("new", within_s)
    ground.launch()
    ground.until(lambda: ground.last() == ("old", ground.pid), "the old one to return")
    assert [name for name, *_ in ground.log()] == ["new", "old"]
    verdict = markers.verdict(Disk(ground.folder))
    assert verdict is not None
    assert says in verdict.reason
    assert (verdict.nonce, markers.trying(Disk(ground.folder))) == ("n1", None)
    assert markers.linked(Disk(ground.folder), markers.CURRENT) == "old"


@pytest.mark.parametrize("harm", ["no program", "no interpreter", "not allowed", "not whole"])
def test_one_that_cannot_be_started_is_given_up(harm: str, ground: Ground) -> None:
    """Whatever is wrong with its files, the old one goes on."""
    ground.release("new", STAYS)
    script = ground.folder / "new" / "bin" / "bramble-agent"
    if harm == "no program":
        script.unlink()
    elif harm == "no interpreter":
        script.write_text("#!/nowhere/python\n")
    elif harm == "not allowed":
        script.chmod(0o644)
    else:
        (ground.folder / "new" / markers.COMPLETE).unlink()
    ground.offer("new")
    ground.launch()
    ground.until(lambda: ground.last() == ("old", ground.pid), "the old one to return")
    verdict = markers.verdict(Disk(ground.folder))
    assert verdict is not None
    assert "cannot be started" in verdict.reason


def test_the_base_is_watched_like_any_other(ground: Ground) -> None:
    """It is where the launcher itself stands, and must be kept all the same; here it does not know its arguments."""
    ground.offer(markers.BASE)
    ground.launch()
    ground.until(lambda: ground.last() == ("old", ground.pid), "the old one to return")
    verdict = markers.verdict(Disk(ground.folder))
    assert verdict is not None
    assert (verdict.name, "status 2" in verdict.reason) == (markers.BASE, True)


def test_sigkill_of_the_launcher_takes_the_release_along_and_is_survived_twice(ground: Ground) -> None:
    """A child is never left alone; the third time the try is over, and the old one starts."""
    ground.release("new", STAYS)
    ground.offer("new")
    for start in (1, 2, 3):
        ground.launch()
        ground.until(lambda start=start: len(ground.log()) == start, "the release to start")
        name, pid = ground.last()
        assert name == "new"
        ground.end()
        ground.until(lambda pid=pid: not is_alive(pid), "the child to end with the launcher")
    ground.launch()
    ground.until(lambda: ground.last() == ("old", ground.pid), "the old one to return")
    verdict = markers.verdict(Disk(ground.folder))
    assert verdict is not None
    assert "3 times" in verdict.reason


def test_sigterm_in_a_trial_decides_nothing(ground: Ground) -> None:
    """A node that is shut down in the middle of a trial goes on with it when it is back."""
    ground.release("new", STAYS)
    ground.offer("new")
    ground.launch()
    ground.until(ground.log, "the release to start")
    assert ground.launcher is not None
    ground.launcher.terminate()
    assert ground.launcher.wait(SOON_S) == 0
    assert (markers.verdict(Disk(ground.folder)), markers.trying(Disk(ground.folder)) is None) == (None, False)
    ground.launch()
    ground.until(lambda: len(ground.log()) == 2, "the release to start again")
    assert ground.last()[0] == "new"


def test_one_that_was_kept_hands_over_to_the_next(ground: Ground) -> None:
    """The launcher that waits for it tries the next; when that is not kept, the one that was kept returns."""
    ground.release(
        "new",
        f'[ -e "{ground.folder}/kept" ] && {{ {STAYS}; }}; touch "{ground.folder}/kept"; {CHECKS_IN.partition(";")[0]}; {ASKS_FOR}',
    )
    ground.release("newer", "exit 1")
    ground.offer("newer", nonce="n2")
    (ground.folder / markers.TRYING).rename(ground.folder / "next.json")
    ground.offer("new")
    ground.launch()
    ground.until(lambda: [name for name, *_ in ground.log()] == ["new", "newer", "new"], "the three starts")
    assert markers.linked(Disk(ground.folder), markers.CURRENT) == "new"


def test_systemd_hears_the_child_but_not_that_it_stops(ground: Ground) -> None:
    """READY and WATCHDOG come from the main process; STOPPING of a trial would end the unit."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(ground.folder / "notify"))
        ear.settimeout(SOON_S)
        ground.environ["NOTIFY_SOCKET"] = str(ground.folder / "notify")
        say = f'"{sys.executable}" -c "import os; from link.notify import supervisor as s; s(os.environ, os.getpid()).tell('
        ground.release("new", f"{say}'READY=1', 'STOPPING=1', 'STATUS=there')\"; exit 1")
        ground.offer("new")
        ground.launch()
        assert [ear.recv(200), ear.recv(200)] == [b"WATCHDOG=1", b"READY=1\nSTATUS=there"]


def test_the_launcher_needs_nothing_but_the_standard_library() -> None:
    """It must start whatever a release has done to its own packages."""
    code = "import agent.launcher.__main__, sys; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    names = subprocess.run(
        [sys.executable, "-P", "-S", "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {name.strip(" '") for name in names.stdout.strip().strip("[]").split(",")}
    assert found - sys.stdlib_module_names - {"__main__", "sitecustomize"} == {"agent"}


def test_words_that_it_does_not_know_are_refused() -> None:
    """A unit that is written wrongly says so at once."""
    done = subprocess.run(
        [sys.executable, "-m", "agent.launcher", "--release"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, "usage" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("delay_ms", range(0, 600, 40))
def test_sigkill_at_any_moment_of_a_good_trial_ends_with_the_new_one(delay_ms: int, ground: Ground) -> None:
    """Before the child is there, while it checks in, after it was kept: then the launcher starts again, and one agent runs."""
    ground.release("new", CHECKS_IN)
    ground.offer("new")
    ground.launch()
    time.sleep(delay_ms / 1000)
    ground.end()
    assert markers.linked(Disk(ground.folder), markers.CURRENT) in ("old", "new")
    ground.launch()
    ground.until(lambda: markers.linked(Disk(ground.folder), markers.CURRENT) == "new", "the release to be kept")
    ground.until(lambda: markers.trying(Disk(ground.folder)) is None, "the try to end")
    ground.until(lambda: is_alive(ground.last()[1]), "the agent")
    alive = [name for name, pid, *_ in ground.log() if is_alive(int(pid))]
    assert alive == ["new"]
    assert markers.verdict(Disk(ground.folder)) is None


@pytest.mark.parametrize("body", ["exit 3", ""])
def test_a_signal_that_comes_when_the_release_has_ended_goes_to_nobody(body: str, ground: Ground) -> None:
    """The number of its process may be somebody else's by then."""
    ground.release("new", body)
    if not body:
        (ground.folder / "new" / "bin" / "bramble-agent").unlink()
    child = Child(Command(ground.folder), "new", 30.0, lambda: False, {})
    child.run()
    assert child.pid == 0
