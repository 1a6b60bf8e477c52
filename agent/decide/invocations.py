"""Which function to run now, and what comes of it: at most one effect for each invocation id (law 8).

An invocation is taken once: its id is in `runs` until its result is in the outbox, and then in the ledger `ended`, so a duplicate
meets itself. Runs begin in order of arrival, within the concurrency of their function. What a run leaves on the engine is removed
only when its result is committed, so a crash in between finds it and runs nothing twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from agent.decide.effects import Remove, SetActuator, Stop
from agent.decide.effects import Run as RunEffect
from agent.decide.inputs import EngineLost, EngineSeen, Phase, RunEnded
from agent.decide.invocation import Run, Seen, State, advance
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from protocol.desired import Invocation
from protocol.envelope import read_json
from protocol.function import FunctionSpec
from protocol.observed import Result, ResultStatus
from protocol.refusal import Refusal
from protocol.topics import ResultTopic
from protocol.triggers_results import DEPTH_MOST, called_by, depth_of, is_circle
from protocol.values import taken

PENDING_MOST = 1000
# Per function: at one run a second, more than a quarter of an hour of work; each waits with at most some 256 KiB.
LEDGER_MOST = 10_000
# Ended ids that are remembered: a controller repeats an invocation for minutes, not for 10,000 others.
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
RESULT_PRIORITY = 3
# Before events: a result ends the controller's repeating of its invocation.


def can_take(node: Node, function: FunctionSpec) -> bool:
    """Whether a function runs here at all; before the first look at the engine we believe so."""
    return not function.needs_engine or not isinstance(node.engine, EngineLost)


def takeable(node: Node) -> tuple[FunctionSpec, ...]:
    """The functions in force that run here at all."""
    return tuple(function for function in node.sections().functions if can_take(node, function))


def take(node: Node, call: Invocation, now: Now) -> None:
    """Take an invocation in, once; beyond the bound of its function's queue it fails at once, and says so."""
    if call.id in node.runs or call.id in node.ended:
        node.tally("invocations_repeated")
        return
    cause = call.attributes.get("id", "")
    run = Run(
        call.id, call.stack, call.function, cause, call.attributes, call.body, until_mono_s=now.mono_s + call.valid_s
    )
    if function_of(node, run) is None:
        _finish(node, run, Seen.CANNOT, f"function {call.function} of stack {call.stack} is not on this node")
    elif sum((r.stack, r.function) == (call.stack, call.function) for r in node.runs.values()) >= PENDING_MOST:
        _finish(node, run, Seen.CANNOT, f"queue full: {PENDING_MOST} invocations of {call.function} wait already")
    else:
        node.runs.put(run.id, run)


def function_of(node: Node, run: Run) -> FunctionSpec | None:
    """What is to be run."""
    return next((f for f in node.sections().functions if (f.stack, f.name) == (run.stack, run.function)), None)


def dispatch(node: Node, now: Now) -> None:
    """Begin what may begin now; what was under way when the agent died is asked for again, with the same attempt."""
    _follow(node, now)
    if len(node.runs):
        _begin(node, now)
        _follow(node, now)  # what followed from those that could not begin


def _begin(node: Node, now: Now) -> None:
    active = Counter((r.stack, r.function) for r in node.runs.values() if r.state is State.DISPATCHED)
    for run in node.runs.values():
        if run.state is State.DISPATCHED:
            if run.id not in node.running and _can_begin(node, run):
                _start(node, run)
        elif run.attempt == 0 and now.has_come(run.until_mono_s):
            _finish(node, run, Seen.TOO_LATE, "its time ran out before it could start")
        elif _can_begin(node, run) and now.has_come(run.due_mono_s):
            _dispatch(node, run, active, now)


def _can_begin(node: Node, run: Run) -> bool:
    function = function_of(node, run)
    return isinstance(node.engine, EngineSeen) or (function is not None and not function.needs_engine)


def _dispatch(node: Node, run: Run, active: Counter[tuple[str, str]], now: Now) -> None:
    function = function_of(node, run)
    if function is None:
        _finish(node, run, Seen.CANNOT, f"function {run.function} was taken from this node")
    elif active[run.stack, run.function] < function.concurrency:
        active[run.stack, run.function] += 1
        state = advance(run.state, Seen.STARTED)
        begun = replace(run, state=state, attempt=run.attempt + 1, started_at=now.wall)
        node.runs.put(run.id, begun)
        _start(node, begun)


