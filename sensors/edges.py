"""From levels of a pin to events: debounce and hold. Pure; every time is a value that comes in.

**The rule.** The first reading is the baseline: it says where the sensor stands and makes no event. Then an *edge* is a reading
whose level differs from the reading before.

- An edge outside a quiet window is reported at once, with the edge's own time, and opens a quiet window `[t, t + debounce)`.
- An edge inside a quiet window is not reported. At the window's end the level is compared with the last reported one: if they
  differ, that event is reported, with the end of the window as its time, and opens a new window. So a lost last edge still
  yields the final state. Windows are measured from what was *reported*: chatter cannot put an event off for ever.
- Two edges that came and went inside windows count as `suppressed`. Once quiet: edges = reported + suppressed.
- A sensor with `held` reports it once, `max(hold, debounce)` after the on event, if no off event came before.

**Invariants.** On and off events alternate and are never closer than the debounce time. Deadlines that a reading has passed are
settled before it, so the events depend on the readings alone and not on when `settle` is called. A reading older than the last
one is ignored; one older than what is already settled counts as of now; a repeated level is no edge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.desired import SensorSpec
from protocol.options import number
from protocol.shapes import JsonValue
from sensors.kinds import SENSORS

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor showed at one moment of the monotonic clock: `value` is true when it is on, whatever the wiring.

    `opening` marks the reading that was made when it was opened: what was known before does not count any more.
    """

    sensor: str
    value: JsonValue
    at_ns: int
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Sensed:
    """One event of one sensor: a name of its kind, when it is deemed to have happened, and the value it left."""

    sensor: str
    event: str
    at_ns: int
    value: JsonValue


@dataclass(frozen=True, slots=True)
class EdgeRule:
    """How one sensor's levels become events."""

    sensor: str
    on: str
    off: str
    held: str
    debounce_ns: int
    hold_ns: int


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What is remembered of one sensor between readings. `level` is the last read, `reported` the last said."""

    rule: EdgeRule
    level: bool | None = None
    reported: bool | None = None
    read_ns: int = 0
    settled_ns: int = 0
    quiet_until_ns: int = 0
    held_at_ns: int | None = None
    suppressed: int = 0

    @property
    def deadline_ns(self) -> int | None:
        """When `settle` will next have something to say; None while nothing is pending."""
        if self.level != self.reported:
            return self.quiet_until_ns
        return self.held_at_ns


def fresh(spec: SensorSpec) -> EdgeState:
    """The state of a sensor that was never read. A hold of 0 means that `held` is never said."""
    kind = SENSORS[spec.kind]
    debounce_ns, hold_ns = (round(number(spec, key) * NS_PER_S) for key in ("debounce", "hold"))
    held = kind.held if hold_ns > 0 else ""
    return EdgeState(EdgeRule(spec.name, kind.on, kind.off, held, debounce_ns, max(hold_ns, debounce_ns)))


def observe(state: EdgeState, read: Reading) -> tuple[EdgeState, tuple[Sensed, ...]]:
    """Take in one reading: the next state, and what is sensed up to and with it."""
    if read.at_ns < state.read_ns:
        return state, ()
    if read.opening or state.level is None:
        return _baseline(state, read), ()
    state, sensed = settle(state, read.at_ns)
    state = replace(state, read_ns=read.at_ns)
    level = bool(read.value)
    if level == state.level:
        return state, sensed
    state = replace(state, level=level)
    if state.settled_ns >= state.quiet_until_ns:
        state, event = _report(state, state.settled_ns)
        return state, (*sensed, event)
    came_and_went = 2 if state.level == state.reported else 0
    return replace(state, suppressed=state.suppressed + came_and_went), sensed


def settle(state: EdgeState, now_ns: int) -> tuple[EdgeState, tuple[Sensed, ...]]:
    """Let the time pass up to `now_ns`: ends of quiet windows, and holds."""
    sensed: tuple[Sensed, ...] = ()
    while (due_ns := state.deadline_ns) is not None and due_ns <= now_ns:
        state, event = _report(state, due_ns) if state.level != state.reported else _hold(state, due_ns)
        sensed = (*sensed, event)
    return replace(state, settled_ns=max(state.settled_ns, now_ns)), sensed


def _baseline(state: EdgeState, read: Reading) -> EdgeState:
    level, settled_ns = bool(read.value), max(state.settled_ns, read.at_ns)
    return EdgeState(state.rule, level, level, read.at_ns, settled_ns, suppressed=state.suppressed)


def _report(state: EdgeState, at_ns: int) -> tuple[EdgeState, Sensed]:
    rule, level = state.rule, bool(state.level)
    state = replace(
        state,
        reported=level,
        quiet_until_ns=at_ns + rule.debounce_ns,
        held_at_ns=at_ns + rule.hold_ns if level and rule.held else None,
    )
    return state, Sensed(rule.sensor, rule.on if level else rule.off, at_ns, level)


def _hold(state: EdgeState, at_ns: int) -> tuple[EdgeState, Sensed]:
    return replace(state, held_at_ns=None), Sensed(state.rule.sensor, state.rule.held, at_ns, value=True)
