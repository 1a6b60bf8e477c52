"""Functions that the controller has run: what an event calls and its node could not do itself, and direct calls.

One cause and one trigger give one id, and one row on the ledger. What the node took up itself is on the ledger and not sent
anywhere. The rest goes to a node that has the function and is online: the one that sensed the event, else the one with the
least to do. It stays with that node until a result comes or its time is over (another node might run it a second time); it is said
again on every hello, and now and then. The first result wins.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide import sections
from controller.decide.fleet import Fleet
from controller.decide.invocation import OPEN, Entry, InvocationSeen, advance
from controller.decide.presence import Presence
from controller.decide.records import service_key
from protocol import triggers
from protocol.desired import Invocation
from protocol.observed import Answer, Result, ResultStatus, SensorEvent
from protocol.topics import InvocationTopic
from protocol.triggers_results import called_by

REPEAT, EXPIRY = "invocation", "expiry"

UNKNOWN = "unknown"
"""What a function is called in the metrics that is in no stack: the labels of a metric are names of ours."""

SEEN = {
    ResultStatus.DONE: InvocationSeen.DONE,
    ResultStatus.FAILED: InvocationSeen.FAILED,
    ResultStatus.EXPIRED: InvocationSeen.EXPIRED,
    ResultStatus.SKIPPED: InvocationSeen.SKIPPED,
}


def sensed(fleet: Fleet, event: SensorEvent, now_mono_s: float) -> None:
    """An event happened, and was not counted before."""
    stack, functions = sections.sensed_by(fleet, event)
    for function in triggers.remembering(event, stack, functions):
        if event.node not in fleet.hosts.get(service_key(stack, function), ()):
            fleet.tally("triggers_missed", function)
    for asked in triggers.matches(event, stack, functions, fleet.name):
        is_taken = asked.id in event.taken
        open_entry(fleet, Entry(asked, near=event.node, by_node=is_taken), event.node if is_taken else "", now_mono_s)


def open_entry(fleet: Fleet, entry: Entry, taken_by: str, now_mono_s: float) -> None:
    """Put an invocation on the ledger, unless it stands there."""
    asked = entry.invocation
    if asked.id in fleet.ledger:
        fleet.tally("invocation_duplicates")
        return
    if _open_count(fleet) >= fleet.terms.ledger_rows:
        fleet.tally("refusals", "ledger_full")
        fleet.remark(entry.function, f"{fleet.terms.ledger_rows} invocations are open already; {asked.id} is dropped")
        _reply(fleet, entry, Answer(entry.call, ok=False, message="too many invocations are open; call again later"))
        return
    asked = replace(asked, valid_s=fleet.terms.invocation_valid_s)
    if taken_by:
        entry = replace(entry, state=advance(entry.state, InvocationSeen.TAKEN), node=taken_by)
    fleet.ledger.put(asked.id, replace(entry, invocation=asked))
    fleet.deadlines.set(EXPIRY, asked.id, now_mono_s + asked.valid_s)
    if not taken_by:
        fleet.unsettled.invocations.add(asked.id)


def dispatch(fleet: Fleet, now_mono_s: float) -> None:
    """Send what has no node yet to one, and say again what should be said again."""
    asked = sorted(fleet.unsettled.invocations)
    fleet.unsettled.invocations.clear()
    for key in asked:
        entry = fleet.ledger.get(key)
        if entry is None or entry.state not in OPEN or entry.by_node:
            continue
        node = entry.node or _choose(fleet, entry)
        if not node:
            continue
        fleet.ledger.put(key, replace(entry, state=advance(entry.state, InvocationSeen.TAKEN), node=node))
        fleet.deadlines.set(REPEAT, key, now_mono_s + fleet.terms.invocation_repeat_s)
        if fleet.presence(node) is Presence.ONLINE:
            fleet.say(InvocationTopic(fleet.name, node, key), replace(entry.invocation, epoch=fleet.epoch_of(node)))


def ended(fleet: Fleet, result: Result, now_mono_s: float) -> None:
    """A result came; it may be the first word of an invocation, and only the first result counts."""
    entry = fleet.ledger.get(result.id)
    if entry is None:
        asked = Invocation(result.id, result.stack, result.function)
        entry = Entry(asked, node=result.node, near=result.node, by_node=True)
    if entry.state not in OPEN:
        fleet.tally("result_duplicates")
        return
    if entry.node not in ("", result.node):
        fleet.tally("refusals", "other_node")
        fleet.remark(result.node, f"says a result of {entry.function} that {entry.node} was asked for")
        return
    message = result.reason or f"{result.function} is {result.status} on {result.node}"
    answer = Answer(entry.call, result.status is ResultStatus.DONE, message, _shown(result))
    _end(fleet, result.id, entry, SEEN[result.status], answer)
    for asked in called_by(result, fleet.catalogue.functions_of(result.stack), fleet.name):
        is_taken = asked.id in result.taken
        open_entry(fleet, Entry(asked, near=result.node, by_node=is_taken), result.node if is_taken else "", now_mono_s)
    if entry.function in fleet.catalogue.functions:
        fleet.durations.append((entry.function, result.duration_s))


def expire(fleet: Fleet, key: str) -> None:
    """The time of an invocation is over."""
    entry = fleet.ledger.get(key)
    if entry is None or entry.state not in OPEN:
        return
    where = f"{entry.node} gave no result" if entry.node else "no node that is online has the function"
    said = f"{entry.function} expired after {entry.invocation.valid_s:g} s: {where}"
    _end(fleet, key, entry, InvocationSeen.EXPIRED, Answer(entry.call, ok=False, message=said))


def returned(fleet: Fleet, node: str) -> None:
    """A node is back: tell it again what it was asked, and try what nobody could do."""
    fleet.unsettled.invocations |= fleet.ledger.of("open", node)
    fleet.unsettled.invocations |= fleet.ledger.of("open", "")


def _choose(fleet: Fleet, entry: Entry) -> str:
    hosts = fleet.hosts.get(entry.function, ())
    online = [name for name in hosts if fleet.presence(name) is Presence.ONLINE]
    online = [name for name in online if sections.can_call(fleet, name, entry.function)]
    if entry.near in online:
        return entry.near
    return min(online, key=lambda name: (len(fleet.ledger.of("open", name)), name), default="")


def _end(fleet: Fleet, key: str, entry: Entry, seen: InvocationSeen, answer: Answer) -> None:
    state = advance(entry.state, seen)
    _reply(fleet, entry, answer)
    asked = replace(entry.invocation, attributes={}, body="")
    number = fleet.count("ended")
    fleet.ledger.put(
        key, replace(entry, state=state, invocation=asked, rank=number, answer=answer if entry.call else None)
    )
    fleet.deadlines.drop(REPEAT, key)
    fleet.deadlines.drop(EXPIRY, key)
    fleet.tally("invocations", entry.function if entry.function in fleet.catalogue.functions else UNKNOWN, state.value)
    fleet.ended.append(key)
    while len(fleet.ended) > fleet.terms.ledger_rows:
        fleet.ledger.drop(fleet.ended.popleft())


def repeat_answer(fleet: Fleet, entry: Entry, call: str, back: tuple[str, bytes]) -> None:
    """A call came again: whoever asks gets the answer that there is, or later the one that comes."""
    if entry.answer is not None:
        fleet.reply(*back, entry.answer)
    elif entry.state not in OPEN:
        said = f"it has ended already ({entry.state}), and its answer is not known here; call again under another id"
        fleet.reply(*back, Answer(call, ok=False, message=said))


def _reply(fleet: Fleet, entry: Entry, answer: Answer) -> None:
    if entry.call:
        fleet.reply(entry.response_topic, bytes.fromhex(entry.correlation), answer)


def _shown(result: Result) -> dict[str, object]:
    return {
        "status": result.status.value,
        "node": result.node,
        "exit_code": result.exit_code,
        "output": result.output,
        "error": result.error,
        "attempt": result.attempt,
        "duration_s": result.duration_s,
    }


def _open_count(fleet: Fleet) -> int:
    return len(fleet.ledger) - len(fleet.ended)
