"""The wire to an engine on this machine, against a socket that speaks as one: kept connections, whole requests, what breaks."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.docker_api import DockerApi, EngineAwayError, EngineSilentError

SOON_S = 0.3
ABOUT = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10", "Arch": "amd64"}


class Spoken(BaseHTTPRequestHandler):
    """One connection: says back what it was asked."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self._say(200, ABOUT if self.path.endswith("/version") else self._asked())

    def do_POST(self) -> None:
        if "slow" in self.path:
            self.server.closing.wait()  # type: ignore[attr-defined]
        self._say(
            404 if "nobody" in self.path else 200,
            {"message": "no such thing"} if "nobody" in self.path else self._asked(),
        )

    def _asked(self) -> dict[str, Any]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        return {"path": self.path, "kind": self.headers.get("Content-Type"), "body": body}

    def _say(self, status: int, document: Any) -> None:
        said = json.dumps(document).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


class FakeDaemon(socketserver.ThreadingUnixStreamServer):
    """Counts the connections that it takes."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Spoken)
        self.taken, self.closing = list[socket.socket](), threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def get_request(self) -> Any:
        self.taken.append(self.socket.accept()[0])
        return self.taken[-1], ("socket", 0)

    def end(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        for one in self.taken:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    made = FakeDaemon(tmp_path / "docker.sock")
    yield made
    made.end()


@pytest.fixture
def api(daemon: FakeDaemon) -> Iterator[DockerApi]:
    made = DockerApi(f"unix://{daemon.server_address}")
    yield made
    made.close()


def test_questions_share_a_connection_and_come_whole(api: DockerApi, daemon: FakeDaemon) -> None:
    """Path, query and body arrive as they were meant; nothing is asked twice, and nothing connects again."""
    asked = api.call("POST", "/containers/a b/start", query={"t": 3, "name": "x/y", "none": None}, body={"A": [1, "ü"]})
    assert asked.body == {
        "path": "/v1.41/containers/a%20b/start?t=3&name=x%2Fy",
        "kind": "application/json",
        "body": '{"A": [1, "\\u00fc"]}',
    }
    taken = len(daemon.taken)
    for _ in range(10):
        assert api.call("POST", "/build", body=b"tar").body == {"path": "/v1.41/build", "kind": None, "body": "tar"}
    assert len(daemon.taken) == taken
    refused = api.call("POST", "/nobody")
    assert (refused.status, refused.ok, refused.message) == (404, False, "no such thing")


def test_an_engine_that_says_nothing_is_told_from_one_that_is_gone(api: DockerApi, daemon: FakeDaemon) -> None:
    """Both are away; the one that took the request may still do it."""
    api.call("GET", "/info")
    with pytest.raises(EngineSilentError, match="did not answer in time"):
        api.call("POST", "/slow", timeout_s=SOON_S)
    assert api.call("GET", "/info").ok
    daemon.end()
    Path(str(daemon.server_address)).unlink()
    with pytest.raises(EngineAwayError, match="does not run") as away:
        api.call("GET", "/info")
    assert not isinstance(away.value, EngineSilentError)
