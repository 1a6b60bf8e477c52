"""Puts one pin out: from its first moment at the level that is wanted, and pulses as fine as the pin library makes them.

gpiozero's pins do both, but for two things that it does not ask of lgpio though lgpio has them: it claims an output low and raises
it afterwards, which switches a relay that is active low for a moment; and it rounds a pulse to whole percents, which leaves a servo
five positions. So lgpio's pins are put out here, by what their class keeps (tests/sensors/test_outlets.py watches that).

What a pin library raises passes through: whoever puts out tells it.
"""

from __future__ import annotations

from typing import Any

from sensors.header import Pin
from sensors.outputs import Drive

LGPIO_PIN = "LGPIOPin"


def open_at(pin: Pin, *, high: bool) -> None:
    """Make a pin an output that has its level from the first moment."""
    if type(pin).__name__ != LGPIO_PIN:
        pin.output_with_state(high)
        return
    import lgpio  # type: ignore[import-not-found]  # noqa: PLC0415 - who has such a pin has loaded it

    own: Any = pin
    lgpio.gpio_claim_output(own.factory._handle, own._number, int(high))  # noqa: SLF001 - see above


def put(pin: Pin, drive: Drive) -> None:
    """Drive an output. Pulses end at the level that is wanted, before they end, so that none is left over."""
    if drive.pulses_hz is not None:
        _pulse(pin, drive.pulses_hz, drive.high)
        return
    if pin.frequency is not None:
        pin.state = drive.high
        pin.frequency = None
    pin.state = bool(drive.high)


def _pulse(pin: Pin, pulses_hz: float, high: float) -> None:
    if pin.frequency != pulses_hz:
        pin.frequency = pulses_hz
    if type(pin).__name__ != LGPIO_PIN:
        pin.state = high
        return
    own: Any = pin
    own._pwm = (pulses_hz, 100.0 * high)  # noqa: SLF001 - what its frequency is put out with, unrounded
    pin.frequency = pulses_hz
