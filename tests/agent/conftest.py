"""A node in the middle of its life; and the engine worlds: a fake one for each test, and one real host for all, cleared between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import needs
from lab.site import Site
from tests.fakes.agent import Rig, task
from tests.fakes.engines import FakeWorld, RealWorld, World


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node that runs revision a, and may be offered b."""
    rig = Rig(tmp_path)
    for revision in ("a", "b"):
        rig.registry.push(f"web:{revision}")
    rig.run(2)
    rig.assign(1, task("a"))
    rig.run(5)
    return rig


@pytest.fixture(scope="session")
def real_world() -> Iterator[RealWorld]:
    """A host with a Docker Engine of its own, and a registry full of images."""
    if lacks := needs.lacks():
        pytest.fail("\n".join(map(str, lacks)), pytrace=False)
    with Site() as site:
        registry = site.start_registry()
        (host,) = site.start_hosts("pi-1")
        world = RealWorld(host, registry)
        world.push()
        yield world
        world.engine.close()


@pytest.fixture
def real(real_world: RealWorld) -> RealWorld:
    """The real host, without any container or image."""
    real_world.clear()
    return real_world


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.lab)])
def world(request: pytest.FixtureRequest) -> World:
    """The fake and the real engine, in turn."""
    if request.param == "fake":
        return FakeWorld()
    made: RealWorld = request.getfixturevalue("real")
    return made
