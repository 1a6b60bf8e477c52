"""The launcher's choice as a table, and the files it rests on cut at every point."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.launcher import markers
from agent.launcher.choice import STARTS_MOST, Clear, GiveWay, Return, Seen, Start, TryOut, choose
from agent.launcher.disk import Disk
from agent.launcher.markers import BASE, Try, Verdict, verdict_on
from agent.launcher.way import Way
from tests.fakes.launcher import outcome

OLD, NEW = "1-old", "2-new"
TRY = Try(NEW, "r-1", "svc-bramble.agent.pi", "two", "nonce001", 5.0)
SEEN = Seen(current=OLD, previous=BASE, fit=frozenset({BASE, OLD, NEW}))


@pytest.mark.parametrize(
    ("seen", "choice"),
    [
        (Seen(), Start(BASE)),
        (SEEN, Start(OLD)),
        (replace(SEEN, fit=frozenset({BASE})), Start(BASE, f"{OLD} cannot be started")),
        (
            replace(SEEN, previous=NEW, fit=frozenset({BASE})),
            Start(BASE, f"neither {OLD} nor {NEW} can be started"),
        ),
        (replace(SEEN, previous=NEW, fit=frozenset({BASE, NEW})), Start(NEW, f"{OLD} cannot be started")),
        (replace(SEEN, trying=TRY), TryOut(replace(TRY, attempts=1))),
        (replace(SEEN, trying=replace(TRY, attempts=STARTS_MOST - 1)), TryOut(replace(TRY, attempts=STARTS_MOST))),
        (
            replace(SEEN, trying=replace(TRY, attempts=STARTS_MOST)),
            Return(replace(TRY, attempts=STARTS_MOST), "the node or its launcher ended 3 times while it was tried"),
        ),
        (replace(SEEN, trying=TRY, ended="it ended"), Return(TRY, "it ended")),
        (
            replace(SEEN, trying=TRY, fit=frozenset({BASE, OLD})),
            Return(TRY, f"{NEW} is not whole on the disk, or cannot be started"),
        ),
        (replace(SEEN, trying=TRY, current=NEW), Clear()),
        (replace(SEEN, trying=TRY, verdict=verdict_on(TRY, "gone")), Clear()),
        (
            replace(SEEN, trying=TRY, verdict=replace(verdict_on(TRY, "gone"), nonce="another1")),
            TryOut(replace(TRY, attempts=1)),
        ),
        (replace(SEEN, trying=TRY, ended="it ended", current=NEW), Clear()),
    ],
)
def test_which_release_is_started_next(seen: Seen, choice: object) -> None:
    """A function of the disk and of how the last one ended."""
    assert choose(seen) == choice


def test_a_try_always_ends() -> None:
    """However often it is cut short, it is started three times at most, and then given up."""
    seen, starts = replace(SEEN, trying=TRY), 0
    while isinstance(chosen := choose(seen), TryOut):
        seen, starts = replace(seen, trying=chosen.what), starts + 1
    assert starts == STARTS_MOST
    assert isinstance(chosen, Return)


HOME = replace(TRY, name=BASE)
BOXES = Seen(current=BASE, previous=BASE, fit=frozenset({BASE, OLD, NEW, "3-made"}), hosts={OLD: OLD, NEW: NEW})


@pytest.mark.parametrize(
    ("seen", "choice"),
    [
        (replace(BOXES, trying=TRY), TryOut(replace(TRY, attempts=1))),
        (replace(BOXES, trying=TRY, us=NEW), Start(NEW)),
        (replace(BOXES, current=NEW, trying=HOME), Start(BASE)),
        (replace(BOXES, current=NEW, trying=HOME, us=NEW), TryOut(replace(HOME, attempts=1))),
        (replace(SEEN, trying=HOME), TryOut(replace(HOME, attempts=1))),
        (
            replace(BOXES, current="3-made", trying=TRY, us=NEW, hosts={"3-made": NEW, NEW: NEW}),
            TryOut(replace(TRY, attempts=1)),
        ),
        (replace(BOXES, trying=TRY, us=OLD), GiveWay(BASE)),
        (replace(BOXES, trying=TRY, us=NEW, verdict=verdict_on(TRY, "gone")), Clear()),
        (replace(BOXES, us=NEW), GiveWay(BASE)),
        (replace(BOXES, current=NEW), GiveWay(NEW)),
        (replace(BOXES, current=NEW, us=NEW), Start(NEW)),
        (
            replace(BOXES, current=NEW, previous=OLD, us=OLD, fit=frozenset({OLD})),
            Start(OLD, f"{NEW} cannot be started"),
        ),
        (replace(BOXES, current=NEW, previous=BASE, us=OLD, fit=frozenset({BASE, OLD})), GiveWay(BASE)),
        (replace(BOXES, current=OLD, hosts={OLD: NEW, NEW: NEW}), GiveWay(NEW)),
        (
            replace(BOXES, trying=TRY, hosts={NEW: OLD, OLD: OLD}),
            Return(TRY, f"{NEW} is not whole on the disk, or cannot be started"),
        ),
    ],
)
def test_of_containers_the_one_in_charge_tries_and_all_others_give_way(seen: Seen, choice: object) -> None:
    """One that is on trial starts its agent, whoever counts its time; what was made in another container is not started here."""
    assert choose(seen) == choice


class CutError(Exception):
    """The power went."""


def _folder(path: Path) -> Path:
    for name in (OLD, NEW):
        (path / name).mkdir(parents=True)
        (path / name / markers.COMPLETE).touch()
    markers.point(Disk(path), markers.CURRENT, OLD)
    return path


def _return(folder: Path) -> None:
    markers.write(Disk(folder), verdict_on(TRY, "late"))
    markers.forget_try(Disk(folder))


ACTS: dict[str, tuple[Callable[[Path], None], frozenset[str]]] = {
    "begins": (lambda folder: markers.write(Disk(folder), TRY), frozenset({f"start {OLD}", f"try {NEW}"})),
    "keeps": (lambda folder: markers.keep(Disk(folder), NEW), frozenset({f"try {NEW}", f"start {NEW}"})),
    "returns": (_return, frozenset({f"try {NEW}", f"start {OLD}"})),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_power_cut_at_any_point_leaves_the_old_or_the_new(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each call that changes the disk the power goes: what is chosen then is one of two, and after the act the second."""
    does, fine = ACTS[act]
    for cut in range(40):
        folder = _folder(tmp_path / f"{cut}")
        if act != "begins":
            markers.write(Disk(folder), TRY)
        left = [cut]
        with monkeypatch.context() as patch:
            for where, name in ((os, "fsync"), (Path, "rename"), (Path, "unlink"), (Path, "symlink_to")):
                patch.setattr(where, name, _cutting(getattr(where, name), left))
            try:
                does(folder)
                is_through = True
            except CutError:
                is_through = False
        comes_to = outcome(Disk(folder))
        assert comes_to in fine, (cut, comes_to)
        if is_through:
            assert comes_to == {"begins": f"try {NEW}", "keeps": f"start {NEW}", "returns": f"start {OLD}"}[act]
            return
    pytest.fail("it never came to its end")


