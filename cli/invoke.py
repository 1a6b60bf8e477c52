"""`bramble invoke`: call a function directly; its output becomes ours, and its success our exit code."""

from __future__ import annotations

import sys

from cli.errors import Code, CommandError, tell
from cli.output import print_json
from cli.terminal import Terminal, presence, read
from link.session import Session
from protocol.durations import said
from protocol.observed import Answer, Link, ResultStatus
from protocol.operator import CallEnd
from protocol.refusal import Refusal

CALL_S = 60.0
"""A function may be pulled first, and runs for 30 s unless its manifest says otherwise."""


def invoke(terminal: Terminal, function: str, data: str) -> None:
    """Call a function and print its output; exits with 0 only if it is done."""
    body = sys.stdin.buffer.read() if data == "-" else data.encode()
    patient = terminal.within(CALL_S)
    with patient.session() as session:
        answer = session.call(function, body, patient.patience_s)
        end = _end(patient, session, function, answer)
    if terminal.is_json:
        print_json(end)
    else:
        _print_streams(end)
    reason = getattr(answer, "message", "")
    if end.status is not ResultStatus.DONE:
        raise CommandError(Code.REFUSED, _how_it_ended(function, end, reason))
    if reason:  # what was cut of the output, or what of it could not be set
        tell(f"warning: {reason}")


def _end(terminal: Terminal, session: Session, function: str, answer: Answer | Refusal | None) -> CallEnd:
    """How the function ended, well or not; a call that reached no function ends the command."""
    result = getattr(answer, "result", None)
    if isinstance(result, dict) and "status" in result:
        return read(CallEnd, result)
    if answer is None and presence(session) == Link.ONLINE:
        message = f"{function} has not ended within {said(terminal.patience_s)}"
        raise CommandError(Code.TIMEOUT, message, "it may still run; `bramble explain` says which nodes may carry it")
    terminal.accepted(session, answer)
    raise CommandError(
        Code.REFUSED, "the answer to the call holds no result", "use the controller's version of bramble"
    )


def _print_streams(end: CallEnd) -> None:
    """Pass both streams on as they are; only the output goes to ours."""
    sys.stdout.write(end.output)
    sys.stdout.flush()
    if end.error:
        tell(end.error.rstrip("\n"))


def _how_it_ended(function: str, end: CallEnd, reason: str) -> str:
    exit_code = "" if end.exit_code is None else f" with exit code {end.exit_code}"
    attempts = f" after {end.attempt} attempts" if end.attempt > 1 else ""
    return f"{function} {end.status} on {end.node}{exit_code}{attempts}{': ' if reason else ''}{reason}"
