"""Images are asked for with what the assignment says of their registries."""

from __future__ import annotations

import pytest

from agent.decide.effects import Pull
from agent.decide.node import Node
from agent.decide.pulls import pull
from protocol.desired import Assignment, Login, Mirror

HUB = Login("index.docker.io", "ann", "secret")
OURS = Login("registry.local:5000", "bob", "secret")


@pytest.mark.parametrize(
    ("image", "login", "mirror"),
    [
        ("nginx:1", HUB, "pi-0:5000"),
        ("docker.io/library/nginx:1", HUB, "pi-0:5000"),
        ("registry.local:5000/web:1@sha256:abc", OURS, ""),
        ("elsewhere.org/web:1", None, ""),
    ],
)
def test_a_registry_is_told_who_asks(image: str, login: Login | None, mirror: str) -> None:
    """Login and mirror are those of the image's registry, whichever of its names it goes by, and of no other."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    given = Assignment("pi-1", 1, 1, logins=(HUB, OURS), mirrors=(Mirror("docker.io", "pi-0:5000"),))
    node.assignments.put("", given)
    assert pull(node, "key", image) == Pull("key", image, login, mirror)


def test_a_login_of_no_registry_is_given_to_none() -> None:
    """A name that no reference can mean is not taken for Docker Hub."""
    node = Node("pi-1", "home", "boot", "test", "stream")
    node.assignments.put("", Assignment("pi-1", 1, 1, logins=(Login("registry", "eve", "secret"),)))
    assert pull(node, "key", "nginx:1").login is None
