"""A door on the loopback address through which Docker pulls no faster than it may: Docker itself knows no cap.

One relay stands before one registry for the time of one pull. It passes on what Docker asks and what the registry answers, logins
and refusals included, and follows redirections itself, because Docker would leave by them. A blob that breaks off is taken up where
it broke. Requests are served one after another: one thread, one pace, no lock.

A registry that cannot be reached is answered with 502; whatever else goes wrong closes the connection, and Docker asks again.
Docker trusts 127.0.0.0/8 without TLS; the address is one of it by which a name that was left behind is known. Whom Docker trusts
besides (`insecure-registries`) the relay trusts, too, and nobody else.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from agent.decide.leftovers import DOOR

SILENCE_S = 30.0
# Shorter than a pull may be silent, so that a dead connection is taken up again before the pull is ended.
RESUMES_MOST = 5
RESUME_S = 1.0
# Doubled each time: half a minute of a line that is down; then the whole pull is tried again, later.
REDIRECTIONS_MOST = 5
# A blob is one or two steps away: storage of a cloud, then its nearest copy.
PIECES_PER_S = 20
# Fine enough for an even flow, coarse enough to cost nothing at 10 MB/s.
LATE_S = 0.2
# A busy Pi wakes late; without credit for that the cap would be lower than it says.
WINDOW_BYTES = 64 * 1024
# What the kernel takes in ahead of us; its own choice would fetch megabytes before the first pause.
WAITING_MOST = 16
# Docker asks for three layers at once.
POLL_S = 0.2

_HUB, _HUB_API = "docker.io", "registry-1.docker.io"
_ASKED = ("Accept", "Authorization", "Range", "User-Agent")
_ANSWERED = (
    "Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Docker-Content-Digest",
    "Docker-Distribution-Api-Version", "WWW-Authenticate", "Retry-After", "ETag",
)  # fmt: skip
_REDIRECTIONS = (301, 302, 303, 307, 308)
_BROKEN = (OSError, http.client.HTTPException)

Headers = dict[str, str]


class Pace:
    """Lets so many bytes a second pass. For one thread."""

    def __init__(self, rate_bps: int, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._rate_bps, self._clock, self._sleep = rate_bps, clock, sleep
        self._due_mono_s = clock()

    @property
    def piece_bytes(self) -> int:
        """How much to take at once."""
        return max(1, min(WINDOW_BYTES, self._rate_bps // PIECES_PER_S))

    def passed(self, count: int) -> None:
        """Wait until so many more bytes were due. What a slow registry left unused is not made up for, a late waking is."""
        now_s = self._clock()
        self._due_mono_s = max(self._due_mono_s, now_s - LATE_S) + count / self._rate_bps
        self._sleep(max(0.0, self._due_mono_s - now_s))


@dataclass(frozen=True, slots=True)
class Upstream:
    """The registry behind the door. An insecure one may have any certificate, or none and speak plain HTTP."""

    registry: str
    insecure: bool = False

    def open(self, method: str, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Ask, and follow redirections to the answer."""
        host = _HUB_API if self.registry == _HUB else self.registry
        answer = self._asked(f"https://{host}{path}", method, headers)
        for _ in range(REDIRECTIONS_MOST):
            place = answer.getheader("Location") if answer.status in _REDIRECTIONS else None
            if not place:
                break
            answer.close()
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
            answer = self._asked(place if "://" in place else f"https://{host}{place}", method, headers)
        return answer

    def _asked(self, url: str, method: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        at = urlsplit(url)
        path = f"{at.path}?{at.query}" if at.query else at.path
        try:
            return _answer(self._connection(at.scheme, at.netloc), method, path, headers)
        except (ssl.SSLError, ConnectionError):
            if at.scheme == "http" or not self.insecure:
                raise
            return _answer(self._connection("http", at.netloc), method, path, headers)

    def _connection(self, scheme: str, place: str) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(place, timeout=SILENCE_S)
        trust = ssl.create_default_context()
        if self.insecure:
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(place, timeout=SILENCE_S, context=trust)


class Relay:
    """The door, while it is open: a context manager. Docker asks for `{name}/{repository}` instead of the registry's own name."""

    def __init__(self, upstream: Upstream, rate_bps: int, address: str = DOOR) -> None:
        self._server = _Door((address, 0), upstream, Pace(rate_bps, time.monotonic, time.sleep))
        self._thread = threading.Thread(target=self._server.serve, name="relay", daemon=True)

    @property
    def name(self) -> str:
        """Host and port, as they stand in an image's reference."""
        return "{}:{}".format(*self._server.server_address[:2])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.closing.set()
        self._thread.join(SILENCE_S)


class _Door(TCPServer):
    request_queue_size = WAITING_MOST
    timeout = POLL_S

    def __init__(self, address: tuple[str, int], upstream: Upstream, pace: Pace) -> None:
        self.upstream, self.pace, self.closing = upstream, pace, threading.Event()
        super().__init__(address, _Passage)

    def serve(self) -> None:
        while not self.closing.is_set():
            self.handle_request()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Docker went away, or the registry for good: the connection is closed, which says it all."""


class _Passage(BaseHTTPRequestHandler):
    """One request. HTTP/1.0: the connection ends with the answer."""

    server: _Door
    timeout = SILENCE_S

    def do_GET(self) -> None:
        self._pass()

    def do_HEAD(self) -> None:
        self._pass()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: a pull's outcome says what matters."""

    def _pass(self) -> None:
        asked = {name: ", ".join(self.headers.get_all(name, ())) for name in _ASKED if name in self.headers}
        try:
            answer = self.server.upstream.open(self.command, self.path, asked)
        except _BROKEN as error:
            self.send_error(http.HTTPStatus.BAD_GATEWAY, explain=str(error))
            return
        self.send_response_only(answer.status)
        for name in _ANSWERED:
            if (value := answer.getheader(name)) is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self._copy(answer, asked)

    def _copy(self, answer: http.client.HTTPResponse, asked: Headers) -> None:
        """Pass on the body, taking it up again where it breaks off."""
        whole, done, resumes = int(answer.getheader("Content-Length") or 0), 0, 0
        while not self.server.closing.is_set():
            piece = _piece(answer, self.server.pace.piece_bytes)
            if piece:
                self.wfile.write(piece)
                self.server.pace.passed(len(piece))
                done, resumes = done + len(piece), 0
            elif done >= whole or resumes >= RESUMES_MOST:
                break
            else:
                self.server.closing.wait(RESUME_S * 2**resumes)
                answer, resumes = self._taken_up(asked, done) or answer, resumes + 1
        answer.close()

    def _taken_up(self, asked: Headers, done: int) -> http.client.HTTPResponse | None:
        """The rest of a body; None where it cannot be had now."""
        first, last = _range(asked.get("Range", ""))
        try:
            answer = self.server.upstream.open("GET", self.path, {**asked, "Range": f"bytes={first + done}-{last}"})
        except _BROKEN:
            return None
        return answer if answer.status == http.HTTPStatus.PARTIAL_CONTENT else None


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
    connection.request(method, path, headers={**headers, "Connection": "close"})
    return connection.getresponse()


def _piece(answer: http.client.HTTPResponse, most_bytes: int) -> bytes:
    try:
        return answer.read1(most_bytes)
    except _BROKEN:
        return b""


def _range(asked: str) -> tuple[int, str]:
    """The first byte, and the last if one is named, of `bytes=0-99`."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    return int(first or 0), last
