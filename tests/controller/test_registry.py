"""Registries, asked for real: Debian's docker-registry with plain HTTP, and a small server that wants tokens."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from controller.adapters.registry import AT_ONCE, Registries
from controller.decide.effects import Inspect
from controller.decide.inputs import Inspected, Layer
from lab.registry import Registry
from protocol.desired import Login

ANSWER_S = 30.0
LIST = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def ask(reference: str, login: Login | None = None, insecure: tuple[str, ...] = ()) -> Inspected:
    """Ask, and wait for the answer."""
    answers: SimpleQueue[Inspected] = SimpleQueue()
    Registries(answers.put, insecure).ask(Inspect("shop", reference, login))
    return answers.get(timeout=ANSWER_S)


def put(registry: Registry, path: str, body: bytes, kind: str) -> str:
    """Store a manifest; its digest."""
    url = f"http://{registry.name}/v2/{path}"
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": kind}, method="PUT")).close()
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def blob(registry: Registry, name: str, body: bytes) -> dict[str, Any]:
    """Store a blob; its descriptor."""
    begun = urllib.request.Request(f"http://{registry.name}/v2/{name}/blobs/uploads/", b"", method="POST")
    with urllib.request.urlopen(begun) as response:
        place = response.headers["Location"]
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    url = f"{place}{'&' if '?' in place else '?'}digest={digest}"
    kind = {"Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(url, body, kind, method="PUT")).close()
    return {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(body)}


def image(registry: Registry, name: str, tag: str, **platform: str) -> tuple[str, int]:
    """Store an image without layers; its digest and size."""
    config = blob(registry, name, json.dumps({**platform, "rootfs": {"type": "layers", "diff_ids": []}}).encode())
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}).encode()
    return put(registry, f"{name}/manifests/{tag}", body, MANIFEST), len(body)


def layered(registry: Registry, tag: str, *layers: bytes) -> tuple[str, dict[str, int]]:
    """Store an image with layers; its digest, and the size of everything that is fetched."""
    config = blob(registry, "web", json.dumps({"os": "linux", "architecture": tag}).encode())
    parts = [blob(registry, "web", body) for body in layers]
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": parts}).encode()
    digest = put(registry, f"web/manifests/{tag}", body, MANIFEST)
    return digest, {part["digest"]: part["size"] for part in (*parts, config)}


def planned(reference: str) -> dict[str, dict[str, int]]:
    """Ask for the layers as well; their sizes by platform."""
    answers: SimpleQueue[Inspected] = SimpleQueue()
    Registries(answers.put).ask(Inspect("shop", reference, plan="p1"))
    said = answers.get(timeout=ANSWER_S)
    assert (said.plan, said.reason) == ("p1", "")
    return {platform: {layer.digest: layer.size_bytes for layer in layers} for platform, layers in said.layers.items()}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Debian's registry on this machine."""
    one = Registry(tmp_path / "registry", "127.0.0.1")
    one.start()
    yield one
    one.kill()


@pytest.mark.broker
def test_an_image_for_one_platform(registry: Registry) -> None:
    """Its configuration says what it is made for."""
    digest, _ = image(registry, "team/web", "1", os="linux", architecture="arm", variant="v7")
    said = ask(f"{registry.name}/team/web:1")
    assert (said.digest, said.platforms, said.reason) == (digest, ("linux/arm/v7",), "")


@pytest.mark.broker
def test_an_image_for_several_platforms(registry: Registry) -> None:
    """A list says so without a look at its images; an attestation is no platform."""
    parts = []
    for architecture in ("amd64", "arm64", "unknown"):
        digest, size = image(registry, "web", architecture, os="linux", architecture=architecture)
        platform = {"os": "linux", "architecture": architecture}
        parts.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform})
    body = json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": parts}).encode()
    said = ask(f"{registry.name}/web:1") if put(registry, "web/manifests/1", body, LIST) else None
    assert said is not None
    assert (said.digest, said.platforms) == (
        f"sha256:{hashlib.sha256(body).hexdigest()}",
        ("linux/amd64", "linux/arm64"),
    )


@pytest.mark.broker
def test_what_is_not_there_is_said(registry: Registry) -> None:
    """A missing image, and a registry that is gone."""
    assert ask(f"{registry.name}/web:9").reason == f"the registry {registry.name} has no such image"
    registry.kill()
    assert ask(f"{registry.name}/web:9").reason.startswith(f"the registry {registry.name} cannot be reached: ")


