"""`deploy`: how many, where, with how much, and how they are updated. Compose's words, Swarm's semantics and defaults.

Labels of a service stand on its containers, since no engine knows services. Tasks are reached by their names on one node, so there
is no virtual address that could lead to one of several.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocol.manifest.conditions import Constraints, Label
from protocol.manifest.gradual import Share
from protocol.manifest.section import (
    NOTHING,
    REAL,
    WHOLE,
    Count,
    Cpus,
    Duration,
    Form,
    Pairs,
    Section,
    Size,
    or_nothing,
)

MOST_REPLICAS = 10_000
"""As many as the largest fleet has nodes."""


class Preference(Section):
    """A label of the nodes; tasks are spread evenly over its values."""

    spread: Label


class Placement(Section):
    """Where tasks may go, and where they had better."""

    constraints: Constraints = []
    preferences: list[Preference] = []
    max_replicas_per_node: Count = 0


class Limits(Section):
    """What a container may use at most."""

    cpus: Cpus = 0.0
    memory: Size = 0
    pids: Annotated[int, Field(ge=-1), WHOLE] = 0


class Reservations(Section):
    """What a task is promised; a node gives away no more than it has."""

    refused: ClassVar = {
        "generic_resources": "nodes count no resources of yours; write x-bramble: {needs: {labels: […]}}",
        "devices": "no Pi has a GPU that an engine could count; map its path with the service's `devices`",
    }

    cpus: Cpus = 0.0
    memory: Size = 0


class Resources(Section):
    """Bounds above and below."""

    limits: Limits = Limits()
    reservations: Reservations = Reservations()


class RestartPolicy(Section):
    """When a task is tried again. Without `delay` it is at once, then after pauses that grow from 10 s to 300 s.

    `max_attempts` count within `window`, without one for ever; 0 is without end.
    """

    condition: Literal["none", "on-failure", "any"] | None = None
    delay: Duration | None = None
    max_attempts: Count = 0
    window: Duration = 0.0


class Pace(Section):
    """How containers are replaced, here and there."""

    parallelism: Share = "1"
    delay: Duration = 0.0
    monitor: Duration = 5.0
    max_failure_ratio: Annotated[float, Field(ge=0, le=1), REAL] = 0.0
    order: Literal["stop-first", "start-first"] = "stop-first"


class UpdateConfig(Pace):
    """How a service is updated, with Swarm's defaults."""

    failure_action: Literal["pause", "continue", "rollback"] = "pause"


class RollbackConfig(Pace):
    """How an update is taken back, with Swarm's defaults."""

    failure_action: Literal["pause", "continue"] = "pause"


def _endpoint(value: object) -> object:
    if value == "vip":
        raise ValueError(
            "there is no virtual address in front of tasks, its name leads to each that is on the node; write dnsrr"
        )
    return value


class Deploy(Section):
    """Compose's `deploy`."""

    mode: Literal["replicated", "global", "replicated-job", "global-job"] | None = None
    replicas: Annotated[int, Field(ge=0, le=MOST_REPLICAS), WHOLE] | None = None
    placement: Placement = Placement()
    resources: Resources = Resources()
    restart_policy: RestartPolicy | None = None
    update_config: UpdateConfig | None = None
    rollback_config: RollbackConfig | None = None
    labels: Pairs = {}
    endpoint_mode: Annotated[Literal["dnsrr"], Form(_endpoint)] | None = None


Deployment = Annotated[Deploy, Form(or_nothing, "keys as below", (NOTHING,))]
