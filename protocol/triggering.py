"""What calls a function, as manifests write it: the section of one trigger."""

from __future__ import annotations

from pydantic import Field, model_validator

from protocol.section import Duration, Section


class Trigger(Section):
    """What calls a function: `{sensor, on}` or `{every}`."""

    sensor: str = ""
    on: str = ""
    every: Duration | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _exactly_one_cause(self) -> Trigger:
        if bool(self.sensor) == (self.every is not None):
            raise ValueError("a trigger has either `sensor` with `on`, or `every`")
        if bool(self.sensor) != bool(self.on):
            raise ValueError("a trigger of a sensor needs `on`, the event that calls")
        return self
