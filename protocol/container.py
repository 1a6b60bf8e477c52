"""Everything the engine needs to create one container, written out: no short forms.

Field by field this is Compose's service, as `protocol.reading.translate` reads it and `agent.adapters.creation` asks Docker
for it. Sizes are bytes, times seconds. The digest of a container is its spec hash: by it the one that runs is known to be the
one that is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from protocol.ids import digest
from protocol.measures import LONGEST_S
from protocol.shapes import Bounds, sparse

Seconds = Annotated[float, Bounds(least=0, most=LONGEST_S)]


@sparse
@dataclass(frozen=True, slots=True)
class Port:
    """A container's port, reachable on the host when `published` is not 0."""

    target: Annotated[int, Bounds(least=1, most=65535)]
    published: Annotated[int, Bounds(least=0, most=65535)] = 0
    protocol: Annotated[str, Bounds(pattern="^(tcp|udp|sctp)$")] = "tcp"
    host_ip: str = ""


@sparse
@dataclass(frozen=True, slots=True)
class Volume:
    """How a named volume is made where it is missing; an external one must be there. Its name is the source of its mount."""

    driver: str = ""
    driver_opts: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    external: bool = False


@sparse
@dataclass(frozen=True, slots=True)
class Mount:
    """A volume, bind mount or tmpfs of a container; `source` is a path, or a volume's full name on the engine.

    `create_host_path` makes a bind's missing directory; `size_bytes` and `mode` are a tmpfs's.
    """

    kind: Annotated[str, Bounds(pattern="^(volume|bind|tmpfs)$")]
    target: str
    source: str = ""
    read_only: bool = False
    volume: Volume | None = None
    nocopy: bool = False
    propagation: str = ""
    create_host_path: bool = True
    size_bytes: int = 0
    mode: int = 0


@sparse
@dataclass(frozen=True, slots=True)
class Subnet:
    """One address range of a network; what is empty is the engine's choice."""

    subnet: str = ""
    gateway: str = ""
    ip_range: str = ""


@sparse
@dataclass(frozen=True, slots=True)
class Network:
    """A network of one node's engine, by its full name there; an external one must be there already."""

    name: str
    driver: str = "bridge"
    driver_opts: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    subnets: tuple[Subnet, ...] = ()
    internal: bool = False
    ipv6: bool = False
    external: bool = False


@sparse
@dataclass(frozen=True, slots=True)
class Attachment:
    """A container on a network: the names by which others on it reach the container, and a fixed address if one is asked for."""

    network: Network
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""


@sparse
@dataclass(frozen=True, slots=True)
class File:
    """A config or secret as a file in the container. `content` is text; a secret's is shown to nobody."""

    target: str
    content: str
    mode: Annotated[int, Bounds(least=0, most=0o7777)] = 0o444
    uid: Annotated[int, Bounds(least=0)] = 0
    gid: Annotated[int, Bounds(least=0)] = 0
    secret: bool = False


@sparse
@dataclass(frozen=True, slots=True)
class Ulimit:
    """One resource limit of the container's processes; -1 is unlimited."""

    name: str
    soft: int
    hard: int


@sparse
@dataclass(frozen=True, slots=True)
class Logging:
    """Where a container's output goes. Without one it goes to the `local` driver, bounded."""

    driver: str = ""
    options: dict[str, str] = field(default_factory=dict)


@sparse
@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the engine finds out whether a container is well (Compose's `healthcheck`)."""

    test: tuple[str, ...]
    interval_s: Seconds = 30.0
    timeout_s: Seconds = 30.0
    start_period_s: Seconds = 0.0
    retries: int = 3


@sparse
@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use; 0 (and an empty text) is the engine's default, `swap_bytes` -1 is unlimited."""

    memory_reservation_bytes: int = 0
    swap_bytes: int = 0
    swappiness: int | None = None
    shm_bytes: int = 0
    pids: int = 0
    cpuset: str = ""
    cpu_shares: int = 0
    cpu_quota_us: int = 0
    cpu_period_us: int = 0
    oom_score_adj: int = 0
    oom_kill_disable: bool = False
    ulimits: tuple[Ulimit, ...] = ()


@sparse
@dataclass(frozen=True, slots=True)
class Naming:
    """How a container finds others by name, beyond its networks (`dns…`, `extra_hosts` as `host:address`, `domainname`)."""

    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    domainname: str = ""
    mac_address: str = ""


@sparse
@dataclass(frozen=True, slots=True)
class Isolation:
    """What a container shares with its host, in Docker's words (`host`, `private`, `shareable`, `container:NAME`)."""

    ipc: str = ""
    pid: str = ""
    uts: str = ""
    userns: str = ""
    cgroup: str = ""
    cgroup_parent: str = ""


@sparse
@dataclass(frozen=True, slots=True)
class Container:
    """Everything the engine needs to create one container. Its digest is the spec hash by which containers are adopted.

    `image` is a reference with a tag, a digest or both (`repository:tag@sha256:…`); where it has a digest, that is what is pulled.
    """

    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    files: tuple[File, ...] = ()
    networks: tuple[Attachment, ...] = ()
    devices: tuple[str, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    storage_opt: dict[str, str] = field(default_factory=dict)
    group_add: tuple[str, ...] = ()
    privileged: bool = False
    read_only: bool = False
    init: bool = False
    tty: bool = False
    stdin_open: bool = False
    runtime: str = ""
    platform: str = ""
    pull_policy: str = ""
    network_mode: str = ""
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    memory_bytes: int = 0
    cpus: float = 0.0
    limits: Limits = field(default_factory=Limits)
    naming: Naming = field(default_factory=Naming)
    isolation: Isolation = field(default_factory=Isolation)
    logging: Logging | None = None
    healthcheck: HealthCheck | None = None
    stop_signal: str = ""
    stop_grace_s: Seconds = 10.0

    @property
    def spec_hash(self) -> str:
        """The same content, the same hash; a container with this label need not be made again."""
        return digest(self)
