"""The wire to a Docker Engine: one request, one answer. The only user of the package `docker`; knows nothing of Bramble.

The package is imported with the first call that finds a socket, because it costs 5 MB and 0.1 s; its low-level client brings the
streams, the choice of API version and the registries' credentials. A plain question to an engine on this machine goes over a wire
of our own. A status code is an answer. That the engine cannot be reached or does not answer in time is the one exception,
`EngineAwayError`; the next call connects anew.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import time
import warnings
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from agent.adapters.credentials import HEADER, words_of
from agent.adapters.doors import Door
from agent.adapters.http_wire import request
from protocol.desired import Login

if TYPE_CHECKING:
    from docker import APIClient
    from requests import Response

CALL_TIMEOUT_S = 60.0
# A Pi with a slow card takes seconds to start a container; a minute without an answer is an engine that hangs.
_OK = range(200, 400)
_LOCAL = "unix://"
_WHOLE_BYTES = 1 << 30
# What the engine says of itself is believed to the end.
_IN_PATHS = "/:@!$&'()*+,;=~%"
# What may stand in a path as it is.
_PATH_STAT = "X-Docker-Container-Path-Stat"


class EngineAwayError(Exception):
    """The engine cannot be reached, or is late."""


class EngineSilentError(EngineAwayError):
    """The engine took the request, and says nothing (any more) about it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine said: a status, and a JSON document or a text."""

    status: int
    body: Any = None

    @property
    def ok(self) -> bool:
        """Whether it was done; 304 says that it was so already."""
        return self.status in _OK

    @property
    def message(self) -> str:
        """The engine's own words about a failure."""
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else str(self.body or "")


