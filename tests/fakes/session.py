"""A session without a broker: it answers what a test told it to, and remembers what was said. Held to `link.session` by
tests/cli/test_broker.py, which runs the same commands through a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from click.testing import Result
from typer.testing import CliRunner

from cli.commands import app
from link.session import UnreachableError
from protocol.envelope import Packet, pack
from protocol.observed import Answer
from protocol.operator import ControllerPresence, OperatorOrder, OrderVerb
from protocol.refusal import Refusal
from protocol.topics import Topic


def yes(result: Any = None, message: str = "") -> Answer:
    """An answer that says yes."""
    return Answer("order", True, message, result)


def no(message: str, denial: str = "") -> Answer:
    """An answer that says no."""
    return Answer("order", False, message, {"denial": denial} if denial else None)


def packet(topic: Topic, message: Any) -> Packet:
    """The packet of a message, as the broker would bring it."""
    packed = pack(topic, message)
    assert isinstance(packed, Packet)
    return packed


@dataclass
class FakeSession:
    """One conversation. A verb without an answer is met with silence; a list of answers is given one by one."""

    answers: dict[OrderVerb, Any] = field(default_factory=dict)
    called: Answer | Refusal | None = None
    arriving: list[Packet] = field(default_factory=list)
    reply: Callable[[Topic, bytes], list[Packet]] = lambda _topic, _message: []
    refuses: Refusal | None = None
    controller: ControllerPresence | None = None
    unreachable: str = ""
    fleet: str = ""

    orders: list[OperatorOrder] = field(default_factory=list)
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    said: list[tuple[Topic, Any]] = field(default_factory=list)
    dialled: list[tuple[str, int, str, tuple[str, ...]]] = field(default_factory=list)
    waits: list[float | None] = field(default_factory=list)

    def connect(self, host: str, port: int, fleet: str, filters: tuple[str, ...]) -> FakeSession:
        self.dialled.append((host, port, fleet, filters))
        self.fleet = fleet
        return self

    def __enter__(self) -> Self:
        if self.unreachable:
            raise UnreachableError(self.unreachable)
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, order: OperatorOrder, within_s: float) -> Answer | Refusal | None:
        self.orders.append(order)
        self.waits.append(within_s)
        answer = self.answers.get(order.verb)
        return answer.pop(0) if isinstance(answer, list) else answer

    def call(self, function: str, body: bytes, within_s: float) -> Answer | Refusal | None:
        self.calls.append((function, body))
        self.waits.append(within_s)
        return self.called

    def say(self, topic: Topic, message: Any) -> Refusal | None:
        self.said.append((topic, message))
        self.arriving += self.reply(topic, message)
        return self.refuses

    def packets(self, within_s: float | None = None) -> Iterator[Packet]:
        self.waits.append(within_s)
        while self.arriving:
            yield self.arriving.pop(0)

    def pause(self, within_s: float) -> None:
        self.waits.append(within_s)

    def retained(self, _topic: Topic, _within_s: float) -> Any:
        return self.controller


def operate(session: FakeSession, *words: str, given: bytes | None = None) -> Result:
    """Run `bramble WORDS` in this process, as if its output were a pipe."""
    return CliRunner().invoke(app, list(words), obj=session.connect, input=given)
