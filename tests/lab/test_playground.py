"""`make playground` from outside: a bramble that stays, obeys at its prompt, and leaves nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import traces
from lab.processes import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

ROOT = Path(__file__).parents[2]
READY_S, SEEN_S = 90.0, 60.0
PROMPT = "playground> "


class Player:
    """Somebody at the prompt, with another terminal."""

    def __init__(self, log: Path) -> None:
        self._log = log
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lab.playground"], stdin=subprocess.PIPE, stdout=said, stderr=said, cwd=ROOT
            )
        self.pid = self._process.pid
        wait_until(lambda: PROMPT in self.log, "the prompt", READY_S)
        (self.broker,) = re.findall(r"BRAMBLE_BROKER=(\S+)", self.log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def says(self, line: str) -> str:
        """Type a line, and return what is said until the next prompt."""
        before = len(self.log)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        wait_until(lambda: PROMPT in self.log[before:], f"the prompt after {line!r}", SEEN_S)
        return self.log[before:].removesuffix(PROMPT)

    def presence(self) -> dict[str, str]:
        """What `bramble nodes` shows."""
        command = [sys.executable, "-m", "cli", "nodes", "-o", "json", "--broker", self.broker]
        found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False).stdout
        return {row["node"]: row["presence"] for row in json.loads(found or "[]")}

    def ends(self) -> int:
        """Close the input, which is as good as `quit`, and return the exit code."""
        self._process.communicate(timeout=SEEN_S)
        return self._process.returncode

    def kill(self) -> None:
        """Whatever became of it."""
        self._process.kill()


@pytest.fixture
def player(able_machine: None, tmp_path: Path) -> Iterator[Player]:
    """Somebody at a playground of his own."""
    found = Player(tmp_path / "playground.log")
    yield found
    found.kill()


def test_fate_is_obeyed_and_all_is_removed(player: Player) -> None:
    """A power cut is seen and the way back, too; a kill is healed; nonsense is told; the end leaves nothing."""
    wait_until(lambda: list(player.presence().values()) == ["online"] * 3, "three nodes", SEEN_S)
    assert player.says("off pi-2") == ""
    wait_until(lambda: player.presence().get("pi-2") == "offline", "pi-2 to be away", SEEN_S)
    assert player.says("cut pi-2") == "pi-2 is off: on pi-2\n"
    assert player.says("on pi-1") == "'pi-1' is not off; off are: pi-2\n"
    assert player.says("on pi-2") == ""
    assert [player.says(line) for line in ("kill controller", "kill broker", "kill pi-1", "cut pi-3", "mend pi-3")] == [
        ""
    ] * 5
    wait_until(lambda: list(player.presence().values()) == ["online"] * 3, "all three to be back", SEEN_S)
    assert player.says("cut pi-9") == "there is no 'pi-9' here; there are pi-1, pi-2, pi-3\n"
    assert player.says("kill") == "of whom? there are pi-1, pi-2, pi-3, controller, broker\n"
    assert player.says("jump") == "there is no command 'jump'; help shows what there is\n"
    assert player.ends() == 0
    assert [run for run in traces.runs() if run.pid == player.pid] == []
