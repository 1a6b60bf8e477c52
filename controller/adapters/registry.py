"""What a registry says of an image, without pulling it: the digest behind its tag, and the platforms that it is made for.

The HTTP API of registries (OCI distribution specification 1.1, chapter "Pulling manifests") and Docker's tokens. A few threads ask
what is to be asked, in its order; the rest waits. Each question is answered by an `Inspected` in the inbox, also when the registry
cannot be reached, refuses or says nonsense: the reason is one sentence then. As with Docker, one on this machine is asked by
plain HTTP, others if told so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from queue import SimpleQueue
from typing import Any
from urllib.error import HTTPError, URLError

from controller.decide.effects import Inspect
from controller.decide.inputs import Inspected, Layer
from protocol.desired import Login
from protocol.ids import DOCKER_HUB, full_reference
from protocol.shapes import INT_LIMIT

AT_ONCE = 8
"""Threads, and so questions under way: a stack has a handful of images; more would only be noticed by the registry."""

TIMEOUT_S = 5.0
"""Of one request; four of them (token, list, manifest, configuration) fit into twice the time that a manifest waits."""

ANSWER_BYTES = 4 * 1024 * 1024
"""What the specification has registries accept at least for a manifest, so none is larger."""

LISTED_MOST = 100
"""Images of one list. Docker's own have a dozen platforms, each with an attestation; for a plan each is asked for by itself."""

_DOCKER = "application/vnd.docker.distribution.manifest"
_OCI = "application/vnd.oci.image"
_LISTS = (f"{_DOCKER}.list.v2+json", f"{_OCI}.index.v1+json")
_ACCEPTED = ", ".join((*_LISTS, f"{_DOCKER}.v2+json", f"{_OCI}.manifest.v1+json"))
_HUB_HOST = "registry-1.docker.io"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')

_WORDS = {401: "refuses {user}", 403: "refuses {user}", 404: "has no such image", 429: "is asked too often"}

log = logging.getLogger(__name__)


class _SaidNoError(Exception):
    """The registry's answer is of no use; the message says why."""