def _cutting(real: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def call(*given: object, **more: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise CutError
        return real(*given, **more)

    return call


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '{"name": 3}', '{"name": "../../bin"}', '{"name": ".hidden"}', "\udcff",
        '{"name": "x", "within_s": "long"}', '{"name": "x", "within_s": null}', '{"name": "x", "attempts": "3"}',
        '{"name": "x", "nonce": []}',
    ],
)  # fmt: skip
def test_a_file_that_nobody_wrote_so_is_no_try(text: str, tmp_path: Path) -> None:
    """A damaged marker is none: the agent that was kept is started."""
    (tmp_path / markers.TRYING).write_bytes(text.encode(errors="surrogateescape"))
    assert choose(Way(Disk(tmp_path), print).look()) == Start(BASE)


@pytest.mark.parametrize(
    ("text", "fits"), [("", True), ("{}", True), ('{"python": "3.1"}', False), ("[]", False), ('{"pyth', False)]
)
def test_a_release_of_another_python_is_not_started(text: str, fits: bool, tmp_path: Path) -> None:
    """After an upgrade of the system the base goes on; so it does when what says that a release is whole is not."""
    (tmp_path / OLD).mkdir()
    (tmp_path / OLD / markers.COMPLETE).write_text(text)
    markers.point(Disk(tmp_path), markers.CURRENT, OLD)
    assert choose(Way(Disk(tmp_path), print).look()) == (
        Start(OLD) if fits else Start(BASE, f"{OLD} cannot be started")
    )


def test_a_key_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    """Releases of all ages read each other's files."""
    (tmp_path / markers.VERDICT).write_text('{"name": "x", "reason": "late", "colour": "red"}')
    assert markers.verdict(Disk(tmp_path)) == Verdict("x", reason="late")
