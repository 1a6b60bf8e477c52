"""What systemd hears from us, over real datagram sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from link.notify import READY, STOPPING, WATCHDOG, Supervisor, status, supervisor

PID = 4711
HEARD_WITHIN_S = 5.0
MANY = 100_000  # more datagrams than any queue of the kernel holds


def listening(address: str) -> socket.socket:
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(address)
    ear.settimeout(HEARD_WITHIN_S)
    return ear


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def ear(path: str) -> Iterator[socket.socket]:
    with listening(path) as ear:
        yield ear


def test_words_arrive_together_in_one_datagram(ear: socket.socket, path: str) -> None:
    """Ready and its status line are one message, as systemd expects them."""
    assert supervisor({"NOTIFY_SOCKET": path}, PID).tell(READY, status("online, 3 services"))
    assert ear.recv(4096) == b"READY=1\nSTATUS=online, 3 services"


def test_each_telling_is_a_datagram_of_its_own(ear: socket.socket, path: str) -> None:
    """What is told in turn is heard in turn."""
    systemd = supervisor({"NOTIFY_SOCKET": path}, PID)
    assert systemd.tell(WATCHDOG)
    assert systemd.tell(STOPPING)
    assert [ear.recv(4096), ear.recv(4096)] == [b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_socket_is_reached() -> None:
    """A leading @ stands for the null byte of an abstract address."""
    name = f"bramble-notify-{os.getpid()}-{time.monotonic_ns()}"
    with listening("\0" + name) as ear:
        assert supervisor({"NOTIFY_SOCKET": "@" + name}, PID).tell(READY)
        assert ear.recv(4096) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_that_we_speak_nobody_is_told(environ: dict[str, str]) -> None:
    """Started by hand, or by something that we cannot reach, telling does nothing and says so."""
    listener = supervisor({**environ, "WATCHDOG_USEC": "60000000"}, PID)
    assert listener == Supervisor()
    assert listener.tell(READY) is False


def test_a_listener_that_is_gone_is_no_error(path: str) -> None:
    """A socket that vanished gives False, not an exception in the loop."""
    listening(path).close()
    assert supervisor({"NOTIFY_SOCKET": path}, PID).tell(WATCHDOG) is False
    assert supervisor({"NOTIFY_SOCKET": "/" + "x" * 200}, PID).tell(WATCHDOG) is False


def test_a_listener_that_does_not_read_never_blocks_us(ear: socket.socket, path: str) -> None:
    """A full queue is told as False at once, and the words before it are still there."""
    systemd = supervisor({"NOTIFY_SOCKET": path}, PID)
    assert not all(systemd.tell(WATCHDOG) for _ in range(MANY))
    assert ear.recv(4096) == b"WATCHDOG=1"


def test_a_status_is_always_one_line() -> None:
    """No text of ours, whatever it holds, can smuggle in a second word."""
    assert status("pulling\nREADY=1\r\n  greet ") == "STATUS=pulling READY=1 greet"


def test_text_that_is_no_unicode_is_told_all_the_same(ear: socket.socket, path: str) -> None:
    """A lone surrogate, as from a file name, does not raise."""
    assert supervisor({"NOTIFY_SOCKET": path}, PID).tell(status("file \udcff"))
    assert ear.recv(4096) == b"STATUS=file ?"


def test_the_watchdog_is_told_three_times_in_its_period() -> None:
    """Two signs may be late before systemd restarts us."""
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(PID)}
    assert supervisor(environ, PID).watchdog_every_s == pytest.approx(20.0)


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "-1"}, {"WATCHDOG_USEC": "²"},
     {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}],
)  # fmt: skip
def test_a_watchdog_that_is_not_ours_asks_for_nothing(watchdog: dict[str, str]) -> None:
    """No watchdog, a senseless one, or that of our parent."""
    assert supervisor({"NOTIFY_SOCKET": "/run/x", **watchdog}, PID).watchdog_every_s is None