class Registries:
    """Everybody who can be asked for images."""

    def __init__(self, deliver: Callable[[Inspected], object], insecure: Collection[str] = ()) -> None:
        """`insecure` registries (`host:port`) speak plain HTTP."""
        self._deliver, self._insecure = deliver, frozenset(insecure)
        self._waiting: SimpleQueue[Inspect] = SimpleQueue()
        self._threads = 0

    def ask(self, asked: Inspect) -> None:
        """Ask about an image, from one thread; the answer is delivered from another."""
        self._waiting.put(asked)
        if self._threads < AT_ONCE:
            self._threads += 1
            threading.Thread(target=self._work, name="registry", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._answer(self._waiting.get())

    def _answer(self, asked: Inspect) -> None:
        try:
            said = self._inspected(asked)
        except Exception as error:  # a thread would keep it to itself, and the stack would wait for its deadline
            log.exception("registry_crashed image=%s", asked.reference)
            said = Inspected(asked.stack, asked.reference, reason=f"a fault of the controller: {type(error).__name__}")
        said = replace(said, plan=asked.plan)
        log.info("image_inspected image=%s digest=%s reason=%r", asked.reference, said.digest, said.reason)
        self._deliver(said)

    def _inspected(self, asked: Inspect) -> Inspected:
        registry, _, rest = full_reference(asked.reference).partition("/")
        name, _, content = rest.partition("@")
        path, _, tag = name.partition(":")
        repository = _Repository(self._root(registry), path, asked.login)
        try:
            found = repository.found(content or tag)
            layers = repository.layers(found[0]) if asked.plan else {}
        except _SaidNoError as no:
            return Inspected(asked.stack, asked.reference, reason=f"the registry {registry} {no}")
        return Inspected(asked.stack, asked.reference, *found, layers=layers)

    def _root(self, registry: str) -> str:
        host = _HUB_HOST if registry == DOCKER_HUB else registry
        return f"{'http' if registry in self._insecure or _is_here(host) else 'https'}://{host}"


class _Repository:
    """One repository of one registry, and the token that it gave us."""

    def __init__(self, root: str, name: str, login: Login | None) -> None:
        self._root, self._name, self._login = root, name, login
        self._authorization = ""

    def found(self, tag: str) -> tuple[str, tuple[str, ...]]:
        """The digest behind a tag, and what it is made for."""
        body, digest = self._get(f"manifests/{tag}")
        manifest = _document(body)
        kind = str(manifest.get("mediaType", ""))
        if kind in _LISTS or "manifests" in manifest:
            return digest, tuple(sorted({platform for platform, _ in _listed(manifest)}))
        configuration = manifest.get("config")
        if not isinstance(configuration, dict):
            raise _SaidNoError("answers with a manifest that is none")
        body, _ = self._get(f"blobs/{configuration.get('digest', '')}")
        platform = _platform(_document(body))
        return digest, (platform,) if platform else ()

    def layers(self, tag: str) -> dict[str, tuple[Layer, ...]]:
        """What an engine of each platform fetches."""
        body, _ = self._get(f"manifests/{tag}")
        manifest = _document(body)
        if "manifests" not in manifest:
            return {"": tuple(_layers(manifest))}
        found: dict[str, tuple[Layer, ...]] = {}
        for platform, digest in _listed(manifest):
            body, _ = self._get(f"manifests/{digest}")
            found.setdefault(platform, tuple(_layers(_document(body))))
        return found

    def _get(self, path: str) -> tuple[bytes, str]:
        """The body, and its digest; asks for a token when told to, once."""
        url = f"{self._root}/v2/{self._name}/{path}"
        try:
            return _read(self._open(url))
        except HTTPError as error:
            if error.code != 401 or self._authorization:
                raise _SaidNoError(self._word(error)) from error
            self._authorization = self._authorized(error.headers.get("WWW-Authenticate", ""))
        try:
            return _read(self._open(url))
        except HTTPError as error:
            raise _SaidNoError(self._word(error)) from error

    def _open(self, url: str) -> HTTPResponse:
        headers = {"Accept": _ACCEPTED} | ({"Authorization": self._authorization} if self._authorization else {})
        return _open(url, headers)

    def _authorized(self, challenge: str) -> str:
        """What a registry's challenge is answered with: the login itself, or a token that somebody gives for it."""
        kind, _, rest = challenge.partition(" ")
        basic = _basic(self._login)
        if kind.lower() == "basic":
            return basic or "Basic Og=="
        said = dict(_CHALLENGE.findall(rest))
        realm = said.pop("realm", "")
        if kind.lower() != "bearer" or not realm.startswith(("https://", "http://")):
            raise _SaidNoError(f"wants to be convinced in a way that is not known here: {challenge[:80]!r}")
        query = {"scope": f"repository:{self._name}:pull"} | said
        try:
            body, _ = _read(
                _open(f"{realm}?{urllib.parse.urlencode(query)}", {"Authorization": basic} if basic else {})
            )
        except HTTPError as error:
            raise _SaidNoError(self._word(error)) from error
        token = _document(body)
        return f"Bearer {token.get('token') or token.get('access_token') or ''}"

    def _word(self, error: HTTPError) -> str:
        user = f"the user {self._login.username!r}" if self._login else "whoever has no login"
        return _WORDS.get(error.code, f"answers with {error.code}").format(user=user)


def _open(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    try:
        request = urllib.request.Request(url)  # noqa: S310 - http and https only, by `_root` and `_authorized`
        for name, value in headers.items():
            request.add_unredirected_header(name, value)  # a store that a registry sends us to must not see its token
        response: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
    except HTTPError:
        raise
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise _SaidNoError(f"cannot be reached: {getattr(error, 'reason', None) or error}") from error
    return response


def _read(response: HTTPResponse) -> tuple[bytes, str]:
    """The body, and its digest. Who says a byte now and then would keep a thread for a week, so the whole has its time as well."""
    body, until_mono_s = b"", time.monotonic() + TIMEOUT_S
    try:
        with response:
            while (part := response.read1(ANSWER_BYTES + 1 - len(body))) and len(body) <= ANSWER_BYTES:
                body += part
                if time.monotonic() > until_mono_s:
                    raise _SaidNoError(f"has not said all of its answer within {TIMEOUT_S:g} s")
    except (HTTPException, OSError) as error:
        raise _SaidNoError(f"broke off: {error}") from error
    if len(body) > ANSWER_BYTES:
        raise _SaidNoError("answers with more than any manifest has")
    return body, f"sha256:{hashlib.sha256(body).hexdigest()}"


def _document(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise _SaidNoError("answers with something else than a manifest")
    return said


def _listed(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The platforms of a list with their manifests; attestations, which nobody runs, call theirs unknown."""
    entries = manifest.get("manifests")
    for entry in entries[:LISTED_MOST] if isinstance(entries, list) else ():
        platform = entry.get("platform") if isinstance(entry, dict) else None
        said = _platform(platform) if isinstance(platform, dict) else ""
        if said and "unknown" not in said:
            yield said, str(entry.get("digest", ""))


def _layers(manifest: Mapping[str, Any]) -> Iterator[Layer]:
    """The layers of one image, and its configuration, which is fetched like one."""
    parts = manifest.get("layers")
    for part in (*(parts if isinstance(parts, list) else ()), manifest.get("config")):
        size = part.get("size") if isinstance(part, dict) else None
        if type(size) is int and 0 <= size <= INT_LIMIT:
            yield Layer(str(part.get("digest", "")), size)


def _platform(said: Mapping[str, Any]) -> str:
    """`linux/arm/v7`, as Docker writes it."""
    parts = (said.get("os"), said.get("architecture"), said.get("variant"))
    return "/".join(str(part) for part in parts if part) if said.get("architecture") else ""


def _basic(login: Login | None) -> str:
    return f"Basic {base64.b64encode(f'{login.username}:{login.password}'.encode()).decode()}" if login else ""


def _is_here(host: str) -> bool:
    """Whether a registry is on this machine: Docker trusts 127.0.0.0/8 without TLS."""
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
