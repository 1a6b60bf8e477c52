"""What the containers of a host really do: asked of the engine's own socket, and followed event by event.

No docker command runs for it, so a whole site can be watched without slowing it down. Moments are the engine's own and of one
kernel, so those of several hosts are in order. An engine that goes away is waited for; what happened meanwhile is told
as it is found when it is back. What may fail: the engine does not answer (`OSError`).
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from protocol.ids import service_key

ANSWER_S = 10.0
_AWAY_S = 0.1
_FOLLOWED = {"type": ["container"], "event": ["create", "start", "die", "destroy"]}
_LABEL = "io.bramble."


@dataclass(frozen=True, slots=True)
class Box:
    """A container as its engine lists it."""

    id: str
    name: str
    image: str
    is_running: bool
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """As manifests and reports name it; empty for a stranger."""
        stack, service = (self.labels.get(f"{_LABEL}{word}", "") for word in ("stack", "service"))
        return service_key(stack, service) if stack and service else ""

    @property
    def revision(self) -> str:
        return self.labels.get(f"{_LABEL}revision", "")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a container: `created`, `running`, `ended` or `gone`."""

    at_ns: int
    host: str
    box: Box
    became: str


def boxes(socket_path: Path) -> tuple[Box, ...]:
    """Return every container of an engine, running or not."""
    with _asked(socket_path, "/containers/json?all=1", ANSWER_S) as lines:
        return tuple(_box(one) for one in json.loads(b"".join(lines)))


def started(socket_path: Path, container: str) -> str:
    """When a container was started last, by its engine's word."""
    with _asked(socket_path, f"/containers/{container}/json", ANSWER_S) as lines:
        return str(json.loads(b"".join(lines))["State"]["StartedAt"])


class Eyes:
    """Follows one engine in a thread of its own, until it is closed."""

    def __init__(self, host: str, socket_path: Path, tell: Callable[[Change], None]) -> None:
        """Begin at once; what is there already is told first."""
        self._host, self._path, self._tell = host, socket_path, tell
        self._running: dict[str, Box] = {}
        self._is_closed = False
        self._open: _Lines | None = None
        self._thread = threading.Thread(target=self._follow, name=f"eyes of {host}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        if self._open is not None:
            self._open.close()
        self._thread.join(ANSWER_S)

    def _follow(self) -> None:
        while not self._is_closed:
            with suppress(OSError, ValueError):
                self._look()
            time.sleep(_AWAY_S)

    def _look(self) -> None:
        """Follow one life of the engine. What has changed while it was not followed is told first, as of now."""
        with _asked(self._path, f"/events?filters={_escaped(_FOLLOWED)}", None) as self._open:
            now = {box.id: box for box in boxes(self._path) if box.is_running}
            for box in [one for key, one in self._running.items() if key not in now]:
                self._say(time.time_ns(), box, "ended")
            for box in [one for key, one in now.items() if key not in self._running]:
                self._say(time.time_ns(), box, "running")
            for line in self._open:
                self._happened(json.loads(line))

    def _happened(self, event: Mapping[str, Any]) -> None:
        words = {"create": "created", "start": "running", "die": "ended", "destroy": "gone"}
        actor = event["Actor"]
        labels = actor["Attributes"]
        box = Box(actor["ID"], labels.get("name", ""), labels.get("image", ""), event["Action"] == "start", labels)
        self._say(int(event["timeNano"]), box, words[event["Action"]])

    def _say(self, at_ns: int, box: Box, became: str) -> None:
        if became == "running":
            self._running[box.id] = box
        elif became in ("ended", "gone"):
            self._running.pop(box.id, None)
        self._tell(Change(at_ns, self._host, box, became))


class _Lines:
    """The body of one answer, line by line as it comes."""

    def __init__(self, talk: socket.socket) -> None:
        self._talk, self._file = talk, talk.makefile("rb")

    def __enter__(self) -> Self:
        status = self._file.readline()
        if b" 200 " not in status:
            raise OSError(f"the engine says {status.decode(errors='replace').strip()}")
        while self._file.readline().strip():
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._talk.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)

    def close(self) -> None:
        """Wake whoever reads."""
        with suppress(OSError):
            self._talk.shutdown(socket.SHUT_RDWR)


def _asked(socket_path: Path, path: str, within_s: float | None) -> _Lines:
    talk = socket.socket(socket.AF_UNIX)
    try:
        talk.settimeout(within_s)
        talk.connect(str(socket_path))
        talk.sendall(f"GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n".encode())  # 1.0: no chunks
    except OSError:
        talk.close()
        raise
    return _Lines(talk)


def _box(told: Mapping[str, Any]) -> Box:
    name = str(told["Names"][0]).lstrip("/") if told["Names"] else ""
    return Box(told["Id"], name, told["Image"], told["State"] == "running", told["Labels"] or {})


def _escaped(document: Mapping[str, Any]) -> str:
    return quote(json.dumps(document))
