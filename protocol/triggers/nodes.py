"""Which functions the coming and going of a node calls. Pure. Only the controller knows of it, so only it asks; nodes pass it over.

What happened to a node is a cause like an event: its attributes say who it was, its data what became of it, why, and which labels
it had. The functions may be of any stack, as nodes belong to the fleet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol import events
from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.ids import canonical
from protocol.triggers.matching import Place, Unclear, call_id, spec_of, unclear_of
from protocol.triggers.when import meets, said_of

TYPE_PREFIX = "dev.bramble.node."

WORDS = ("online", "offline", "quarantined")
"""What becomes of a node; that it is suspect is a moment of doubt, and calls nothing."""


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """`id` names this one coming or going, `word` is what became of the node; `time` is the controller's, for people."""

    id: str
    node: str
    word: str
    reason: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    time: str = ""


def called_by(event: NodeEvent, functions: Iterable[FunctionSpec], fleet: str) -> tuple[Invocation, ...]:
    """The invocations that it asks for: one for each trigger that it meets."""
    near = _near(event, functions)
    if not near:
        return ()
    attributes, data = _attributes(event, fleet), _data(event)
    said, body = said_of(attributes, data), canonical(data).decode()
    met = [place for place in near if meets(spec_of(place).when, said)]
    return tuple(Invocation(call_id(event.id, (f, n)), f.stack, f.name, attributes, body) for f, n in met)


def unclear(event: NodeEvent, functions: Iterable[FunctionSpec], fleet: str) -> tuple[Unclear, ...]:
    """The triggers that it would meet, if their conditions had an answer for it."""
    near = [place for place in _near(event, functions) if spec_of(place).dialects]
    return unclear_of(near, said_of(_attributes(event, fleet), _data(event))) if near else ()


def _near(event: NodeEvent, functions: Iterable[FunctionSpec]) -> list[Place]:
    return [
        (function, number)
        for function in functions
        for number, trigger in enumerate(function.triggers)
        if trigger.node == event.word
    ]


def _attributes(event: NodeEvent, fleet: str) -> dict[str, str]:
    dated = {"time": event.time} if event.time else {}
    return {
        "specversion": events.SPEC_VERSION,
        "id": event.id,
        "source": f"/bramble/{fleet}/node/{event.node}",
        "type": f"{TYPE_PREFIX}{event.word}",
        "subject": event.node,
        "node": event.node,
        **dated,
    }


def _data(event: NodeEvent) -> dict[str, object]:
    return {"event_type": event.word, "reason": event.reason, "labels": event.labels}
