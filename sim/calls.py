"""What triggers with a memory call: each of them just once, never early, and nothing after its cause is over.

An oracle of its own beside `protocol.triggers.memory`: it goes by the events of one button that a node has committed, and by the
calls that the same store has taken with them. The stack is `sim.watch`'s. Nobody's word counts but the commit's, so what a crash
between two commits does shows here. After a boot, and with another card, what was gathered is uncertain for a while: then only what
must never be is checked, a call that is early, twice, or for what was over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.decide.effects import Note
from protocol.desired import Invocation
from protocol.observed import Result, SensorEvent
from sim.node import SimNode
from sim.violation import ViolationError

STACK, SENSOR = "watch", "gate"
COOLDOWN_S, FOR_S, WITHIN_S, SEQUENCE_S, EVERY_S = 10.0, 3.0, 10.0, 4.0, 5.0
ABOVE = 2
LATE_S = 60.0
"""From when something is due to the turn that takes it: a machine that sleeps, and a store that is opened first."""

CLOSE_S = 0.05
"""What two ways of reckoning one moment may differ by."""

UNSURE_S = max(COOLDOWN_S, WITHIN_S, SEQUENCE_S) + 1.0
PRESSED, RELEASED = "pressed", "released"

_Call = tuple[str, str]
"""The function that is called, and the id of the event that it is called for."""


@dataclass(slots=True)
class _Seen:
    """What one button has shown and called. `standing` is the event of the press that lasts, and since when it does."""

    life: tuple[int, int] = (0, 0)
    sure_s: float = float("inf")
    presses: list[float] = field(default_factory=list)
    is_met: bool = False
    begun_s: float | None = None
    calm_s: float | None = None
    pulse_s: float | None = None
    standing: tuple[str, float] | None = None
    held: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Calls:
    """The checks."""

    _seen: dict[str, _Seen] = field(default_factory=dict)
    _known: dict[str, set[str]] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        """A node has another card, or an older one."""
        self._seen.pop(name, None)

    def committed(self, name: str, node: SimNode, notes: list[Note], now_s: float) -> None:
        """One commit of a node: the events of its button, in order, with what they call; then what the time has called."""
        if node.node is None:
            return
        calls = self._calls(name, node, notes)
        in_force = {function.name for function in node.node.remembered() if function.stack == STACK}
        seen = self._seen_of(name, node, now_s, is_whole=len(in_force) > 0)
        events = (note.message for note in notes if isinstance(note.message, SensorEvent))
        for event in events:
            if event.sensor == SENSOR and in_force:
                at_s = event.monotonic_ns / 1e9 + node.process.booted_s
                self._event(name, seen, event, at_s, {function for function, id_ in calls if id_ == event.id})
        for function, id_ in calls:
            self._timed(name, seen, (function, id_), now_s)
        if seen.standing is not None and now_s - seen.standing[1] > FOR_S + LATE_S and now_s >= seen.sure_s:
            raise ViolationError(
                "triggers", f"{name} has {SENSOR} pressed since {seen.standing[1]:.3f} and calls nobody"
            )

    def _calls(self, name: str, node: SimNode, notes: list[Note]) -> list[_Call]:
        """What this commit takes, runs or hands on for the first time."""
        known = self._known.setdefault(name, set())
        said = [note.message for note in notes if isinstance(note.message, Invocation | Result)]
        found: dict[str, _Call] = {}
        for run in node.node.runs.values() if node.node is not None else ():
            is_ours = run.stack == STACK and run.attributes.get("node") == name
            found[run.id] = (run.function, run.cause) if is_ours else ("", "")
        for message in said:
            cause = message.cause if isinstance(message, Result) else message.attributes.get("id", "")
            found.setdefault(message.id, (message.function, cause) if message.stack == STACK else ("", ""))
        calls = [call for id_, call in found.items() if id_ not in known and call[0]]
        known.update(found)
        return calls

    def _seen_of(self, name: str, node: SimNode, now_s: float, *, is_whole: bool) -> _Seen:
        """What is known of a button, as far as this life of its node can know it."""
        seen, life = self._seen.setdefault(name, _Seen()), (node.process.boot, node.process.life)
        if not is_whole:
            self._seen[name] = seen = _Seen()
        elif life[0] != seen.life[0]:
            calm_s, held = seen.calm_s, seen.held
            self._seen[name] = seen = _Seen(life, now_s + UNSURE_S, calm_s=calm_s, held=held)
        elif life != seen.life:
            seen.life, seen.standing = life, None  # its sensor is opened anew, and shows nobody's finger
        return seen

    def _event(self, name: str, seen: _Seen, event: SensorEvent, at_s: float, called: set[str]) -> None:
        is_sure = at_s >= seen.sure_s
        if event.type == RELEASED and seen.standing is not None and at_s < seen.standing[1] + FOR_S:
            seen.standing = None
        if event.type != PRESSED:
            return
        due = {"calm": seen.calm_s is None or at_s - seen.calm_s >= COOLDOWN_S}
        seen.presses = [one for one in seen.presses if at_s - one < WITHIN_S] + [at_s]
        is_met, was_met = len(seen.presses) > ABOVE, seen.is_met
        due["often"], seen.is_met = is_met and not was_met, is_met
        is_second = seen.begun_s is not None and at_s - seen.begun_s < SEQUENCE_S
        due["twice"], seen.begun_s = is_second, None if is_second else at_s
        for function, is_due in due.items():
            if (function in called) != is_due and (is_sure or (function == "calm" and function in called)):
                does = "calls" if function in called else "does not call"
                raise ViolationError("triggers", f"{name} {does} {function} for the press at {at_s:.3f}")
        seen.calm_s = at_s if "calm" in called else seen.calm_s
        seen.standing = seen.standing or (event.id, at_s)

    def _timed(self, name: str, seen: _Seen, call: _Call, now_s: float) -> None:
        match call:
            case ("held", cause):
                if cause in seen.held:
                    raise ViolationError("triggers", f"{name} calls held twice for {cause}")
                if seen.standing is None or seen.standing[0] != cause or now_s < seen.standing[1] + FOR_S - CLOSE_S:
                    raise ViolationError(
                        "triggers", f"{name} calls held for {cause}, which has not stood for {FOR_S} s"
                    )
                seen.held.add(cause)
                seen.standing = None
            case ("pulse", _):
                if seen.pulse_s is not None and now_s - seen.pulse_s < EVERY_S / 2 - CLOSE_S:
                    raise ViolationError("triggers", f"{name} calls pulse after {now_s - seen.pulse_s:.3f} s")
                seen.pulse_s = now_s
