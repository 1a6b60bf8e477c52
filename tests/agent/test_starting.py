"""A start that an engine refuses because of what a dead one left behind: a real engine, with the refusal put in between."""

from __future__ import annotations

from typing import Any

import pytest

from agent.adapters.docker_api import Answer, DockerApi
from agent.adapters.starting import started
from tests.fakes.engines import RealWorld

pytestmark = pytest.mark.lab

NAME = "bramble-f-s.a.1-r1"


class HauntedApi(DockerApi):
    """A wire that refuses starts as Docker does, until the endpoint is taken away while no container has its name."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_haunted = True

    def call(self, method: str, path: str, **options: Any) -> Answer:
        if path.endswith("/start") and self.is_haunted:
            return Answer(403, {"message": f"endpoint with name {NAME} already exists in network none"})
        answer = super().call(method, path, **options)
        if path.endswith("/disconnect"):
            is_named = super().call("GET", f"/containers/{NAME}/json").ok
            self.is_haunted = is_named or answer.ok  # the real engine has no such endpoint, and says so
        return answer


def test_an_endpoint_that_a_dead_engine_left_keeps_nobody_from_starting(real: RealWorld) -> None:
    """The container starts in the same step, under its own name."""
    image = real.image("well")
    real.host.docker("pull", "--quiet", image)
    container = real.host.docker("create", "--network", "none", "--name", NAME, image).strip()
    api = HauntedApi(real.host.engine.url)
    assert started(api, container).ok
    assert real.host.docker("ps", "--format", "{{.Names}}").split() == [NAME]


class DeadApi(DockerApi):
    """A wire that refuses to start a container as Docker does whose runtime an engine has left behind in its middle."""

    def call(self, method: str, path: str, **options: Any) -> Answer:
        if path.endswith("/start"):
            return Answer(500, {"message": f"task {path.split('/')[2]}: already exists"})
        return super().call(method, path, **options)


def test_a_container_that_an_engine_died_over_makes_room_for_a_new_one(real: RealWorld) -> None:
    """It is taken away, so that it can be made anew, and what was in the way is said; it is no reason to give up."""
    image = real.image("well")
    real.host.docker("pull", "--quiet", image)
    container = real.host.docker("create", "--network", "none", "--name", "bramble-f-s.b.1-r1", image).strip()
    answer = started(DeadApi(real.host.engine.url), container)
    assert (answer.ok, answer.status) == (False, 500)
    assert "made anew" in answer.message
    assert container not in real.host.docker("ps", "--all", "--quiet", "--no-trunc")


def test_another_refusal_is_told_as_it_is(real: RealWorld) -> None:
    """Nothing is renamed for what cannot be helped."""
    answer = started(DockerApi(real.host.engine.url), "nobody")
    assert (answer.ok, answer.status) == (False, 404)
