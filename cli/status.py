"""`bramble status`: how stacks stand, from their retained statuses; with --watch it stays and follows them.

A named stack is read from the broker alone, so it shows the last word also while the controller is away. For all of them the
controller is asked first: a wildcard over retained topics need not deliver every one (DESIGN.md, law 4).
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.live import Live

from cli.errors import Code, CommandError, tell
from cli.look import SERVICE_HEADINGS, service_cells
from cli.output import console, fault_line, print_json, show, table
from cli.terminal import Terminal, read
from link.session import Session
from protocol.envelope import Packet, Received, unpack
from protocol.operator import OrderVerb, StackRow, StackStatus
from protocol.topics import StackStatusTopic, filter_of, parse

RETAINED_S = 2.0
"""A retained message follows its subscription at once; two seconds see it over a bad link."""


Statuses = dict[str, StackStatus]


def status(terminal: Terminal, stack: str, *, watch: bool) -> None:
    """Show how stacks stand: verdict, services, rollouts, functions and sensors."""
    levels = {"stack": stack} if stack else {}
    with terminal.session(filter_of(StackStatusTopic, terminal.fleet, **levels)) as session:
        statuses = _collected(terminal, session, stack)
        if not watch:
            _print(terminal, statuses)
        elif terminal.is_json or not console().is_terminal:
            _stream(terminal, session, statuses)
        else:
            _live(terminal, session, statuses)


def _collected(terminal: Terminal, session: Session, stack: str) -> Statuses:
    """The retained status of each stack that exists, in the order of their names."""
    named = [stack] if stack else [read(StackRow, row).stack for row in terminal.ask(session, OrderVerb.STACKS) or []]
    missing, found = set(named), Statuses()
    for packet in session.packets(RETAINED_S) if missing else ():
        _note(found, packet)
        missing -= found.keys()
        if not missing:
            break
    if missing:
        names = ", ".join(sorted(missing))
        raise CommandError(Code.NOT_FOUND, f"the broker has no status of {names}", "`bramble stacks` lists the stacks")
    return found


def _note(found: Statuses, packet: Packet) -> str:
    """Take a packet in; the stack it was about, or an empty text."""
    topic = parse(packet.topic)
    if not isinstance(topic, StackStatusTopic):
        return ""
    if not packet.payload:
        found.pop(topic.stack, None)
        return topic.stack
    said = unpack(packet)
    if not (isinstance(said, Received) and isinstance(said.message, StackStatus)):
        return ""
    found[topic.stack] = said.message
    return topic.stack


def _stream(terminal: Terminal, session: Session, statuses: Statuses) -> None:
    """For a pipe: what is, then each change; JSON has a document per line."""
    for name in sorted(statuses):
        _print_one(terminal, statuses[name])
    for packet in session.packets(terminal.timeout_s):
        name = _note(statuses, packet)
        if name in statuses:
            _print_one(terminal, statuses[name])
        elif name:
            print_json({"stack": name, "removed": True}, in_line=True) if terminal.is_json else print(
                f"{name}: removed"
            )


def _live(terminal: Terminal, session: Session, statuses: Statuses) -> None:
    """For a screen: one picture that changes."""
    with Live(_picture(statuses), console=console(), auto_refresh=False) as live:
        for packet in session.packets(terminal.timeout_s):
            if _note(statuses, packet):
                live.update(_picture(statuses), refresh=True)


def _print(terminal: Terminal, statuses: Statuses) -> None:
    if terminal.is_json:
        print_json([statuses[name] for name in sorted(statuses)])
    elif statuses:
        show(_picture(statuses))
    else:
        tell("the fleet has no stacks")


def _print_one(terminal: Terminal, one: StackStatus) -> None:
    if terminal.is_json:
        print_json(one, in_line=True)
    else:
        show(_picture({one.stack: one}))


def _picture(statuses: Statuses) -> Group:
    return Group(*(part for name in sorted(statuses) for part in _parts(statuses[name])))


def _parts(one: StackStatus) -> list[RenderableType]:
    """A stack's title line, and what of services, functions and devices it has."""
    state = "everything runs" if one.converged else "not everything runs yet"
    parts: list[RenderableType] = [f"{one.stack}: {one.verdict}, revision {one.revision or 'none'}, {state}"]
    parts += [f"  {fault_line('manifest', fault)}" for fault in one.faults]
    if one.services:
        parts.append(table(SERVICE_HEADINGS, map(service_cells, one.services)))
    if one.functions:
        rows = ((f.function, f.image, ", ".join(f.nodes), "; ".join(f.reasons)) for f in one.functions)
        parts.append(table(("function", "image", "nodes", "reasons"), rows))
    if one.devices:
        parts.append(f"devices: {', '.join(one.devices)}")
    return [*parts, ""]
