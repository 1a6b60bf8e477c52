"""The Docker API of a lab engine with nothing between: one request, one answer, one kept connection on its socket.

A peer of its own (no client library can be faster than this), and the eye with which all sides are seen. Not for several threads.
May fail: a refusal of the engine raises `RefusedError` with the engine's words, because in a bench it ends the story.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

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
        return [one["Id"] for one in self._listed({"label": [label], "status": ["running"]}, everything=0)]

    def there(self, label: str) -> list[str]:
        """The ids of all containers with a label, running or not."""
        return [one["Id"] for one in self._listed({"label": [label]}, everything=1)]

    def _listed(self, filters: Mapping[str, list[str]], everything: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call(
            "GET", "/containers/json", {"all": everything, "filters": json.dumps(filters)}
        )
        return found


class _Unix(HTTPConnection):
    """HTTP on a socket of the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))
