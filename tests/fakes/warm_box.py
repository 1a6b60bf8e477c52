"""A warm function for real engines without an image of its own: this machine's Python, mounted read-only, and a small server.

It does what its body asks for (`echo`, `fail`, `busy`, `later`, `hang`, `loud`, `stream`, `bare`, `die`), over TCP or its socket.
Like OpenFaaS's of-watchdog it answers a marked 500 for a server that is not there: to `unreached`, and to the first `BEHIND`
requests but for its own health.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TypeVar

from agent.adapters.engine import Engine
from lab.host import Host
from lab.processes import wait_ready
from protocol.container import Container, Mount
from protocol.function import FunctionSpec, Mode, Transport
from tests.fakes.engines import FLEET, NODE

CLONE_NEWNET = 0x40000000
PYTHON = os.path.realpath(sys.executable)
LOUD_BYTES = 400_000
DYING_S = 0.7

SERVER = """
import http.server, json, os, socket, socketserver, threading, time
behind, asked = int(os.environ.get("BEHIND", "0")), []
class Asked(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def log_message(self, *_): pass
    def do_GET(self):
        asked.append(self.path)
        self.say(200, b"") if self.path == "/_/health" or not self.is_behind() else self.unreached()
    def is_behind(self):
        global behind
        behind -= 1
        return behind >= 0
    def unreached(self, *more):
        self.say(500, b"", ("X-Duration-Seconds", "0.001"), ("X-OpenFaaS-Internal", "of-watchdog"), *more)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked.append(body)
        match "unreached" if self.is_behind() else body:
            case "unreached": self.unreached()
            case "bare": self.say(500, b"", ("X-Duration-Seconds", "0.001"))
            case "die" | "doomed":  # as a watchdog whose server died: it hears nobody any more, and ends a moment later
                if body == "doomed": self.unreached(("Connection", "close"))
                self.server.socket.shutdown(socket.SHUT_RDWR)
                threading.Timer(DYING_S, os._exit, (3,)).start()
                self.close_connection = True
            case "fail": self.say(500, b"no luck")
            case "busy": self.say(503, b"", ("Retry-After", "7"))
            case "later":
                self.say(429, b"", ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"))
            case "hang": time.sleep(1000)
            case "loud": self.say(200, b"x" * LOUD)
            case "stream":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"3\\r\\nabc\\r\\n2;x=y\\r\\nde\\r\\n0\\r\\n\\r\\n")
            case "who": self.say(200, json.dumps({"headers": dict(self.headers), "from": str(self.client_address),
                                                   "asked": asked, "environment": dict(os.environ)}).encode())
            case _: self.say(200, body.encode())
    def say(self, status, body, *more):
        self.send_response_only(status)
        for name, value in (*more, ("Content-Length", len(body))): self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
class OnSocket(socketserver.ThreadingUnixStreamServer):
    def get_request(self): return self.socket.accept()[0], ("socket", 0)
path = os.environ.get("BRAMBLE_SOCKET")
if path:
    server = OnSocket(path, Asked)
    os.chmod(path, 0o666)
else:
    server = http.server.ThreadingHTTPServer(("", 8080), Asked)
server.serve_forever()
""".replace("LOUD", str(LOUD_BYTES)).replace("DYING_S", str(DYING_S))

T = TypeVar("T")

_NUMBERS = count(1)


def mounts() -> tuple[Mount, ...]:
    """What Python needs of this machine."""
    wanted = (Path("/usr"), Path("/lib"), Path("/lib64"), Path(sys.base_prefix).resolve())
    apart = [
        path
        for path in dict.fromkeys(wanted)
        if path.exists() and not (path != wanted[0] and path.is_relative_to("/usr"))
    ]
    return tuple(Mount("bind", str(path), str(path), read_only=True) for path in apart)


def box(image: str, code: str = SERVER, **given: object) -> Container:
    """A container that runs a program of Python's."""
    return Container(image, command=(PYTHON, "-I", "-S", "-c", code), mounts=mounts(), **given)  # type: ignore[arg-type]


def function(container: Container, transport: Transport = Transport.HTTP, timeout_s: float = 10.0) -> FunctionSpec:
    """A warm function in it."""
    return FunctionSpec("fn", "s", "r1", container, timeout_s, mode=Mode.WARM, transport=transport)


class Inside:
    """An agent's engine as it is on the host itself: its sockets lead where the host's containers are."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host = host
        self.engine = Engine(host.engine.url, NODE, FLEET, directory)
        name = f"anchor-{next(_NUMBERS)}"  # each with a log of its own, or the next one would seem to be there at once
        self._anchor = host.spawn(name, ["sh", "-c", "echo there; exec sleep infinity"])
        wait_ready(self._anchor, lambda: "there" in self._anchor.log())
        self._thread = ThreadPoolExecutor(1, initializer=self._enter)

    def do(self, act: Callable[[], T]) -> T:
        """Have something done in the host's network."""
        return self._thread.submit(act).result()

    def close(self) -> None:
        """Leave."""
        self._thread.shutdown()
        self.engine.close()
        self._anchor.kill()

    def _enter(self) -> None:
        with Path(f"/proc/{self._anchor.pid}/ns/net").open() as namespace:
            assert ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) == 0
