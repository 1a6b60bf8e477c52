"""What is mounted into a container, in Docker's words. Pure.

Docker has two forms. Only the short one (`Binds`) makes a missing directory, which is what Compose users expect of a bind mount.
Only the long one (`Mounts`) can say that it must be there, name a path with a colon, and describe a volume or a tmpfs.
"""

from __future__ import annotations

from typing import Any

from protocol.container import Mount, Volume


def is_plain_bind(mount: Mount) -> bool:
    """Whether the short form can say it."""
    return mount.kind == "bind" and mount.create_host_path and ":" not in mount.source + mount.target


def bind(mount: Mount) -> str:
    """The short form: source, target, options."""
    options = ",".join(option for option in ("ro" if mount.read_only else "", mount.propagation) if option)
    return f"{mount.source}:{mount.target}{f':{options}' if options else ''}"


def mount(mount: Mount) -> dict[str, Any]:
    """The long form. Options without a value are left out: an engine refuses those of another kind."""
    body: dict[str, Any] = {"Type": mount.kind, "Target": mount.target, "ReadOnly": mount.read_only}
    if mount.source:
        body["Source"] = mount.source
    match mount.kind:
        case "bind":
            # The second word is known from Docker 23 on; an older engine refuses a missing path all the same, in words.
            body["BindOptions"] = {"Propagation": mount.propagation, "CreateMountpoint": mount.create_host_path}
        case "volume":
            body["VolumeOptions"] = {"NoCopy": mount.nocopy, **_volume(mount.volume or Volume())}
        case "tmpfs":
            body["TmpfsOptions"] = {"SizeBytes": mount.size_bytes, "Mode": mount.mode}
    return body


def _volume(volume: Volume) -> dict[str, Any]:
    """How the engine makes the volume where it is missing: an anonymous one, or one that was removed a moment ago."""
    driver = {"DriverConfig": {"Name": volume.driver, "Options": volume.driver_opts}}
    return {"Labels": volume.labels, **(driver if volume.driver or volume.driver_opts else {})}
