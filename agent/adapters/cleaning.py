"""Removing images and networks that nothing needs any more. What that is was decided before; the engine has the last word.

An image that a container uses, or a network that a container is on, is refused by Docker and stays: it was in use after all, and
the next look shows it. A network without our labels is never touched (S8).
"""

from __future__ import annotations

from agent.adapters.docker_api import Answer, DockerApi
from agent.adapters.networks import Networks
from agent.decide.effects import Clean
from agent.decide.inputs import Done, Outcome

_IN_USE = (404, 409)
# Gone already; a container needs the image.


def clean(api: DockerApi, networks: Networks, step: Clean) -> Outcome:
    """Remove what can be removed, and say how much that was."""
    removed = [_untagged(api, image).ok for image in step.images]
    removed += [networks.remove(network) for network in step.networks]
    return Done(f"removed {sum(removed)} of {len(removed)}")


def _untagged(api: DockerApi, image: str) -> Answer:
    """Take an image's names away, then the image: by its id alone Docker refuses what has several names."""
    found = api.call("GET", f"/images/{image}/json")
    if not found.ok:
        return found
    for reference in (*(found.body.get("RepoTags") or ()), *(found.body.get("RepoDigests") or ())):
        last = api.call("DELETE", f"/images/{reference}")
        if not last.ok and last.status not in _IN_USE:
            return last
    last = api.call("DELETE", f"/images/{image}")
    return Answer(200) if last.status == 404 else last
