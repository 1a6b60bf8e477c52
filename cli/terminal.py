"""One command at one terminal: where the broker is, which fleet, how long to wait, how to print, and how to ask.

A question that is not answered as it should be ends the command here, with the exit code that fits: a broker that is away, a
controller that is silent, an answer that says no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import uuid4

import typer

from cli import errors
from cli.errors import Code, CommandError
from cli.options import DEFAULT_BROKER, DEFAULT_FLEET, Output
from link.backoff import Pace
from link.session import Session, UnreachableError
from link.settings import LinkSettings
from protocol.durations import said
from protocol.measures import seconds
from protocol.observed import Answer
from protocol.operator import Denial, OperatorOrder, OrderVerb
from protocol.refusal import Refusal
from protocol.reports import Report
from protocol.shapes import JsonValue
from protocol.topics import ControllerPresenceTopic

Row = TypeVar("Row")
Connect = Callable[[str, int, str, tuple[str, ...]], Session]
"""Opens a session with the broker at a host and port, for a fleet, reading the given topic filters."""

DEFAULT_PORT = 1883

REMEDY = "use the controller's version of bramble"

ANSWER_S = 10.0
"""An answer takes milliseconds; ten seconds see a controller through its restart."""

PRESENCE_S = 1.0
"""A retained message follows its subscription at once."""

CLIENT_PREFIX = "bramble-cli-"
"""With 16 characters more: a name of its own for each command, so that none takes another's place at the broker."""

PACE = Pace(least_s=0.5, most_s=3.0)
"""A person waits, and one terminal is no thundering herd."""

_CODES = {str(Denial.NOT_FOUND): Code.NOT_FOUND, str(Denial.CONFLICT): Code.CONFLICT}


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the shared options said. `timeout_s` is None where the person named none."""

    connect: Connect
    output: Output = Output.TABLE
    broker: str = DEFAULT_BROKER
    fleet: str = DEFAULT_FLEET
    timeout_s: float | None = None

    @property
    def is_json(self) -> bool:
        return self.output is Output.JSON

    @property
    def is_wide(self) -> bool:
        return self.output is Output.WIDE

    @property
    def patience_s(self) -> float:
        """How long a question waits for its answer."""
        return ANSWER_S if self.timeout_s is None else self.timeout_s

    def within(self, default_s: float) -> Terminal:
        """The same terminal for a command that needs more patience, unless the person said how much."""
        return self if self.timeout_s is not None else replace(self, timeout_s=default_s)

    @contextmanager
    def session(self, *filters: str) -> Iterator[Session]:
        """Talk to the broker; a broker that is not there, or stays away, ends the command."""
        host, port = address(self.broker)
        try:
            with self.connect(host, port, self.fleet, filters) as session:
                yield session
        except UnreachableError as error:
            raise errors.unreachable(f"{host}:{port}", str(error)) from error

    def ask(self, session: Session, verb: OrderVerb, target: str = "", **arguments: JsonValue) -> JsonValue:
        """Give an order and return what was asked for; anything else ends the command."""
        answer = session.ask(OperatorOrder(verb, target, arguments), self.patience_s)
        return self.accepted(session, answer).result

    def rows(self, verb: OrderVerb, shape: type[Row], target: str = "", **arguments: JsonValue) -> list[Row]:
        """Ask for a list and read each row."""
        with self.session() as session:
            result = self.ask(session, verb, target, **arguments)
        return read_all(shape, result or [])

    def accepted(self, session: Session, answer: Answer | Refusal | None) -> Answer:
        """Return an answer that says yes; a refusal, a no and silence end the command."""
        if answer is None:
            raise errors.silent(self.fleet, said(self.patience_s), presence(session))
        if isinstance(answer, Refusal):
            raise CommandError(Code.REFUSED, str(answer))
        if not answer.ok:
            raise CommandError(_code(answer.result), answer.message or "the controller refused and did not say why")
        return answer


def terminal_of(connect: Connect, output: Output, broker: str, fleet: str, timeout: str) -> Terminal:
    """Read what the shared options said."""
    return Terminal(connect, output, broker, fleet, duration_s(timeout))


def duration_s(text: str) -> float | None:
    """Read `30s` or `2m`; None when nothing is written. What is no duration is wrong usage."""
    try:
        return seconds(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def address(broker: str) -> tuple[str, int]:
    """Read `HOST`, `HOST:PORT` or `[IPV6]:PORT`."""
    host, colon, port = broker.rpartition(":")
    if not colon or broker.endswith("]"):
        host, port = broker, str(DEFAULT_PORT)
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise typer.BadParameter(f"{broker!r} is no address; write HOST or HOST:PORT", param_hint="--broker")
    return host.strip("[]"), int(port)


def presence(session: Session) -> str:
    """What the controller's retained presence says, or an empty text."""
    found = session.retained(ControllerPresenceTopic(session.fleet), PRESENCE_S)
    return found.state if found is not None else ""


def read(shape: type[Row], document: JsonValue) -> Row:
    """Read a part of an answer; a controller that speaks otherwise is newer or older than we are."""
    (row,) = read_all(shape, [document])
    return row


def read_all(shape: type[Row], documents: Iterable[JsonValue], *, quietly: bool = False) -> list[Row]:
    """The same of several; what a newer controller tells beside is passed over, and said once."""
    report: Report[Row] = Report(shape)
    rows: list[Row] = []
    newer = ""
    for document in documents:
        row, unknown = report.read(document)
        if isinstance(row, str):
            message = f"the answer is not a {shape.__name__} as this version knows it: {row}"
            raise CommandError(Code.REFUSED, message, REMEDY)
        rows.append(row)
        newer = newer or unknown
    warn_of("" if quietly else newer)
    return rows


def warn_of(unknown: str) -> None:
    """Say what a newer controller tells, and this version does not know."""
    if unknown:
        errors.tell(f"warning: the controller tells what this version does not know ({unknown}); {REMEDY}")


def connect(host: str, port: int, fleet: str, filters: tuple[str, ...]) -> Session:
    """Open a real session; its name at the broker is its own."""
    settings = LinkSettings(host, port, client_id=f"{CLIENT_PREFIX}{uuid4().hex[:16]}", pace=PACE)
    return Session(settings, fleet, filters)


def _code(result: JsonValue) -> Code:
    denial = result.get("denial") if isinstance(result, dict) else None
    return _CODES.get(str(denial), Code.REFUSED)
