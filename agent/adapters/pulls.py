"""Bringing images to the node, whole and on the disk, and made for its processor.

The mirror is asked first, then the image's own registry; each is asked what it has before any byte of it is brought. A pull may be
done twice, or again after half of it: Docker keeps the layers that were finished. One that goes silent is ended, to be tried again.

What has a digest is pulled by it. An image that came from a mirror is known to Docker by the mirror's name alone: it is given the
tag of its own name too, and `created` finds it by its digest, because Docker lets nobody give a digest to a name.

Docker's refusals become outcomes here; `EngineAwayError` is the caller's.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from agent.adapters.docker_api import Answer, DockerApi, EngineSilentError
from agent.adapters.troubles import ENGINE_RETRY_S, REGISTRY_RETRY_S, pull_trouble, registry_trouble
from agent.decide.effects import Pull
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from agent.decide.leftovers import DOOR
from protocol.desired import Login
from protocol.ids import full_reference, registry_of

STALL_S = 120.0
# A pull says something with every chunk. Its longest silence is the check of a large layer: 1 GB at a card's 20 MB/s is 50 s.

_RUNS_TOO: Mapping[str, frozenset[str]] = {"arm64": frozenset({"arm"}), "amd64": frozenset({"386"})}
# What a processor runs besides its own, without emulation.


@dataclass(frozen=True, slots=True)
class Source:
    """A place that may have the image: what it is called there, and what is said to be let in."""

    name: str
    login: Login | None = None

    @property
    def registry(self) -> str:
        """Who is asked."""
        return registry_of(self.name)

    @property
    def user(self) -> str:
        """As whom."""
        return self.login.username if self.login is not None else ""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a pull is watched, and where Docker finds the relay of one that is capped: an address that it trusts without TLS.

    `take` hears each line that Docker says of it.
    """

    stall_s: float = STALL_S
    door: str = DOOR
    take: Callable[[object], object] = lambda _: None


TERMS = Terms()


def pull(api: DockerApi, step: Pull, terms: Terms = TERMS) -> Outcome:
    """Bring an image here, whole and on the disk, and check that this processor can run it."""
    if step.image.startswith("sha256:"):
        return GiveUp(f"{step.image} is an image's id; only a reference can be pulled")
    failures: list[Retry | GiveUp] = []
    for source in sources(step):
        outcome = _brought(api, source, step, terms)
        if isinstance(outcome, Done):
            os.sync()  # a power cut now would leave empty files that no later pull repairs (moby#36135)
            return _kept(api, source, step)
        failures.insert(0, outcome)
    return replace(failures[0], reason="; ".join(failure.reason for failure in failures))


def sources(step: Pull) -> tuple[Source, ...]:
    """Where to ask, in order."""
    full = full_reference(step.image)
    at_home = Source(full, step.login)
    if not step.mirror:
        return (at_home,)
    return (Source(f"{step.mirror}/{full.partition('/')[2]}"), at_home)


def created(api: DockerApi, query: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
    """Create a container, also of an image that came from elsewhere than its registry."""
    answer = api.call("POST", "/containers/create", query=query, body=body)
    if answer.status == 404 and (known := _known_as(api, str(body["Image"]))):
        return api.call("POST", "/containers/create", query=query, body={**body, "Image": known})
    return answer


def _known_as(api: DockerApi, image: str) -> str:
    """The name by which the engine knows the content of an image that has a digest."""
    _, at, content = image.partition("@")
    answer = api.call("GET", "/images/json")
    known = [name for stored in answer.body if at and answer.ok for name in stored.get("RepoDigests") or ()]
    return next((str(name) for name in known if name.endswith(f"@{content}")), "")


def _brought(api: DockerApi, source: Source, step: Pull, terms: Terms) -> Outcome:
    headers = api.credentials(source.name, source.login)
    try:
        unfit = _unfit(api, source, step, api.offered(source.name, headers, terms.stall_s))
        if unfit is not None:
            return unfit
        if step.rate_bps:
            return _relayed(api, source, step, headers, terms)
        return _streamed(api, source, _query(source.name, step), headers, terms)
    except EngineSilentError:
        return Retry(f"registry {source.registry} does not go on sending image {step.image}", REGISTRY_RETRY_S)


def _relayed(api: DockerApi, source: Source, step: Pull, headers: Mapping[str, str], terms: Terms) -> Outcome:
    """Bring the content no faster than it may, under the relay's name; then its own name, which costs only a manifest."""
    from agent.adapters.relay import Relay, Upstream  # noqa: PLC0415 - a server, 1 MB, that few nodes need

    with Relay(Upstream(source.registry, _is_insecure(api, source.registry)), step.rate_bps, terms.door) as relay:
        name = f"{relay.name}/{source.name.partition('/')[2]}"
        slowly = _streamed(api, source, _query(name, step), headers, terms)
    if not isinstance(slowly, Done):
        return slowly
    outcome = _streamed(api, source, _query(source.name, step), headers, terms)
    if isinstance(outcome, Done):
        image = api.call("GET", f"/images/{name}/json").body or {}
        for known in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())):
            if known.startswith(f"{relay.name}/"):
                api.call("DELETE", f"/images/{known}")
    return outcome


