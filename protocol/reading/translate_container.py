"""A service as it is written → the container that an engine is asked for.

Where Docker would refuse two keys together when a container is created, they are a misfit here, before anything is published.
"""

from __future__ import annotations

from typing import Any

from protocol.container import Container, File, HealthCheck, Isolation, Limits, Logging, Naming, Port, Ulimit
from protocol.manifest.compose import Service
from protocol.manifest.files import Content, Uses
from protocol.manifest.port import Port as WrittenPort
from protocol.manifest.port import Ports
from protocol.manifest.settings import Device, Healthcheck
from protocol.manifest.settings import Logging as WrittenLogging
from protocol.reading.document import Path
from protocol.reading.draft import Draft
from protocol.reading.rules import templates
from protocol.reading.translate_mounts import mounts
from protocol.reading.translate_networks import attachments

SAME = (
    "image", "privileged", "read_only", "init", "tty", "stdin_open", "runtime", "platform", "network_mode",
    "user", "working_dir", "hostname", "stop_signal",
)  # fmt: skip
LISTS = ("expose", "device_cgroup_rules", "cap_add", "cap_drop", "security_opt", "group_add")
MAPPINGS = ("annotations", "sysctls", "storage_opt")
# What a container calls by the same name as Compose.

CONFIGS = "/"
SECRETS = "/run/secrets/"
# Where Compose puts them.


def container(draft: Draft, name: str, source: Service) -> Container:
    """Write out what the engine needs of a service."""
    path, most = ("services", name), source.deploy.resources.limits
    same: dict[str, Any] = {key: getattr(source, key) for key in SAME}
    same |= {key: tuple(getattr(source, key)) for key in LISTS}
    same |= {key: dict(getattr(source, key)) for key in MAPPINGS}
    return Container(
        **same,
        command=words(source.command),
        entrypoint=words(source.entrypoint),
        environment=values(draft, path, source.environment),
        labels={**source.labels, **source.deploy.labels},
        ports=tuple(port for item in source.ports for port in _ports(item)),
        mounts=mounts(draft, name, source),
        files=(
            *_files(draft, (*path, "configs"), source.configs, draft.manifest.configs),
            *_files(draft, (*path, "secrets"), source.secrets, draft.manifest.secrets),
        ),
        networks=attachments(draft, name, source),
        devices=tuple(_device(device) for device in source.devices),
        pull_policy=source.pull_policy or "",
        memory_bytes=draft.either(
            path, ("mem_limit", source.mem_limit), ("deploy.resources.limits.memory", most.memory), 0
        ),
        cpus=draft.either(path, ("cpus", source.cpus), ("deploy.resources.limits.cpus", most.cpus), 0.0),
        limits=_limits(draft, path, source),
        naming=_naming(source),
        isolation=_isolation(source),
        logging=_logging(source.logging),
        healthcheck=_healthcheck(source.healthcheck),
        stop_grace_s=source.stop_grace_period,
    )


def words(texts: list[str] | None) -> tuple[str, ...] | None:
    """A command, or none: the image's own."""
    return None if texts is None else tuple(texts)


def values(draft: Draft, path: Path, environment: dict[str, str | None]) -> dict[str, str]:
    """The variables of a container; one without a value means the publisher's own, which nobody else has."""
    for name, value in environment.items():
        if value is None:
            reason = f"{name!r} has no value here: `bramble up` takes it from your shell"
            draft.misfit(
                (*path, "environment", name), reason, f"publish it with `bramble up`, or write {name}= for an empty one"
            )
    given = {name: value for name, value in environment.items() if value is not None}
    templates(draft, (*path, "environment"), given)
    return given


def _ports(item: WrittenPort) -> list[Port]:
    count = item.count if isinstance(item, Ports) else 1
    published = [item.published + n if item.published else 0 for n in range(count)]
    return [Port(item.target + n, published[n], item.protocol, item.host_ip) for n in range(count)]


def _files(draft: Draft, path: Path, uses: Uses, content: Content) -> list[File]:
    """Configs or secrets in their places, each with the text that the top of the manifest has for it."""
    kind = str(path[-1])
    below = SECRETS if kind == "secrets" else CONFIGS
    files = []
    for place, use in enumerate(uses):
        found = content.get(use.source)
        if found is None:
            draft.misfit(
                (*path, place), f"there is no {kind[:-1]} {use.source!r}", f"add it under the top-level `{kind}`"
            )
            continue
        target = use.target or use.source
        full = target if target.startswith("/") else f"{below}{target}"
        files.append(File(full, found.content or "", use.mode, use.uid, use.gid, secret=kind == "secrets"))
    return files


def _device(source: Device) -> str:
    """`/dev/a:/dev/b:rwm`, with nothing that goes without saying."""
    target = source.target or source.source
    if source.permissions not in {"rwm", ""}:
        return f"{source.source}:{target}:{source.permissions}"
    return source.source if target == source.source else f"{source.source}:{target}"


def _limits(draft: Draft, path: Path, source: Service) -> Limits:
    pids = source.deploy.resources.limits.pids
    return Limits(
        memory_reservation_bytes=source.mem_reservation,
        swap_bytes=source.memswap_limit,
        swappiness=source.mem_swappiness,
        shm_bytes=source.shm_size,
        pids=draft.either(path, ("pids_limit", source.pids_limit), ("deploy.resources.limits.pids", pids), 0),
        cpuset=source.cpuset,
        cpu_shares=source.cpu_shares,
        cpu_quota_us=source.cpu_quota,
        cpu_period_us=source.cpu_period,
        oom_score_adj=source.oom_score_adj,
        oom_kill_disable=source.oom_kill_disable,
        ulimits=tuple(Ulimit(name, limit.soft, limit.hard) for name, limit in source.ulimits.items()),
    )


def _naming(source: Service) -> Naming:
    return Naming(
        tuple(source.dns),
        tuple(source.dns_search),
        tuple(source.dns_opt),
        tuple(source.extra_hosts),
        source.domainname,
        source.mac_address,
    )


def _isolation(source: Service) -> Isolation:
    return Isolation(source.ipc, source.pid, source.uts, source.userns_mode, source.cgroup, source.cgroup_parent)


def _logging(source: WrittenLogging | None) -> Logging | None:
    if source is None or not (source.driver or source.options):
        return None
    return Logging(source.effective, dict(source.options))


def _healthcheck(source: Healthcheck | None) -> HealthCheck | None:
    if source is None:
        return None
    return HealthCheck(source.command, source.interval, source.timeout, source.start_period, source.retries)
