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


def test_another_refusal_is_told_as_it_is(real: RealWorld) -> None:
    """Nothing is renamed for what cannot be helped."""
    answer = started(DockerApi(real.host.engine.url), "nobody")
    assert (answer.ok, answer.status) == (False, 404)