class DockerApi:
    """A connection that makes itself when needed. Usable from several threads."""

    def __init__(self, url: str) -> None:
        """`url` as in DOCKER_HOST: `unix:///var/run/docker.sock` or `tcp://127.0.0.1:2375`."""
        self._url = url
        self._client: APIClient | None = None
        local = url.removeprefix(_LOCAL) if url.startswith(_LOCAL) else ""
        self._door = Door("", local, time.monotonic, _WHOLE_BYTES) if local else None
        self._about: Mapping[str, Any] = {}

    @property
    def version(self) -> str:
        """The engine's version; empty before the first answer."""
        return str(self._about.get("Version", ""))

    @property
    def architecture(self) -> str:
        """What the engine's programs are built for, in Go's words: amd64, arm64, arm."""
        return str(self._about.get("Arch", ""))

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Answer:
        """Ask and wait for the whole answer. A body of bytes is sent as it is, any other as JSON."""
        with self._speaking() as client:
            if self._door is not None:
                return _replied(self._door, f"/v{client.api_version}", (method, path, query or {}, body), timeout_s)
            url, given = _address(client, path), {"data": body} if isinstance(body, bytes) else {"json": body}
            response = client.request(method, url, params=query, timeout=(CALL_TIMEOUT_S, timeout_s), **given)
            return Answer(response.status_code, _document(response.text))

    def stat(self, container: str, path: str) -> Answer:
        """What there is at a path in a container, without what it holds: Docker says it in a header."""
        with self._speaking() as client:
            url = _address(client, f"/containers/{container}/archive")
            response = client.head(url, params={"path": path}, timeout=(CALL_TIMEOUT_S, CALL_TIMEOUT_S))
            said = response.headers.get(_PATH_STAT, "")
            return Answer(response.status_code, _document(b64decode(said).decode(errors="replace")) if said else None)

    def offered(self, image: str, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """What an image's registry says of it: its digest, and what it is made for."""
        with self._streaming("GET", f"/distribution/{image}/json", {}, timeout_s, headers) as response:
            return Answer(response.status_code, _document(response.text))

    def lines(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        *,
        silence_s: float | None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Any]:
        """Ask, and yield an empty line once the engine has taken it, then each JSON line; a refusal is one with an `error`."""
        with self._streaming(method, path, query, silence_s, headers or {}) as response:
            if response.status_code not in _OK:
                yield {"error": Answer(response.status_code, _document(response.text)).message}
                return
            yield {}
            for line in response.iter_lines(chunk_size=None):
                if line:
                    yield _document(line.decode(errors="replace"))

    def chunks(self, path: str, query: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the raw body of an answer, nothing after a refusal."""
        with self._streaming("GET", path, query, CALL_TIMEOUT_S, {}) as response:
            if response.status_code in _OK:
                yield from response.iter_content(64 * 1024)

    def credentials(self, image: str, login: Login | None) -> dict[str, str]:
        """The headers that say who pulls: a login, or else what `docker login` left for the image's registry, if anything."""
        if login is not None:
            return words_of(login)
        with self._speaking() as client:
            from docker.auth import get_config_header, resolve_repository_name  # noqa: PLC0415 - heavy, see above

            registry, _ = resolve_repository_name(image)
            header = get_config_header(client, registry)
        return {HEADER: str(header, "ascii") if isinstance(header, bytes) else str(header)} if header else {}

    def attach(self, container: str) -> socket.socket | Answer:
        """A socket on a container's standard streams, or why not. Only before its start: earlier output would be lost."""
        query = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        path = f"/containers/{container}/attach"
        with self._streaming("POST", path, query, CALL_TIMEOUT_S, headers) as response:
            if response.status_code not in (101, 200):
                return Answer(response.status_code, _document(response.text))
            return socket.socket(fileno=os.dup(response.raw.fileno()))

    def close(self) -> None:
        """Let go of the connections; the next call makes new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._door is not None:
            self._door.rest()

    @contextmanager
    def _streaming(
        self, method: str, path: str, query: Mapping[str, Any], silence_s: float | None, headers: Mapping[str, str]
    ) -> Iterator[Response]:
        with self._speaking() as client:
            url, timeouts = _address(client, path), (CALL_TIMEOUT_S, silence_s)
            response = client.request(method, url, params=query, headers=headers, stream=True, timeout=timeouts)
            with response:
                yield response

    @contextmanager
    def _speaking(self) -> Iterator[APIClient]:
        """Turn every way in which a conversation can break into `EngineAwayError`."""
        try:
            client = self._client or self._connect()
            yield client
        except OSError as error:  # everything that requests raises is one
            self._client = None
            kind = EngineSilentError if "timed out" in str(error).lower() else EngineAwayError
            raise kind(_in_words(self._url, error)) from error

    def _connect(self) -> APIClient:
        _expect_socket(self._url)
        try:
            with _unguessing():
                from docker import APIClient  # noqa: PLC0415 - heavy, see above
                from docker.errors import DockerException  # noqa: PLC0415
        except ImportError:
            raise EngineAwayError("there is a Docker Engine, but the Python package docker is not installed") from None
        try:
            client = APIClient(self._url, version="auto", timeout=int(CALL_TIMEOUT_S))
            client.trust_env = False  # no proxies and no .netrc on the way to our own engine; saves 0.1 ms a call
            self._about = client.version()
        except DockerException as error:
            raise EngineAwayError(_in_words(self._url, error)) from error
        self._client = client
        return client


def _replied(door: Door, version: str, asked: tuple[str, str, Mapping[str, Any], Any], timeout_s: float) -> Answer:
    """Ask an engine on this machine without a library between: that took 2 ms of a processor for each question."""
    method, path, query, body = asked
    given = {name: value for name, value in query.items() if value is not None}
    target = f"{version}{quote(path, safe=_IN_PATHS)}{'?' if given else ''}{urlencode(given)}"
    headers = {"Host": "docker"}
    if body is not None and not isinstance(body, bytes):
        body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    try:
        reply = door.ask(request(method, target, headers, body or b""), time.monotonic() + timeout_s)
    except TimeoutError:
        raise TimeoutError("timed out") from None
    return Answer(reply.status, _document(reply.body.decode(errors="replace")))


@contextmanager
def _unguessing() -> Iterator[None]:
    """Keep requests from loading what guesses encodings, if it is not there yet: 3 MB, and the engine speaks UTF-8."""
    hidden = [name for name in ("chardet", "charset_normalizer") if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))  # None is how Python says that there is no such module
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # requests says that it misses them, and falls back on UTF-8
            yield
    finally:
        for name in hidden:
            modules.pop(name, None)


def _address(client: APIClient, path: str) -> str:
    return f"{client.base_url}/v{client.api_version}{path}"


def _document(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _expect_socket(url: str) -> None:
    """Tell the two common reasons before anything heavy is loaded."""
    if not url.startswith(_LOCAL):
        return
    path = url.removeprefix(_LOCAL)
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116 - pathlib hides which error it was
    except OSError:
        is_socket = False
    if not is_socket:
        raise EngineAwayError(f"there is no Docker Engine at {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise EngineAwayError(f"not allowed to use {path}: put the agent's user into the socket's group (docker)")


def _in_words(url: str, error: Exception) -> str:
    text = str(error)
    if "timed out" in text.lower():
        return f"the Docker Engine at {url} did not answer in time"
    for sign, words in (("refused", "does not run"), ("No such file", "does not run"), ("ermission", "refuses us")):
        if sign in text:
            return f"the Docker Engine at {url} {words}"
    return f"the Docker Engine at {url} broke off: {text[:200]}"