def _start(node: Node, run: Run) -> None:
    function = function_of(node, run)
    if function is None:
        _finish(node, run, Seen.CANNOT, f"function {run.function} was taken from this node while it ran")
        return
    node.running.add(run.id)
    attributes = tuple(sorted(run.attributes.items()))
    brings = pull(node, run.id, function.stack, function.container) if function.needs_engine else None
    node.effects.append(RunEffect(run.id, run.id, run.attempt, function, attributes, run.body, brings))


def ended(node: Node, seen: RunEnded, now: Now) -> None:
    """Take in the end of a run: its result, or its next attempt."""
    run = node.runs.get(seen.invocation)
    node.running.discard(seen.invocation)
    if run is None or run.state is not State.DISPATCHED or run.attempt != seen.attempt:
        return
    if seen.exit_code == 0 and not seen.timed_out:
        reason = "; ".join(_actuate(node, run, seen.output))
        _finish(node, run, Seen.SUCCEEDED, reason, seen)
        return
    function = function_of(node, run)
    reason = seen.reason or _failure(seen)
    if function is None or run.attempt > function.retries:
        _finish(node, run, Seen.FAILED_AT_LAST, reason, seen)
        return
    wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(run.attempt - 1, 10))
    node.tally("invocation_retries", run.function)
    state = advance(run.state, Seen.FAILED)
    node.runs.put(run.id, replace(run, state=state, reason=reason, due_mono_s=now.mono_s + wait_s))


def clear(node: Node, now: Now) -> None:
    """Remove the containers of runs that have ended, one step each; those of runs that nobody knows are stopped first."""
    if not isinstance(node.engine, EngineSeen):
        return
    for seen in node.engine.runs:
        run = node.runs.get(seen.invocation)
        is_over = run is None or seen.attempt < run.attempt
        is_over = is_over and now.has_come(node.waits.get(seen.id, 0.0))
        if is_over and seen.id not in node.busy and seen.id not in node.unseen:
            node.busy.add(seen.id)
            node.effects.append(
                Stop(seen.id, seen.id, 0.0) if seen.phase is Phase.RUNNING else Remove(seen.id, seen.id)
            )


def _failure(seen: RunEnded) -> str:
    if seen.timed_out:
        return "killed: it did not end within its timeout"
    return f"exited with code {seen.exit_code}"


def _finish(node: Node, run: Run, how: Seen, reason: str, seen: RunEnded | None = None) -> None:
    """Move a run from the queue into the ledger, and its result into the outbox: all in one commit."""
    status = ResultStatus(advance(run.state, how))
    depth = depth_of(run.attributes)
    result = Result(
        run.id, node.name, run.stack, run.function, status, run.attempt, run.cause, reason=reason, depth=depth
    )
    if seen is not None:
        result = replace(result, exit_code=seen.exit_code, output=seen.output, error=seen.error)
        result = replace(result, started_at=run.started_at, duration_s=seen.duration_s)
    result = _followed(node, result)
    node.runs.drop(run.id)
    node.ended.put(run.id, str(status))
    node.ended.keep_newest(LEDGER_MOST)
    node.tally("invocations", run.function, status)
    node.note(ResultTopic(node.fleet, node.name, run.id), result, priority=RESULT_PRIORITY)


def _followed(node: Node, result: Result) -> Result:
    """A result calls functions in its turn; those that run here are taken in the same turn as it is told."""
    functions = node.sections().functions
    if is_circle(result, functions):
        node.tally("circles", result.function)
        said = f"calls nothing more, because {DEPTH_MOST} functions have called each other"
        return replace(result, reason="; ".join(filter(None, (result.reason, said))))
    calls = called_by(result, takeable(node), node.fleet)
    node.following.extend(calls)
    return replace(result, taken=tuple(call.id for call in calls))


def _follow(node: Node, now: Now) -> None:
    while node.following:
        take(node, node.following.popleft(), now)


def _actuate(node: Node, run: Run, output: str) -> list[str]:
    """Set the actuators that a function's output names, and say which could not be set: `{"actuators": {"lamp": "on"}}`."""
    document = read_json(output.strip().encode()) if output.lstrip().startswith("{") else None
    wanted = document.get("actuators") if isinstance(document, dict) else None
    if not isinstance(wanted, dict):
        return []
    return [fault for name, value in wanted.items() if (fault := _set(node, run.stack, str(name), value))]


def _set(node: Node, stack: str, name: str, value: object) -> str:
    spec = next((a for a in node.sections().actuators if (a.stack, a.name) == (stack, name)), None)
    if spec is None:
        return f"stack {stack} has no actuator {name[:63]!r} on this node"
    said = taken(spec, value)
    if isinstance(said, Refusal):
        return str(said)
    node.effects.append(SetActuator(name, said))
    return ""
