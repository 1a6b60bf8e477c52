"""The Docker API of a lab engine with nothing between: one request, one answer, one kept connection on its socket.

A peer of its own (no client library can be faster than this), and with `Starts` the eye with which all sides are seen. Neither is
for several threads. May fail: a refusal of the engine raises `RefusedError` with the engine's words, because in a bench it ends the
story; `Starts` that do not come raise `TooLateError`.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from lab.processes import TooLateError

PATIENCE_S = 60.0
# An engine that starts fifty containers at once answers a plain question late, but not that late.


class RefusedError(RuntimeError):
    """The engine does not do it."""


class Raw:
    """One connection; a context manager."""

    def __init__(self, socket_path: Path) -> None:
        self._talk = _Unix(socket_path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._talk.close()

    def call(self, method: str, path: str, query: Mapping[str, object] | None = None, body: object = None) -> Any:
        """Ask, and return the document that was answered."""
        given = None if body is None else json.dumps(body)
        asked = f"{path}?{urlencode(query)}" if query else path
        self._talk.request(method, asked, given, {"Content-Type": "application/json"} if given else {})
        answer = self._talk.getresponse()
        text = answer.read().decode()
        if answer.status >= 400:
            raise RefusedError(f"{method} {asked}: {answer.status} {text.strip()}")
        return json.loads(text) if text else None

    def running(self, label: str) -> list[str]:
        """The ids of all running containers with a label (`name` or `name=value`)."""
        return self._listed({"label": [label], "status": ["running"]}, everything=0)

    def there(self, label: str) -> list[str]:
        """The ids of all containers with a label, running or not."""
        return self._listed({"label": [label]}, everything=1)

    def _listed(self, filters: Mapping[str, list[str]], everything: int) -> list[str]:
        asked = {"all": everything, "filters": json.dumps(filters)}
        return [one["Id"] for one in self.call("GET", "/containers/json", asked)]


class Starts:
    """The starts of containers with a label, as the engine's events tell them: no polling adds to its work. A context manager."""

    def __init__(self, socket_path: Path, label: str) -> None:
        filters = json.dumps({"type": ["container"], "event": ["start"], "label": [label]})
        self._talk = _Unix(socket_path)
        self._talk.request("GET", f"/events?{urlencode({'filters': filters})}")
        self._stream = self._talk.getresponse()  # the engine answers at once: from here on nothing is missed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._talk.close()

    def wait(self, containers: int, within_s: float) -> float:
        """Read until so many different containers have started; the monotonic time of the last."""
        started: set[str] = set()
        deadline_mono_s = time.monotonic() + within_s
        while len(started) < containers:
            left_s = deadline_mono_s - time.monotonic()
            if left_s <= 0:
                raise TooLateError(f"{len(started)} of {containers} containers have started after {within_s:g} s")
            self._talk.sock.settimeout(left_s)
            started.add(json.loads(self._stream.readline())["id"])
        return time.monotonic()

    def next_ns(self) -> int:
        """The engine's own moment of the next one, in nanoseconds since 1970."""
        self._talk.sock.settimeout(PATIENCE_S)
        moment: int = json.loads(self._stream.readline())["timeNano"]
        return moment


class _Unix(HTTPConnection):
    """HTTP on a socket of the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))
