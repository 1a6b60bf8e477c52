"""What a turn has to look at, by key: observing puts in, `cycle` takes out; and the requests that no room was found for yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.observed import Hello, Request


@dataclass(slots=True)
class Unsettled:
    """Keys of what changed since it was last decided on."""

    services: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    turns: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    stacks: set[str] = field(default_factory=set)
    rollouts: set[str] = field(default_factory=set)
    slots: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    assignments: set[str] = field(default_factory=set)
    offers: set[str] = field(default_factory=set)
    invocations: set[str] = field(default_factory=set)
    scales: set[str] = field(default_factory=set)
    reports: set[str] = field(default_factory=set)
    acks: set[tuple[str, str]] = field(default_factory=set)
    asks: set[tuple[str, str]] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    greeted: dict[str, Hello] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that found no room, and until when its node will take a grant for an answer."""

    node: str
    request: Request
    until_mono_s: float


@dataclass(slots=True)
class Early:
    """The requests of a service that nothing may be done for at this `stage` of its rollout, by task."""

    stage: tuple[object, ...]
    requests: dict[str, Waiting] = field(default_factory=dict)
