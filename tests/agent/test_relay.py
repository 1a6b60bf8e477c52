"""The relay through which capped pulls go, before a registry that breaks off, redirects and asks who is there."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agent.adapters.relay import LATE_S, Pace, Relay, Upstream

BLOB = random.Random(1).randbytes(3_000_000)
FAST_BPS = 1_000_000_000
WAIT_S = 30.0


class Registry(BaseHTTPRequestHandler):
    """`/blob` asks for a login and redirects to `/store`, which breaks off after so many bytes as often as the server says."""

    server: Any

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Range"], self.headers["Authorization"]))
        if self.path == "/missing":
            self.send_error(404)
        elif self.path == "/blob" and self.headers["Authorization"] != "Basic xyz":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="lab"')
            self.end_headers()
        elif self.path == "/blob":
            self.send_response(307)
            self.send_header("Location", "/store?signature=1")
            self.end_headers()
        else:
            self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        first = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if self.headers["Range"] else 200)
        self.send_header("Content-Length", str(len(BLOB) - first))
        self.end_headers()
        rest = BLOB[first:]
        if self.server.breaks > 0:
            self.server.breaks -= 1
            rest = rest[:1_000_000]
        self.wfile.write(rest)


@contextmanager
def registry(breaks: int = 0) -> Iterator[Any]:
    """A registry on a port of its own, plain HTTP."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.asked, server.breaks, server.name = [], breaks, f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def asked(name: str, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """What the relay answers."""
    connection = http.client.HTTPConnection(name, timeout=WAIT_S)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.getheaders())


def test_a_blob_passes_no_faster_than_the_cap() -> None:
    """Three megabytes at one megabyte a second take three seconds at least; how much more is the machine's affair."""
    with registry() as upstream, Relay(Upstream(upstream.name, insecure=True), 1_000_000) as relay:
        began_s = time.monotonic()
        status, body, _ = asked(relay.name, "/blob", Authorization="Basic xyz")
        took_s = time.monotonic() - began_s
    assert (status, body == BLOB) == (200, True)
    assert took_s >= 2.7


def test_a_login_is_passed_on_and_told_to_nobody_else() -> None:
    """The registry hears it and refuses without it; the store to which it redirects does not hear it."""
    with registry() as upstream, Relay(Upstream(upstream.name, insecure=True), FAST_BPS) as relay:
        status, _, headers = asked(relay.name, "/blob")
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="lab"')
        assert asked(relay.name, "/missing")[0] == 404
        assert asked(relay.name, "/blob", Authorization="Basic xyz")[1] == BLOB
    assert upstream.asked[-2:] == [("/blob", None, "Basic xyz"), ("/store?signature=1", None, None)]


def test_a_blob_that_breaks_off_is_taken_up_again() -> None:
    """Docker sees one whole body, and the registry is asked only for the rest of it."""
    with registry(breaks=1) as upstream, Relay(Upstream(upstream.name, insecure=True), FAST_BPS) as relay:
        status, body, headers = asked(relay.name, "/store", Range="bytes=500-")
    assert (status, body == BLOB[500:], headers["Content-Length"]) == (206, True, str(len(BLOB) - 500))
    assert [range_ for _, range_, _ in upstream.asked] == ["bytes=500-", "bytes=1000500-"]


def test_a_registry_that_is_away_is_said_to_be() -> None:
    """Docker gets an answer, not silence."""
    with registry() as upstream:
        name = upstream.name
    with Relay(Upstream(name, insecure=True), FAST_BPS) as relay:
        assert asked(relay.name, "/blob")[0] == 502


def test_nobody_is_trusted_without_need() -> None:
    """A registry without TLS is not spoken to, unless the engine trusts it so."""
    with registry() as upstream, Relay(Upstream(upstream.name), FAST_BPS) as relay:
        assert asked(relay.name, "/blob", Authorization="Basic xyz")[0] == 502
    assert upstream.asked == []


def test_a_slow_registry_leaves_no_credit() -> None:
    """What was not used of the line is not made up for by a burst, but for the moment by which one wakes late."""
    now_s, slept = [0.0], []
    pace = Pace(1000, lambda: now_s[0], slept.append)
    pace.passed(500)
    now_s[0] = 60.0
    pace.passed(500)
    assert slept == pytest.approx([0.5, 0.5 - LATE_S])
