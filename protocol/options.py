"""The options of a device, read by those who use them: what a manifest said of it, checked there and complete.

An option that an older or a newer controller left out, or wrote otherwise, is as if nothing had been said of it.
"""

from __future__ import annotations

from protocol.claims import Spec, claims_of, own_pins_of, spi_of


def number(spec: Spec, key: str, default: float = 0.0) -> float:
    """A number, or a duration in seconds."""
    value = spec.options.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def text(spec: Spec, key: str, default: str = "") -> str:
    """A word."""
    value = spec.options.get(key)
    return value if isinstance(value, str) else default


def flag(spec: Spec, key: str, *, default: bool) -> bool:
    """Yes or no."""
    value = spec.options.get(key)
    return value if isinstance(value, bool) else default


def pin_of(spec: Spec) -> int | None:
    """The pin of a device that has exactly one."""
    pins = own_pins_of(spec)
    return pins[0] if len(pins) == 1 else None


def place_of(spec: Spec) -> str:
    """Where a device sits, for people; empty where that goes without saying."""
    if spi_of(spec):
        return claims_of(spec)[0].what
    return " and ".join(f"pin {pin}" for pin in own_pins_of(spec)) or _source_of(spec)


def _source_of(spec: Spec) -> str:
    """What a source is about: a path, a topic, a host, or a chip and its channel."""
    parts = [text(spec, key) for key in ("path", "topic", "host", "interface", "match", "service", "channel")]
    return " ".join(part for part in parts if part)
