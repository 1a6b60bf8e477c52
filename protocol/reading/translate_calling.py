"""How a function of a manifest is called → what a node is told of it: its queue, its pauses and what follows a success.

An action meets the other parts of the stack here: the actuator takes the value, and is wherever the function runs; a function that
is called exists.
"""

from __future__ import annotations

from typing import Any

from protocol.calling import Action, Backoff, Queue, QueueMode, Rate
from protocol.desired import ActuatorSpec
from protocol.manifest import calling as written
from protocol.manifest.acting import Actuator
from protocol.manifest.function import Function
from protocol.measures import seconds
from protocol.reading.document import Path
from protocol.reading.draft import Draft
from protocol.refusal import Refusal
from protocol.values import taken

ELSEWHERE = {"kind", "nodes", "safe"}
"""Keys of an actuator that are no options."""


def calling(draft: Draft, path: Path, source: Function) -> dict[str, Any]:
    """Fields of a `FunctionSpec`, as far as the manifest says anything of them: the rest stays out of its revision."""
    said = {
        "queue": Queue(QueueMode(source.queue.mode), source.queue.bound),
        "backoff": Backoff(source.backoff.delay, source.backoff.max_delay),
        "rate": _rate(source.rate),
        "expires_s": source.expires,
        "then": tuple(_action(draft, (*path, "then", i), one, source) for i, one in enumerate(source.then)),
    }
    return {name: value for name, value in said.items() if name.removesuffix("_s") in source.model_fields_set}


def _rate(source: str | None) -> Rate | None:
    """How often it may begin; a rate without a number before its unit is of one of them."""
    if source is None:
        return None
    count, _, within = source.partition("/")
    return Rate(int(count), seconds(within if within[0].isdigit() else f"1{within}"))


def _action(draft: Draft, path: Path, source: written.Action, function: Function) -> Action:
    if source.set is not None:
        value = _settable(draft, path, source, function)
        return Action(set=source.set, value=value)
    if source.call is not None:
        if source.call not in draft.manifest.functions:
            known = ", ".join(draft.manifest.functions)
            draft.misfit((*path, "call"), f"there is no function {source.call!r}; this stack has {known}")
        return Action(call=source.call, value=source.payload)
    return Action(publish=source.publish or "", value=source.payload, retain=source.retain)


def _settable(draft: Draft, path: Path, source: written.Action, function: Function) -> str | None:
    """The value in the spelling of the actuator's kind; None stands for what the function says."""
    named, actuator = source.set or "", draft.manifest.actuators.get(source.set or "")
    if actuator is None:
        known = ", ".join(draft.manifest.actuators) or "none"
        draft.misfit((*path, "set"), f"there is no actuator {named!r}; this stack has {known}")
        return None
    if more := [text for text in actuator.nodes if text not in function.nodes]:
        reason = f"the function may run on a node that has no {named!r}"
        draft.misfit((*path, "set"), reason, f"add {more[0]!r} to the `nodes` of the function")
    return None if source.to is None else _value(draft, path, named, actuator, source)


def _value(draft: Draft, path: Path, name: str, actuator: Actuator, source: written.Action) -> str:
    options = actuator.model_dump(exclude=ELSEWHERE, exclude_none=True)
    value = taken(ActuatorSpec(name, draft.name, actuator.kind, options), source.to)
    if isinstance(value, Refusal):
        draft.misfit((*path, "to"), value.reason)
        return ""
    return value
