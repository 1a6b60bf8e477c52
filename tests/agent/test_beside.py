"""A container on trial beside ours, on an engine that is played: what its watchdog does, and the order in which one gives way."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.launcher import beside, markers
from agent.launcher.__main__ import end_try
from agent.launcher.beside import Beside, give_way
from agent.launcher.containers import Containers
from agent.launcher.disk import Disk
from agent.launcher.markers import BASE, HAND_OVER, Box, Try
from agent.launcher.vigil import Ending, Vigil

NEW = "image-2"
POLICY = {"Name": "unless-stopped"}


class Played(Containers):
    """An engine with two containers. `refuses` are its answers to what it is asked next; `heeds` the signals that end them."""

    def __init__(self, *refuses: int, heeds: tuple[int, ...] = (signal.SIGTERM, signal.SIGKILL)) -> None:
        super().__init__({})
        self.refuses, self.heeds = list(refuses), heeds
        self.running = {"old": True, "new": False}
        self.code, self.log = 0, list[str]()
        self.looked: Callable[[], object] = lambda: None

    def inspect(self, container: str) -> Any:
        self.looked()
        return {"State": {"Running": self.running[container], "ExitCode": self.code}}

    def start(self, container: str) -> None:
        self._take(f"start {container}")
        self.running[container] = True

    def restart(self, container: str) -> None:
        self._take(f"restart {container}")
        self.running[container] = True

    def kill(self, container: str, number: int) -> None:
        self._take(f"kill {container} {number}")
        if number in self.heeds:
            self.running[container], self.code = False, 128 + number

    def set_restart(self, container: str, policy: Mapping[str, object]) -> None:
        self._take(f"{container} {policy['Name']}")

    def _take(self, what: str) -> None:
        if self.refuses and (status := self.refuses.pop(0)):
            raise OSError(status, "no")
        self.log.append(what)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sleeps."""
    monkeypatch.setattr(beside, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Two releases that are containers: the base, and one beside it."""
    made = Disk(tmp_path)
    (tmp_path / NEW).mkdir()
    markers.remember_base(made, Box("old", POLICY))
    markers.complete_box(made, NEW, "2", Box("new", POLICY))
    return made


def tried(engine: Played, *, within_s: float = 60.0, is_kept: bool = False) -> Ending | OSError:
    return Beside(engine, "new", within_s, lambda: is_kept, engine.log.append).run()


def test_one_that_is_kept_goes_on_and_its_watchdog_does_not_wait_for_its_end() -> None:
    """What is left is to give way."""
    engine = Played()
    assert tried(engine, is_kept=True) == Ending(HAND_OVER, was_kept=True)
    assert engine.running["new"]


def test_one_that_ends_says_how() -> None:
    """By itself, before it was kept."""
    engine = Played()
    engine.looked = lambda: engine.running.update(new=False)
    engine.code = 7
    ending = tried(engine)
    assert isinstance(ending, Ending)
    assert "status 7" in ending.reason


def test_one_that_is_late_is_ended() -> None:
    """Its patience is the one of every trial."""
    engine = Played()
    ending = tried(engine, within_s=0.0)
    assert isinstance(ending, Ending)
    assert (ending.was_late, engine.log[-1], engine.running["new"]) == (True, f"kill new {signal.SIGTERM.value}", False)


def test_one_that_cannot_be_started_does_not_run_afterwards() -> None:
    """The engine has begun and then refused, as one does that ends in the middle: it is killed all the same."""
    engine = Played(500)
    engine.running["new"] = True
    assert isinstance(tried(engine), OSError)
    assert not engine.running["new"]


def test_who_gives_way_is_the_last_to_lose_his_policy(disk: Disk) -> None:
    """So that after a power cut in any moment the engine starts somebody."""
    engine = Played()
    assert give_way(disk, engine, BASE, NEW) is None
    assert engine.log == ["start new", "new unless-stopped", "old no"]


def test_an_engine_that_does_not_answer_just_now_is_asked_again(disk: Disk) -> None:
    """Whoever was kept may run already, and nobody else must."""
    engine = Played(111, 111, 0, 500, 0, 2)
    assert give_way(disk, engine, BASE, NEW) is None
    assert engine.log == ["start new", "new unless-stopped", "old no"]


@pytest.mark.parametrize("status", [404, 409, 500])
def test_an_engine_that_refuses_to_start_it_is_believed(status: int, disk: Disk) -> None:
    """Then ours goes on."""
    error = give_way(disk, Played(status), BASE, NEW)
    assert error is not None
    assert error.errno == status


def test_nobody_gives_way_to_who_is_not_known(disk: Disk) -> None:
    """Its folder has gone."""
    (disk.folder / NEW / markers.COMPLETE).unlink()
    assert give_way(disk, Played(), BASE, NEW) is not None


def test_one_whose_watchdog_was_killed_too_often_is_ended_before_another_starts(disk: Disk) -> None:
    """It was not kept; if it was, it is left alone, and so are we."""
    for us, kept, runs in ((BASE, False, False), (BASE, True, True), (NEW, False, True)):
        engine = Played()
        engine.running["new"] = True
        markers.point(disk, markers.CURRENT, NEW if kept else BASE)
        end_try(disk, engine, us, Try(NEW))
        assert engine.running["new"] is runs


def test_one_that_cannot_be_put_down_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine nobody knows; what was done is not as good as nothing, and whoever reads the log can end it."""
    monkeypatch.setattr(beside, "PUT_DOWN_S", 0.0)
    engine, said = Played(heeds=()), list[str]()
    engine.running["new"] = True
    beside.put_down(engine, "new", said.append)
    (sentence,) = said
    assert "new is not known to have ended" in sentence
    assert "docker rm --force new" in sentence
    engine.running["new"] = False
    beside.put_down(engine, "new", said.append)
    assert said == [sentence]


@pytest.mark.parametrize("answer", [{}, [], None, "up", {"State": {}}, {"State": None}, {"State": {"Running": "yes"}}])
def test_an_answer_that_says_nothing_ends_nothing(answer: object) -> None:
    """A proxy that answers for the engine is no end of a container: it is looked at again, until its time is over."""
    engine = Played()
    looks = iter([answer])
    engine.inspect = lambda container: next(looks, Played.inspect(engine, container))  # type: ignore[method-assign]
    assert tried(engine, is_kept=True) == Ending(HAND_OVER, was_kept=True)
    assert engine.running["new"]


def test_an_end_without_a_code_is_an_end() -> None:
    """An engine that says less than ours do."""
    engine = Played()
    engine.inspect = lambda _: {"State": {"Running": False}}  # type: ignore[method-assign]
    assert isinstance(tried(engine), Ending)


def test_a_vigil_asks_once_and_then_kills() -> None:
    """Unless it was kept, or the launcher itself is to end."""
    vigil, first = Vigil(10.0).saw(10.0, is_kept=False)
    assert (first, vigil.saw(19.0, is_kept=False)[1]) == (signal.SIGTERM, 0)
    assert vigil.saw(20.0, is_kept=False)[1] == signal.SIGKILL
    assert Vigil(10.0).saw(99.0, is_kept=True)[1] == Vigil(10.0).saw(99.0, is_kept=False, is_stopping=True)[1] == 0
    assert vigil.ended(0, is_kept=False).reason == "the controller did not know it in time"


def test_a_signal_without_a_name_has_its_number() -> None:
    """Of the real-time ones only the first and the last are called something."""
    assert Ending(-40).reason == "it was ended by signal 40 before it was kept"


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[Containers]:
    """An engine that says the same to everything."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path / "engine"))
        door.listen()

        def serve() -> None:
            wire, _ = door.accept()
            with wire:
                wire.recv(65536)
                wire.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        yield Containers({"DOCKER_HOST": f"unix://{path}/engine"})
        server.join()


def test_an_engine_that_talks_nonsense_is_one_that_does_not_answer(tmp_path: Path) -> None:
    """A proxy's page is no reason for a launcher to end: nobody would look after the trial."""
    page = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>"
    with answering(tmp_path, page) as engine, pytest.raises(OSError, match="<html></html>") as told:
        engine.inspect("new")
    assert told.value.errno == 502
    (tmp_path / "engine").unlink()
    fine = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff{["
    with answering(tmp_path, fine) as engine, pytest.raises(OSError, match="cannot be understood"):
        engine.inspect("new")


def test_a_pull_that_says_one_word_and_fails_has_failed(tmp_path: Path) -> None:
    """The engine has begun with 200 by then."""
    said = b'HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{"error": "no space left"}'
    with answering(tmp_path, said) as engine, pytest.raises(OSError, match="no space left"):
        engine.pull("agent:2")
