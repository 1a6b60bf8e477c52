"""Where a lock really is: links on its way are followed, and what nobody can see never counts as free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.adapters.docker_api import Answer
from agent.adapters.locks import SYMLINK, asked
from agent.decide.inputs import Done, Retry

BUSY = "/run/busy"


@dataclass
class FakeSeer:
    """A container's files as Docker's archive shows them: paths that are there, and links with where they lead in the end."""

    there: frozenset[str] = frozenset()
    links: dict[str, str] = field(default_factory=dict)
    refuses: str = ""
    asked: list[str] = field(default_factory=list)

    def stat(self, container: str, path: str) -> Answer:
        """The status of a path; links above it are followed, as Docker does."""
        assert container == "c1"
        self.asked.append(path)
        if path == self.refuses:
            return Answer(500)
        if path in self.links:
            return Answer(200, {"mode": SYMLINK | 0o777, "linkTarget": self.links[path]})
        for link, target in self.links.items():
            if path.startswith(f"{link}/"):
                path = target + path.removeprefix(link)
        return Answer(200, {"mode": 0o644, "linkTarget": ""}) if path in self.there else Answer(404)


def inspected(memory: tuple[str, ...] = (), **mounts: str) -> dict[str, Any]:
    """A running container with a `--tmpfs`, and mounts by their kind."""
    return {
        "Id": "c1",
        "State": {"Running": True},
        "HostConfig": {"Tmpfs": dict.fromkeys(memory, "")},
        "Mounts": [{"Type": kind, "Destination": target} for kind, target in mounts.items()],
    }


UNSEEN = "has its lock {} where nobody can look: it leads to {}, on the tmpfs {}"


@pytest.mark.parametrize(
    ("seer", "found", "path", "said"),
    [
        (FakeSeer(frozenset({"/run"})), inspected(), BUSY, ""),
        (FakeSeer(frozenset({"/run", BUSY})), inspected(), BUSY, f"holds {BUSY}"),
        (FakeSeer(), inspected(("/run",)), BUSY, f"has its lock {BUSY} on the tmpfs /run, where nobody sees it"),
        (FakeSeer(), inspected(), "/dev/busy", "has its lock /dev/busy on the tmpfs /dev, where nobody sees it"),
        (FakeSeer(links={"/run": "/dev/shm"}), inspected(), BUSY, UNSEEN.format(BUSY, "/dev/shm/busy", "/dev/shm")),
        (
            FakeSeer(links={"/run": "/cache/run"}),
            inspected(("/cache",)),
            BUSY,
            UNSEEN.format(BUSY, "/cache/run/busy", "/cache"),
        ),
        (
            FakeSeer(links={"/run": "/cache"}),
            inspected(tmpfs="/cache"),
            BUSY,
            UNSEEN.format(BUSY, "/cache/busy", "/cache"),
        ),
        (FakeSeer(links={"/run": "/vol"}), inspected(("/cache",), volume="/vol"), BUSY, ""),
        (FakeSeer(frozenset({"/vol/busy"}), {"/run": "/vol"}), inspected(volume="/vol"), BUSY, f"holds {BUSY}"),
        (FakeSeer(links={"/run": "/cache"}), inspected(("/cache",), bind="/cache/busy"), BUSY, ""),
        (
            FakeSeer(frozenset({"/var", "/var/run"}), {"/run": "/var/run"}),
            inspected(("/run/lock",)),
            "/var/run/lock/busy",
            UNSEEN.format("/var/run/lock/busy", "/var/run/lock/busy", "/var/run/lock"),
        ),
        (
            FakeSeer(frozenset({"/a"}), {"/a/b": "/c", "/c/d": "/dev/shm/d"}),
            inspected(),
            "/a/b/d/busy",
            UNSEEN.format("/a/b/d/busy", "/dev/shm/d/busy", "/dev/shm"),
        ),
        (FakeSeer(links={BUSY: "/dev/shm/gone"}), inspected(), BUSY, f"holds {BUSY}"),
    ],
)
def test_what_nobody_can_see_counts_as_held(seer: FakeSeer, found: dict[str, Any], path: str, said: str) -> None:
    """A lock is free only where it could be seen; links lead the way that the container's own eyes would go."""
    outcome = asked(seer, found, path)
    if said:
        assert outcome == Retry(said, 5.0, locked=True)
    else:
        assert isinstance(outcome, Done)


@pytest.mark.parametrize("refuses", [BUSY, "/run"])
def test_what_the_engine_does_not_tell_is_not_free(refuses: str) -> None:
    """It is asked again; a link that could not be looked at may lead anywhere."""
    outcome = asked(FakeSeer(frozenset({"/run"}), refuses=refuses), inspected(), BUSY)
    assert outcome == Retry(f"the engine does not tell of {BUSY}: status 500", 5.0)


def test_each_path_is_asked_for_once() -> None:
    """A probe comes every five seconds, and each question costs the engine some milliseconds."""
    seer = FakeSeer(frozenset({"/run"}))
    asked(seer, inspected(("/run/one", "/run/two")), "/run/deep/busy")
    assert len(seer.asked) == len(set(seer.asked))


def test_what_does_not_run_holds_nothing() -> None:
    """Nobody is there to let go."""
    seer = FakeSeer()
    assert isinstance(asked(seer, inspected() | {"State": {"Running": False}}, BUSY), Done)
    assert seer.asked == []
