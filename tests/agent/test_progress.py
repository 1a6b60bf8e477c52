"""How far a pull is: added up from Docker's own lines, told now and then, and read where the image is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.adapters.progress import TELL_EVERY_S, Progress
from agent.decide.inputs import Pulling
from sim.images import Behaviour
from tests.fakes.agent import Rig, offer, task

TWO_LAYERS: tuple[dict[str, object], ...] = (
    {"status": "Pulling from library/web", "id": "1"},
    {"status": "Already exists", "id": "base"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "b"},
    {"status": "Waiting", "progressDetail": {}, "id": "b"},
    {"status": "Downloading", "progressDetail": {"current": 10, "total": 40}, "id": "a"},
)
"""What Docker 20.10 says while the first of two layers comes, and a third is here already."""

MORE: dict[str, tuple[dict[str, object], Pulling]] = {
    "the second begins": (
        {"status": "Downloading", "progressDetail": {"current": 5, "total": 60}, "id": "b"},
        Pulling("k", 15, 100),
    ),
    "the first is complete, and the second unknown": ({"status": "Download complete", "id": "a"}, Pulling("k", 40)),
    "the first is unpacked": (
        {"status": "Extracting", "progressDetail": {"current": 1, "total": 40}, "id": "a"},
        Pulling("k", 40),
    ),
    "a size that nobody says": (
        {"status": "Downloading", "progressDetail": {"current": 7, "total": -1}, "id": "b"},
        Pulling("k", 17),
    ),
    "nothing that is known": ({"status": "Digest: sha256:1"}, Pulling("k", 10)),
    "no document": ({}, Pulling("k", 10)),
}


@pytest.mark.parametrize("case", MORE)
def test_layers_are_added_up(case: str) -> None:
    """The whole is known when each layer has said its size; what was here already is no part of it."""
    line, wanted = MORE[case]
    told: list[Pulling] = []
    now = [0.0]
    progress = Progress("k", told.append, lambda: now[0])
    for one in TWO_LAYERS:
        progress.take(one)
    now[0] = TELL_EVERY_S
    progress.take(line)
    assert told == [wanted]


def test_it_is_told_now_and_then_and_only_when_more_has_come() -> None:
    """Docker says hundreds of lines a second; a pull that stands still says nothing new."""
    told: list[Pulling] = []
    now = [0.0]
    progress = Progress("k", told.append, lambda: now[0])
    for tenth in range(600):
        now[0] = tenth / 10
        came = min(tenth, 300)
        progress.take({"status": "Downloading", "progressDetail": {"current": came, "total": 600}, "id": "a"})
    assert [one.done_bytes for one in told] == [100, 200, 300]


@pytest.mark.parametrize(
    ("pulling", "says"),
    [
        ((12_000_000, 80_000_000), "its image comes: 12 of 80 MB (15 %)"),
        ((3_000_000, None), "its image comes: 3 MB so far"),
    ],
)
def test_who_waits_for_an_image_reads_how_far_it_is(tmp_path: Path, pulling: tuple[int, int | None], says: str) -> None:
    """Of a task and of an offer, until the pull has ended; a word that comes later is of the past."""
    rig = Rig(tmp_path)
    for image in ("web:a", "web:b"):
        rig.registry.push(image, Behaviour(pull_s=30.0))
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(2)
    rig.loop.inbox.put(Pulling("porch.web.1", *pulling))
    rig.run(2)
    assert [one.reason for one in rig.status().tasks] == [says]
    rig.run(60)
    rig.loop.inbox.put(Pulling("porch.web.1", *pulling))
    rig.run(2)
    assert [one.reason for one in rig.status().tasks] == [""]
    made = offer(task("b"))
    rig.offer(1, made)
    rig.run(2)
    rig.loop.inbox.put(Pulling(f"{made.rollout} porch.web.1 b", *pulling))
    rig.run(2)
    assert [one.reason for one in rig.status().offers] == [says]
