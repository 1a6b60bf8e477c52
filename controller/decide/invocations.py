"""Functions that the controller has run: what an event calls and its node could not do itself, and direct calls.

One cause and one trigger give one id, and one row on the ledger. What the node took up itself is on the ledger and not sent
anywhere. The rest goes to a node that has the function and is online (`choice`): the one that sensed the event, else the one with
the least to do. It is said again on every hello, and now and then. If its node goes away, another one takes it over, with the same
id, unless it may act on what only that node has. The first result wins; a later one is counted. What fails or expires leaves a dead
letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.decide import letters, sections
from controller.decide.choice import Choices
from controller.decide.fleet import Fleet
from controller.decide.home_assistant import ends
from controller.decide.invocation import OPEN, Entry, InvocationSeen, InvocationState, advance
from controller.decide.presence import Presence
from controller.decide.records import stack_of
from protocol import durations
from protocol.desired import Invocation
from protocol.function import FunctionSpec
from protocol.ids import service_key
from protocol.observed import Answer, Result, ResultStatus, SensorEvent
from protocol.topics import InvocationTopic
from protocol.triggers import matching
from protocol.triggers.results import called_by, unclear

REPEAT, EXPIRY = "invocation", "expiry"

SEEN = {
    ResultStatus.DONE: InvocationSeen.DONE,
    ResultStatus.FAILED: InvocationSeen.FAILED,
    ResultStatus.EXPIRED: InvocationSeen.EXPIRED,
    ResultStatus.SKIPPED: InvocationSeen.SKIPPED,
}


def sensed(fleet: Fleet, event: SensorEvent, now_mono_s: float) -> None:
    """An event happened, and was not counted before."""
    stack, functions = sections.sensed_by(fleet, event)
    for function in matching.remembering(event, stack, functions):
        if (stack, function) not in _told(fleet, event.node):
            fleet.tally_function("triggers_missed", service_key(stack, function))
    for asked in matching.matches(event, stack, functions, fleet.name):
        is_taken = asked.id in event.taken
        open_entry(fleet, Entry(asked, near=event.node, by_node=is_taken), event.node if is_taken else "", now_mono_s)
    tell(fleet, matching.unclear(event, stack, functions, fleet.name))


def tell(fleet: Fleet, unclear: tuple[matching.Unclear, ...]) -> None:
    """Count conditions that have no answer; the first of a function is told."""
    for one in unclear:
        function = service_key(one.place[0].stack, one.place[0].name)
        if fleet.tally_function("conditions_unclear", function) == 1:
            fleet.remark(function, str(one))


def asked(fleet: Fleet, node: str, wanted: Invocation, now_mono_s: float) -> None:
    """A trigger with a memory calls what its node does not run: it may call what has such a trigger there, and nothing else."""
    if (wanted.stack, wanted.function) not in _told(fleet, node):
        fleet.tally("refusals", "other_function")
        fleet.remark(node, f"asks for {wanted.stack}.{wanted.function}, which it was not told of")
        return
    if service_key(wanted.stack, wanted.function) not in fleet.catalogue.functions:
        fleet.tally("refusals", "no_function")
        fleet.remark(node, f"asks for {wanted.stack}.{wanted.function}, which was removed meanwhile")
        return
    open_entry(fleet, Entry(replace(wanted, epoch=0), near=node), "", now_mono_s)


def open_entry(fleet: Fleet, entry: Entry, taken_by: str, now_mono_s: float) -> bool:
    """Put an invocation on the ledger, unless it stands there; False if there is no room for it."""
    asked = entry.invocation
    if asked.id in fleet.ledger:
        fleet.tally("invocation_duplicates")
        letters.complete(fleet, asked, entry.near)
        return True
    if full := _is_full(fleet, entry):
        _drop(fleet, entry, full)
        return False
    fleet.is_full = False
    spec = _spec(fleet, entry.function)
    valid_s = (spec.expires_s if spec is not None else 0.0) or fleet.terms.invocation_valid_s
    if taken_by:
        entry = replace(entry, state=advance(entry.state, InvocationSeen.TAKEN), node=taken_by)
    number = fleet.count("opened")
    fleet.ledger.put(asked.id, replace(entry, invocation=replace(asked, valid_s=valid_s), number=number))
    fleet.deadlines.set(EXPIRY, asked.id, now_mono_s + valid_s + (_run_s(spec) if taken_by else 0.0))
    if not taken_by:
        fleet.unsettled.invocations.add(asked.id)
        fleet.unsettled.scales.add(entry.function)
    return True


def dispatch(fleet: Fleet, now_mono_s: float) -> None:
    """Send what has no node yet to one, what lost its node to another, and say again what should be said again; oldest first."""
    asked, fleet.unsettled.invocations = fleet.unsettled.invocations, set()
    known = (fleet.ledger.get(key) for key in asked)
    opened = [entry for entry in known if entry is not None and entry.state in OPEN]
    choices = Choices(fleet)
    for entry in sorted(opened, key=lambda entry: (entry.number, entry.invocation.id)):
        placed = _placed(fleet, entry, choices)
        if placed is None:
            continue
        key = entry.invocation.id
        fleet.deadlines.set(REPEAT, key, now_mono_s + fleet.terms.invocation_repeat_s)
        if placed.by_node:
            continue
        if placed.node != entry.node:
            spec = _spec(fleet, entry.function)
            fleet.deadlines.set(EXPIRY, key, now_mono_s + entry.invocation.valid_s + _run_s(spec))
        fleet.ledger.put(key, placed)
        if fleet.presence(placed.node) is Presence.ONLINE:
            asked_of = replace(entry.invocation, epoch=fleet.epoch_of(placed.node))
            fleet.say(InvocationTopic(fleet.name, placed.node, key), asked_of)


def _told(fleet: Fleet, node: str) -> set[tuple[str, str]]:
    """The functions that a node was told of: those that it runs, and those for which its sensors remember."""
    assignment = fleet.assignments.get(node)
    return {(one.stack, one.name) for one in (assignment.functions if assignment else ())}


def _placed(fleet: Fleet, entry: Entry, choices: Choices) -> Entry | None:
    """An entry with the node that is to run it; None where none is, or where its own node does so by itself."""
    if _is_abandoned(fleet, entry):
        node = choices.choose(entry) if fleet.is_up else ""  # who hears nobody does not know who is back
        if not node:
            fleet.stranded.setdefault(entry.function, set()).add(entry.invocation.id)
        return _taken_over(fleet, entry, node) if node else entry
    if entry.by_node:
        return None
    node = entry.node or choices.choose(entry)
    return replace(entry, state=advance(entry.state, InvocationSeen.TAKEN), node=node) if node else None


def _is_abandoned(fleet: Fleet, entry: Entry) -> bool:
    """Whether its node is away, and another may run it: not where its own node sensed it, and has actuators that it may set."""
    if not entry.node or fleet.presence(entry.node) is not Presence.OFFLINE:
        return False
    devices = fleet.devices.get(entry.node) if entry.node == entry.near else None
    return devices is None or entry.invocation.stack not in {stack_of(key) for key in devices.actuators}


def _taken_over(fleet: Fleet, entry: Entry, node: str) -> Entry:
    fleet.tally_function("taken_over", entry.function)
    waiting = advance(entry.state, InvocationSeen.VANISHED)
    asked = (*(name for name in entry.asked if name != entry.node), entry.node)
    return replace(
        entry, state=advance(waiting, InvocationSeen.TAKEN), node=node, by_node=False, asked=asked
    )  # fmt: skip


def ended(fleet: Fleet, result: Result, now_mono_s: float) -> None:
    """A result came; it may be the first word of an invocation, and only the first result counts."""
    entry = fleet.ledger.get(result.id)
    if entry is None:
        asked = Invocation(result.id, result.stack, result.function, result.attributes, result.body)
        entry = Entry(asked, node=result.node, near=result.node, by_node=True)
    if entry.state not in OPEN:
        fleet.tally("result_duplicates")
        if result.status is ResultStatus.DONE and result.node in (entry.node, *entry.asked):
            letters.done_after_all(fleet, result.id)
        return
    if result.node not in (entry.node or result.node, *entry.asked):
        fleet.tally("refusals", "other_node")
        fleet.remark(result.node, f"says a result of {entry.function} that {entry.node} was asked for")
        return
    is_done = result.status is ResultStatus.DONE
    message = result.reason or ("" if is_done else f"{result.function} is {result.status} on {result.node}")
    answer = Answer(entry.call, is_done, message, _shown(result))
    _end(fleet, replace(entry, node=result.node), SEEN[result.status], answer, result.attempt)
    functions = fleet.catalogue.functions_of(result.stack)
    tell(fleet, unclear(result, functions, fleet.name))
    for asked in called_by(result, functions, fleet.name):
        is_taken = asked.id in result.taken
        open_entry(fleet, Entry(asked, near=result.node, by_node=is_taken), result.node if is_taken else "", now_mono_s)
    if entry.function in fleet.catalogue.functions:
        fleet.durations.append((entry.function, result.duration_s))


def revive(fleet: Fleet, key: str, now_mono_s: float) -> None:
    """An invocation that was open when the process ended: its time begins anew, and it is looked at."""
    entry = fleet.ledger[key]
    runs_s = _run_s(_spec(fleet, entry.function)) if entry.state is InvocationState.DISPATCHED else 0.0
    fleet.deadlines.set(EXPIRY, key, now_mono_s + entry.invocation.valid_s + runs_s)
    fleet.unsettled.invocations.add(key)


def expire(fleet: Fleet, key: str) -> None:
    """The time of an invocation is over."""
    entry = fleet.ledger.get(key)
    if entry is None or entry.state not in OPEN:
        return
    where = f"{entry.node} gave no result" if entry.node else "no node that is online has the function"
    said = f"{entry.function} expired after {durations.said(entry.invocation.valid_s)}: {where}"
    _end(fleet, entry, InvocationSeen.EXPIRED, Answer(entry.call, ok=False, message=said))


def returned(fleet: Fleet, node: str) -> None:
    """A node is back: tell it again what it was asked, and try there what nobody could do."""
    fleet.unsettled.invocations |= fleet.ledger.of("open", node)
    devices = fleet.devices.get(node)
    look_again(fleet, devices.functions if devices is not None else ())


def look_again(fleet: Fleet, functions: Iterable[str]) -> None:
    """There is another node that can be asked for these: what waits for one looks again."""
    for key in functions:
        fleet.unsettled.invocations |= fleet.ledger.of("work", (key, "")) | fleet.stranded.pop(key, set())


def forgotten(fleet: Fleet, node: str) -> None:
    """A store speaks that nobody has heard of: what the one before took up by itself it has to be asked."""
    for key in sorted(fleet.ledger.of("open", node)):
        fleet.ledger.put(key, replace(fleet.ledger[key], by_node=False))


def vanished(fleet: Fleet, node: str) -> None:
    """A node is away: what it was asked is looked at again."""
    fleet.unsettled.invocations |= fleet.ledger.of("open", node)


def _end(fleet: Fleet, entry: Entry, seen: InvocationSeen, answer: Answer, attempt: int = 0) -> None:
    key = entry.invocation.id
    entry = replace(entry, state=advance(entry.state, seen))
    _reply(fleet, entry, answer)
    if entry.state in letters.DEAD:
        letters.keep(fleet, entry, answer.message, attempt)
    ends.ended(fleet, entry, answer, attempt)
    asked = replace(entry.invocation, attributes={}, body="")
    number = fleet.count("ended")
    kept = answer if entry.call else None
    fleet.ledger.put(key, replace(entry, invocation=asked, response_topic="", correlation="", rank=number, answer=kept))
    fleet.deadlines.drop(REPEAT, key)
    fleet.deadlines.drop(EXPIRY, key)
    _unstrand(fleet, entry.function, key)
    fleet.tally_function("invocations", entry.function, entry.state.value)
    fleet.ended.append(key)
    while len(fleet.ended) > fleet.terms.ledger_rows:
        fleet.ledger.drop(fleet.ended.popleft())
    while fleet.kept.size_bytes > fleet.terms.answers_bytes:
        oldest = fleet.kept.oldest()
        fleet.ledger.put(oldest, replace(fleet.ledger[oldest], answer=None))


def _unstrand(fleet: Fleet, function: str, key: str) -> None:
    """Nobody looks for a node any more; of a function for which nobody does, nothing is remembered."""
    stranded = fleet.stranded.get(function, set())
    stranded.discard(key)
    if not stranded:
        fleet.stranded.pop(function, None)


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


def _is_full(fleet: Fleet, entry: Entry) -> str:
    """By which bound there is no room for another open invocation; empty if there is."""
    if len(fleet.backlog) >= fleet.terms.ledger_rows:
        return "ledger_full"
    return "ledger_bytes" if fleet.backlog.size_bytes + entry.weight > fleet.terms.ledger_bytes else ""


def _drop(fleet: Fleet, entry: Entry, why: str) -> None:
    """Let an invocation go; the log says so once, until there is room again."""
    fleet.tally("refusals", why)
    if not fleet.is_full:
        fleet.is_full = True
        said = f"{len(fleet.backlog)} invocations are open already, of {fleet.backlog.size_bytes} bytes"
        fleet.remark(entry.function, f"{said}; {entry.invocation.id} is dropped, and others until there is room")
    _reply(fleet, entry, Answer(entry.call, ok=False, message="too many invocations are open; call again later"))


def _spec(fleet: Fleet, key: str) -> FunctionSpec | None:
    function = fleet.catalogue.functions.get(key)
    return function.spec if function is not None else None


def _run_s(spec: FunctionSpec | None) -> float:
    """For how long one that began just in time may go on; only where its function says itself when it expires."""
    if spec is None or not spec.expires_s:
        return 0.0
    return (spec.retries + 1) * (spec.timeout_s + spec.backoff.max_delay_s)
