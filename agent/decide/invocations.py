"""Which function to run now, and what comes of it: at most one effect for each invocation id (law 8).

An invocation is taken once: its id is in `runs` until its result is in the outbox, and then in the ledger `ended`, so a duplicate
meets itself. Runs begin in order of arrival, as their function's queue and rate allow. What a run leaves on the engine is removed
only when its result is committed, so a crash in between finds it and runs nothing twice.

An attempt counts when something of it may have run. Where what it needs is away (no engine, no registry), it waits and uses up no
retry; what has waited for all of its time expires, or ends as the last attempt did.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from agent.decide import consequences, instances
from agent.decide.admission import Admitted, admit, at_once
from agent.decide.backoff import pause_s
from agent.decide.effects import Remove, Stop
from agent.decide.effects import Run as RunEffect
from agent.decide.hosting import function_of
from agent.decide.inputs import Done, EngineSeen, Phase, RunEnded, StepEnded
from agent.decide.invocation import Run, Seen, State, advance
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from agent.decide.rates import drawn, ready_mono_s
from agent.decide.results import failure, finish
from protocol.calling import Rate
from protocol.desired import Invocation
from protocol.function import FunctionSpec, Mode
from protocol.ids import service_key

UNBEGUN_WAIT_S = 5.0
# A registry or an engine that was away is rarely back sooner, and who waits for its first attempt should not wait much longer.

MISSING_S = 60.0
# An engine that is restarted, and the hello and the assignment that follow, are done in a fraction of it.

GOING = (State.DISPATCHED, State.STOPPING)
"""The states in which something of a run may be on the engine."""


def take(node: Node, call: Invocation, now: Now) -> None:
    """Take an invocation in, once; what its function's queue has no place for ends at once, and says so."""
    if call.id in node.runs or call.id in node.ended:
        node.tally("invocations_repeated")
        return
    cause, is_own = call.attributes.get("id", ""), not call.epoch
    run = Run(call.id, call.stack, call.function, cause, call.attributes, call.body, is_own=is_own)
    function = function_of(node, run)
    if function is None:
        _decline(node, run, now)
        return
    verdict = admit(function, node.lines.of(node.runs, (run.stack, run.function)))
    if not isinstance(verdict, Admitted):
        finish(node, run, verdict.how, verdict.reason)
        return
    for other in verdict.displaced:
        _displace(node, other, run)
    valid_s = call.valid_s if call.epoch or not function.expires_s else function.expires_s
    node.lines.put(node.runs, replace(run, until_mono_s=now.mono_s + valid_s))


def _decline(node: Node, run: Run, now: Now) -> None:
    """Its function is not here. It may come back (`_miss`), and whoever asks does so again: it is refused only after a while."""
    since_s = _missing_since(node, run, now)
    if run.is_own or now.mono_s >= since_s + MISSING_S:  # nobody wakes for it alone
        finish(node, run, Seen.CANNOT, f"function {run.function} of stack {run.stack} is not on this node")


def dispatch(node: Node, now: Now) -> None:
    """Begin what may begin now; what was under way when the agent died is asked for again, with the same attempt."""
    _follow(node, now)
    if node.missing:
        here = node.directory.functions
        node.missing = {place: since_s for place, since_s in node.missing.items() if place not in here}
    if node.hindered:
        waiting = {service_key(run.stack, run.function) for run in node.runs.values()}
        node.hindered = {key: reason for key, reason in node.hindered.items() if key in waiting}
    if len(node.runs):
        _begin(node, now)
        _follow(node, now)  # what followed from those that could not begin
    for key in node.buckets:
        stack, _, name = key.partition(".")
        if not any((f.stack, f.name) == (stack, name) and f.rate is not None for f in node.sections().functions):
            node.buckets.drop(key)


def _begin(node: Node, now: Now) -> None:
    functions = node.directory.functions
    active = Counter((r.stack, r.function) for r in node.runs.values() if r.state in GOING)
    for run in node.runs.values():
        if run.id not in node.running:
            _follow_on(node, run, functions.get((run.stack, run.function)), active, now)


