"""How an image is asked for: with the login and the mirror that the assignment gives for its registry. Whoever wants one asks here.

Both belong to a registry, never to a task: an image that a second stack shares is the same image. A node without either pulls as
nobody, from the registry that the reference names. The cap is the node's own.
"""

from __future__ import annotations

from agent.decide.effects import Pull
from agent.decide.node import Node
from protocol.ids import registry_name, registry_of


def pull(node: Node, key: str, image: str) -> Pull:
    """The step that brings an image here, on behalf of `key`."""
    registry, assignment = registry_of(image), node.assignment
    login = next((login for login in assignment.logins if registry_name(login.registry) == registry), None)
    mirror = next((mirror.at for mirror in assignment.mirrors if registry_name(mirror.registry) == registry), "")
    return Pull(key, image, login, mirror, node.images.rate_bps)
