"""`bramble rollout status --watch`: a lane per node that shows how far it is and what it waits for, until the update has ended.

The controller is asked again and again: lanes are as many as tasks, and on no topic. On a screen the picture changes in place; a
pipe gets a line for each lane that changed, or with `-o json` a document for each update that did. Ends with 0 when all is done and
with 1 when one paused by itself or went back; an update that waits for absent nodes goes on without us.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Group, RenderableType
from rich.live import Live

from cli.errors import Code, CommandError
from cli.output import console, print_json, table
from cli.terminal import Terminal, read_all
from link.session import Session
from protocol.durations import said
from protocol.operator import OrderVerb
from protocol.rollouts import Lane, RolloutStatus

EVERY_S = 1.0
"""People read no faster, and an answer costs the controller as much as the service has tasks."""

DONE, ROLLED_BACK, FAILURES = "done", "rolled_back", "failures"

ORDER = ("failed", "lost", "granted", "staged", "waiting", "pinned", "settled")
"""What a person looks for first; in this order also where a screen ends before the lanes do."""

Found = list[RolloutStatus]


def fetch(terminal: Terminal, session: Session, target: str) -> Found:
    """Ask how far the updates of a service, of a stack, or all are."""
    result = terminal.ask(session, OrderVerb.ROLLOUT_STATUS, target)
    return read_all(RolloutStatus, result or [])


def watch(terminal: Terminal, target: str) -> None:
    """Show updates until they have ended."""
    is_live = console().is_terminal and not terminal.is_json
    with terminal.session() as session, _screen(is_live) as live:
        found = _followed(terminal, session, target, _Page(terminal, live))
    if not found and not terminal.is_json:
        print(nothing(target))
    failed = [one for one in found if _is_failed(one)]
    if failed:
        said = "; ".join(f"{one.service}: {one.report}" for one in failed)
        raise CommandError(Code.REFUSED, said, f"`bramble rollout history {failed[0].service}` says what was before")


def nothing(target: str) -> str:
    """What is said where nothing was ever updated."""
    return f"{target or 'the fleet'}: nothing has been updated yet"


def _followed(terminal: Terminal, session: Session, target: str, page: _Page) -> Found:
    """The last word on all of them; an update that does not end in time ends the command."""
    began_mono_s = time.monotonic()
    while True:
        found = fetch(terminal, session, target)
        page.turn(found)
        if all(one.state == DONE or _is_failed(one) for one in found):
            return found
        if terminal.timeout_s is not None and time.monotonic() - began_mono_s >= terminal.timeout_s:
            reports = "; ".join(f"{one.service}: {one.report}" for one in found if one.state != DONE)
            raise CommandError(Code.TIMEOUT, f"not done within {said(terminal.timeout_s)}: {reports}")
        session.pause(EVERY_S)


def _is_failed(one: RolloutStatus) -> bool:
    """Whether it has ended in another way than it was meant to. Paused by an operator it has not ended."""
    return one.state == ROLLED_BACK or one.paused_by == FAILURES


@contextmanager
def _screen(is_live: bool) -> Iterator[Live | None]:
    if not is_live:
        yield None
        return
    with Live(console=console(), auto_refresh=False) as live:
        yield live


class _Page:
    """What was shown last, so that only what changed is said again."""

    def __init__(self, terminal: Terminal, live: Live | None) -> None:
        self._is_json, self._live = terminal.is_json, live
        self._shown: dict[str, RolloutStatus] = {}
        self._lanes: dict[tuple[str, str], Lane] = {}

    def turn(self, found: Found) -> None:
        """Show how things are now."""
        if self._live is not None:
            self._live.update(picture(found), refresh=True)
            return
        for one in found:
            if self._shown.get(one.service) != one:
                self._tell(one)
                self._shown[one.service] = one

    def _tell(self, one: RolloutStatus) -> None:
        if self._is_json:
            print_json(one, in_line=True)
            return
        before = self._shown.get(one.service)
        if before is None or title(before) != title(one):
            print(title(one), flush=True)
        for lane in one.lanes:
            if self._lanes.get((one.id, lane.task)) != lane:
                self._lanes[one.id, lane.task] = lane
                print(f"{one.service}: {': '.join(filter(None, (lane.node, lane.state, lane.reason)))}", flush=True)


def title(one: RolloutStatus) -> str:
    """The update as a whole in one line."""
    phase = f", {one.phase}" if one.phase else ""
    reasons = f" ({'; '.join(one.reasons[:1])})" if one.reasons else ""
    return f"{one.service}: {one.state}{phase}, revision {one.revision}: {one.report}{reasons}"


def picture(found: Found) -> Group:
    """All updates with their lanes, the troubled ones first."""
    return Group(*(part for one in found for part in _parts(one)))


def _parts(one: RolloutStatus) -> list[RenderableType]:
    rows = ((lane.node, lane.task, lane.state, lane.reason) for lane in sorted(one.lanes, key=_rank))
    lanes: list[RenderableType] = [table(("node", "task", "state", "reason"), rows)] if one.lanes else []
    return [title(one), *lanes, ""]


def _rank(lane: Lane) -> tuple[int, str]:
    return ORDER.index(lane.state) if lane.state in ORDER else 0, lane.task
