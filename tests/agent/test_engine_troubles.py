"""What Docker's complaints mean, one line for each that we met or read of."""

from __future__ import annotations

import pytest

from agent.adapters.troubles import pull_trouble, trouble
from agent.decide.inputs import GiveUp, Retry
from protocol.ids import registry_of

IMAGE = "r.local:5000/web:2"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (
            "manifest for r.local:5000/web:2 not found: manifest unknown: manifest unknown",
            GiveUp("image r.local:5000/web:2 does not exist in registry r.local:5000"),
        ),
        (
            "pull access denied for web, repository does not exist or may require 'docker login': denied",
            GiveUp("image r.local:5000/web:2 does not exist in registry r.local:5000, or this node may not pull it"),
        ),
        (
            "no matching manifest for linux/arm/v7 in the manifest list entries",
            GiveUp("image r.local:5000/web:2 is not made for linux/arm/v7"),
        ),
        (
            'Get "https://r.local:5000/v2/": http: server gave HTTP response to HTTPS client',
            GiveUp(
                "registry r.local:5000 speaks plain HTTP, which this node's engine does not trust (insecure-registries)"
            ),
        ),
        (
            "toomanyrequests: You have reached your pull rate limit.",
            Retry("registry r.local:5000 limits how often we may pull", 900.0),
        ),
        (
            'Get "http://r.local:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused',
            Retry("registry r.local:5000 cannot be reached", 15.0),
        ),
        (
            'Get "https://r.local:5000/v2/": dial tcp: lookup r.local: no such host',
            Retry("registry r.local:5000 cannot be reached", 15.0),
        ),
        (
            "net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            Retry("registry r.local:5000 cannot be reached", 15.0),
        ),
        ("unexpected EOF", Retry("registry r.local:5000 cannot be reached", 15.0)),
        (
            "x509: certificate has expired or is not yet valid: current time 1970-01-01",
            Retry("the certificate of registry r.local:5000 is not valid now, by this node's clock", 15.0),
        ),
        (
            "x509: certificate signed by unknown authority",
            GiveUp("the certificate of registry r.local:5000 is not trusted: certificate signed by unknown authority"),
        ),
        ("write /var/lib/docker/tmp/x: no space left on device", Retry("no space left on the node's disk", 60.0)),
        ("invalid reference format", GiveUp("r.local:5000/web:2 is not an image reference")),
        ("something new", Retry("the engine refused: something new", 5.0)),
    ],
)
def test_why_a_pull_failed(said: str, outcome: GiveUp | Retry) -> None:
    """What cannot get better by itself is given up, everything else is tried again, in words for an operator."""
    assert pull_trouble(IMAGE, 0, said) == outcome


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (
            500,
            ("driver failed programming external connectivity on endpoint x (1f): Bind for 0.0.0.0:8080 failed: port is already "
            "allocated"),
            Retry("port 8080 of the node is in use", 10.0),
        ),
        (
            500,
            ("driver failed programming external connectivity on endpoint x (1f): Error starting userland proxy: listen tcp4 "
            "0.0.0.0:8080: bind: address already in use"),
            Retry("port 8080 of the node is in use", 10.0),
        ),
        (
            500,
            'error gathering device information while adding custom device "/dev/ttyUSB0": no such file or directory',
            Retry("device /dev/ttyUSB0 is not there", 10.0),
        ),
        (404, "network lan not found", GiveUp("network lan does not exist on the node")),
        (404, "No such image: web:2", Retry("image web is not on the node yet", 1.0)),
        (
            400,
            ('OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "serve": executable file '
            "not found in $PATH: unknown"),
            GiveUp("web cannot start the program serve", suspect=True),
        ),
        (
            400,
            "standard_init_linux.go:228: exec user process caused: exec format error",
            GiveUp("web is not made for this node's processor, or its image is damaged", suspect=True),
        ),
        (400, "Unknown runtime specified crun", GiveUp("the node's engine has no runtime crun")),
        (
            400,
            'error looking up logging plugin nonsense: plugin "nonsense" not found',
            GiveUp("the node's engine has no log driver nonsense"),
        ),
        (
            404,
            "image with reference web was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
            GiveUp("image web is made for linux/amd64, and linux/arm64 was asked for"),
        ),
        (
            500,
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
            GiveUp(
                "the node's disk cannot do what storage_opt asks: --storage-opt is supported only for overlay over xfs with "
                "'pquota' mount option"
            ),
        ),
        (
            500,
            'runc create failed: sysctl "net.ipv4.ip_forward" not allowed in host network namespace: unknown',
            GiveUp('web cannot start: sysctl "net.ipv4.ip_forward" not allowed in host network namespace'),
        ),
        (500, "wrong rlimit value: RLIMIT_NONSENSE: unknown", GiveUp("web cannot start: there is no ulimit NONSENSE")),
        (
            500,
            ("error while mounting volume '/v/nfs/_data': failed to mount local volume: mount //nas/x:/v/nfs/_data, data: "
            "username=a,password=b: connection refused"),
            Retry("the volume //nas/x cannot be mounted: connection refused", 30.0),
        ),
        (403, "Address already in use", Retry("the fixed address of web is in use on its network", 10.0)),
        (
            403,
            "Pool overlaps with other one on this address space",
            GiveUp("the subnet of the network web overlaps with that of another on the node"),
        ),
        (400, "invalid mount config", GiveUp("the engine refused: invalid mount config")),
        (409, "removal of container web is in progress", Retry("the engine refused: removal of container web is in progress", 5.0)),
        (500, "", Retry("the engine refused: status 500", 5.0)),
    ],
)  # fmt: skip
def test_why_a_step_failed(status: int, said: str, outcome: GiveUp | Retry) -> None:
    """A request that is wrong is given up; a port, a device or an engine's bad day is tried again."""
    assert trouble("web", status, said) == outcome


@pytest.mark.parametrize(
    ("image", "registry"),
    [("web", "docker.io"), ("library/web:1", "docker.io"), (IMAGE, "r.local:5000"), ("localhost/web", "localhost")],
)
def test_an_image_names_its_registry(image: str, registry: str) -> None:
    """The first part of a reference is a registry only if it looks like a host."""
    assert registry_of(image) == registry
