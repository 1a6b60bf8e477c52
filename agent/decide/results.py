"""The end of an invocation: out of the queue, into the ledger, its result into the outbox, and on to what it calls: one commit.

A result must fit into its packet, whatever a function has printed: the output is cut further where its JSON is longer than its
text, and the reason says so. One that failed carries what it was called with, if only this node knows that: the controller keeps
the dead.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.hosting import takeable
from agent.decide.inputs import RunEnded
from agent.decide.invocation import Run, Seen, advance
from agent.decide.node import Node
from agent.decide.unclear import tell
from protocol.delivery import BY_TOPIC
from protocol.ids import service_key
from protocol.observed import Result, ResultStatus
from protocol.shapes import write
from protocol.topics import ResultTopic
from protocol.triggers.results import DEPTH_MOST, called_by, depth_of, is_circle, unclear

RESULT_PRIORITY = 3
# Before events: a result ends the controller's repeating of its invocation.

ESCAPED_BYTES = 6
# What one character takes of a JSON text at most: six letters for a control character, four bytes for any other.
BESIDE_BYTES = 4 * 1024
# More than the rest of a result, which is short names and numbers. What is well below its limit so need not be weighed.

WORDS_MOST = 120
# Characters of what a function said last: a line of a table. The last 8 KiB are beside it, in the result's `error`.

_TOLD = ("exit_code", "output", "error", "duration_s")
"""What a result has of the end of its run."""

_CUT = "the output was cut, to fit into a message"


def failure(seen: RunEnded) -> str:
    """Why a run has failed, on one line: what became of it, and the last that it said, which is where most programs say why."""
    ended = "killed: it did not end within its timeout" if seen.timed_out else f"exited with code {seen.exit_code}"
    became = seen.reason or ended
    said = next((line.strip() for line in reversed(seen.error.splitlines()) if line.strip()), "")
    last = "".join(filter(str.isprintable, said))[:WORDS_MOST]
    return f"{became}: {last}" if last else became


def finish(node: Node, run: Run, how: Seen, reason: str, seen: RunEnded | None = None) -> None:
    """Move a run from the queue into the ledger, and its result into the outbox."""
    status = ResultStatus(advance(run.state, how))
    depth = depth_of(run.attributes)
    told = {} if seen is None else {name: getattr(seen, name) for name in _TOLD} | {"started_at": run.started_at}
    result = Result(
        run.id, node.name, run.stack, run.function, status, run.attempt, run.cause, reason=reason, depth=depth, **told
    )
    if status in (ResultStatus.FAILED, ResultStatus.EXPIRED) and run.is_own:
        result = replace(result, attributes=run.attributes, body=run.body)
    result = fitting(_followed(node, result))
    node.lines.drop(node.runs, run)
    node.ended.put(run.id, str(status))
    node.ended.keep_newest(node.limits.ended)
    node.tally("invocations", service_key(run.stack, run.function), status)
    node.note(ResultTopic(node.fleet, node.name, run.id), result, priority=RESULT_PRIORITY)


def fitting(result: Result) -> Result:
    """The result, with as much of its output as its packet holds."""
    limit_bytes = BY_TOPIC[ResultTopic].limit_bytes
    texts = (result.output, result.error, result.reason, result.body, result.cause, *result.taken)
    named = (*result.attributes, *result.attributes.values())
    if BESIDE_BYTES + ESCAPED_BYTES * len("|".join((*texts, *named))) <= limit_bytes:
        return result
    over_bytes = len(write(result)) - limit_bytes
    if over_bytes <= 0:
        return result
    result = replace(result, reason="; ".join(filter(None, (result.reason, _CUT))))
    room_bytes = limit_bytes - len(write(replace(result, output="-"))) + 1
    low, high = 0, len(result.output)
    while low < high:  # the longest piece whose JSON fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(write(result.output[:middle])) - 2 <= room_bytes else (low, middle - 1)
    return replace(result, output=result.output[:low])


def _followed(node: Node, result: Result) -> Result:
    """A result calls functions in its turn; those that run here are taken in the same turn as it is told."""
    functions = node.sections().functions
    if is_circle(result, functions):
        node.tally("circles", service_key(result.stack, result.function))
        said = f"calls nothing more, because {DEPTH_MOST} functions have called each other"
        return replace(result, reason="; ".join(filter(None, (result.reason, said))))
    calls = called_by(result, functions, node.fleet)
    tell(node, unclear(result, functions, node.fleet))
    here = {(function.stack, function.name) for function in takeable(node)}
    calls = tuple(call for call in calls if (call.stack, call.function) in here)
    node.following.extend(calls)
    return replace(result, taken=tuple(call.id for call in calls)) if calls else result
