"""The kinds of sensors that are the system itself, as people write them: what a node knows without any part soldered to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocol.manifest.section import WHOLE, Duration, Form, Pattern
from protocol.manifest.sensor import Measured, Sensor

Interface = Annotated[str, Pattern("[^/ ]{1,15}", "{} is no name of a network interface")]
AbsolutePath = Annotated[str, Pattern("/.*", "{} is no absolute path")]
Host = Annotated[str, Pattern("[A-Za-z0-9.:_-]{1,253}", "{} is no name and no address of a host")]
PortNumber = Annotated[int, Field(ge=1, le=65535), WHOLE]


def time_of_day(value: object) -> object:
    """Seconds since midnight of `7:30`, `07:30` or `07:30:15`; YAML 1.1 readers make a number of minutes or seconds of it."""
    if not isinstance(value, str):
        return value
    hours, *rest = value.split(":")
    parts = [hours, *rest]
    is_one = 2 <= len(parts) <= 3 and all(part.isdecimal() and len(part) <= 2 for part in parts)
    if not is_one or int(parts[0]) > 23 or any(int(part) > 59 for part in rest):
        raise ValueError(f"{value[:20]!r} is no time of day; write '07:30' or '07:30:15'")
    return sum(int(part) * unit for part, unit in zip(parts, (3600.0, 60.0, 1.0), strict=False))


TimeText = Annotated[
    float,
    Form(
        time_of_day,
        "a time of day: `'07:30'`",
        ({"type": "string", "pattern": "^[0-9]{1,2}(:[0-9]{2}){1,2}$"},),
        is_all=True,
    ),
]


class Polled(Sensor):
    """Something that is on or off, and looked at again and again."""

    every: Duration = Field(default=30.0, ge=0.1)
    settle: Duration = 0.0
    delayed_on: Duration | None = None
    delayed_off: Duration | None = None


class Throttled(Sensor):
    """Why the firmware of a Raspberry Pi slows it down just now: the voltage, the temperature."""

    kind: Literal["throttled"]
    every: Duration = Field(default=30.0, ge=0.1)


class Memory(Measured):
    """What of the memory is in use and could not be had, in percent."""

    kind: Literal["memory"]


class NetworkLink(Polled):
    """Whether a network interface is up."""

    kind: Literal["network-link"]
    interface: Interface


class NetworkTraffic(Measured):
    """What goes through a network interface, in bytes a second between two readings."""

    kind: Literal["network-traffic"]
    interface: Interface
    direction: Literal["received", "sent"] = "received"


class Ping(Polled):
    """Whether a host answers (gpiozero's PingServer): to an ICMP echo, or with `port` to a TCP connection."""

    kind: Literal["ping"]
    host: Host
    port: PortNumber | None = None
    timeout: Duration = Field(default=2.0, ge=0.1, le=10.0)


class TimeOfDay(Sensor):
    """Whether it is between two times of the day, by the node's clock and in its zone (gpiozero's TimeOfDay)."""

    kind: Literal["time-of-day"]
    start: TimeText
    end: TimeText

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same time; let them differ")
        return self


class File(Sensor):
    """A file or directory of the node that is created, changed or deleted."""

    kind: Literal["file"]
    path: AbsolutePath
    every: Duration = Field(default=5.0, ge=0.1)


class OfService(Sensor):
    """What happens to the containers of a service of this stack, on the nodes where they run."""

    kind: Literal["container"]
    service: str


SYSTEM: Mapping[str, type[Sensor]] = {
    "throttled": Throttled,
    "memory": Memory,
    "network-link": NetworkLink,
    "network-traffic": NetworkTraffic,
    "ping": Ping,
    "file": File,
    "time-of-day": TimeOfDay,
    "container": OfService,
}
