"""Runs a Python handler: `def handle(event, context)`, once for the event on standard input, or for each request over HTTP.

A program of its own that is put beside the handler, in a container or in the directory of a process: standard library only, and
any Python from 3.9 on. `event` and `context` are OpenFaaS's (`python3-http`): `event.body`, `event.headers`; and what CloudEvents
add, `event.attributes` and `event.data`. What `handle` returns is the output: text, or anything JSON can say, or OpenFaaS's
`statusCode` and `body`. An exception, or a status from 400 on, is a failure. What it prints goes to standard error, because the
output is the result. No `X | Y` is evaluated here, nor `match`: images are as old as they are. No `pathlib` and no `typing`: each
run pays for what is imported. No `http.server` either: it reads headers as e-mail, which cost more than all that the agent
does for an answer.
"""

# ruff: noqa: PTH101, PTH107, PTH110, PTH123, S103

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

PORT = 8080
HEALTH = "/_/health"
FAILS_FROM = 400
WAITING_MOST = 128
# Twice what a node asks at once. Python's own is 5: over TCP whoever finds no room tries again after a second, then after three.
LINE_MOST_BYTES, HEADERS_MOST = 64 * 1024, 200
# Python's own server takes lines as long, and half as many headers.
PREFIX, HEADER = "CE_", "ce-"
SECRETS = "/var/openfaas/secrets"


class Event:
    """What the function is called with."""

    method, path = "POST", "/"

    def __init__(self, body: str, headers: dict[str, str]) -> None:
        self.body, self.headers, self.query = body, headers, {}  # type: tuple[str, dict[str, str], dict[str, str]]
        self.attributes = {k[len(HEADER) :]: v for k, v in headers.items() if k.startswith(HEADER)}

    @property
    def data(self) -> Any:
        """The body read as JSON, or as text where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body


class Context:
    """Where the function runs."""

    def __init__(self) -> None:
        self.hostname = os.uname().nodename

    def secret(self, name: str) -> str:
        """The text of a secret of the function."""
        with open(f"{os.environ.get('BRAMBLE_SECRETS', SECRETS)}/{name}") as file:
            return file.read()


def loaded(path: str) -> Callable[[Event, Context], Any]:
    """The `handle` of a file."""
    spec = importlib.util.spec_from_file_location("handler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["handler"] = module
    spec.loader.exec_module(module)
    return module.handle  # type: ignore[no-any-return]


class Answer:
    """What it comes to: a status, a body, and headers, which only HTTP has a place for."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status, self.body, self.headers = status, body, headers


def answered(handle: Callable[[Event, Context], Any], event: Event) -> Answer:
    """Call it."""
    try:
        said = handle(event, Context())
        if isinstance(said, dict) and "statusCode" in said:
            headers = {str(name): str(value) for name, value in (said.get("headers") or {}).items()}
            return Answer(int(said["statusCode"]), _bytes(said.get("body")), headers)
        return Answer(200, _bytes(said), {})
    except Exception:  # noqa: BLE001 - somebody else's code; what it was is the error of the run
        import traceback  # noqa: PLC0415 - a tenth of the start of a function that runs once

        return Answer(500, traceback.format_exc().encode(), {})


def once(path: str) -> int:
    """Answer the event on standard input."""
    output, sys.stdout = sys.stdout.buffer, sys.stderr
    headers = {HEADER + k[len(PREFIX) :].lower(): v for k, v in os.environ.items() if k.startswith(PREFIX)}
    answer = answered(loaded(path), Event(sys.stdin.buffer.read().decode(errors="replace"), headers))
    is_well = answer.status < FAILS_FROM
    stream = output if is_well else sys.stderr.buffer
    stream.write(answer.body)
    stream.flush()
    return 0 if is_well else 1


