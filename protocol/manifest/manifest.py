"""A manifest as an operator writes it: a Compose file with three more sections, `sensors`, `actuators` and `functions`.

Strict: a wrong type is refused, an unknown key is refused, a kind or an event that the catalogue does not have is refused.
`protocol.reading.translate` turns it into the `Stack` that it means.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from protocol.ids import NAME_PATTERN, RESERVED_PREFIX, is_name
from protocol.manifest.acting import AnyActuator
from protocol.manifest.compose import Service
from protocol.manifest.extension import OfStack
from protocol.manifest.files import Content
from protocol.manifest.function import Function
from protocol.manifest.network import Networks
from protocol.manifest.section import Schema, Section
from protocol.manifest.sensing import AnySensor
from protocol.manifest.storage import NamedVolumes


def name(text: str) -> str:
    """A name of ours, or a fault."""
    if not is_name(text):
        raise ValueError(f"{text!r} is no name; use a-z, 0-9 and inner dashes, at most 63 characters")
    if text.startswith(RESERVED_PREFIX):
        raise ValueError(f"{text!r} begins with {RESERVED_PREFIX!r}, which is reserved for Bramble's own services")
    return text


NAME: Schema = {"type": "string", "pattern": f"^(?!{RESERVED_PREFIX}){NAME_PATTERN.removeprefix('^')}"}

Name = Annotated[str, AfterValidator(name), WithJsonSchema(NAME)]


class Manifest(Section):
    """The whole file."""

    refused: ClassVar = {
        "provider": "this is a stack.yml of OpenFaaS; publish it with `bramble up`, which translates it",
        "include": "the other file is read on your machine; publish it with `bramble up`, which puts both together",
        "models": "nodes run containers, and no models beside them; run the model in a service",
        "jobs": "a job is a service that completes; write it under `services` with `deploy: {mode: replicated-job}`",
    }
    passed_over: ClassVar = {"version": "Compose itself knows one version only"}

    name: Name | None = None
    services: dict[Name, Service] = {}
    networks: Networks = {}
    volumes: NamedVolumes = {}
    configs: Content = {}
    secrets: Content = {}
    sensors: dict[Name, AnySensor] = {}
    actuators: dict[Name, AnyActuator] = {}
    functions: dict[Name, Function] = {}
    x_bramble: OfStack = Field(OfStack(), alias="x-bramble")

    @model_validator(mode="after")
    def _says_something(self) -> Manifest:
        if not (self.services or self.sensors or self.actuators or self.functions):
            raise ValueError("a stack needs at least one of services, sensors, actuators and functions")
        return self
