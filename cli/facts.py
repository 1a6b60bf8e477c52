"""Facts as they come. The broker keeps none of them, so there is nothing to list but what comes from now on.

A fact may come twice over the wire; here it is shown once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from cli.errors import Code, CommandError, tell
from cli.terminal import Terminal
from protocol.durations import said
from protocol.envelope import Packet, unpack
from protocol.observed import Result, SensorEvent
from protocol.refusal import Refusal
from protocol.topics import EventTopic, ResultTopic, Topic, filter_of, parse

Fact = TypeVar("Fact", SensorEvent, Result)

TOPICS: dict[type, tuple[type[Topic], str]] = {
    SensorEvent: (EventTopic, "an event"),
    Result: (ResultTopic, "a result"),
}
"""Where each kind comes, and what one of it is called."""

REMEMBERED = 10_000
"""Ids kept to recognise a repetition; an outbox repeats within seconds, and a button does not click that fast."""


def coming(
    terminal: Terminal, kind: type[Fact], count: int, is_meant: Callable[[Fact], bool], **levels: str
) -> Iterator[Fact]:
    """The facts that are meant, until `count` have come (0: for ever); raises `CommandError` when the time is over before.

    `levels` are those of their topic by which the broker chooses; an empty one stands for all.
    """
    topic, one = TOPICS[kind]
    many = f"{one.split()[-1]}s"
    wanted = filter_of(topic, terminal.fleet, **{level: value for level, value in levels.items() if value})
    came = 0
    with terminal.session(wanted) as session:
        tell(f"listening for {many} of fleet {terminal.fleet!r}")
        found = filter(is_meant, _fresh(session.packets(terminal.timeout_s), kind))
        for fact in islice(found, count or None):
            came += 1
            yield fact
    if came < count:
        raise CommandError(Code.TIMEOUT, f"{came} of {count} {many} came within {said(terminal.patience_s)}")


def _fresh(packets: Iterable[Packet], kind: type[Fact]) -> Iterator[Fact]:
    """Each once, as often as it may arrive; where two nodes ended one invocation, each has its word."""
    topic, one = TOPICS[kind]
    known: dict[tuple[str, str], None] = {}
    for packet in packets:
        if not isinstance(parse(packet.topic), topic):
            continue
        read = unpack(packet)
        if isinstance(read, Refusal):
            tell(f"not readable as {one}: {read}")
        elif isinstance(read.message, kind) and (read.message.node, read.message.id) not in known:
            known[read.message.node, read.message.id] = None
            if len(known) > REMEMBERED:
                del known[next(iter(known))]
            yield read.message
