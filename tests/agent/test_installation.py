"""Making a release for real, by pip, from tiny wheels: what stands then, and each thing that can be wrong with it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

import pytest

from agent.adapters import installation
from agent.adapters.installation import Installation
from agent.adapters.releases import Releases, folder_of
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from agent.decide.release import KeepRelease, OfferKey, ReleaseStaged, StageRelease, SwitchRelease
from agent.launcher import markers
from agent.launcher.disk import Disk
from agent.launcher.markers import LAUNCH, RELEASE, RELEASES
from protocol.release import BASE, Release
from tests.agent.tiny import sha256, wheel

KEY = OfferKey("r-1", "svc-bramble.agent.pi", "rev")


class Quiet(SimpleHTTPRequestHandler):
    """Serves, and tells nobody."""

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    folder.mkdir()
    return folder


def make(folder: Path, release: Release) -> Outcome:
    return Installation(folder, folder_of(release), release).make()


@pytest.mark.slow
def test_a_release_from_an_index_stands_complete_and_starts(served: tuple[Path, str], releases: Path) -> None:
    """With its hash; `complete` names its revision, and nothing that only the making needed is left."""
    folder, url = served
    release = Release("1.1", f"{url}/simple", sha256=sha256(wheel(folder, "1.1")))
    assert make(releases, release) == Done()
    at = releases / folder_of(release)
    assert markers.is_complete(Disk(releases), at.name)
    assert (at / "bin" / "bramble-agent").exists()
    assert not (at / "wheels").exists()
    assert not list(at.glob("lib/python3*/site-packages/pip"))


@pytest.mark.slow
def test_a_release_from_a_wheel_is_made_over_what_a_power_cut_left(served: tuple[Path, str], releases: Path) -> None:
    """A folder without `complete` is begun anew."""
    folder, url = served
    made = wheel(folder, "1.1")
    release = Release("1.1", wheel=f"{url}/simple/bramble-fleet/{made.name}", sha256=sha256(made))
    rest = releases / folder_of(release) / "lib" / "half"
    rest.mkdir(parents=True)
    assert make(releases, release) == Done()
    assert not rest.exists()


BAD: dict[str, tuple[dict[str, object], str]] = {
    "a Python that is too old": ({"python": ">=3.99"}, "requires a different Python"),
    "it says another version": ({"said": "9.9"}, "9.9"),
    "it knows no launcher": ({"keeps": False}, "agent.launcher.markers"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", BAD)
def test_a_release_that_could_not_take_our_place_is_given_up(
    what: str, served: tuple[Path, str], releases: Path
) -> None:
    """Before it is ever started as the agent, with the sentence that says why."""
    folder, url = served
    more, says = BAD[what]
    made = wheel(folder, "1.1", **more)  # type: ignore[arg-type]
    outcome = make(releases, Release("1.1", wheel=f"{url}/simple/bramble-fleet/{made.name}"))
    assert isinstance(outcome, GiveUp)
    assert says in outcome.reason
    assert not list(releases.glob("*/complete"))


@pytest.mark.slow
def test_another_hash_is_given_up_from_an_index_and_by_url(served: tuple[Path, str], releases: Path) -> None:
    """Whoever could change the wheel cannot change the order."""
    folder, url = served
    made = wheel(folder, "1.1")
    for release in (
        Release("1.1", f"{url}/simple", sha256="0" * 64),
        Release("1.1", wheel=f"{url}/simple/bramble-fleet/{made.name}", sha256="0" * 64),
    ):
        outcome = make(releases, release)
        assert isinstance(outcome, GiveUp)
        assert "sha256" in outcome.reason


@pytest.mark.slow
def test_a_version_that_does_not_exist_is_given_up(served: tuple[Path, str], releases: Path) -> None:
    """By the index's word, not by silence; likewise a wheel that is not there, and one of another project."""
    folder, url = served
    wheel(folder, "1.1")
    said = make(releases, Release("7.7", f"{url}/simple"))
    assert isinstance(said, GiveUp)
    assert "7.7" in said.reason
    gone = make(releases, Release("1.1", wheel=f"{url}/simple/bramble_fleet-1.1-py3-none-any.whl"))
    assert isinstance(gone, GiveUp)
    assert "404" in gone.reason
    other = make(releases, Release("1.2", wheel=f"{url}/simple/bramble-fleet/bramble_fleet-1.1-py3-none-any.whl"))
    assert isinstance(other, GiveUp)
    assert "1.2" in other.reason


