"""`bramble events`: what the sensors say, as it comes. CloudEvents: a line each for people, a JSON document per line for programs.

Events are facts, not state: the broker keeps none, so there is nothing to list but what comes from now on. A fact may come
twice over the wire; here it is shown once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from cli.errors import Code, CommandError, tell
from cli.output import print_json
from cli.terminal import Terminal
from protocol.durations import said
from protocol.envelope import Packet, unpack
from protocol.events import attributes, data
from protocol.observed import SensorEvent
from protocol.refusal import Refusal
from protocol.topics import EventTopic, filter_of, parse

REMEMBERED = 10_000
"""Ids kept to recognise a repetition; an outbox repeats within seconds, and a button does not click that fast."""


def events(terminal: Terminal, sensor: str, node: str, count: int) -> None:
    """Show the sensors' events as they come."""
    levels = {key: value for key, value in (("sensor", sensor), ("node", node)) if value}
    with terminal.session(filter_of(EventTopic, terminal.fleet, **levels)) as session:
        tell(f"listening for events of fleet {terminal.fleet!r}")
        shown = 0
        for event in islice(_fresh(session.packets(terminal.timeout_s)), count or None):
            _show(terminal, event)
            shown += 1
    if shown < count:
        raise CommandError(Code.TIMEOUT, f"{shown} of {count} events came within {said(terminal.patience_s)}")


def _fresh(packets: Iterable[Packet]) -> Iterator[SensorEvent]:
    """Each event once, as often as it may arrive."""
    known: dict[str, None] = {}
    for packet in packets:
        if not isinstance(parse(packet.topic), EventTopic):
            continue
        read = unpack(packet)
        if isinstance(read, Refusal):
            tell(f"not readable as an event: {read}")
        elif isinstance(read.message, SensorEvent) and read.message.id not in known:
            known[read.message.id] = None
            if len(known) > REMEMBERED:
                del known[next(iter(known))]
            yield read.message


def _show(terminal: Terminal, event: SensorEvent) -> None:
    if terminal.is_json:
        print_json({**attributes(event, terminal.fleet), "data": data(event)}, in_line=True)
        return
    value = "" if event.value is None else f"  value={json.dumps(event.value, ensure_ascii=False)}"
    taken = f"  calls={','.join(event.taken)}" if event.taken else ""
    guessed = "" if event.clock.is_right else "?"
    print(f"{event.time}{guessed}  {event.node}  {event.sensor}  {event.type}{value}{taken}  {event.id}", flush=True)
