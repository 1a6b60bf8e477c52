"""Starting a container, also where an engine that died has left something of an earlier start behind.

An engine that is killed while a container begins or ends may keep an endpoint on a network under the container's name, and then
refuses to start any container of that name: "endpoint with name … already exists in network …". It deletes such an endpoint only
while no container is called so; so ours is called otherwise for that moment. Dying in
between leaves it a name that nobody asks for.

One that is killed while the container begins may leave its containerd with something of that start that it neither runs nor lets
go of: a process of the runtime that waits for its orders for ever, or the shim alone. Each later start of this container is refused
with "task … already exists" or, where Docker has tried to clean up in vain, "id already in use". No program of the container runs
in either, and another container of the same name starts, so this one is removed: the next look misses it, and it is made anew.
Anonymous volumes stay: whether it had run before is not asked. What is left of the runtime takes megabytes until the host boots.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.adapters.docker_api import Answer, DockerApi

_STUCK = re.compile(r"task [0-9a-f]{64}: already exists|^id already in use")
# Docker 20.10: the first where containerd had forgotten the container and not its task, the second where it remembers both.
_MADE_ANEW = "its engine died while it began, and cannot start it any more; it is made anew"
_LEFT_BEHIND = re.compile(r"endpoint with name (?P<name>\S+) already exists in network (?P<network>\S+)")


def started(api: DockerApi, container: str) -> Answer:
    """Start a container by its id; what the engine says at last."""
    answer = _start(api, container)
    if not answer.ok and _STUCK.search(answer.message):
        removed = api.call("DELETE", f"/containers/{container}")
        return replace(answer, body={"message": _MADE_ANEW}) if removed.ok else removed
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