class _Guarded(BaseHTTPRequestHandler):
    """A registry that wants a token, which its other half gives to ann with the password pw."""

    def do_GET(self) -> None:
        realm = f"http://127.0.0.1:{self.server.server_address[1]}/token"
        said = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            self._say(200 if said == "Basic YW5uOnB3" else 401, {"token": "t1"})
        elif said != "Bearer t1":
            self._say(401, {}, f'Bearer realm="{realm}",service="r",scope="repository:web:pull"')
        else:
            self._say(200, {"mediaType": LIST, "manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]})

    def _say(self, status: int, body: dict[str, Any], challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(kind: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of this kind; its name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class _Open(_Guarded):
    """A registry that wants no token."""

    def do_GET(self) -> None:
        self._say(200, {"mediaType": LIST, "manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]})


def test_many_questions_wait_for_a_few_threads() -> None:
    """However many images are asked for at once, and each is answered."""
    answers: SimpleQueue[Inspected] = SimpleQueue()
    with served(_Open) as name:
        registries, before = Registries(answers.put), set(threading.enumerate())
        for number in range(100):
            registries.ask(Inspect("shop", f"{name}/web:{number}"))
        ours = [one for one in threading.enumerate() if one not in before and one.name == "registry"]
        said = {answers.get(timeout=ANSWER_S).reference for _ in range(100)}
    assert len(ours) == AT_ONCE
    assert said == {f"{name}/web:{number}" for number in range(100)}


@pytest.fixture
def guarded() -> Iterator[str]:
    """A server that speaks as a registry with tokens; its name."""
    with served(_Guarded) as name:
        yield name


def test_a_token_is_asked_for_with_the_login(guarded: str) -> None:
    """As Docker does: the registry names who gives tokens."""
    said = ask(f"{guarded}/web:1", Login(guarded, "ann", "pw"))
    assert (said.platforms, said.reason) == (("linux/arm64",), "")


@pytest.mark.parametrize(
    ("login", "who"), [(Login("r", "ann", "wrong"), "the user 'ann'"), (None, "whoever has no login")]
)
def test_a_refused_login_is_said_by_name(guarded: str, login: Login | None, who: str) -> None:
    """An operator sees which user a registry does not take, and no password."""
    assert ask(f"{guarded}/web:1", login).reason == f"the registry {guarded} refuses {who}"


class _Dripping(_Guarded):
    """One that says a byte now and then, and never comes to its end."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with suppress(OSError):
            for _ in range(1000):
                self.wfile.write(b" ")
                time.sleep(0.05)


def test_one_that_goes_on_for_ever_is_heard_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight of its kind would be all that is ever asked."""
    monkeypatch.setattr("controller.adapters.registry.TIMEOUT_S", 0.2)
    with served(_Dripping) as name:
        assert "has not said all of its answer within 0.2 s" in ask(f"{name}/web:1").reason


class _Wild(_Guarded):
    """One that lists more than anybody has, of sizes that are none."""

    def do_GET(self) -> None:
        layers = [{"digest": "a", "size": size} for size in (7, -1, True, 10**400, "8", None)]
        platform = {"platform": {"os": "linux", "architecture": "arm64"}, "digest": "sha256:1"}
        lists = {"mediaType": LIST, "manifests": [platform, 3, {"platform": []}] * 1000}
        self._say(200, {"layers": layers} if self.path.endswith("/sha256:1") else lists)


def test_what_a_registry_makes_up_is_passed_over() -> None:
    """A size beyond all numbers would end the turn that reckons with it."""
    answers: SimpleQueue[Inspected] = SimpleQueue()
    with served(_Wild) as name:
        Registries(answers.put).ask(Inspect("shop", f"{name}/web:1", plan="p1"))
        said = answers.get(timeout=ANSWER_S)
    assert (said.reason, said.platforms) == ("", ("linux/arm64",))
    assert said.layers == {"linux/arm64": (Layer("a", 7),)}


@pytest.mark.broker
def test_a_plan_is_told_the_layers_of_each_platform(registry: Registry) -> None:
    """By tag and by digest, of a list and of a single image: what an engine would fetch, with its size."""
    digest, arm = layered(registry, "arm64", b"base" * 100, b"one" * 50)
    other, amd = layered(registry, "amd64", b"base" * 100, b"two" * 70)
    assert planned(f"{registry.name}/web:arm64") == planned(f"{registry.name}/web@{digest}") == {"": arm}
    assert planned(f"{registry.name}/web:arm64@{digest}") == {"": arm}
    parts = [
        {"mediaType": MANIFEST, "digest": one, "size": 1, "platform": {"os": "linux", "architecture": name}}
        for name, one in (("arm64", digest), ("amd64", other), ("unknown", other))
    ]
    put(
        registry,
        "web/manifests/1",
        json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": parts}).encode(),
        LIST,
    )
    assert planned(f"{registry.name}/web:1") == {"linux/arm64": arm, "linux/amd64": amd}
    assert ask(f"{registry.name}/web:1").layers == {}
