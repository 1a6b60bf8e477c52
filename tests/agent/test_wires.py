"""The wire to a warm function, on sockets of this process: one segment, one kept connection, its deadline, what broke."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Queue

import pytest

from agent.adapters.asking import sent_for
from agent.adapters.doors import REST_S, Door
from agent.adapters.http_wire import HttpWire, Reply, request, timeval
from agent.decide.effects import Run
from protocol.container import Container
from protocol.function import FunctionSpec

PATIENCE_S = 10.0
SOON_S = 0.2
WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
RUN = Run("i1", "i1", 1, FunctionSpec("greet", "s", "r", Container("")), (("id", "e 1"),), "body", None, "door")
LARGE_BYTES = 8 << 20

Talk = Callable[[socket.socket], None]


class Listener:
    """A function's socket: each connection is handed to `talk`, and kept; connections that were taken are counted."""

    def __init__(self, path: Path, talk: Talk) -> None:
        self.path, self.taken, self._talk = path, [], talk  # type: Path, list[socket.socket], Talk
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            self.taken.append(self._socket.accept()[0])
            threading.Thread(target=self._talk, args=(self.taken[-1],), daemon=True).start()


@pytest.fixture
def pair() -> Iterator[tuple[HttpWire, socket.socket]]:
    """A wire, and its other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    theirs.settimeout(PATIENCE_S)
    yield HttpWire(ours, time.monotonic, 100), theirs
    ours.close()
    theirs.close()


def soon() -> float:
    return time.monotonic() + SOON_S


def late() -> float:
    return time.monotonic() + PATIENCE_S


def ask(wire: HttpWire, sent: bytes, until_mono_s: float) -> Reply:
    """Say it, and wait for the answer, as a door does."""
    wire.say(sent, until_mono_s)
    return wire.hear()


def answers(said: bytes) -> Talk:
    """Whoever says this after each request."""

    def talk(taken: socket.socket) -> None:
        with suppress(ConnectionError):
            while taken.recv(65536):
                taken.sendall(said)

    return talk


def read_all(theirs: socket.socket, many: int) -> None:
    """Read so much, and answer."""
    while many > 0:
        many -= len(theirs.recv(65536))
    theirs.sendall(WELL)


def test_a_request_is_one_packet_and_an_answer_is_read_whole() -> None:
    """Head and body go to the kernel together, so no algorithm can hold one of them back for the other's acknowledgement."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps apart what was sent apart
    wire = HttpWire(ours, time.monotonic, 100)
    theirs.send(WELL)
    assert ask(wire, sent_for(RUN), late()) == Reply(200, "OK", {"content-length": "2"}, b"hi", 2)
    assert theirs.recv(65536) == sent_for(RUN)
    assert sent_for(RUN).endswith(b"ce-id: e%201\r\nContent-Length: 4\r\n\r\nbody")
    for one in (ours, theirs):
        one.close()


def test_one_connection_serves_one_request_after_the_other(tmp_path: Path) -> None:
    """It is kept as long as both sides want."""
    listener = Listener(tmp_path / "s", answers(WELL))
    door = Door("c", str(listener.path), time.monotonic)
    assert [door.ask(sent_for(RUN), late()).body for _ in range(20)] == [b"hi"] * 20
    assert len(listener.taken) == 1


def test_a_connection_that_is_open_is_asked_before_anybody_waits(tmp_path: Path) -> None:
    """Where none is, the request goes out with the waiting; it arrives once either way."""
    heard: Queue[bytes] = Queue()

    def talk(taken: socket.socket) -> None:
        while request := taken.recv(65536):
            heard.put(request)
            taken.sendall(WELL)

    door = Door("c", str(Listener(tmp_path / "s", talk).path), time.monotonic)
    first = door.say(b"first", late())
    assert first is None
    assert door.hear(first, b"first", late()).ok
    second = door.say(b"second", late())
    assert [heard.get(timeout=PATIENCE_S) for _ in range(2)] == [b"first", b"second"]
    assert second is not None
    assert door.hear(second, b"second", late()).ok
    assert heard.empty()


def test_a_request_that_found_no_room_is_said_to_the_end_with_the_waiting(
    pair: tuple[HttpWire, socket.socket],
) -> None:
    """What the other side has not taken yet keeps nobody from going on."""
    wire, theirs = pair
    wire.say(b"x" * LARGE_BYTES, late())
    threading.Thread(target=lambda: read_all(theirs, LARGE_BYTES), daemon=True).start()
    assert wire.hear().ok


@pytest.mark.parametrize("more", [b"", b"?"])
def test_one_that_was_closed_or_said_more_is_not_used_again(tmp_path: Path, more: bytes) -> None:
    """The next request goes over a new one, and none is asked of a connection that may have lost it."""
    listener = Listener(tmp_path / "s", answers(WELL))
    door = Door("c", str(listener.path), time.monotonic)
    door.ask(sent_for(RUN), late())
    (first,) = listener.taken
    first.sendall(more) if more else first.shutdown(socket.SHUT_RDWR)
    assert door.ask(sent_for(RUN), late()).body == b"hi"
    assert len(listener.taken) == 2


