"""Starting a container, also where an engine that died has left the endpoint of its predecessor behind.

An engine that is killed while a container begins or ends may keep an endpoint on a network under the container's name, and then
refuses to start any container of that name: "endpoint with name … already exists in network …". It deletes such an endpoint only
while no container is called so; so ours is called otherwise for that moment. Dying in
between leaves it a name that nobody asks for.
"""

from __future__ import annotations

import re

from agent.adapters.docker_api import Answer, DockerApi

_LEFT_BEHIND = re.compile(r"endpoint with name (?P<name>\S+) already exists in network (?P<network>\S+)")


def started(api: DockerApi, container: str) -> Answer:
    """Start a container by its id; what the engine says at last."""
    answer = _start(api, container)
    left = None if answer.ok else _LEFT_BEHIND.search(answer.message)
    if left is None:
        return answer
    _clear(api, container, left["name"], left["network"].rstrip("."))
    return _start(api, container)


def _start(api: DockerApi, container: str) -> Answer:
    return api.call("POST", f"/containers/{container}/start")


def _clear(api: DockerApi, container: str, name: str, network: str) -> None:
    """Take the endpoint off the network; whether that worked, the next start tells."""
    api.call("POST", f"/containers/{container}/rename", query={"name": f"{name}-again"})
    api.call("POST", f"/networks/{network}/disconnect", body={"Container": name, "Force": True})
    api.call("POST", f"/containers/{container}/rename", query={"name": name})
