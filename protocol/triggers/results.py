"""Which functions the end of another one calls. Pure; the same on the node that ran it and on the controller, with the same ids.

A result is a cause like an event: its id is the invocation's, its data what came out. It calls those whose triggers name its
function, and after a success those that its function's own `then` names. How many functions have called each other is the attribute
`depth`; beyond `DEPTH_MOST` nothing more is called, so a circle of functions comes to an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from protocol import events
from protocol.calling import Action, payload_of
from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.ids import canonical, invocation_id
from protocol.observed import Result, ResultStatus
from protocol.triggers.matching import Place, Unclear, call_id, places, spec_of, unclear_of
from protocol.triggers.when import meets, said_of

TYPE_PREFIX = "dev.bramble.function."

DEPTH = "depth"

DEPTH_MOST = 8
"""A chain of that many functions is a plan; a longer one has gone round in a circle."""

VALUE_CHARS = 16_384
"""What of an output is handed on: it is carried by each call, in the node's store and over the wire."""

FIRST_ACTION = -1
"""Actions count downwards from here where triggers count up from 0, so that no two calls of one cause are named alike."""


def depth_of(attributes: Mapping[str, str]) -> int:
    """How many functions have called each other before this one; 0 for what a sensor, the time or a person calls."""
    said = attributes.get(DEPTH, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < len(str(DEPTH_MOST)) + 1 else 0


def called_by(result: Result, functions: Sequence[FunctionSpec], fleet: str) -> tuple[Invocation, ...]:
    """The invocations that a result asks for, unless its depth is the last."""
    near = [place for place in places(result.stack, functions) if _is_named(place, result)]
    actions = tuple(_actions(result, functions))
    if not (near or actions) or result.depth >= DEPTH_MOST:
        return ()
    attributes, data = _attributes(result, fleet), _data(result)
    said = said_of(attributes, data)
    met = [place for place in near if meets(spec_of(place).when, said)]
    body = canonical(data).decode()
    calls = [Invocation(call_id(result.id, (f, n)), f.stack, f.name, attributes, body) for f, n in met]
    for number, action in actions:
        named = invocation_id(result.id, result.stack, action.call, FIRST_ACTION - number)
        given = body if action.value is None else payload_of(action.value)
        calls.append(Invocation(named, result.stack, action.call, attributes, given))
    return tuple(calls)


def unclear(result: Result, functions: Sequence[FunctionSpec], fleet: str) -> tuple[Unclear, ...]:
    """The triggers that a result would meet, if their conditions had an answer for it."""
    near = [place for place in places(result.stack, functions) if spec_of(place).dialects and _is_named(place, result)]
    return unclear_of(near, said_of(_attributes(result, fleet), _data(result))) if near else ()


def is_circle(result: Result, functions: Sequence[FunctionSpec]) -> bool:
    """Whether a result would call something, but for its depth."""
    if result.depth < DEPTH_MOST:
        return False
    is_named = any(_is_named(place, result) for place in places(result.stack, functions))
    return is_named or any(True for _ in _actions(result, functions))


def _actions(result: Result, functions: Iterable[FunctionSpec]) -> Iterator[tuple[int, Action]]:
    """The calls that the function's own `then` asks for, each with its place there."""
    if result.status is not ResultStatus.DONE:
        return
    for function in functions:
        if (function.stack, function.name) == (result.stack, result.function):
            yield from ((number, action) for number, action in enumerate(function.then) if action.call)


def _is_named(place: Place, result: Result) -> bool:
    trigger = spec_of(place)
    return (trigger.function, trigger.on) == (result.function, str(result.status))


def _attributes(result: Result, fleet: str) -> dict[str, str]:
    return {
        "specversion": events.SPEC_VERSION,
        "id": result.id,
        "source": f"/bramble/{fleet}/node/{result.node}/function/{result.function}",
        "type": f"{TYPE_PREFIX}{result.status}",
        "subject": result.function,
        "node": result.node,
        DEPTH: str(result.depth + 1),
    }


def _data(result: Result) -> dict[str, object]:
    ended = {} if result.exit_code is None else {"exit_code": result.exit_code}
    return {"event_type": str(result.status), "value": result.output[:VALUE_CHARS], "reason": result.reason, **ended}
