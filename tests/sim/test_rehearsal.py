"""A rollout rehearsed over nodes that come and go: what it says, draws and refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sim import command
from sim.absence import Absence
from sim.faults import FAULTS
from sim.given import UnreadableStackError, read_stack
from sim.lanes import Doing, Lane, picture, svg
from sim.node import BIRTHDAY
from sim.rehearsal import Script, before, rehearse
from sim.world import BEGINNING_S

STACK = b"""name: kiosk
services:
  screen:
    image: registry.local:5000/screen:2
    deploy:
      mode: global
      update_config: {parallelism: 1, monitor: 5s, failure_action: pause}
"""

WINDOWED = (
    STACK
    + b"""    x-bramble: {update: {window: {schedule: "0 2 * * SUN", duration: 4h}}}
"""
)

CONFIRMED = STACK + b"    x-bramble: {update: {canary: {count: 1, promote: confirm}}}\n"


def test_present_nodes_are_updated_and_the_timeline_says_when() -> None:
    """Without absence every task settles, from the first to the last, and the report says so."""
    told = rehearse(1, Script(3, 3600.0, STACK, Absence()))
    assert told.broken == ""
    assert [said for _, said in told.timeline] == [
        "published",
        "the first task has settled",
        "50% of 3 tasks have settled",
        "95% of 3 tasks have settled",
        "100% of 3 tasks have settled",
        "kiosk.screen is done",
    ]
    assert (told.updated, told.tasks) == (3, 3)
    assert told.reports == ["kiosk.screen: done; 3 updated, 0 failed, 0 unseen, 0 in progress"]
    assert {lane.moments[-1][1] for lane in told.lanes} == {Doing.SETTLED}


def test_a_rehearsal_ends_when_its_time_is_over_and_counts_the_unseen() -> None:
    """Nodes that stay away are neither updated nor failed."""
    told = rehearse(3, Script(4, 600.0, STACK, Absence(share=0.9, spell_s=86_400.0)))
    assert told.broken == ""
    assert told.seconds == 600.0
    assert told.updated < told.tasks
    unseen = told.tasks - told.updated
    assert f"{told.updated} updated, 0 failed, {unseen} unseen, 0 in progress" in told.reports[0]
    assert Doing.AWAY in {lane.moments[-1][1] for lane in told.lanes}


def test_days_in_which_nothing_happens_cost_nothing() -> None:
    """Nodes that wait for Sunday night are not simulated until then, and begin at two o'clock."""
    told = rehearse(1, Script(3, 7 * 86_400.0, WINDOWED, Absence()))
    assert told.broken == ""
    (first_s,) = (at_s for at_s, said in told.timeline if said == "the first task has settled")
    begun_s = (datetime(2026, 1, 4, 2, tzinfo=UTC) - BIRTHDAY).total_seconds()
    *_, published_s = (float(line.split()[0]) for line in told.trace if "publishes kiosk, " in line)
    first_s += BEGINNING_S
    assert begun_s < published_s + first_s < begun_s + 120.0
    assert told.updated == 3
    assert len(told.trace) < 400


def test_the_same_seed_is_the_same_rehearsal() -> None:
    """Whoever sends a colleague the command sends him the picture."""
    script = Script(3, 1800.0, STACK, Absence(0.3, 300.0, 20.0), FAULTS)
    assert rehearse(5, script) == rehearse(5, script)
    assert rehearse(5, script).trace != rehearse(6, script).trace


def test_a_batch_that_waits_for_a_word_gets_it_and_the_timeline_says_so() -> None:
    """A canary with confirmed promotion does not stop a rehearsal."""
    told = rehearse(1, Script(3, 3600.0, CONFIRMED, Absence()))
    said = [said for _, said in told.timeline]
    assert any(one.startswith("kiosk.screen is paused") for one in said)
    assert "the next batch of kiosk.screen is confirmed, as its operator would" in said
    assert told.updated == 3


def test_only_whole_image_names_are_taken_for_the_image_before() -> None:
    """An image whose name begins another is no part of it, and a digest goes with its image."""
    text = b"name: a\nservices:\n  x: {image: 'web:1'}\n  y: {image: 'web:10'}\n  z: {image: 'db@sha256:%s'}\n" % (
        b"0" * 64
    )
    found = before(text, read_stack(text))
    assert b"'web:1-before'" in found
    assert b"'web:10-before'" in found
    assert b"'db-before'" in found


def test_a_stack_without_services_has_nothing_to_rehearse() -> None:
    """It is refused with a sentence."""
    text = b"name: a\nsensors:\n  bell: {kind: button, pin: 17}\n"
    with pytest.raises(UnreadableStackError, match="nothing to update"):
        before(text, read_stack(text))


def test_a_column_shows_what_must_not_be_missed() -> None:
    """A short failure is seen beside a long rest."""
    lane = Lane("pi-1")
    for at_s, doing in ((0.0, Doing.WAITING), (50.0, Doing.FAILED), (50.5, Doing.AWAY), (75.0, Doing.SETTLED)):
        lane.say(at_s, doing)
    assert picture([lane], 100.0, 4)[0] == "pi-1 --!="


def test_the_drawing_is_xml_with_a_bar_for_every_span() -> None:
    """A browser can read it, whatever a sentence says."""
    lane = Lane("pi-1", [(0.0, Doing.WAITING), (50.0, Doing.SETTLED)])
    drawn = ET.fromstring(svg("a < b & c", [lane], 100.0, [(50.0, 'paused: "x" > <y>')]))
    bars = [one for one in drawn.iter() if one.tag.endswith("rect")]
    assert len(bars) == len(Doing) + 2


def test_the_command_draws_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command gives the picture, the timeline, the report and the files that were asked for."""
    file, drawing, trace = (tmp_path / name for name in ("kiosk.yaml", "lanes.svg", "trace"))
    file.write_bytes(STACK)
    words = ["--nodes", "3", "--hours", "2", "--seed", "7", "--partition", "30%", "--spell", "5m", "--power-cut", "5/h"]
    files = ["--manifest", str(file), "--svg", str(drawing), "--trace", str(trace)]
    assert command.run([*words, *files]) == 0
    said = capsys.readouterr().out
    assert "published" in said
    assert "done; 3 updated, 0 failed" in said
    assert drawing.read_text().startswith("<svg")
    assert "operator   publishes kiosk" in trace.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--partition", "30%"], "give --manifest FILE"),
        (["--partition", "120%", "--manifest", "x"], "is no share of the time"),
        (["--power-cut", "often", "--manifest", "x"], "is no rate; write it like 5/h"),
        (["--spell", "30", "--manifest", "x"], "is no duration"),
        (["--partition", "30%", "--manifest", "x", "--seeds", "3"], "--seeds is about many histories"),
        (["--nodes", "1"], "a fleet has at least 2 nodes"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that was asked is silently ignored."""
    with pytest.raises(SystemExit):
        command.run(words)
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_no_stack_is_refused_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence is the controller's own."""
    (tmp_path / "a.yaml").write_text("services:\n  web: {imge: x}\n")
    assert command.run(["--partition", "10%", "--manifest", str(tmp_path / "a.yaml")]) == 2
    assert "line 2" in capsys.readouterr().out
