"""The node's pins, and who uses which. The only place that loads gpiozero, and only when a pin is really wanted.

One `Header` per process, used by one thread. It says no in words: an unknown pin, a pin that someone has already, a missing pin
library, all come back as a `Fault` and nothing raises. Pins are driven through gpiozero's `Pin`, not through its devices:
those start threads for some kinds, and close their pins when the interpreter ends, which would undo a safe state.

Pins that were opened and released stay listed with no user: gpiozero keeps them as inputs until the process ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

FACTORY_VARIABLE = "GPIOZERO_PIN_FACTORY"
"""gpiozero's own variable, which people who know gpiozero already set."""

PREFERRED_FACTORIES = ("lgpio", "rpigpio")
"""Tried in this order when nobody chose; gpiozero's other two need a daemon (pigpio) or the removed sysfs interface (native)."""

REMEDY = (
    "install lgpio (`apt install python3-lgpio` and a virtual environment with --system-site-packages, or `pip install lgpio`), "
    f"or set {FACTORY_VARIABLE}=mock to try without pins"
)


UNREADABLE = "unreadable"
"""The function of a pin that does not answer any more."""


class Pin(Protocol):
    """The part of gpiozero's `Pin` that is used here."""

    function: str
    state: Any
    edges: str
    when_changed: Callable[[float, Any], None] | None

    def input_with_pull(self, pull: str) -> None:
        """Make this an input with that pull."""

    def output_with_state(self, state: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        """Make this an output at that level, without a wrong level in between."""

    def close(self) -> None:
        """Make this a plain input."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a pin cannot be had, in one sentence."""

    reason: str


HEADER = tuple(range(28))
"""The BCM numbers on the 40-pin header of every Raspberry Pi since 2014."""


@dataclass(frozen=True, slots=True)
class PinState:
    """One pin as it stands: BCM number, `input`, `output` or `unreadable`, electrical level, and who uses it (empty: nobody)."""

    pin: int
    function: str
    high: bool
    user: str = ""


class Header:
    """The 40 pins of this node. `factory` names a gpiozero pin factory; empty means the environment's, or the first that works."""

    def __init__(self, factory: str = "") -> None:
        self._wanted = factory
        self._loaded = ""
        self._factory: Any = None
        self._pins: dict[int, Pin] = {}
        self._users: dict[int, str] = {}

    @property
    def factory_name(self) -> str:
        """The pin factory in use, or the one that was asked for while none was needed; empty if that is open."""
        return self._loaded or self._choice()

    def find(self, number: int) -> Pin | Fault:
        """One pin, whoever uses it."""
        fault = self._load()
        if fault is not None:
            return fault
        if number not in self._pins:
            try:
                self._pins[number] = self._factory.pin(number)
            except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
                return Fault(f"pin {number} cannot be opened: {_words(error)}")
        return self._pins[number]

    def claim(self, number: int, user: str) -> Pin | Fault:
        """One pin for `user` alone, until it is released."""
        owner = self._users.get(number)
        if owner is not None:
            return Fault(f"pin {number} is used by {owner}, so {user} cannot have it")
        pin = self.find(number)
        if isinstance(pin, Fault):
            return Fault(f"{user}: {pin.reason}")
        self._users[number] = user
        return pin

    def release(self, number: int) -> None:
        """Give a pin back; it becomes an input."""
        self._users.pop(number)
        pin = self._pins[number]
        try:
            pin.when_changed = None  # not every library ends its callbacks when a pin is closed
            pin.close()
        except Exception:  # noqa: BLE001 - see `find`; a pin that cannot be closed is opened anew next time
            del self._pins[number]

    def pins(self) -> tuple[PinState, ...]:
        """Every pin that was touched, by number."""
        return tuple(self.look(number) for number in sorted(self._pins))

    def look(self, number: int) -> PinState:
        """One touched pin as it stands."""
        pin, user = self._pins[number], self._users.get(number, "")
        try:
            return PinState(number, pin.function, bool(pin.state), user)
        except Exception:  # noqa: BLE001 - see `find`
            return PinState(number, UNREADABLE, high=False, user=user)

    def _choice(self) -> str:
        return self._wanted or os.environ.get(FACTORY_VARIABLE, "")

    def _load(self) -> Fault | None:
        if self._factory is not None:
            return None
        reasons = []
        for name in (self._choice(),) if self._choice() else PREFERRED_FACTORIES:
            try:
                self._factory = _new_factory(name)
            except Exception as error:  # noqa: BLE001 - see `find`
                reasons.append(f"{name}: {_words(error)}")
            else:
                self._loaded = name
                return None
        return Fault(f"no pin factory works here ({'; '.join(reasons)}); {REMEDY}")


def _new_factory(name: str) -> Any:
    """A pin factory of its own: gpiozero's global default stays unset, so that nothing closes our pins behind our back."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 0.8 MB that a node without pins does without

    found = entry_points(group="gpiozero_pin_factories", name=name.lower())
    if not found:
        known = sorted(entry.name for entry in entry_points(group="gpiozero_pin_factories"))
        raise LookupError(
            f"there is no such pin factory, only {', '.join(known)}" if known else "gpiozero is not installed"
        )
    return next(iter(found)).load()()


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
