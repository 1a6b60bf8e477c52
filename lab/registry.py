"""A private image registry: Debian's docker-registry on one address, with its own storage directory.

Plain HTTP, so engines must be told that it is insecure. Anonymous, so bind it only where the lab alone can reach it; or with a
login, the same in every lab, to see that it is asked for. What may fail: docker-registry is not installed (`FileNotFoundError`),
or does not accept in time (`TooLateError`).
"""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPResponse
from pathlib import Path

from lab.processes import Process, accepts, free_port, spawn, wait_ready
from protocol.desired import Login

_ACCEPTED = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"

USERNAME, PASSWORD = "porch", "knock-knock"
_HTPASSWD = "porch:$2b$04$abcdefghijklmnopqrstuuXAiGR2chxH2X5doiyvWfunel6AWbf72\n"
# That password, as bcrypt, the one kind that docker-registry reads.
_BASIC = f"Basic {base64.b64encode(f'{USERNAME}:{PASSWORD}'.encode()).decode()}"


class Registry:
    """One docker-registry; `name` is what stands before the slash in an image reference."""

    def __init__(
        self,
        directory: Path,
        address: str,
        extra: Mapping[str, str] | None = None,
        port: int = 0,
        *,
        private: bool = False,
    ) -> None:
        """Prepare a registry that keeps its images in `directory`; `extra` is added to its environment."""
        self.directory = directory
        self._private = private
        self.address = address
        self.port = port or free_port(address)
        self._extra = extra
        self._process: Process | None = None

    @property
    def name(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def login(self) -> Login:
        """Who is let into a private one."""
        return Login(self.name, USERNAME, PASSWORD)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    def start(self) -> None:
        """Start, or come back with every image pushed before, and wait until it accepts."""
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "registry.json"  # JSON is YAML too
        self._passwords.write_text(_HTPASSWD)
        configuration.write_text(json.dumps(self._configuration()))
        command = ["docker-registry", "serve", str(configuration)]
        self._process = spawn("registry", command, self.directory / "registry.log", extra=self._extra)
        wait_ready(self._process, lambda: accepts(self.address, self.port))

    def stop(self) -> None:
        """End it politely."""
        if self._process:
            self._process.terminate()

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process:
            self._process.kill()

    def digest(self, name: str, tag: str) -> str:
        """Return the digest under which the registry serves this image now."""
        with self._manifest(name, tag, "HEAD") as answer:
            return str(answer.headers["Docker-Content-Digest"])

    def layer_bytes(self, name: str, tag: str) -> int:
        """Return how much of an image's content comes over the line."""
        with self._manifest(name, tag, "GET") as answer:
            return sum(layer["size"] for layer in json.load(answer)["layers"])

    def _manifest(self, name: str, tag: str, method: str) -> HTTPResponse:
        url = f"http://{self.name}/v2/{name}/manifests/{tag}"
        headers = {"Accept": _ACCEPTED} | ({"Authorization": _BASIC} if self._private else {})
        request = urllib.request.Request(url, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        answer: HTTPResponse = opener.open(request, timeout=5)
        return answer

    @property
    def _passwords(self) -> Path:
        return self.directory / "htpasswd"

    def _configuration(self) -> dict[str, object]:
        asked = {"auth": {"htpasswd": {"realm": "lab", "path": str(self._passwords)}}} if self._private else {}
        return {
            **asked,
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "images")}},
            "http": {"addr": self.name, "secret": "only-one-instance-shares-it"},
        }