def test_a_door_that_is_closed_lets_nobody_wait(tmp_path: Path) -> None:
    """A container that ends may take its network along, and nobody would say that nobody answers."""
    heard: Queue[bytes] = Queue()
    door = Door("c", str(Listener(tmp_path / "s", lambda taken: heard.put(taken.recv(65536))).path), time.monotonic)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(door.ask, b"first", late())
        assert heard.get(timeout=PATIENCE_S) == b"first"
        door.close()
        with pytest.raises(ConnectionResetError):
            waiting.result(PATIENCE_S / 2)
    with pytest.raises(ConnectionRefusedError):
        door.ask(b"second", late())
    assert heard.empty()


def test_a_door_that_is_closed_lets_nobody_wait_for_a_connection() -> None:
    """Nothing of it has been asked."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as others:
        door = Door("c", "127.0.0.1", time.monotonic, port=server.getsockname()[1])
        while True:
            one = others.enter_context(socket.socket())
            one.settimeout(SOON_S)
            try:
                one.connect(server.getsockname())
            except TimeoutError:
                break
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(door.ask, b"first", late())
            door.close()
            with pytest.raises(ConnectionRefusedError):
                waiting.result(PATIENCE_S / 2)


def test_a_connection_that_has_rested_is_not_asked_any_more(tmp_path: Path) -> None:
    """Its server may be about to close it, and what crosses that is lost."""
    now_s = [100.0]
    listener = Listener(tmp_path / "s", answers(WELL))
    door = Door("c", str(listener.path), lambda: now_s[0])
    for pause_s, taken in ((0.0, 1), (REST_S * 0.9, 1), (REST_S * 1.1, 2)):
        now_s[0] += pause_s
        assert door.ask(sent_for(RUN), now_s[0] + PATIENCE_S).ok
        assert len(listener.taken) == taken


def test_who_does_not_answer_is_waited_for_until_the_deadline(pair: tuple[HttpWire, socket.socket]) -> None:
    """Also in the middle of an answer; the connection is of no use any more."""
    wire, theirs = pair
    theirs.send(WELL[:-1])
    begun_s = time.monotonic()
    with pytest.raises(TimeoutError):
        ask(wire, b"x", soon())
    assert SOON_S <= time.monotonic() - begun_s < PATIENCE_S
    assert not wire.is_quiet


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "new"])
def test_a_deadline_that_is_over_lets_nothing_out(tmp_path: Path, is_open: bool) -> None:
    """Neither over a connection that is open nor over a new one: nobody would wait for what is done then."""
    heard: Queue[bytes] = Queue()

    def talk(taken: socket.socket) -> None:
        while request := taken.recv(65536):
            heard.put(request)
            taken.sendall(WELL)
        heard.put(b"closed")

    door = Door("c", str(Listener(tmp_path / "s", talk).path), time.monotonic)
    if is_open:
        door.ask(b"first", late())
    with pytest.raises(TimeoutError):
        door.ask(b"second", time.monotonic())
    expected = [b"first", b"closed"] if is_open else [b"closed"]
    assert [heard.get(timeout=PATIENCE_S) for _ in expected] == expected


def test_who_does_not_read_is_waited_for_until_the_deadline(pair: tuple[HttpWire, socket.socket]) -> None:
    """A body that finds no room is no reason to wait for ever."""
    with pytest.raises(TimeoutError):
        ask(pair[0], request("POST", "/", {}, b"x" * LARGE_BYTES), soon())


def test_a_large_body_finds_its_way_to_a_slow_reader(pair: tuple[HttpWire, socket.socket]) -> None:
    """However little room there is at a time, all of it arrives, in order."""
    wire, theirs = pair
    sent = request("POST", "/", {}, bytes(range(256)) * (LARGE_BYTES // 256))
    got = bytearray()

    def read() -> None:
        while len(got) < len(sent):
            got.extend(theirs.recv(65536))
        theirs.sendall(WELL)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert ask(wire, sent, late()).ok
    reader.join(PATIENCE_S)
    assert bytes(got) == sent


def test_time_is_said_to_the_kernel_as_it_counts_there() -> None:
    """A 32-bit system that counts in 64 bits has numbers of its own for these options; nothing ever means for ever."""
    small = len(timeval(socket.SO_RCVTIMEO, 1.5))
    assert (small, len(timeval(66, 1.5)), len(timeval(67, 1.5))) == (16, 16, 16) or small == 8
    with socket.socket(socket.AF_UNIX) as one:
        for seconds in (1e-9, 0.25, 3600.0):
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                one.setsockopt(socket.SOL_SOCKET, option, timeval(option, seconds))
                assert any(one.getsockopt(socket.SOL_SOCKET, option, small))
