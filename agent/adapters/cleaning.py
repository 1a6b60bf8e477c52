"""Removing images and networks that nothing needs any more. What that is was decided before; the engine has the last word.

An image that a container uses, anybody's, keeps all its names; a network that a container is on is refused by Docker. Both were in
use after all, and the next look shows them. A network without our labels is never touched (S8).
"""

from __future__ import annotations

import json

from agent.adapters.docker_api import DockerApi
from agent.adapters.networks import Networks
from agent.decide.effects import Clean
from agent.decide.inputs import Done, Outcome


def clean(api: DockerApi, networks: Networks, step: Clean) -> Outcome:
    """Remove what can be removed, and say how much that was."""
    removed = [_removed(api, image) for image in step.images]
    removed += [networks.remove(network) for network in step.networks]
    removed += [api.call("DELETE", f"/images/{name}").ok for name in step.names]
    return Done(f"removed {sum(removed)} of {len(removed)}")


def _removed(api: DockerApi, image: str) -> bool:
    """Take an image's names away one by one; with the last the image goes. By its id Docker refuses one of several names."""
    using = {"all": 1, "filters": json.dumps({"ancestor": [image]})}
    found, containers = api.call("GET", f"/images/{image}/json"), api.call("GET", "/containers/json", query=using)
    if not found.ok or not containers.ok or containers.body:
        return False
    for name in (*(found.body.get("RepoTags") or ()), *(found.body.get("RepoDigests") or ())):
        api.call("DELETE", f"/images/{name}")
    api.call("DELETE", f"/images/{image}")
    return api.call("GET", f"/images/{image}/json").status == 404
