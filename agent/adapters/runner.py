"""Runs a Python handler: `def handle(event, context)`, once for the event on standard input, or for each request over HTTP.

A program of its own that is put beside the handler, in a container or in the directory of a process: standard library only, and
any Python from 3.9 on. `event` and `context` are OpenFaaS's (`python3-http`): `event.body`, `event.headers`; and what CloudEvents
add, `event.attributes` and `event.data`. What `handle` returns is the output: text, or anything JSON can say, or OpenFaaS's
`statusCode` and `body`. An exception, or a status from 400 on, is a failure. What it prints goes to standard error, because the
output is the result. No `X | Y` is evaluated here, nor `match`: images are as old as they are. No `pathlib` and no `typing`: each
run pays for what is imported.
"""

# ruff: noqa: PTH101, PTH107, PTH110, PTH123, S103

from __future__ import annotations

import importlib.util
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from typing import Any

PORT = 8080
HEALTH = "/_/health"
FAILS_FROM = 400
WAITING_MOST = 128
# Twice what a node asks at once. Python's own is 5: over TCP whoever finds no room tries again after a second, then after three.
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


def serve(path: str, address: str) -> None:
    """Answer requests until the end, on a port or, where the address is a path, on a Unix socket."""
    import http.server  # noqa: PLC0415 - half of the start of a function that runs once
    import socketserver  # noqa: PLC0415

    sys.stdout = sys.stderr
    asked = _asked(loaded(path), is_tcp=not address)

    class OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        request_queue_size = WAITING_MOST

    class OnPort(http.server.ThreadingHTTPServer):
        request_queue_size = WAITING_MOST

    if address:
        if os.path.exists(address):
            os.remove(address)  # of an instance before this one
        server: socketserver.BaseServer = OnSocket(address, asked)
        os.chmod(address, 0o666)  # the agent is another user, and alone beside the function in that directory
    else:
        server = OnPort(("", PORT), asked)
    server.serve_forever()


def _asked(handle: Callable[[Event, Context], Any], *, is_tcp: bool) -> type[BaseHTTPRequestHandler]:
    """What answers one connection."""
    import http.server  # noqa: PLC0415
    from urllib.parse import unquote  # noqa: PLC0415

    class Asked(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = is_tcp  # a Unix socket knows nothing of it
        wbufsize = -1

        def do_GET(self) -> None:
            self._answer(Answer(200 if self.path == HEALTH else 404, b"", {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            headers = {k.lower(): unquote(v) if k.lower().startswith(HEADER) else v for k, v in self.headers.items()}
            self._answer(answered(handle, Event(body, headers)))

        def _answer(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in (*answer.headers.items(), ("Content-Length", len(answer.body))):
                self.send_header(name, str(value).replace("\n", " ").replace("\r", " "))
            self.end_headers()
            self.wfile.write(answer.body)

        def address_string(self) -> str:
            return str(self.client_address)

        def log_message(self, *_: Any) -> None:
            """Each request is told by its result."""

    return Asked


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
