"""When the clock on the wall calls a function: at each time of its trigger's cron expression, in the node's own zone.

The rules are those of `schedules`: the mark of how far a schedule was followed is committed together with the calls, and never goes
back. Times that were missed (the node was off, its engine away, its clock behind) are made good as
`catchup` says, if they are no older than `max_age_s`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from agent.decide import invocations, schedules
from agent.decide.hosting import can_take
from agent.decide.marks import Mark
from agent.decide.node import Node, Now
from protocol.desired import Invocation
from protocol.ids import service_key
from protocol.trigger import Catchup, TriggerSpec
from protocol.triggers import matching

ON_TIME_S = 60.0
# What a time may be late and is not missed: schedules count in minutes, and a busy Pi holds turns up for seconds.
AT_ONCE_MOST = 100
# Calls of one trigger in one turn; what is left comes in the next, so that a month of minutes holds nothing up.


def fire(node: Node, now: Now) -> None:
    """Call what has come, and follow the schedules that are in force."""
    wanted = node.directory.timetables
    for key in node.timetables:
        if key not in wanted:
            node.timetables.drop(key)
    for key, place in wanted.items():
        if not can_take(node, place[0]):
            continue
        mark = schedules.marked(node.timetables.get(key), matching.spec_of(place).schedule, now)
        node.timetables.put(key, _reached(node, place, mark, now) if now.is_past(mark.due_epoch_s) else mark)


def _reached(node: Node, place: matching.Place, mark: Mark, now: Now) -> Mark:
    """One or more times have come: the calls that are made for them, and the mark behind them."""
    spec, (function, _) = matching.spec_of(place), place
    times = list(_called_for(spec, mark, now))
    for epoch_s in times:
        invocations.take(node, _tick(node, place, epoch_s, now), now)
        node.tally("planned_calls", service_key(function.stack, function.name), "called")
    if not times:
        node.tally("planned_calls", service_key(function.stack, function.name), "missed")
    is_all_done = len(times) < AT_ONCE_MOST
    return replace(schedules.reckoned(mark.schedule, now.epoch_s if is_all_done else times[-1], now), skipped=0)


def _called_for(spec: TriggerSpec, mark: Mark, now: Now) -> Iterator[float]:
    """The planned times that are called for now, the oldest first."""
    late_s = ON_TIME_S if spec.catchup is Catchup.SKIP else spec.max_age_s
    after_s = max(mark.upto_epoch_s, now.epoch_s - late_s)
    if spec.catchup is Catchup.ALL:
        for _ in range(AT_ONCE_MOST):
            after_s = schedules.next_time(spec.schedule, after_s, now)
            if not now.is_past(after_s):
                return
            yield after_s
    elif now.is_past(first_s := schedules.next_time(spec.schedule, after_s, now)):
        yield first_s


def _tick(node: Node, place: matching.Place, epoch_s: float, now: Now) -> Invocation:
    function, number = place
    planned = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    source = f"/bramble/{node.fleet}/node/{node.name}/timer/{function.name}"
    said = {"source": source, "time": now.wall, "planned": planned, "node": node.name, "clock": str(now.clock)}
    return matching.tick(f"{node.stream}-tick-{node.count('tick')}", function, number, said)
