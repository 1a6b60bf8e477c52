"""What is said to a warm function, and what its answer means: OpenFaaS's conventions, CloudEvents in binary mode. Pure.

`POST /` with the event's data as the body and its attributes as `ce-*` headers; `X-Call-Id` is the invocation's id, the same in
every attempt, so a function that must not act twice can know. Any 2xx is success. 429 and 503 may say `Retry-After`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from agent.adapters.http_wire import Reply, request
from agent.adapters.streams import ERROR_LIMIT_BYTES, OUTPUT_LIMIT_BYTES
from agent.decide.effects import Run
from agent.decide.inputs import RunEnded

HEALTH, READY = (request("GET", path, {"Host": "function"}) for path in ("/_/health", "/_/ready"))
RETRY_AFTER_MOST_S = 3600.0
# Who says more means "not today"; the invocation's own expiry decides that.

_ASKS_FOR_PATIENCE = (429, 503)
_FAILED, _WATCHDOGS_OWN = 500, "x-openfaas-internal"
_READY_PATH = "ready_path="
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
# CloudEvents' HTTP binding, 3.1.3.2: everything else is percent-encoded.
_ALL_PLAIN = re.compile(f"[{re.escape(_PLAIN)}]*").fullmatch


def first_asked(environment: Iterable[str]) -> bytes:
    """What an instance is asked before its first call. With `ready_path` OpenFaaS's of-watchdog passes that on to its function."""
    has_path = any(one.startswith(_READY_PATH) and one != _READY_PATH for one in environment)
    return READY if has_path else HEALTH


def sent_for(step: Run) -> bytes:
    """The request for one run."""
    attributes = dict(step.attributes)
    kind = attributes.get("datacontenttype") or ("application/json" if step.body[:1] in ("{", "[") else "text/plain")
    headers = {
        "Host": step.function.name,
        "Content-Type": kind if kind.isascii() and kind.isprintable() else "application/octet-stream",
        "X-Call-Id": _quoted(step.invocation),
        "X-Attempt": str(step.attempt),
    }
    headers |= {f"ce-{name}": _quoted(value) for name, value in step.attributes if _is_header(name)}
    return request("POST", "/", headers, step.body.encode())


def answered(step: Run, reply: Reply, took_s: float) -> RunEnded:
    """What an answer means."""
    text = reply.body.decode(errors="replace")
    if reply.ok:
        cut = f"the output was cut after {OUTPUT_LIMIT_BYTES} of {reply.size_bytes} bytes"
        reason = cut if reply.size_bytes > OUTPUT_LIMIT_BYTES else ""
        return RunEnded(step.invocation, step.attempt, 0, output=text, reason=reason, duration_s=took_s)
    return RunEnded(
        step.invocation,
        step.attempt,
        None,
        error=reply.body[-ERROR_LIMIT_BYTES:].decode(errors="replace"),
        reason=f"it answered {reply.status} {reply.reason}".rstrip(),
        duration_s=took_s,
        retry_after_s=_patience_s(reply) if reply.status in _ASKS_FOR_PATIENCE else None,
    )


def is_of_nobody(reply: Reply) -> bool:
    """Whether OpenFaaS's of-watchdog says that it could not ask its server; an empty 500 alone may be the server's own."""
    return reply.status == _FAILED and reply.headers.get(_WATCHDOGS_OWN) == "of-watchdog"


def cut_off(step: Run, error: OSError | None, took_s: float) -> RunEnded:
    """A run whose instance broke off. One that nobody took (without an error: there is no instance) has not begun."""
    reason = "its instance is not there" if error is None else f"its instance broke off: {said_by(error)}"
    is_unbegun = error is None or isinstance(error, ConnectionRefusedError | FileNotFoundError)
    ended = RunEnded(step.invocation, step.attempt, None, reason=reason, duration_s=took_s)
    return replace(ended, is_cut_off=True, is_unbegun=is_unbegun)


def said_by(error: OSError) -> str:
    """An operating system's complaint, as an operator reads it."""
    match error:
        case TimeoutError():
            return "it does not answer"
        case PermissionError():
            return "its socket is not open to us; a function makes it writable for everybody (mode 666)"
        case FileNotFoundError():
            return "it has not opened its socket"
        case ConnectionRefusedError():
            return "nothing listens there"
    return error.strerror or str(error)


def _quoted(value: str) -> str:
    return value if _ALL_PLAIN(value) else quote(value, safe=_PLAIN)


def _is_header(name: str) -> bool:
    return name.isascii() and name.isalnum() and name != "datacontenttype"


def _patience_s(reply: Reply) -> float | None:
    """What `Retry-After` asks for; a date counts from the answer's own, for our clock may be wrong."""
    said = reply.headers.get("retry-after", "")
    if said.isascii() and said.isdecimal():
        return min(float(said[:9]), RETRY_AFTER_MOST_S)
    until, at = _date(said), _date(reply.headers.get("date", ""))
    if until is None or at is None:
        return None
    return min(max(0.0, (until - at).total_seconds()), RETRY_AFTER_MOST_S)


def _date(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 0.5 MB that few functions ever need

    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