@pytest.mark.slow
def test_an_index_that_cannot_be_reached_is_tried_again(releases: Path) -> None:
    """Absence is normal: nothing failed, and the reason is told."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for release in (
        Release("1.1", f"http://127.0.0.1:{port}/simple"),
        Release("1.1", wheel=f"http://127.0.0.1:{port}/bramble_fleet-1.1-.whl"),
    ):
        outcome = make(releases, release)
        assert isinstance(outcome, Retry), outcome
        assert "cannot be reached" in outcome.reason


def test_without_room_nothing_is_begun(releases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that is nearly full stays as it is, and it is said what there must be."""
    monkeypatch.setattr(installation, "NEEDED_BYTES", 1 << 60)
    outcome = make(releases, Release("1.1", "http://127.0.0.1:1/simple"))
    assert isinstance(outcome, Retry)
    assert "of disk" in outcome.reason
    assert not list(releases.iterdir())


def test_only_what_may_be_started_is_kept(releases: Path) -> None:
    """The current one, the one before, the one on trial, and the one in the making."""
    for name in ("1", "2", "3", "4", "5"):
        (releases / name).mkdir()
        (releases / name / markers.COMPLETE).touch()
    markers.keep(Disk(releases), "1")
    markers.keep(Disk(releases), "2")
    markers.write(Disk(releases), markers.Try("3"))
    markers.prune(Disk(releases), "4")
    assert sorted(path.name for path in releases.iterdir() if path.is_dir() and not path.is_symlink()) == [
        "1",
        "2",
        "3",
        "4",
    ]


def test_the_folder_says_what_runs_and_what_was_given_up(releases: Path) -> None:
    """Staged in a thread, tried by the launcher, kept by the one that runs."""
    inbox: SimpleQueue[object] = SimpleQueue()
    environ = {RELEASES: str(releases), RELEASE: BASE, LAUNCH: "[]"}
    old, ended = Releases(environ, inbox.put), list[bool]()
    old.end = lambda: ended.append(True)
    release = Release("1.1", wheel="http://127.0.0.1:1/no.wheel", sha256="0" * 64)
    old.give(StageRelease(KEY, release))
    staged = inbox.get(timeout=30)
    assert isinstance(staged, ReleaseStaged)
    assert isinstance(staged.outcome, GiveUp)
    name = folder_of(release)
    (releases / name).mkdir(exist_ok=True)
    (releases / name / markers.COMPLETE).write_text('{"revision": "rev"}')
    old.give(SwitchRelease(KEY, release, "n1", 9.0))
    assert (ended, old.hands_over, markers.trying(Disk(releases))) == (
        [True], True, markers.Try(name, *KEY_PARTS, "n1", 9.0),
    )  # fmt: skip
    new = Releases({**environ, RELEASE: name}, inbox.put)
    seen = new.look()
    assert (seen.running, seen.trying, seen.complete, seen.refusal) == ("rev", KEY, {BASE, "rev"}, "")
    new.give(KeepRelease())
    assert (new.look().trying, markers.linked(Disk(releases), markers.CURRENT)) == (None, name)


def test_what_runs_is_never_made_anew(releases: Path) -> None:
    """Its mark may be damaged, and its modules are still in use."""
    inbox: SimpleQueue[object] = SimpleQueue()
    release = Release("1.1", wheel="http://127.0.0.1:1/no.wheel", sha256="0" * 64)
    at = releases / folder_of(release)
    (at / "bin").mkdir(parents=True)
    running = Releases({RELEASES: str(releases), RELEASE: at.name}, inbox.put)
    running.give(StageRelease(KEY, release))
    staged = inbox.get(timeout=30)
    assert isinstance(staged, ReleaseStaged)
    assert isinstance(staged.outcome, GiveUp)
    assert (at / "bin").exists()


KEY_PARTS = (KEY.rollout, KEY.task, KEY.revision)


def test_an_agent_that_nobody_launched_refuses(tmp_path: Path) -> None:
    """As does one that may not write where its releases are to be."""
    assert "bramble-agent-launch" in Releases({}, print).look().refusal
    (tmp_path / "file").touch()
    blocked = Releases({RELEASES: str(tmp_path / "file" / "releases")}, print)
    assert "cannot be made" in blocked.look().refusal