def _follow_on(node: Node, run: Run, function: FunctionSpec | None, active: Counter[tuple[str, str]], now: Now) -> None:
    """The next step of a run that nobody is at work on."""
    match run.state:
        case State.STOPPING:
            if _is_gone(node, run):
                finish(node, run, Seen.STOPPED, run.reason)
        case State.PENDING if now.has_come(run.until_mono_s):
            _expire(node, run)
        case _ if function is None:
            _miss(node, run, now)
        case State.DISPATCHED:
            if _can_begin(node, function):
                _start(node, run, function)
        case _ if now.has_come(run.due_mono_s) and _can_begin(node, function):
            _dispatch(node, run, function, active, now)


def _miss(node: Node, run: Run, now: Now) -> None:
    """Its function is not here. It may come back: a controller takes it away while the node's engine is away."""
    if now.has_come(_missing_since(node, run, now) + MISSING_S):
        finish(node, run, Seen.CANNOT, f"function {run.function} was taken from this node")


def _missing_since(node: Node, run: Run, now: Now) -> float:
    """Since when its function is not here; for ever, if so many are missing already that it cannot be remembered of this one."""
    place, is_full = (run.stack, run.function), len(node.missing) >= node.limits.missing
    if place not in node.missing and is_full:
        waiting = {(one.stack, one.function) for one in node.runs.values()}
        node.missing = {
            name: since_s
            for name, since_s in node.missing.items()
            if name in waiting or now.mono_s < since_s + MISSING_S  # nobody wakes for it alone
        }
        if len(node.missing) >= node.limits.missing:
            node.tally("calls_forgone")
            return float("-inf")
    return node.missing.setdefault(place, now.mono_s)


def _expire(node: Node, run: Run) -> None:
    if run.attempt == 0:
        finish(
            node, run, Seen.TOO_LATE, "; ".join(filter(None, ("its time ran out before it could start", run.reason)))
        )
    else:
        finish(node, run, Seen.CANNOT, f"its time ran out before another attempt; the last one: {run.reason}")


def _can_begin(node: Node, function: FunctionSpec) -> bool:
    if function.mode is Mode.WARM:
        return instances.seat(node, function) is not None
    return isinstance(node.engine, EngineSeen) or not function.needs_engine


def _dispatch(node: Node, run: Run, function: FunctionSpec, active: Counter[tuple[str, str]], now: Now) -> None:
    most = at_once(function)
    is_room = most is None or active[run.stack, run.function] < most
    if is_room and (function.rate is None or _draw(node, run, function.rate, now)):
        active[run.stack, run.function] += 1
        state = advance(run.state, Seen.STARTED)
        begun = replace(run, state=state, attempt=run.attempt + 1, started_at=now.wall)
        node.lines.put(node.runs, begun)
        _start(node, begun, function)


def _draw(node: Node, run: Run, rate: Rate, now: Now) -> bool:
    """Whether the function's rate lets one begin now; then that one is counted."""
    key = service_key(run.stack, run.function)
    bucket = node.buckets.get(key)
    if not now.has_come(ready_mono_s(bucket, rate, now.mono_s)):
        return False
    node.buckets.put(key, drawn(bucket, rate, now.mono_s))
    return True


def _start(node: Node, run: Run, function: FunctionSpec) -> None:
    node.running.add(run.id)
    attributes = tuple(sorted(run.attributes.items()))
    brings = pull(node, run.id, function.stack, function.container) if function.needs_engine else None
    instance = instances.take(node, function, run.id)
    node.effects.append(RunEffect(run.id, run.id, run.attempt, function, attributes, run.body, brings, instance))


def _displace(node: Node, run: Run, newer: Run) -> None:
    """A newer call takes its place: what waits is skipped, what runs is stopped first."""
    reason = f"a newer call, {newer.id}, took its place, because its queue is restart"
    if run.state is State.PENDING:
        finish(node, run, Seen.SUPERSEDED, reason)
    else:
        node.lines.put(node.runs, replace(run, state=advance(run.state, Seen.SUPERSEDED), reason=reason))
        node.hinted = True  # what is to be stopped must be seen


