"""Functions as processes of this machine: limits, ends, and what a crash of the agent leaves."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.adapters.keepers import Keepers
from agent.adapters.kept import Kept, Terms, has_ended
from agent.adapters.processes import Allowance, Processes
from agent.decide.effects import Discard, Run
from agent.decide.inputs import Phase, ProcessesSeen, RunEnded
from protocol.container import Container
from protocol.function import FunctionSpec, Mode

PATIENCE_S = 10.0
MEMORY, FILE = 512 * 1024 * 1024, 1024 * 1024


def until(claim: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    deadline_mono_s = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline_mono_s
        time.sleep(0.01)


def is_gone(pid: str) -> bool:
    """Whether a process has ended, waited for or not."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def step(*command: str, body: str = "", timeout_s: float = 10.0, memory_bytes: int = 0) -> Run:
    made = Container("", command=command, memory_bytes=memory_bytes)
    return Run("i1", "i1", 1, FunctionSpec("fn", "s", "r1", made, timeout_s, mode=Mode.PROCESS), (("id", "e-1"),), body)


@pytest.fixture
def told() -> list[object]:
    return []


@pytest.fixture
def processes(tmp_path: Path, told: list[object]) -> Processes:
    return Processes(tmp_path / "processes", Allowance(MEMORY, FILE), told.append)


def again(tmp_path: Path, told: list[object]) -> Processes:
    """The next agent on the same machine."""
    return Processes(tmp_path / "processes", Allowance(MEMORY, FILE), told.append)


def terms(one: Run) -> Terms:
    return Terms(one.function.timeout_s, MEMORY, FILE, "", tuple(one.function.container.command or ()))


def leave(tmp_path: Path, one: Run) -> Kept:
    """Begin a run as an agent does that dies right afterwards."""
    kept = Kept.of(tmp_path / "processes", one)
    kept.prepare(one, {"PATH": os.environ["PATH"]}, terms(one))
    os.close(Keepers().begin(kept.ticket))
    until((kept.folder / "kept").exists)
    return kept


def test_a_run_from_before_a_crash_is_taken_over(tmp_path: Path, told: list[object]) -> None:
    """The keeper outlives the agent: the next one gets the result, and the command has run once."""
    one = step("sh", "-c", f"echo x >>{tmp_path}/effects; sleep 0.5; echo done")
    leave(tmp_path, one)
    ended = again(tmp_path, told).run(one)
    assert (ended.exit_code, ended.output) == (0, "done\n")
    assert (tmp_path / "effects").read_text() == "x\n"


def test_a_result_can_be_read_again(tmp_path: Path, processes: Processes, told: list[object]) -> None:
    """A crash between the end and the commit runs nothing twice."""
    one = step("sh", "-c", f"echo x >>{tmp_path}/effects; echo done; exit 3")
    first, second = processes.run(one), again(tmp_path, told).run(one)
    assert (first.exit_code, first.output, second.exit_code, second.output) == (3, "done\n", 3, "done\n")
    assert (tmp_path / "effects").read_text() == "x\n"


def test_what_dies_with_its_keeper_is_lost_and_says_so(tmp_path: Path, told: list[object]) -> None:
    """Without its keeper there is no result: the attempt has failed, its process is ended, and it is not begun again."""
    one = step("sh", "-c", f"echo x >>{tmp_path}/effects; sleep 61")
    kept = leave(tmp_path, one)
    until((tmp_path / "effects").exists)
    keeper_pid, process_pid = (int(line.split()[1]) for line in (kept.folder / "kept").read_text().splitlines())
    os.kill(keeper_pid, signal.SIGKILL)
    until(lambda: is_gone(str(keeper_pid)))
    ended = again(tmp_path, told).run(one)
    assert (ended.exit_code, ended.reason) == (None, "lost while it ran: its keeper is gone, and left no result")
    until(lambda: is_gone(str(process_pid)))
    assert (tmp_path / "effects").read_text() == "x\n"


def test_what_had_not_begun_is_begun_once(tmp_path: Path, told: list[object]) -> None:
    """A keeper of a dead agent that comes late begins nothing, also when the next agent has made the same directory anew."""
    one = step("sh", "-c", f"echo x >>{tmp_path}/effects")
    kept = Kept.of(tmp_path / "processes", one)
    kept.prepare(one, {"PATH": os.environ["PATH"]}, terms(one))
    ticket, keepers = kept.ticket, Keepers()
    assert kept.is_void()
    assert has_ended(keepers.begin(ticket), PATIENCE_S)
    assert not (tmp_path / "effects").exists()
    assert again(tmp_path, told).run(one).exit_code == 0
    assert has_ended(keepers.begin(ticket), PATIENCE_S)
    assert (tmp_path / "effects").read_text() == "x\n"


def test_keepers_come_from_one_process_which_is_made_anew_when_it_dies(tmp_path: Path, processes: Processes) -> None:
    """No run waits for an interpreter of its own; and none is lost for the want of one."""
    origins = []
    for number in range(4):
        asked = replace(step("sh", "-c", "cat /proc/$PPID/stat"), invocation=f"i{number}")
        origins.append(int(processes.run(asked).output.rpartition(")")[2].split()[1]))
        if number == 1:
            os.kill(origins[1], signal.SIGKILL)
            until(lambda: is_gone(str(origins[1])))
    assert origins[0] == origins[1] != origins[2] == origins[3]
    assert os.getpid() not in origins


class Stillborn(Keepers):
    """Keepers that end before they begin, as where their process is killed in that moment."""

    def begin(self, ticket: Path) -> int:
        return os.open(os.devnull, os.O_RDONLY)


