"""What a device takes of its node: pins, a device of a bus, a channel. Two devices that exclude each other do not go together.

Most is taken alone. The wires of a bus are shared by whatever speaks on that bus, and a chip by the channels that are read from it,
so a claim may say with whom it is shared; those who say the same get on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.desired import ActuatorSpec, SensorSpec

Spec = SensorSpec | ActuatorSpec

PIN_KEYS = ("pin", "a", "b", "trigger", "echo", "red", "amber", "green", "blue", "forward", "backward", "enable")
"""The options that hold one pin each; `pins` is a list of them, `buttons` names them."""

SPI_WIRES = (9, 10, 11)
"""BCM numbers of MISO, MOSI and clock of the first SPI bus, the one that every 40-pin header has."""

SPI_SELECTS = {"spi0.0": 8, "spi0.1": 7}
"""Device of that bus, as in /dev/spidev0.0 → BCM number of the pin that selects it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing of a node; empty `shared` means for itself alone."""

    what: str
    shared: str = ""

    def excludes(self, other: Claim) -> bool:
        """Whether the two cannot both be had."""
        return self.what == other.what and not (self.shared and self.shared == other.shared)


def own_pins_of(spec: Spec) -> tuple[int, ...]:
    """The BCM numbers of the pins that a device has for itself alone."""
    options = spec.options
    several, named = options.get("pins"), options.get("buttons")
    found = [options.get(key) for key in PIN_KEYS]
    found += several if isinstance(several, list) else []
    found += named.values() if isinstance(named, dict) else []
    return tuple(pin for pin in found if isinstance(pin, int) and not isinstance(pin, bool))


def spi_of(spec: Spec) -> str:
    """The device of an SPI bus that this one is, `spi0.0`; empty for one that is on no such bus."""
    bus = spec.options.get("bus")
    return bus if isinstance(bus, str) and bus in SPI_SELECTS else ""


def pins_of(spec: Spec) -> tuple[int, ...]:
    """The BCM numbers of all pins that a device uses, those of its bus with them."""
    spi = spi_of(spec)
    return (SPI_SELECTS[spi], *SPI_WIRES) if spi else own_pins_of(spec)


def claims_of(spec: Spec) -> tuple[Claim, ...]:
    """All that a device takes of its node."""
    spi = spi_of(spec)
    if not spi:
        return tuple(Claim(f"pin {pin}") for pin in own_pins_of(spec))
    return (
        Claim(f"channel {spec.options.get('channel', 0)} of {spi}"),
        Claim(spi, spec.kind),
        Claim(f"pin {SPI_SELECTS[spi]}", spi),
        *(Claim(f"pin {pin}", "spi0") for pin in SPI_WIRES),
    )


def are_apart(one: Spec, others: Iterable[Spec]) -> bool:
    """Whether a device takes nothing that one of the others needs."""
    wanted = claims_of(one)
    return not any(mine.excludes(theirs) for other in others for theirs in claims_of(other) for mine in wanted)
