"""`bramble invoke`: call a function directly; its output becomes ours, and its success our exit code."""

from __future__ import annotations

import sys

from cli.errors import Code, CommandError, tell
from cli.output import print_json
from cli.terminal import Terminal, read
from link.session import Session
from protocol.observed import Answer, Result, ResultStatus
from protocol.refusal import Refusal

CALL_S = 60.0
"""A function may be pulled first, and runs for 30 s unless its manifest says otherwise."""


def invoke(terminal: Terminal, function: str, data: str) -> None:
    """Call a function and print its output; exits with 0 only if it is done."""
    body = sys.stdin.buffer.read() if data == "-" else data.encode()
    patient = terminal.within(CALL_S)
    with patient.session() as session:
        result = _result(patient, session, session.call(function, body, patient.patience_s))
    if terminal.is_json:
        print_json(result)
    else:
        _print_streams(result)
    if result.status is not ResultStatus.DONE:
        raise CommandError(Code.REFUSED, _how_it_ended(result))


def _result(terminal: Terminal, session: Session, answer: Answer | Refusal | None) -> Result:
    """The function's result, whether done or failed; without one, the answer itself says why."""
    said = getattr(answer, "result", None)
    if isinstance(said, dict) and "status" in said:
        return read(Result, said)
    terminal.accepted(session, answer)
    raise CommandError(
        Code.REFUSED, "the answer to the call holds no result", "use the controller's version of bramble"
    )


def _print_streams(result: Result) -> None:
    """Pass both streams on as they are; only the output goes to ours."""
    sys.stdout.write(result.output)
    sys.stdout.flush()
    if result.error:
        tell(result.error.rstrip("\n"))


def _how_it_ended(result: Result) -> str:
    exit_code = "" if result.exit_code is None else f" with exit code {result.exit_code}"
    reason = f": {result.reason}" if result.reason else ""
    return f"{result.stack}.{result.function} on {result.node} is {result.status}{exit_code}{reason}"
