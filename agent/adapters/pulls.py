"""Bringing images to the node, whole and on the disk, and made for its processor.

The mirror is asked first, then the image's own registry; each is asked what it has before any byte of it is brought. A pull may be
done twice, or again after half of it: Docker keeps the layers that were finished. One that goes silent is ended, to be tried again.

What has a digest is pulled by it. An image that came from a mirror is known to Docker by the mirror's name alone: it is given the
tag of its own name too, and `created` finds it by its digest, because Docker lets nobody give a digest to a name.

Docker's refusals become outcomes here; `EngineAwayError` is the caller's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.adapters.docker_api import Answer, DockerApi, EngineSilentError
from agent.adapters.troubles import ENGINE_RETRY_S, REGISTRY_RETRY_S, pull_trouble, registry_trouble
from agent.decide.effects import Pull
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
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


def pull(api: DockerApi, step: Pull, stall_s: float = STALL_S) -> Outcome:
    """Bring an image here, whole and on the disk, and check that this processor can run it."""
    if step.image.startswith("sha256:"):
        return GiveUp(f"{step.image} is an image's id; only a reference can be pulled")
    failures: list[Retry | GiveUp] = []
    for source in sources(step):
        outcome = _brought(api, source, step.image, stall_s)
        if isinstance(outcome, Done):
            os.sync()  # a power cut now would leave empty files that no later pull repairs (moby#36135)
            return _kept(api, source, step.image)
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


def _brought(api: DockerApi, source: Source, image: str, stall_s: float) -> Outcome:
    headers = api.credentials(source.name, source.login)
    try:
        answer = api.offered(source.name, headers, stall_s)
        unfit = _unfit(api, source, image, answer)
        if unfit is not None:
            return unfit
        query = {"fromImage": source.name}
        for line in api.lines("POST", "/images/create", query, silence_s=stall_s, headers=headers):
            if isinstance(line, dict) and line.get("error"):
                return pull_trouble(source.name, 0, str(line["error"]), source.user)
    except EngineSilentError:
        return Retry(f"registry {source.registry} does not go on sending image {image}", REGISTRY_RETRY_S)
    return Done()


def _unfit(api: DockerApi, source: Source, image: str, answer: Answer) -> Outcome | None:
    """Why there is no use in pulling, if the registry says so; what it does not say is seen after the pull."""
    if not answer.ok:
        return registry_trouble(source.name, answer.message, source.user)
    made_for = sorted({str(platform.get("architecture", "")) for platform in answer.body.get("Platforms") or ()})
    return None if not made_for or any(_runs(api, one) for one in made_for) else _misfit(api, image, made_for)


def _kept(api: DockerApi, source: Source, image: str) -> Outcome:
    """Give what was pulled its own name, and look whether it can run here."""
    name = _tagged(image)
    if name and source.name != full_reference(image):
        repository, _, tag = name.rpartition(":")
        api.call("POST", f"/images/{source.name}/tag", query={"repo": repository, "tag": tag})
    answer = api.call("GET", f"/images/{source.name}/json")
    if not answer.ok:
        return Retry(f"image {image} was pulled and is gone again", ENGINE_RETRY_S)
    made_for = str(answer.body.get("Architecture", ""))
    return Done() if _runs(api, made_for) else _misfit(api, image, [made_for])


def _tagged(image: str) -> str:
    """The name and tag of a reference, in full; nothing where it has only a digest."""
    name, at, _ = image.partition("@")
    return "" if at and ":" not in name.rpartition("/")[2] else full_reference(name)


def _runs(api: DockerApi, made_for: str) -> bool:
    return made_for in {"", api.architecture} or made_for in _RUNS_TOO.get(api.architecture, frozenset())


def _misfit(api: DockerApi, image: str, made_for: list[str]) -> GiveUp:
    return GiveUp(f"image {image} is made for {', '.join(made_for)}, this node is {api.architecture}")
