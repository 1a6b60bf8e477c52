"""The ends of invocations, as Home Assistant is told of them: at once as an event, and as the last of their function.

The last end of each function is durable while the switch is on. An end that waited on its node for a link that was away is that of
the function, and no event: as with sensors, what the hello says was noted before it is history.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.home_assistant import functions
from controller.decide.home_assistant.desk import End, Sort
from controller.decide.home_assistant.entity import cut
from controller.decide.invocation import OPEN, Entry
from protocol.observed import Answer
from protocol.shapes import write


def ended(fleet: Fleet, entry: Entry, answer: Answer, attempt: int) -> None:
    """An invocation has come to its end, which `answer` tells to whoever called it."""
    desk, key = fleet.home_assistant, entry.function
    if not desk.is_on or key not in fleet.catalogue.functions or not desk.shows(key):
        return
    result = answer.result if isinstance(answer.result, dict) else {}
    end = End(
        key,
        entry.invocation.id,
        entry.state.value,
        entry.node,
        attempt,
        _whole(result.get("exit_code")),
        _seconds(result.get("duration_s")),
        cut(answer.message),
        cut(str(result.get("output", ""))),
        fleet.wall,
    )
    fleet.ends.put(key, end)
    subject = functions.of(entry.invocation.stack)
    desk.look_at(subject)
    if result and desk.is_history(entry.node):
        fleet.tally("home_assistant_late_events")
    else:
        told = write({"event_type": end.status, **functions.attributes(end)})
        fleet.say(subject.event(fleet.name, Sort.FUNCTION, entry.invocation.function), told)


def opened(fleet: Fleet) -> dict[str, int]:
    """How many invocations of each function are open, counted over the whole ledger."""
    found: dict[str, int] = {}
    for key in fleet.ledger:
        entry = fleet.ledger[key]
        if entry.state in OPEN:
            found[entry.function] = found.get(entry.function, 0) + 1
    return found


def _whole(said: object) -> int | None:
    return said if isinstance(said, int) else None


def _seconds(said: object) -> float:
    return float(said) if isinstance(said, int | float) else 0.0