class Talk:
    """HTTP/1.1 with one client, as much of it as a function needs: lengths are said, and nothing is nested in anything."""

    def __init__(self, handle: Callable[[Event, Context], Any], wire: socket.socket) -> None:
        from http import HTTPStatus  # noqa: PLC0415 - only who serves pays for it

        self._handle, self._wire, self._read = handle, wire, wire.makefile("rb")
        self._phrases = {int(one): one.phrase for one in HTTPStatus}

    def go_on(self) -> bool:
        """Answer the next request; whether another may follow."""
        words = self._read.readline(LINE_MOST_BYTES).split()
        if not words:
            return False
        headers = self._headers()
        if headers is None or len(words) != len(("method", "path", "version")) or not words[2].startswith(b"HTTP/1."):
            return self._say(Answer(400, b"", {}), keeps=False)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
            return self._say(Answer(411, b"", {}), keeps=False)
        if headers.get("expect", "").lower() == "100-continue":
            self._wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._read.read(int(length))
        said = headers.get("connection", "").lower()
        keeps = said == "keep-alive" if words[2] == b"HTTP/1.0" else said != "close"
        return self._say(self._answer(words[0], words[1], Event(body.decode(errors="replace"), headers)), keeps=keeps)

    def _answer(self, method: bytes, path: bytes, event: Event) -> Answer:
        if method == b"POST":
            return answered(self._handle, event)
        if method == b"GET":
            return Answer(200 if path == HEALTH.encode() else 404, b"", {})
        return Answer(501, b"", {})

    def _headers(self) -> dict[str, str] | None:
        """Those of a request by their names in small letters; None where they are none."""
        headers: dict[str, str] = {}
        for _ in range(HEADERS_MOST):
            line = self._read.readline(LINE_MOST_BYTES)
            if line in (b"\r\n", b"\n"):
                return headers
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not line.endswith(b"\n"):
                return None
            name, value = name.lower(), value.strip()
            headers[name] = unquoted(value) if "%" in value and name.startswith(HEADER) else value
        return None

    def _say(self, answer: Answer, *, keeps: bool) -> bool:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        lines = [f"HTTP/1.1 {answer.status} {self._phrases.get(answer.status, '')}", f"Date: {date}"]
        for name, value in (*answer.headers.items(), ("Content-Length", len(answer.body))):
            lines.append("{}: {}".format(name, str(value).replace("\n", " ").replace("\r", " ")))
        head = "\r\n".join([*lines, *([] if keeps else ["Connection: close"]), "", ""])
        self._wire.sendall(head.encode("latin-1", "replace") + answer.body)
        return keeps


def unquoted(value: str) -> str:
    """A value of CloudEvents without its percent signs."""
    from urllib.parse import unquote  # noqa: PLC0415 - for the few values that have any

    return unquote(value)


def serve(path: str, address: str) -> None:
    """Answer requests until the end, on a port or, where the address is a path, on a Unix socket."""
    import socket  # noqa: PLC0415 - half of the start of a function that runs once
    import socketserver  # noqa: PLC0415

    sys.stdout = sys.stderr
    handle = loaded(path)

    class Asked(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """One request after the other, until one side has enough."""
            if not address:
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(handle, self.request)
            try:
                while talk.go_on():
                    pass
            except ConnectionError:
                return

    class OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        request_queue_size = WAITING_MOST

    class OnPort(socketserver.ThreadingMixIn, socketserver.TCPServer):
        daemon_threads = allow_reuse_address = True
        request_queue_size = WAITING_MOST

    if address:
        if os.path.exists(address):
            os.remove(address)  # of an instance before this one
        server: socketserver.BaseServer = OnSocket(address, Asked)
        os.chmod(address, 0o666)  # the agent is another user, and alone beside the function in that directory
    else:
        server = OnPort(("", PORT), Asked)
    server.serve_forever()


def _bytes(said: Any) -> bytes:
    if said is None:
        return b""
    if isinstance(said, bytes):
        return said
    return said.encode() if isinstance(said, str) else json.dumps(said, ensure_ascii=False).encode()


if __name__ == "__main__":
    if sys.argv[2:3] == ["--serve"]:
        serve(sys.argv[1], os.environ.get("BRAMBLE_SOCKET", ""))
    else:
        sys.exit(once(sys.argv[1]))
