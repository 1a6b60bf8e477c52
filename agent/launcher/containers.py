"""Containers beside ours, for an agent that is one itself: the few words of the engine's API that a launcher needs.

Standard library alone, over the engine's socket. What the engine refuses is an OSError with the engine's own sentence, and so is an
engine that does not answer.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

SOCKET = "/var/run/docker.sock"
WITHIN_S = 30.0
"""An engine on a slow card takes seconds to start a container."""

PULL_WITHIN_S = 1800.0
"""Between two words of a pull: an engine says something for each MB, and a mobile line may stand still for long."""

_OWN = re.compile(r"/containers/([0-9a-f]{64})/")
_FINE = range(200, 400)
_SHOWN_BYTES = 200
"""Of what is no engine's answer: a sentence, and not the whole page."""


class Wire(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Containers:
    """The engine, as the environment names it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._path = environ.get("DOCKER_HOST", "").removeprefix("unix://") or SOCKET

    def inspect(self, container: str) -> Any:
        """Everything about a container."""
        return self._ask("GET", f"/containers/{quote(container)}/json")

    def start(self, container: str) -> None:
        """Start it, if it does not run."""
        self._ask("POST", f"/containers/{quote(container)}/start")

    def restart(self, container: str) -> None:
        """Start it anew, or for the first time."""
        self._ask("POST", f"/containers/{quote(container)}/restart?t=0")

    def kill(self, container: str, number: int) -> None:
        """Send it a signal; one that has ended hears none."""
        try:
            self._ask("POST", f"/containers/{quote(container)}/kill?signal={number}")
        except OSError as error:
            if error.errno != http.client.CONFLICT:
                raise

    def set_restart(self, container: str, policy: Mapping[str, object]) -> None:
        """Have the engine start it by itself, or not."""
        self._ask("POST", f"/containers/{quote(container)}/update", {"RestartPolicy": dict(policy)})

    def create(self, name: str, document: Mapping[str, object]) -> str:
        """Make a container; its id."""
        return str(self._ask("POST", f"/containers/create?{urlencode({'name': name})}", dict(document))["Id"])

    def remove(self, container: str) -> None:
        """Remove it, if it does not run."""
        self._ask("DELETE", f"/containers/{quote(container)}")

    def image(self, reference: str) -> Any:
        """What an image says of itself."""
        return self._ask("GET", f"/images/{quote(reference, safe='/:@')}/json")

    def remove_image(self, image: str) -> None:
        """Remove an image that nobody uses."""
        self._ask("DELETE", f"/images/{quote(image, safe=':')}")

    def pull(self, reference: str, credentials: Mapping[str, str] | None = None) -> None:
        """Bring an image; the headers say who asks for it."""
        path = f"/images/create?{urlencode({'fromImage': reference})}"
        said = self._ask("POST", path, within_s=PULL_WITHIN_S, headers=credentials)
        faults = [line["error"] for line in (said if isinstance(said, list) else [said]) if "error" in line]
        if faults:
            raise OSError(0, str(faults[0]))

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        within_s: float = WITHIN_S,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        wire = Wire(self._path, within_s)
        try:
            said_with = {"Content-Type": "application/json", **(headers or {})}
            wire.request(method, path, json.dumps(body) if body is not None else None, said_with)
            answer = wire.getresponse()
            said = answer.read()
        except http.client.HTTPException as error:
            raise OSError(0, f"the engine cannot be understood: {error}") from error
        finally:
            wire.close()
        if answer.status not in _FINE:
            raise OSError(answer.status, _refusal(said))
        try:
            return _read(said)
        except ValueError as error:
            raise OSError(0, f"the engine cannot be understood: {error}") from error


def own_id() -> str:
    """The container that we are in; empty outside of any."""
    try:
        found = _OWN.search(Path("/proc/self/mountinfo").read_text(errors="replace"))
    except OSError:
        return ""
    return found[1] if found else ""


def engine(environ: Mapping[str, str] | None = None) -> Containers:
    """The engine of this machine."""
    return Containers(os.environ if environ is None else environ)


def _read(said: bytes) -> Any:
    """One document, or one in each line."""
    lines = [json.loads(line) for line in said.splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 else lines


def _refusal(said: bytes) -> str:
    """Why something is refused; who stands before an engine may say so in words of its own."""
    try:
        return str(json.loads(said)["message"])
    except (ValueError, TypeError, KeyError):
        return said[:_SHOWN_BYTES].decode(errors="replace")
