"""What runs a Python handler: for one event, and as a server on a socket; what its answers come to."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from agent.adapters.outfit import RUNNER_FILE, SERVES
from agent.adapters.workers import ASKS_AT_ONCE

PATIENCE_S = 10.0
HANDLER = """
import json
print("at import")

def handle(event, context):
    if event.body == "wait":
        return {"statusCode": 503, "headers": {"Retry-After": 7, "X-Bad": "a\\nb"}, "body": "not now"}
    if event.body == "fail":
        raise ValueError("no luck")
    if event.body == "bytes":
        return b"\\x00\\xff"
    if event.body == "nothing":
        return None
    return {"attributes": event.attributes, "method": event.method, "host": bool(context.hostname)}
"""


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    path = tmp_path / "handler.py"
    path.write_text(HANDLER)
    return path


def once(handler: Path, body: bytes) -> subprocess.CompletedProcess[bytes]:
    environ = {"PATH": os.environ["PATH"], "CE_ID": "e-1", "CE_TYPE": "pressed"}
    command = [sys.executable, "-S", str(RUNNER_FILE), str(handler)]
    return subprocess.run(command, input=body, capture_output=True, check=False, env=environ)


@pytest.fixture
def served(handler: Path, tmp_path: Path) -> Iterator[http.client.HTTPConnection]:
    """A connection to a handler that serves on a socket."""
    path = str(tmp_path / "socket")
    environ = {**os.environ, "BRAMBLE_SOCKET": path}
    serving = subprocess.Popen(
        [sys.executable, "-S", str(RUNNER_FILE), str(handler), SERVES], env=environ, stderr=subprocess.DEVNULL
    )
    deadline_mono_s = time.monotonic() + PATIENCE_S
    wire = socket.socket(socket.AF_UNIX)
    while wire.connect_ex(path):
        assert time.monotonic() < deadline_mono_s
        time.sleep(0.02)
    connection = http.client.HTTPConnection("function")
    connection.sock = wire
    yield connection
    connection.close()
    serving.kill()
    serving.wait()


def test_one_event_is_answered_on_standard_output(handler: Path) -> None:
    """The event's attributes are without their prefix, and what is printed, at import too, is no output."""
    ended = once(handler, b"hello")
    assert ended.returncode == 0
    assert ended.stdout == b'{"attributes": {"id": "e-1", "type": "pressed"}, "method": "POST", "host": true}'
    assert ended.stderr == b"at import\n"


def test_what_is_no_text_and_what_is_nothing(handler: Path) -> None:
    """Bytes pass as they are, and nothing is an empty output."""
    assert once(handler, b"bytes").stdout == b"\x00\xff"
    assert (once(handler, b"nothing").stdout, once(handler, b"nothing").returncode) == (b"", 0)


def test_a_failure_is_told_on_standard_error(handler: Path) -> None:
    """An exception with its traceback, a status from 400 on with its body; neither is an output."""
    raised = once(handler, b"fail")
    assert (raised.returncode, raised.stdout) == (1, b"")
    assert b"ValueError: no luck" in raised.stderr
    refused = once(handler, b"wait")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert refused.stderr.endswith(b"not now")


def test_it_serves_many_requests_on_one_connection(served: http.client.HTTPConnection) -> None:
    """Health, answers, failures and headers, over a socket that is kept open."""
    for method, path, body, status in (
        ("GET", "/_/health", "", 200), ("GET", "/elsewhere", "", 404), ("POST", "/", "hello", 200), ("POST", "/", "fail", 500),
    ):  # fmt: skip
        served.request(method, path, body)
        answer = served.getresponse()
        said = answer.read()
        assert answer.status == status
    assert b"ValueError: no luck" in said
    served.request("POST", "/", "wait")
    answer = served.getresponse()
    assert (answer.status, answer.read(), answer.getheader("Retry-After")) == (503, b"not now", "7")
    assert answer.getheader("X-Bad") == "a b"
    served.request("POST", "/", "who", {"ce-subject": "T%C3%BCre"})
    assert '"subject": "Türe"' in served.getresponse().read().decode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"what is this\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nno header\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 300, b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", b"200"),
        (b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", b"200"),
        (b"PUT / HTTP/1.0\r\n\r\n", b"501"),
    ],
)
def test_who_cannot_go_on_is_told_and_let_go(
    served: http.client.HTTPConnection, request_: bytes, status: bytes
) -> None:
    """What is no request, what says no length, and who wants no more: an answer, and the end of the connection."""
    served.sock.settimeout(PATIENCE_S)
    served.sock.sendall(request_)
    said = b""
    with suppress(ConnectionResetError):  # of what was sent after the part that was enough
        while piece := served.sock.recv(65536):
            said += piece
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close\r\n" in said


def test_who_asks_before_sending_is_told_to_go_on(served: http.client.HTTPConnection) -> None:
    """`Expect: 100-continue`, as curl says it before a large body; the answer tells its date, as a `Retry-After` may need it."""
    served.sock.settimeout(PATIENCE_S)
    served.sock.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert served.sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    served.sock.sendall(b"hi")
    answer = served.sock.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert parsedate_to_datetime(answer.split(b"\r\n")[1].decode().partition(": ")[2]) is not None


def test_a_burst_of_connections_waits_to_be_taken(served: http.client.HTTPConnection, tmp_path: Path) -> None:
    """As many as a node asks at once find room while the function is busy; over TCP each without would lose a second."""
    os.kill(peer_pid(served), signal.SIGSTOP)
    try:
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(ASKS_AT_ONCE)]
        for one in waiting:
            one.setblocking(False)
        assert [one.connect_ex(str(tmp_path / "socket")) for one in waiting] == [0] * ASKS_AT_ONCE
    finally:
        os.kill(peer_pid(served), signal.SIGCONT)
        for one in waiting:
            one.close()


def peer_pid(served: http.client.HTTPConnection) -> int:
    """The process on the other side."""
    said = served.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", said)[0])
