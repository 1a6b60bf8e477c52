"""A finger on a mock pin, for demonstrations and tests. Real pins are never driven from outside: they are refused.

Levels here are electrical (high or low), as a wire would be; `sensors.kinds.high_for` says which level makes an event.
"""

from __future__ import annotations

from protocol.refusal import Refusal
from sensors.header import FACTORY_VARIABLE, MOCK, Fault, Header, PinState


def drive(header: Header, number: int, *, high: bool) -> PinState | Refusal:
    """Put an input mock pin to a level; whoever watches it is called before this returns."""
    if not header.is_mock:
        return Refusal(f"pin {number} is real, and only mock pins can be driven (set {FACTORY_VARIABLE}={MOCK})")
    pin = header.find(number)
    if isinstance(pin, Fault):
        return Refusal(pin.reason)
    before = header.look(number)
    if before.function != "input":
        return Refusal(f"pin {number} is an output, used by {before.user or 'nobody'}; only inputs can be driven")
    getattr(pin, "drive_high" if high else "drive_low")()
    return header.look(number)
