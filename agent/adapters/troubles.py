"""What Docker's complaints mean: whether the same step may work later, and a sentence an operator understands. Pure.

A table, tried from the top; Docker tells most things only in prose. What is not in it: a 4xx is our request, which will not get
better by itself (`GiveUp`), anything else is the engine's day (`Retry`). How often to retry is the caller's rule; the seconds
here are the least that makes sense.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.decide.inputs import GiveUp, Retry
from protocol.ids import registry_of

ENGINE_RETRY_S = 5.0
# An engine that is being restarted is back after a few seconds.
REGISTRY_RETRY_S = 15.0
# A registry, a name server or a route that is away; the pauses grow from here (`agent.decide.storage`).
RATE_RETRY_S = 900.0
# Docker Hub counts pulls per six hours, for everybody behind one address.
PORT_RETRY_S = 10.0
# Whoever holds the port is usually our own container on its way out.
DISK_RETRY_S = 60.0
# Room comes from people, or from images that are cleaned away.
VOLUME_RETRY_S = 30.0
# A file server that is away, as long as a registry.
DEVICE_RETRY_S = 10.0
# Somebody may plug it in again.

IMAGE_RETRY_S = 1.0
# It is pulled by a step of its own.

_SAID_CHARS = 300
_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class _Trouble:
    sign: str
    words: str
    after_s: float | None = None
    suspect: bool = False


# `{subject}` is the image or container, `{user}` who was to be let in; named groups of the sign may be used too.
_OF_LOGINS = (
    _Trouble(r"pull access denied|requested access to the resource is denied",
             "image {subject} does not exist in registry {registry}, or user {user} may not pull it"),
    _Trouble(r"unauthorized|authentication required|incorrect username or password|no basic auth credentials|denied: ",
             "registry {registry} refuses user {user}"),
)  # fmt: skip
_OF_REGISTRIES = (
    _Trouble(r"no matching manifest for (?P<platform>\S+)", "image {subject} is not made for {platform}"),
    _Trouble(r"manifest unknown|manifest for .* not found|name unknown|no such image|repository .* not found",
             "image {subject} does not exist in registry {registry}"),
    _Trouble(r"no basic auth credentials", "registry {registry} lets nobody in without a login, and none is given for it"),
    _Trouble(r"pull access denied|unauthorized|authentication required|denied: ",
             "image {subject} does not exist in registry {registry}, or this node may not pull it"),
    _Trouble(r"toomanyrequests|too many requests|rate limit", "registry {registry} limits how often we may pull", RATE_RETRY_S),
    _Trouble(r"server gave HTTP response to HTTPS client",
             "registry {registry} speaks plain HTTP, which this node's engine does not trust (insecure-registries)"),
    _Trouble(r"x509: .*(expired or is not yet valid)",
             "the certificate of registry {registry} is not valid now, by this node's clock", REGISTRY_RETRY_S),
    _Trouble(r"x509: (?P<what>.*)", "the certificate of registry {registry} is not trusted: {what}"),
    _Trouble(r"no such host|connection re(fused|set)|timeout|request canceled|unreachable|no route to host|\bEOF\b|dial tcp",
             "registry {registry} cannot be reached", REGISTRY_RETRY_S),
)  # fmt: skip
_OF_NODES = (
    _Trouble(r"no space left on device", "no space left on the node's disk", DISK_RETRY_S),
    _Trouble(r"invalid reference format|invalid tag", "{subject} is not an image reference"),
    _Trouble(r"no such image", "image {subject} is not on the node yet", IMAGE_RETRY_S),
    _Trouble(r"(?:Bind for|listen \w+) \S*:(?P<port>\d+)\b.*(?:already allocated|address already in use)",
             "port {port} of the node is in use", PORT_RETRY_S),
    _Trouble(r"error gathering device information while adding custom device \"(?P<device>[^\"]+)\"",
             "device {device} is not there", DEVICE_RETRY_S),
    _Trouble(r"network (?P<network>\S+) not found", "network {network} does not exist on the node"),
    _Trouble(r"exec format error", "{subject} is not made for this node's processor, or its image is damaged", suspect=True),
    _Trouble(r"layer does not exist|structure needs cleaning",
             "the image of {subject} is damaged on the node's disk", suspect=True),
    _Trouble(r"exec: \"(?P<program>[^\"]*)\": .*(?:not found|no such file|permission denied)",
             "{subject} cannot start the program {program}", suspect=True),
    _Trouble(r"bind source path does not exist: (?P<path>\S+)", "{path} does not exist on the node"),
    _Trouble(r"unknown runtime specified (?P<runtime>\S+)", "the node's engine has no runtime {runtime}"),
    _Trouble(r"looking up logging plugin (?P<driver>[^:]+):", "the node's engine has no log driver {driver}"),
    _Trouble(r"does not match the specified platform: wanted (?P<wanted>[^,]+), actual: (?P<actual>\S+)",
             "image {subject} is made for {actual}, and {wanted} was asked for"),
    _Trouble(r"(?P<what>--storage-opt is supported only .*)", "the node's disk cannot do what storage_opt asks: {what}"),
    _Trouble(r"(?P<what>sysctl \S+ (?:is not in a separate|not allowed in host).*namespace)", "{subject} cannot start: {what}"),
    _Trouble(r"wrong rlimit value: RLIMIT_(?P<limit>\w+)", "{subject} cannot start: there is no ulimit {limit}"),
    # Not the rest of what it says: a mount's options may hold a password.
    _Trouble(r"failed to mount local volume: mount (?P<device>.*?):/[^,]*/_data.*: (?P<why>[^:]+)$",
             "the volume {device} cannot be mounted: {why}", VOLUME_RETRY_S),
    _Trouble(r"^address already in use", "the fixed address of {subject} is in use on its network", PORT_RETRY_S),
    _Trouble(r"pool overlaps with other one", "the subnet of the network {subject} overlaps with that of another on the node"),
)  # fmt: skip


def pull_trouble(image: str, status: int, said: str, user: str = "") -> Retry | GiveUp:
    """Judge why an image could not be pulled; `said` is Docker's own words, `user` who was to be let in, if anybody."""
    return registry_trouble(image, said, user) or trouble(image, status, said)


def registry_trouble(image: str, said: str, user: str = "") -> Retry | GiveUp | None:
    """Judge what a registry said, if it is known."""
    return (_judge(_OF_LOGINS, image, said, user) if user else None) or _judge(_OF_REGISTRIES, image, said)


def trouble(subject: str, status: int, said: str) -> Retry | GiveUp:
    """Judge any other refusal; `subject` is the image or container it is about."""
    judged = _judge(_OF_NODES, subject, said)
    if judged:
        return judged
    reason = f"the engine refused: {said.strip()[:_SAID_CHARS] or f'status {status}'}"
    will_not = status in range(400, 500) and status != _CONFLICT
    return GiveUp(reason) if will_not else Retry(reason, ENGINE_RETRY_S)


def _judge(table: tuple[_Trouble, ...], subject: str, said: str, user: str = "") -> Retry | GiveUp | None:
    for known in table:
        found = re.search(known.sign, said, re.IGNORECASE | re.DOTALL)
        if found:
            names = {"subject": subject, "registry": registry_of(subject), "user": user}
            reason = known.words.format(**names, **found.groupdict())
            return GiveUp(reason, known.suspect) if known.after_s is None else Retry(reason, known.after_s)
    return None
