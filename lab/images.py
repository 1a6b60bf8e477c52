"""Small images made on the spot, from Debian's static busybox: nothing comes from outside.

An image is written as the archive that `docker load` reads, so no builder, no base image and no running container is
needed, and the same words give the same digest on every machine. All images share one layer with busybox; a second
layer holds the image's own files. Pure but for reading busybox once; `build` loads and pushes through a host's engine.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lab import commands
from lab.host import Host
from lab.registry import Registry

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm"}
_EPOCH = "1970-01-01T00:00:00Z"
# Every image is of the same moment, or its digest would change with each build.
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Health:
    """How the engine asks a container whether it is well; `command` is a line for its shell."""

    command: str
    interval_s: float = 1.0
    timeout_s: float = 2.0
    retries: int = 2
    start_period_s: float = 0.0

    def document(self) -> dict[str, object]:
        """Return the Healthcheck of an image's configuration."""
        return {
            "Test": ["CMD-SHELL", self.command],
            "Interval": int(self.interval_s * _SECOND_NS),
            "Timeout": int(self.timeout_s * _SECOND_NS),
            "StartPeriod": int(self.start_period_s * _SECOND_NS),
            "Retries": self.retries,
        }


@dataclass(frozen=True, slots=True)
class Image:
    """What an image should be; every file is executable. `architecture` is what it says it is made for; left out, this machine."""

    name: str
    tag: str
    command: tuple[str, ...] = ("/bin/sh",)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    health: Health | None = None
    architecture: str = ""


def build(host: Host, registry: Registry, image: Image) -> str:
    """Make an image on a host, push it to the registry, and return its full reference."""
    reference = f"{registry.name}/{image.name}:{image.tag}"
    host.docker("load", "--quiet", given=archive(image, reference))
    host.docker("push", "--quiet", reference)
    return reference


def archive(image: Image, reference: str) -> bytes:
    """Return the image as `docker load` reads it."""
    layers = [_busybox_layer(), _tar({path: _bytes(text) for path, text in image.files.items()}, {})]
    configuration = _json(_configuration(image, layers))
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    paths = [f"{hashlib.sha256(layer).hexdigest()}/layer.tar" for layer in layers]
    manifest = _json([{"Config": name, "RepoTags": [reference], "Layers": paths}])
    return _tar({**dict(zip(paths, layers, strict=True)), name: configuration, "manifest.json": manifest}, {})


def _configuration(image: Image, layers: list[bytes]) -> dict[str, object]:
    runs: dict[str, object] = {
        "Cmd": list(image.command),
        "Env": ["PATH=/bin", *(f"{key}={value}" for key, value in sorted(image.environment.items()))],
        "Labels": dict(sorted(image.labels.items())),
    }
    if image.health:
        runs["Healthcheck"] = image.health.document()
    return {
        "architecture": image.architecture or own_architecture(),
        "os": "linux",
        "created": _EPOCH,
        "config": runs,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers]},
        "history": [{"created": _EPOCH, "created_by": "busybox"}, {"created": _EPOCH, "created_by": "files"}],
    }


def own_architecture() -> str:
    """What this machine is, in an image's words."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


@cache
def _busybox_layer() -> bytes:
    """Return busybox with a link for each of its commands, and the few files that programs look for."""
    found = shutil.which("busybox", path=commands.environment()["PATH"])
    if found is None:
        raise FileNotFoundError("busybox is not installed (Debian: busybox-static)")
    links = {f"bin/{applet}": "busybox" for applet in commands.run([found, "--list"]).split() if applet != "busybox"}
    files = {
        "bin/busybox": Path(found).read_bytes(),
        "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n",
        "etc/group": b"root:x:0:\n",
        "tmp/.keep": b"",
    }
    return _tar(files, links)


def _tar(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    """Return a tar archive that depends on names and contents only."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted({*files, *links}):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode = 0o755
            if path in links:
                entry.type, entry.linkname = tarfile.SYMTYPE, links[path]
                tar.addfile(entry)
            else:
                entry.size = len(files[path])
                tar.addfile(entry, io.BytesIO(files[path]))
    return out.getvalue()


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