def test_a_run_whose_keeper_never_began_has_not_begun(tmp_path: Path, told: list[object]) -> None:
    """It uses up no retry, and is begun by the next asking, once."""
    one = step("sh", "-c", f"echo x >>{tmp_path}/effects")
    ended = Processes(tmp_path / "processes", Allowance(MEMORY, FILE), told.append, Stillborn()).run(one)
    assert (ended.is_unbegun, ended.exit_code, ended.reason) == (True, None, "its keeper could not begin")
    ended = again(tmp_path, told).run(one)
    assert (ended.is_unbegun, ended.exit_code) == (False, 0)
    assert (tmp_path / "effects").read_text() == "x\n"


def test_the_keepers_process_ends_with_its_agent(tmp_path: Path) -> None:
    """What it has begun goes on."""
    one = step("sh", "-c", f"cat /proc/$PPID/stat >{tmp_path}/stat; sleep 0.3; echo x >>{tmp_path}/effects")
    leave(tmp_path, one)
    until(lambda: (tmp_path / "stat").exists() and (tmp_path / "stat").read_text())
    origin = (tmp_path / "stat").read_text().rpartition(")")[2].split()[1]
    until(lambda: is_gone(origin) or origin == "1")
    until((tmp_path / "effects").exists)


def test_the_timeout_ends_the_whole_group(tmp_path: Path, processes: Processes) -> None:
    """Also what the command has started, and when the agent is not there to see it."""
    ended = processes.run(step("sh", "-c", f"sleep 62 & echo $! >{tmp_path}/child; echo said; wait", timeout_s=0.5))
    assert (ended.exit_code, ended.timed_out, ended.reason) == (None, True, "killed after its timeout of 0.5 s")
    assert ended.output == "said\n"
    child = (tmp_path / "child").read_text().strip()
    until(lambda: is_gone(child))


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path, processes: Processes) -> None:
    """A child in the background keeps neither the result waiting nor itself alive."""
    begun_mono_s = time.monotonic()
    ended = processes.run(step("sh", "-c", f"sleep 63 & echo $! >{tmp_path}/child; echo said"))
    assert (ended.exit_code, ended.output) == (0, "said\n")
    assert time.monotonic() - begun_mono_s < 5
    child = (tmp_path / "child").read_text().strip()
    until(lambda: is_gone(child))


def test_memory_and_files_are_bounded(tmp_path: Path, processes: Processes) -> None:
    """A process has what the function asks for, and at most what the node allows."""
    greedy = step(sys.executable, "-c", "x = bytearray(300_000_000)", memory_bytes=200_000_000)
    assert "MemoryError" in processes.run(greedy).error
    large = replace(step("sh", "-c", "head -c 2000000 /dev/zero >large"), invocation="i2")
    assert processes.run(large).exit_code not in (0, None)
    asking = replace(step("true", memory_bytes=MEMORY + 1), invocation="i3")
    assert (
        processes.run(asking).reason
        == f"it asks for {MEMORY + 1} bytes of memory, and this node allows a process {MEMORY}"
    )


def test_a_command_that_is_not_there_is_the_reason(processes: Processes) -> None:
    """What cannot begin says why."""
    ended = processes.run(step("no-such-command"))
    assert (ended.exit_code, ended.reason) == (None, "it cannot begin: No such file or directory: no-such-command")


def test_the_agents_own_environment_stays_its_own(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process sees no variable of the agent that was not meant for it."""
    monkeypatch.setenv("BRAMBLE_BROKER_PASSWORD", "hush")
    assert "hush" not in processes.run(step("env")).output


@pytest.mark.lab
def test_a_process_runs_as_the_user_of_the_settings(told: list[object]) -> None:
    """As whom it runs is the node's own word; its directory and its secrets are that user's."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o711)
        processes = Processes(Path(home) / "processes", Allowance(MEMORY, FILE, "nobody"), told.append)
        one = step("sh", "-c", "id -un; touch mine; cat $BRAMBLE_SECRETS/key")
        one = replace(one, function=replace(one.function, secrets={"key": "s3cret"}))
        ended = processes.run(one)
        assert (ended.output, ended.error, ended.reason) == ("nobody\ns3cret", "", "")


def test_what_must_give_way_ends_at_once(tmp_path: Path, processes: Processes, told: list[object]) -> None:
    """A run that is discarded is ended with all that it started, and its end is told, once."""
    processes.give(step("sh", "-c", f"sleep 64 & echo $! >{tmp_path}/child; wait"))
    child = tmp_path / "child"
    until(lambda: child.exists() and child.read_text())
    (seen,) = processes.seen().processes
    assert seen.phase is Phase.RUNNING
    processes.discard(Discard(seen.id))
    until(lambda: any(isinstance(one, RunEnded) for one in told) and processes.seen() == ProcessesSeen())
    (ended,) = (one for one in told if isinstance(one, RunEnded))
    assert (ended.exit_code, ended.reason) == (None, "lost while it ran: its keeper is gone, and left no result")
    until(lambda: is_gone(child.read_text().strip()))


def test_it_is_told_what_there_is_until_it_is_discarded(processes: Processes, told: list[object]) -> None:
    """What a run left is seen until nobody needs it."""
    processes.give(step("true"))
    until(lambda: any(isinstance(one, ProcessesSeen) for one in told))
    (seen,) = processes.seen().processes
    assert (seen.invocation, seen.attempt, seen.phase) == ("i1", 1, Phase.EXITED)
    processes.discard(Discard(seen.id))
    until(lambda: processes.seen() == ProcessesSeen() and told[-1] == ProcessesSeen())
