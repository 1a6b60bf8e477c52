"""The node's Docker Engine: what it runs, and the steps that change it. Decides nothing.

No exception leaves this module: the engine being away is `EngineLost` when looking and `Retry` when doing. Containers without
our fleet and node label are never shown and never touched (S8). Docker's restart policy is always `no`: the agent is the only
supervisor. The package `docker` is imported only once a socket exists, because it costs 9 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent.decide.effects import Create, Pull, Remove, Run, Start, Stop
from agent.decide.inputs import EngineLost, EngineSeen, Outcome, RunEnded


class EngineSeam(Protocol):
    """What the loop and the workers may ask of an engine, real or simulated."""

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""

    def perform(self, step: Pull | Create | Start | Stop | Remove) -> Outcome:
        """Carry out one step; doing it twice is doing it once."""

    def run(self, step: Run) -> RunEnded:
        """Run a function to its end, or take over its container from before a crash."""


class Engine:
    """The real engine behind a socket, e.g. `unix:///var/run/docker.sock`. Safe to use from several threads."""

    def __init__(self, url: str, node: str, fleet: str) -> None:
        self._url, self._node, self._fleet = url, node, fleet

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""
        raise NotImplementedError

    def perform(self, step: Pull | Create | Start | Stop | Remove) -> Outcome:
        """Carry out one step; doing it twice is doing it once."""
        raise NotImplementedError

    def run(self, step: Run) -> RunEnded:
        """Run a function to its end, or take over its container from before a crash."""
        raise NotImplementedError

    def events(self, deliver_hint: Callable[[], None]) -> None:
        """Start a daemon thread that calls `deliver_hint` whenever a look is worth while; it survives the engine's restarts."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop following events and let go of the connection."""
        raise NotImplementedError
