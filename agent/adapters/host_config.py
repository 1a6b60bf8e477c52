"""What a container may use of its host, in Docker's words: the `HostConfig` of a create request. Pure.

Most fields only change their name, which is a table. The restart policy is always `no`, because the agent is the supervisor, and
logs have a bound: Docker's default filled a 32 GB card in 16 minutes. What an engine would drop without a word, `lacks` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from agent.adapters.container_files import file_mounts
from agent.adapters.mounts import bind, is_plain_bind, mount
from protocol.container import Container, Logging, Ulimit

LOG_DRIVER = "local"
# Docker's own compressed format, the cheapest on a card.
LOG_BOUNDS: Mapping[str, str] = {"max-size": "10m", "max-file": "3"}
# 30 MB a container; a Pi runs some twenty of them.
NANO = 1_000_000_000

_BOUNDED = frozenset({"local", "json-file"})
# The drivers that write to the node's own disk; the others refuse these options.

_RENAMED: Mapping[str, str] = {
    "CapAdd": "cap_add",
    "CapDrop": "cap_drop",
    "CgroupParent": "isolation.cgroup_parent",
    "CgroupnsMode": "isolation.cgroup",
    "CpuPeriod": "limits.cpu_period_us",
    "CpuQuota": "limits.cpu_quota_us",
    "CpuShares": "limits.cpu_shares",
    "CpusetCpus": "limits.cpuset",
    "DeviceCgroupRules": "device_cgroup_rules",
    "Dns": "naming.dns",
    "DnsOptions": "naming.dns_opt",
    "DnsSearch": "naming.dns_search",
    "ExtraHosts": "naming.extra_hosts",
    "GroupAdd": "group_add",
    "Init": "init",
    "IpcMode": "isolation.ipc",
    "Memory": "memory_bytes",
    "MemoryReservation": "limits.memory_reservation_bytes",
    "MemorySwap": "limits.swap_bytes",
    "MemorySwappiness": "limits.swappiness",
    "OomKillDisable": "limits.oom_kill_disable",
    "OomScoreAdj": "limits.oom_score_adj",
    "PidMode": "isolation.pid",
    "PidsLimit": "limits.pids",
    "Privileged": "privileged",
    "ReadonlyRootfs": "read_only",
    "Runtime": "runtime",
    "SecurityOpt": "security_opt",
    "ShmSize": "limits.shm_bytes",
    "StorageOpt": "storage_opt",
    "Sysctls": "sysctls",
    "UTSMode": "isolation.uts",
    "UsernsMode": "isolation.userns",
}

_SINCE: tuple[tuple[str, str, int], ...] = (("annotations", "annotations", 24),)
# What older engines drop without a word: the field, our word for it, the first release that knows it.


def lacks(container: Container, version: str) -> str:
    """What this release of the engine would ignore, in a sentence; empty when it does everything."""
    release, _, _ = version.partition(".")
    for field, word, since in _SINCE:
        if attrgetter(field)(container) and release.isdecimal() and int(release) < since:
            return f"{word} need Docker Engine {since}, this node has {version}"
    return ""


def host_config(container: Container) -> dict[str, Any]:
    """What a container is allowed, limited to and given of its host."""
    mounts = container.mounts
    body = {word: attrgetter(field)(container) for word, field in _RENAMED.items()}
    body |= {
        "RestartPolicy": {"Name": "no"},
        "LogConfig": log_config(container.logging or Logging()),
        "NetworkMode": network_mode(container),
        "PortBindings": _published(container),
        "Binds": [bind(one) for one in mounts if is_plain_bind(one)],
        "Mounts": [*(mount(one) for one in mounts if not is_plain_bind(one)), *file_mounts(container)],
        "Devices": [_device(device) for device in container.devices],
        "Ulimits": [_ulimit(limit) for limit in container.limits.ulimits],
        "NanoCpus": round(container.cpus * NANO),
    }
    return body | ({"Annotations": container.annotations} if container.annotations else {})


def log_config(logging: Logging) -> dict[str, Any]:
    """Where the output goes; on the node's own disk it is always bounded."""
    driver = logging.driver or LOG_DRIVER
    bounds = LOG_BOUNDS if driver in _BOUNDED else {}
    return {"Type": driver, "Config": {**bounds, **logging.options}}


def network_mode(container: Container) -> str:
    """The network a container is made on; the further ones come before its first start."""
    if container.networks and not container.network_mode:
        return container.networks[0].network.name
    return container.network_mode or "default"


def _published(container: Container) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in container.ports:
        if port.published:
            binding = {"HostIp": port.host_ip, "HostPort": str(port.published)}
            bindings.setdefault(f"{port.target}/{port.protocol}", []).append(binding)
    return bindings


def _device(device: str) -> dict[str, str]:
    """`/dev/a`, `/dev/a:/dev/b`, `/dev/a:/dev/b:rw` or `/dev/a:rw`, as in Docker's command line."""
    host, _, rest = device.partition(":")
    inside, _, rights = rest.partition(":")
    if inside and not inside.startswith("/"):
        inside, rights = "", inside
    return {"PathOnHost": host, "PathInContainer": inside or host, "CgroupPermissions": rights or "rwm"}


def _ulimit(limit: Ulimit) -> dict[str, Any]:
    return {"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard}
