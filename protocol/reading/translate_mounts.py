"""The volumes of a service, by their names on the engine: `STACK_VOLUME` as Compose has it, or the volume's own `name`.

A path alone is a volume of the service: one per node, found again by the next revision.
"""

from __future__ import annotations

from protocol.container import Mount, Volume
from protocol.ids import digest
from protocol.manifest import storage
from protocol.manifest.compose import Service
from protocol.reading.document import Path
from protocol.reading.draft import Draft


def mounts(draft: Draft, name: str, source: Service) -> tuple[Mount, ...]:
    """Every mount of a service; no two on one path."""
    path, seen = ("services", name), set[str]()
    written = [((*path, "tmpfs", i), mount) for i, mount in enumerate(source.tmpfs)]
    written += [((*path, "volumes", i), mount) for i, mount in enumerate(source.volumes)]
    made = []
    for place, mount in written:
        if mount.target in seen:
            draft.misfit(place, f"something else is mounted on {mount.target} already", "give each a path of its own")
        seen.add(mount.target)
        made.append(_mount(draft, place, name, mount))
    return tuple(made)


def memories(draft: Draft, path: Path, written: list[storage.Mount]) -> tuple[Mount, ...]:
    """Each tmpfs of a function; no two on one path."""
    targets = [mount.target for mount in written]
    for place, target in enumerate(targets):
        if target in targets[:place]:
            draft.misfit(
                (*path, place), f"something else is mounted on {target} already", "give each a path of its own"
            )
    return tuple(_mount(draft, (*path, place), "", mount) for place, mount in enumerate(written))


def _mount(draft: Draft, place: Path, service: str, mount: storage.Mount) -> Mount:
    if mount.type == "volume":
        keep = mount.volume or storage.Keep()
        source, volume = _volume(draft, place, service, mount)
        return Mount("volume", mount.target, source, mount.read_only, volume, nocopy=keep.nocopy)
    bind, memory = mount.bind or storage.Bind(), mount.tmpfs or storage.Memory()
    return Mount(
        mount.type,
        mount.target,
        mount.source,
        mount.read_only,
        propagation=bind.propagation,
        create_host_path=bind.create_host_path,
        size_bytes=memory.size,
        mode=memory.mode,
    )


def _volume(draft: Draft, place: Path, service: str, mount: storage.Mount) -> tuple[str, Volume | None]:
    """A volume's name on the engine, and how it is made if that is more than a name."""
    if not mount.source:
        return f"{draft.name}_{service}_{digest(mount.target)}", None
    if mount.source not in draft.manifest.volumes:
        reason = f"the volume {mount.source!r} is not declared"
        draft.misfit(place, reason, f"add `{mount.source}: {{}}` under the top-level `volumes`")
        return mount.source, None
    declared = draft.manifest.volumes[mount.source]
    made = Volume(declared.driver, dict(declared.driver_opts), dict(declared.labels), declared.external)
    own = mount.source if declared.external else f"{draft.name}_{mount.source}"
    return declared.name or own, None if made == Volume() else made
