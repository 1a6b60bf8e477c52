"""`bramble events`: what the sensors say, as it comes: a line each for people, a CloudEvent as JSON per line for programs."""

from __future__ import annotations

import json

from cli import facts
from cli.output import print_json
from cli.terminal import Terminal
from protocol.events import attributes, data
from protocol.observed import SensorEvent


def events(terminal: Terminal, sensor: str, node: str, count: int) -> None:
    """Show the sensors' events as they come."""
    for event in facts.coming(terminal, SensorEvent, count, lambda _: True, sensor=sensor, node=node):
        _show(terminal, event)


def _show(terminal: Terminal, event: SensorEvent) -> None:
    if terminal.is_json:
        print_json({**attributes(event, terminal.fleet), "data": data(event)}, in_line=True)
        return
    value = "" if event.value is None else f"  value={json.dumps(event.value, ensure_ascii=False)}"
    taken = f"  calls={','.join(event.taken)}" if event.taken else ""
    guessed = "" if event.clock.is_right else "?"
    print(f"{event.time}{guessed}  {event.node}  {event.sensor}  {event.type}{value}{taken}  {event.id}", flush=True)
