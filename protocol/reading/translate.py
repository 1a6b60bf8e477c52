"""A manifest → the stack it means, or everything that is wrong with how its parts fit together.

Short forms are already written out by the models; here a part meets another part: a trigger and its sensor here, a service and what
it uses in the modules beside.
"""

from __future__ import annotations

from dataclasses import replace

from protocol.desired import ActuatorSpec, Login, SensorSpec
from protocol.ids import registry_name
from protocol.manifest import acting, sensing
from protocol.manifest.sensing_system import OfService
from protocol.reading.draft import Draft
from protocol.reading.rules import order, templates
from protocol.reading.translate_function import function
from protocol.reading.translate_service import service
from protocol.reading.wiring import wiring
from protocol.refusal import Refusal
from protocol.stack import Actuator, Function, Sensor, Stack
from protocol.values import stands_alone, taken

ELSEWHERE = {"kind", "nodes"}
"""Keys of a device that are no options: what it is, and where."""


def stack(draft: Draft) -> Stack:
    """Translate every section; the draft's misfits are complete afterwards."""
    source = draft.manifest
    if source.name is not None and source.name != draft.name:
        draft.misfit(("name",), f"the file names the stack {source.name!r}, its topic {draft.name!r}")
    order(draft)
    _check_texts(draft)
    made = Stack(
        draft.name,
        {name: service(draft, name, one) for name, one in source.services.items()},
        {name: Sensor(_sensor(draft, name, one), tuple(one.nodes)) for name, one in source.sensors.items()},
        {name: Actuator(_actuator(draft, name, one), tuple(one.nodes)) for name, one in source.actuators.items()},
        {name: Function(function(draft, name, one), tuple(one.nodes)) for name, one in source.functions.items()},
        tuple(
            Login(registry_name(registry), login.username, login.password)
            for registry, login in source.x_bramble.registries.items()
        ),
    )
    wiring(draft, made)
    return made


def _check_texts(draft: Draft) -> None:
    """The placeholders of what stands at the top."""
    source = draft.manifest
    for key, texts in (("configs", source.configs), ("secrets", source.secrets)):
        for name, text in texts.items():
            templates(draft, (key, name), {"content": text.content or ""})
    for name, volume in source.volumes.items():
        templates(draft, ("volumes", name), {"name": volume.name or ""})


def _sensor(draft: Draft, name: str, source: sensing.Sensor) -> SensorSpec:
    if isinstance(source, OfService) and source.service not in draft.manifest.services:
        known = ", ".join(draft.manifest.services) or "none"
        draft.misfit(("sensors", name, "service"), f"there is no service {source.service!r}; this stack has {known}")
    return SensorSpec(name, draft.name, source.kind, source.model_dump(exclude=ELSEWHERE, exclude_none=True))


def _actuator(draft: Draft, name: str, source: acting.Actuator) -> ActuatorSpec:
    options = source.model_dump(exclude={*ELSEWHERE, "safe"}, exclude_none=True)
    made = ActuatorSpec(name, draft.name, source.kind, options)
    return replace(made, safe=_safe(draft, made, source.safe))


def _safe(draft: Draft, made: ActuatorSpec, safe: str) -> str:
    """A safe value is one that the kind takes and that pins keep by themselves when the agent is gone."""
    path, value = ("actuators", made.name, "safe"), taken(made, safe)
    if isinstance(value, Refusal):
        draft.misfit(path, value.reason)
        return safe
    if not stands_alone(made, value):
        remedy = "take one that is wholly on or off"
        draft.misfit(path, f"a {made.kind} cannot keep {value!r} when nobody is left to make its pulses", remedy)
    return value
