"""A release of the agent as a container: another one is made beside ours from another image, with everything else as ours has it.

The new one is made and not started: that is the launcher's, once it was granted. Only an agent that reaches its own engine, and
finds itself there, can do that.

What may fail: an engine or registry that does not answer is `Retry`; an image that does not exist, and a container whose like
cannot stand beside it (its ports or its address are its own, or its engine removes it when it ends), are `GiveUp` with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.adapters.credentials import words_of
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from agent.decide.release import StageRelease
from agent.launcher import markers
from agent.launcher.containers import Containers, engine, own_id
from agent.launcher.disk import Disk
from agent.launcher.markers import OURS, Box
from protocol.desired import Login
from protocol.ids import full_reference
from protocol.release import BASE, Release

AGAIN_S = 60.0

UNREAD = "an image that its engine does not name just now"

CONFLICT, NOT_FOUND = 409, 404

STAYS = {"Name": "no", "MaximumRetryCount": 0}
USUAL = {"Name": "unless-stopped", "MaximumRetryCount": 0}
"""What Dockerfile.armhf has people say."""

_COPIED = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels")
"""What an image says as well, and a container only where it was told otherwise."""

_ABSENT = (
    "not found",
    "does not exist",
    "manifest unknown",
    "access denied",
    "no matching manifest",
    "invalid reference",
)


def own_image(environ: Mapping[str, str], disk: Disk) -> str:
    """The image of the container that we are, if its engine can be asked to put another in its place."""
    container = own_id()
    if not container:
        return ""
    try:
        return str(engine(environ).inspect(container)["Config"]["Image"])
    except OSError:
        known = markers.box(disk, environ.get(OURS, BASE))
        return UNREAD if known is not None and known.container == container else ""


def make(disk: Disk, name: str, asked: StageRelease, us: str) -> Outcome:
    """Have the container of a release stand beside ours, and remember which one ours is."""
    containers, release = engine(), asked.release
    try:
        ours = containers.inspect(own_id())
        if why := unfit(ours):
            return GiveUp(why)
        _pull(containers, release.image, asked.login)
        _remember(disk, us, ours)
        made = containers.create(
            _title(ours, release), document(ours, containers.image(ours["Image"]), release.image, name)
        )
        disk.folder.joinpath(name).mkdir(exist_ok=True)
        markers.complete_box(disk, name, release.revision, Box(made, _policy(disk, us, ours)))
    except OSError as error:
        return _failure(error)
    return Done()


def document(ours: Mapping[str, Any], image: Mapping[str, Any], reference: str, name: str) -> dict[str, Any]:
    """What makes a container like ours of another image; what ours has from its own image is left out."""
    said, default = ours["Config"], image["Config"] or {}
    own = {key: said[key] for key in _COPIED if said.get(key) and said.get(key) != default.get(key)}
    environment = [one for one in said.get("Env") or [] if one not in (default.get("Env") or [])]
    own["Env"] = [*(one for one in environment if not one.startswith(f"{OURS}=")), f"{OURS}={name}"]
    labels, theirs = said.get("Labels") or {}, default.get("Labels") or {}
    own["Labels"] = {key: value for key, value in labels.items() if theirs.get(key) != value}
    if (
        said.get("Hostname")
        and not ours["Id"].startswith(said["Hostname"])
        and ours["HostConfig"]["NetworkMode"] != "host"
    ):
        own["Hostname"] = said["Hostname"]
    host = {**ours["HostConfig"], "RestartPolicy": STAYS}
    host["Binds"] = [*(host.get("Binds") or []), *_volumes(ours)]
    networks = {} if host["NetworkMode"] == "host" else ours["NetworkSettings"]["Networks"]
    ends: dict[str, dict[str, object]] = {network: {} for network in networks}
    return {**own, "Image": reference, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": ends}}


def prune(disk: Disk, name: str, running: str, us: str) -> None:
    """Clear away what nobody can start any more, with the containers that it was."""
    before = {other: markers.box(disk, other) for other in disk.folders()}
    markers.prune(disk, name, running, us)
    gone = [
        box for other, box in before.items() if box is not None and (other == name or markers.box(disk, other) is None)
    ]
    for box in gone:
        _remove(engine(), box.container)


def _remove(containers: Containers, container: str) -> None:
    """Remove a container and the image that nobody else uses; one that runs stays."""
    try:
        image = str(containers.inspect(container)["Image"])
        containers.remove(container)
        containers.remove_image(image)
    except OSError:
        return


def unfit(ours: Mapping[str, Any]) -> str:
    """Why no container like ours could stand beside it."""
    host = ours["HostConfig"]
    if host.get("AutoRemove"):
        return "this agent's container was started with --rm, so nothing could return to it; start it without"
    if host.get("PortBindings"):
        return "this agent's container publishes ports, which two cannot; give it the host's network"
    fixed = [name for name, end in ours["NetworkSettings"]["Networks"].items() if end.get("IPAMConfig")]
    return f"this agent's container has an address of its own in {fixed[0]}, which two cannot" if fixed else ""


def _pull(containers: Containers, reference: str, login: Login | None) -> None:
    """Bring the image; one that is here already does, where its registry does not give it."""
    try:
        containers.pull(full_reference(reference), words_of(login))
    except OSError as refused:
        try:
            containers.image(reference)
        except OSError:
            raise refused from None


def _remember(disk: Disk, us: str, ours: Mapping[str, Any]) -> None:
    """The base was made by hand, and nobody has written down which container it is."""
    if us == BASE and markers.box(disk, BASE) is None:
        markers.remember_base(disk, Box(ours["Id"], _policy(disk, us, ours)))


def _policy(disk: Disk, us: str, ours: Mapping[str, Any]) -> dict[str, Any]:
    """When an engine starts whoever is in charge: as it does with us, or did before we were to stay."""
    own = dict(ours["HostConfig"]["RestartPolicy"])
    known = markers.box(disk, us)
    return own if own.get("Name") not in ("", "no") else (known.restart if known is not None else USUAL)


def _title(ours: Mapping[str, Any], release: Release) -> str:
    """The name of ours, and which release it is."""
    said = ours["Name"].removeprefix("/")
    env = [one.partition("=")[2] for one in ours["Config"].get("Env") or [] if one.startswith(f"{OURS}=")]
    base = said.removesuffix(f"-{env[0].removeprefix('image-')}") if env else said
    return f"{base}-{release.revision}"


def _volumes(ours: Mapping[str, Any]) -> list[str]:
    """Volumes that ours has without a name in its options: they hold the store, so they are shared."""
    host = ours["HostConfig"]
    bound = {bind.split(":")[1] for bind in host.get("Binds") or []}
    bound |= {mount["Target"] for mount in host.get("Mounts") or []}
    loose = (one for one in ours["Mounts"] if one["Type"] == "volume" and one["Destination"] not in bound)
    return [f"{one['Name']}:{one['Destination']}" for one in loose]


def _failure(error: OSError) -> Outcome:
    said = str(error.strerror or error)
    if error.errno == CONFLICT or any(word in said.lower() for word in _ABSENT):
        return GiveUp(said)
    return Retry(said, AGAIN_S)
