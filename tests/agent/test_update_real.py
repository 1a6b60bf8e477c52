"""What an update asks of a real Docker Engine: whether a container has been ill between two looks."""

from __future__ import annotations

import pytest

from agent.adapters.engine import Engine
from agent.decide.effects import Create, Pull, Start
from agent.decide.inputs import ContainerSeen, EngineSeen
from protocol.container import Container
from protocol.desired import TaskSpec
from tests.fakes.engines import RealWorld

pytestmark = pytest.mark.lab


def started(world: RealWorld, engine: Engine, image: str, **container: object) -> ContainerSeen:
    """One container of an image, running."""
    task = TaskSpec("s.a.1", "s", "a", "r1", Container(world.image(image), network_mode="none", **container))  # type: ignore[arg-type]
    engine.perform(Pull("k", task.container.image))
    engine.perform(Create("k", task))
    engine.perform(Start("k", only(engine).id))
    return only(engine)


def only(engine: Engine) -> ContainerSeen:
    seen = engine.look()
    assert isinstance(seen, EngineSeen)
    (container,) = seen.containers
    return container


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