def _is_gone(node: Node, run: Run) -> bool:
    """Whether nothing of a run is there any more, as far as this process can see."""
    function, here = function_of(node, run), node.engine
    if here is None or (function is not None and function.needs_engine and not isinstance(here, EngineSeen)):
        return False
    if node.processes is None:
        return False  # they are told with the first look
    there = (*here.runs, *node.processes) if isinstance(here, EngineSeen) else node.processes
    return not any(one.invocation == run.id and one.phase is Phase.RUNNING for one in there)


def ended(node: Node, seen: RunEnded, now: Now) -> None:
    """Take in the end of a run: its result, or its next attempt."""
    run = node.runs.get(seen.invocation)
    node.running.discard(seen.invocation)
    if run is None or run.state not in GOING or run.attempt != seen.attempt:
        return
    function = function_of(node, run)
    node.hindered.pop(service_key(run.stack, run.function), None)
    if run.state is State.STOPPING:
        finish(node, run, Seen.STOPPED, run.reason, seen)
    elif seen.exit_code == 0 and not seen.timed_out:
        said = [seen.reason, *consequences.carry_out(node, run, function, seen.output)]
        finish(node, run, Seen.SUCCEEDED, "; ".join(filter(None, said)), seen)
    elif seen.is_unbegun:
        node.hindered[service_key(run.stack, run.function)] = seen.reason
        due_mono_s = now.mono_s + UNBEGUN_WAIT_S
        state = advance(run.state, Seen.UNBEGUN)
        waits = replace(run, state=state, attempt=run.attempt - 1, reason=seen.reason, due_mono_s=due_mono_s)
        node.lines.put(node.runs, waits)
    else:
        _failed(node, run, function, seen, now)


def _failed(node: Node, run: Run, function: FunctionSpec | None, seen: RunEnded, now: Now) -> None:
    reason = failure(seen)
    if function is None or run.attempt > function.retries:
        finish(node, run, Seen.FAILED_AT_LAST, reason, seen)
        return
    wait_s = pause_s(run.id, run.attempt, function.backoff, seen.retry_after_s)
    node.tally("invocation_retries", service_key(run.stack, run.function))
    state = advance(run.state, Seen.FAILED)
    node.lines.put(node.runs, replace(run, state=state, reason=reason, due_mono_s=now.mono_s + wait_s))


def warmed(node: Node, seen: StepEnded, now: Now) -> None:
    """Take in whether an instance is ready; what waits for one that cannot be has failed, or it would wait without a word."""
    for run in instances.warmed(node, seen, now):
        if run.state is State.PENDING:
            state = advance(run.state, Seen.STARTED)
            run = replace(run, state=state, attempt=run.attempt + 1, started_at=now.wall)  # noqa: PLW2901 - the same run
            node.lines.put(node.runs, run)
        reason = "" if isinstance(seen.outcome, Done) else seen.outcome.reason
        ended(node, RunEnded(run.id, run.attempt, None, reason=reason), now)


def reasons(node: Node) -> tuple[str, ...]:
    """What keeps functions from beginning."""
    waiting = sorted(
        key for key in node.hindered if any(service_key(run.stack, run.function) == key for run in node.runs.values())
    )
    return tuple(f"function {key} cannot begin: {node.hindered[key]}" for key in waiting)


def clear(node: Node, now: Now) -> None:
    """Remove the containers of runs that have ended, one step each; those of runs that nobody knows are stopped first."""
    if not isinstance(node.engine, EngineSeen):
        return
    for seen in node.engine.runs:
        run = node.runs.get(seen.invocation)
        is_over = run is None or seen.attempt < run.attempt
        is_stopping = run is not None and run.state is State.STOPPING and seen.phase is Phase.RUNNING
        is_over = (is_over or is_stopping) and now.has_come(node.waits.get(seen.id, 0.0))
        if is_over and seen.id not in node.busy and seen.id not in node.unseen:
            node.busy.add(seen.id)
            node.effects.append(
                Stop(seen.id, seen.id, 0.0) if seen.phase is Phase.RUNNING else Remove(seen.id, seen.id)
            )


def _follow(node: Node, now: Now) -> None:
    while node.following:
        take(node, node.following.popleft(), now)
