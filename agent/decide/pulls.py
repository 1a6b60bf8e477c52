"""How an image is asked for: with the login and the mirror that the assignment gives for its registry. Whoever wants one asks here.

The mirror belongs to the registry. The login is the one that the task's own stack has for it, or else the fleet's; that of another
stack is said for nobody else. A node without either pulls as nobody, from the registry that the reference names. The cap is the
node's own.
"""

from __future__ import annotations

from agent.decide.effects import Pull
from agent.decide.node import Node
from protocol.container import Container
from protocol.desired import Assignment, Login
from protocol.ids import registry_name, registry_of


def pull(node: Node, key: str, stack: str, container: Container) -> Pull:
    """The step that brings a container's image here, on behalf of `key`."""
    login, mirror = asked(node.assignment, stack, container.image)
    return Pull(key, container.image, login, mirror, node.images.rate_bps, container.platform)


def asked(assignment: Assignment, stack: str, image: str) -> tuple[Login | None, str]:
    """What is said to the image's registry for a stack, and who is asked before it."""
    registry = registry_of(image)
    logins = [login for login in assignment.logins if registry_name(login.registry) == registry]
    login = next((login for whose in (stack, "") for login in logins if login.stack == whose), None)
    mirror = next((mirror.at for mirror in assignment.mirrors if registry_name(mirror.registry) == registry), "")
    return login, mirror