def _query(name: str, step: Pull) -> dict[str, str]:
    return {"fromImage": name, **({"platform": step.platform} if step.platform else {})}


def _streamed(
    api: DockerApi, source: Source, query: Mapping[str, str], headers: Mapping[str, str], terms: Terms
) -> Outcome:
    for line in api.lines("POST", "/images/create", query, silence_s=terms.stall_s, headers=headers):
        if isinstance(line, dict) and line.get("error"):
            return pull_trouble(source.name, 0, str(line["error"]), source.user)
        terms.take(line)
    return Done()


def _is_insecure(api: DockerApi, registry: str) -> bool:
    """Whether the engine trusts a registry whatever its certificate: by its name, or by its address."""
    known = (api.call("GET", "/info").body or {}).get("RegistryConfig") or {}
    if not known.get("IndexConfigs", {}).get(registry, {}).get("Secure", True):
        return True
    nets = [ip_network(net) for net in known.get("InsecureRegistryCIDRs") or ()]
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(urlsplit(f"//{registry}").hostname, None)}
    except OSError:
        return False
    return any(ip_address(address) in net for address in found for net in nets)


def _unfit(api: DockerApi, source: Source, step: Pull, answer: Answer) -> Outcome | None:
    """Why there is no use in pulling, if the registry says so; what it does not say is seen after the pull."""
    if not answer.ok:
        return registry_trouble(source.name, answer.message, source.user)
    made_for = sorted({str(platform.get("architecture", "")) for platform in answer.body.get("Platforms") or ()})
    return _misfit(api, step, made_for) if made_for else None


def _kept(api: DockerApi, source: Source, step: Pull) -> Outcome:
    """Give what was pulled its own name, and look whether it can run here."""
    name = _tagged(step.image)
    if name and source.name != full_reference(step.image):
        repository, _, tag = name.rpartition(":")
        api.call("POST", f"/images/{source.name}/tag", query={"repo": repository, "tag": tag})
    answer = api.call("GET", f"/images/{source.name}/json")
    if not answer.ok:
        return Retry(f"image {step.image} was pulled and is gone again", ENGINE_RETRY_S)
    return _misfit(api, step, [str(answer.body.get("Architecture", ""))]) or Done()


def _tagged(image: str) -> str:
    """The name and tag of a reference, in full; nothing where it has only a digest."""
    name, at, _ = image.partition("@")
    return "" if at and ":" not in name.rpartition("/")[2] else full_reference(name)


def _runs(api: DockerApi, made_for: str) -> bool:
    return made_for in {"", api.architecture} or made_for in _RUNS_TOO.get(api.architecture, frozenset())


def _misfit(api: DockerApi, step: Pull, made_for: list[str]) -> GiveUp | None:
    """Why an image that is made for these processors is of no use here."""
    wanted = _architecture(step.platform)
    asked = [one for one in made_for if wanted in {"", one} or not one]
    if any(_runs(api, one) for one in asked):
        return None
    other = f"this node is {api.architecture}" if asked else f"{step.platform} was asked for"
    return GiveUp(f"image {step.image} is made for {', '.join(asked or made_for)}, {other}")


def _architecture(platform: str) -> str:
    """The processor of `linux/arm/v7`; people leave out the system."""
    first, *more = platform.split("/")
    return more[0] if more else first
