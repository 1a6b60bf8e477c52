"""What an update asks of a real Docker Engine: is a container of its image, has it been ill, does it hold its lock?"""

from __future__ import annotations

import pytest

from agent.adapters.engine import Engine
from agent.decide import attest
from agent.decide.effects import Create, Probe, Pull, Start, Stop
from agent.decide.inputs import ContainerSeen, Done, EngineSeen, Retry
from agent.decide.node import Node
from protocol.container import Container, Mount, Volume
from protocol.desired import Assignment, TaskSpec
from tests.fakes.engines import RealWorld

pytestmark = pytest.mark.lab


def started(world: RealWorld, engine: Engine, image: str, **container: object) -> ContainerSeen:
    """One container of an image, running."""
    task = TaskSpec("s.a.1", "s", "a", "r1", Container(world.image(image), network_mode="none", **container))  # type: ignore[arg-type]
    engine.perform(Pull("k", task.container.image))
    engine.perform(Create("k", task))
    engine.perform(Start("k", only(engine).id))
    return only(engine)


def looked(engine: Engine) -> EngineSeen:
    seen = engine.look()
    assert isinstance(seen, EngineSeen)
    return seen


def only(engine: Engine) -> ContainerSeen:
    (container,) = looked(engine).containers
    return container


def test_a_digest_names_the_image_that_its_container_is_of(real: RealWorld) -> None:
    """Pulled by tag and digest, as assignments have it: the container tells the id of the one image that carries the digest."""
    real.engine.perform(Pull("k", real.image("well")))
    seen = looked(real.engine)
    (digest,) = {name.partition("@")[2] for image in seen.stored for name in image.references} - {""}
    real.clear()
    task = TaskSpec("s.a.1", "s", "a", "r1", Container(f"{real.image('well')}@{digest}", network_mode="none"))
    assert isinstance(real.engine.perform(Pull("k", task.container.image)), Done)
    assert isinstance(real.engine.perform(Create("k", task)), Done)
    node = Node("pi-1", "f", "boot", "test", "stream")
    node.assignments.put("", Assignment("pi-1", 1, 1, (task,)))
    node.engine = seen = looked(real.engine)
    attest.looked(node)
    assert node.strays == {}
    (stored,) = [image.id for image in seen.stored if any(digest in name for name in image.references)]
    assert only(real.engine).image == stored


def test_an_illness_between_two_looks_is_remembered_until_the_next_start(real: RealWorld) -> None:
    """Nobody looked while the check failed; the engine's events have told it. Another start is another matter."""
    engine, hints = real.again(), list[str]()
    try:
        engine.events(lambda: hints.append("hint"))
        real.until(lambda: bool(hints))
        container = started(real, engine, "wavering")
        real.until(lambda: real.health(container.id) == "unhealthy")
        real.until(lambda: real.health(container.id) == "healthy")
        real.until(lambda: only(engine).has_been_ill)
        assert only(engine).health == "healthy"
        known = len(hints)
        real.host.docker("restart", container.id)
        real.until(lambda: len(hints) >= known + 2 and not only(engine).has_been_ill)
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("path", "is_seen"),
    [
        ("/tmp/busy", True),
        ("/vol/deep/busy", True),
        ("/link", True),
        ("/cache/busy", False),
        ("/cache/more/busy", True),
        ("/dev/shm/busy", False),
        ("/elsewhere/busy", True),
        ("/behind/busy", False),
        ("/round/about/busy", False),
    ],
)
def test_a_lock_is_seen_wherever_docker_can_look(real: RealWorld, path: str, is_seen: bool) -> None:
    """In the container's own layer, a volume, behind a symlink; on a tmpfs it cannot be seen, counts as held, and that is said."""
    mounts = (Mount("volume", "/vol", "data", volume=Volume()), Mount("tmpfs", "/cache"))
    mounts = (*mounts, Mount("volume", "/cache/more", "more", volume=Volume()))
    container = started(real, real.engine, "well", mounts=mounts)
    real.inside(container.id, "mkdir -p /tmp /vol/deep; ln -s /tmp /elsewhere; ln -s /cache /behind")
    real.inside(container.id, "mkdir /round; ln -s ../behind /round/about")
    free = real.engine.perform(Probe("k", container.id, path))
    assert isinstance(free, Done) is is_seen
    real.inside(
        container.id, "touch /tmp/busy /vol/deep/busy /cache/busy /cache/more/busy /dev/shm/busy; ln -s /tmp/busy /link"
    )
    for step in (Probe("k", container.id, path), Stop("k", container.id, 1, path)):
        held = real.engine.perform(step)
        assert isinstance(held, Retry)
        assert held.locked
        assert is_seen or "on the tmpfs" in held.reason
