"""`x-bramble`: what Compose has no word for.

Of a service: what it needs, what becomes of it when its node is away, when its job runs, and how it is updated. Of the whole file:
what is said to registries when its images are pulled.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocol.manifest.conditions import Schedule
from protocol.manifest.gradual import OfUpdate
from protocol.manifest.section import Duration, Flag, Pattern, Section

BUS = Pattern(r"i2c-[0-9]{1,3}|spi[0-9]{1,2}\.[0-9]{1,2}", "{} is no bus; write it like i2c-1 or spi0.0")
BELOW_DEV = Pattern(r"/dev/[^:]+", "{} is no device; write a path below /dev")
LABEL = Pattern(r"[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?", "{} is no label's name; write only the name, like camera")


class Needs(Section):
    """What must be attached to a node before a task may go there."""

    pins: list[Annotated[int, Field(ge=0, le=27)]] = []
    buses: list[Annotated[str, BUS]] = []
    devices: list[Annotated[str, BELOW_DEV]] = []
    labels: list[Annotated[str, LABEL]] = []


class Disconnect(Section):
    """What becomes of a task whose node is away, with Nomad's meaning. Without it, it is kept for its node for ever."""

    lost_after: Annotated[Duration, Field(gt=0)] | None = None
    stop_on_client_after: Annotated[Duration, Field(gt=0)] | None = None
    replace: Flag = True
    reconcile: Literal["best_score", "keep_original", "keep_replacement", "longest_running"] = "best_score"

    @model_validator(mode="after")
    def _one_end(self) -> Disconnect:
        if self.lost_after is not None and self.stop_on_client_after is not None:
            raise ValueError("lost_after and stop_on_client_after exclude each other; choose who ends the task")
        if not self.replace and "reconcile" in self.model_fields_set:
            raise ValueError(
                "reconcile chooses between two copies, and with `replace: false` there is one; remove either"
            )
        return self


class OfService(Section):
    """What a service asks of Bramble beyond Compose."""

    needs: Needs = Needs()
    disconnect: Disconnect | None = None
    schedule: Schedule | None = None
    update: OfUpdate = OfUpdate(batches=[])


class Login(Section):
    """What is said to a registry; it is as plain as the manifest."""

    username: str = Field(min_length=1)
    password: str = Field(min_length=1)


Registry = Annotated[
    str,
    Pattern(
        r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?", "{} is no registry; write host or host:port"
    ),
]


class OfStack(Section):
    """What a stack asks of Bramble beyond Compose."""

    registries: dict[Registry, Login] = {}
