"""The node's pins, and who uses which. The only place that loads gpiozero, and only when a pin is really wanted.

One `Header` per process, used by one thread. It says no in words: an unknown pin, a pin that someone has already, a missing pin
library, all come back as a `Fault` and nothing raises. Pins are driven through gpiozero's `Pin`, not through its devices:
those start threads for some kinds, and close their pins when the interpreter ends, which would undo a safe state.

Pins that were opened and released stay listed with no user: gpiozero keeps them as inputs until the process ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from protocol.claims import Claim, Spec, claims_of, own_pins_of
from protocol.options import place_of

FACTORY_VARIABLE = "GPIOZERO_PIN_FACTORY"
"""gpiozero's own variable, which people who know gpiozero already set."""

MOCK = "mock"

MOCK_PIN_VARIABLE = "GPIOZERO_MOCK_PIN_CLASS"
"""gpiozero's own variable for another class of mock pins."""

PREFERRED_FACTORIES = ("lgpio", "rpigpio", "pigpio", "native")
"""Tried in this order when nobody chose, as gpiozero does. Mock is never among them: a lamp that only seems to be on is worse than
one that says why it is not. Who wants that says so, and the last resort too: `lgpio,mock`."""

REMEDY = (
    "install lgpio (`apt install python3-lgpio` and a virtual environment with --system-site-packages, or `pip install lgpio`), "
    f"or set {FACTORY_VARIABLE}={MOCK} to try without pins"
)


FIXED_PULL = "PinFixedPull"
FIXED_PULL_REMEDY = "choose another pin, or `pull: up` where the kind has it"
"""What gpiozero calls it where the board has a resistor: on GPIO 2 and 3, but not on those of a Compute Module."""

UNREADABLE = "unreadable"
"""The function of a pin that does not answer any more."""


class Pin(Protocol):
    """The part of gpiozero's `Pin` that is used here."""

    function: str
    state: Any
    frequency: float | None
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
    """The 40 pins of this node. `factory` names gpiozero pin factories to try; empty means the environment's, or whatever works."""

    def __init__(self, factory: str = "") -> None:
        self._wanted = factory
        self._loaded = ""
        self._factory: Any = None
        self._pins: dict[int, Pin] = {}
        self._users: dict[str, tuple[Claim, ...]] = {}

    @property
    def factory_name(self) -> str:
        """The pin factory in use, or what was asked for while none was needed; empty if that is open."""
        return self._loaded or self._choice()

    @property
    def is_mock(self) -> bool:
        """Whether pins exist in memory only."""
        return self.factory_name.lower().partition(" ")[0] == MOCK

    def converter(self, kind: str, options: Mapping[str, Any]) -> Any:
        """A device of gpiozero's for a converter on the SPI bus; may raise. It only reads: gpiozero may close it when it likes."""
        fault = self._load()
        if fault is not None:
            raise OSError(fault.reason)
        import gpiozero  # noqa: PLC0415 - loaded already, with the pin factory

        if self.is_mock:
            gpiozero.Device.pin_factory = self._factory  # its software bus takes the global one, whatever it is given
        chip = getattr(gpiozero, kind.upper())(pin_factory=self._factory, **options)
        if not self.is_mock and type(chip._spi).__name__.startswith("SPISoftware"):  # noqa: SLF001 - it only warns of that
            chip.close()
            raise OSError("the pin library has no hardware SPI here; install lgpio, or spidev for RPi.GPIO")
        return chip

    def find(self, number: int) -> Pin | Fault:
        """One pin, whoever uses it."""
        fault = self._load()
        if fault is not None:
            return fault
        if number not in self._pins:
            try:
                self._pins[number] = self._factory.pin(number)
            except Exception as error:  # noqa: BLE001 - every pin library behind gpiozero raises classes of its own
                return Fault(f"pin {number} cannot be opened: {words(error)}")
        return self._pins[number]

    def claim(self, spec: Spec, user: str) -> tuple[Pin, ...] | Fault:
        """All that a device needs for `user`, who has nothing yet, until it is released; its own pins in their order."""
        for wanted in claims_of(spec):
            owner = self._owner(wanted)
            if owner:
                return Fault(f"{wanted.what} is used by {owner}, so {user} cannot have it")
        numbers = own_pins_of(spec)
        if len(set(numbers)) < len(numbers):
            return Fault(f"{user}: one pin is named twice ({place_of(spec)})")
        pins = []
        for number in numbers:
            pin = self.find(number)
            if isinstance(pin, Fault):
                return Fault(f"{user}: {pin.reason}")
            pins.append(pin)
        self._users[user] = claims_of(spec)
        return tuple(pins)

    def release(self, spec: Spec, user: str) -> None:
        """Give back what a user has; its pins become inputs."""
        self._users.pop(user)
        for number in own_pins_of(spec):
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
        pin, user = self._pins[number], self._owner(Claim(f"pin {number}"))
        try:
            return PinState(number, pin.function, bool(pin.state), user)
        except Exception:  # noqa: BLE001 - see `find`
            return PinState(number, UNREADABLE, high=False, user=user)

    def _owner(self, wanted: Claim) -> str:
        """Who has what excludes a claim; empty: nobody."""
        return next(
            (user for user, claims in self._users.items() if any(wanted.excludes(claim) for claim in claims)), ""
        )

    def _choice(self) -> str:
        return self._wanted or os.environ.get(FACTORY_VARIABLE, "")

    def _load(self) -> Fault | None:
        if self._factory is not None:
            return None
        choice = tuple(name.strip() for name in self._choice().split(",") if name.strip())
        reasons = []
        for name in choice or PREFERRED_FACTORIES:
            try:
                self._factory = _new_factory(name)
            except Exception as error:  # noqa: BLE001 - see `find`
                reasons.append(f"{name}: {words(error)}")
            else:
                self._loaded = f"{name} ({'; '.join(reasons)})" if reasons and name.lower() == MOCK else name
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
    factory = next(iter(found)).load()()
    if name.lower() == MOCK:
        _with_pulses(factory)
    return factory


def _with_pulses(factory: Any) -> None:
    """Have mock pins do all that a pin of a Raspberry Pi does; gpiozero's usual ones refuse pulses."""
    from gpiozero.pins.mock import MockPWMPin  # noqa: PLC0415 - gpiozero is loaded only when a pin is wanted

    if not os.environ.get(MOCK_PIN_VARIABLE):
        factory.pin_class = MockPWMPin


def words(error: Exception) -> str:
    """What a library's exception says, or at least its name; of a pull that the board has fixed also what to do."""
    said, name = str(error), type(error).__name__
    return f"{said}; {FIXED_PULL_REMEDY}" if name == FIXED_PULL else said or name
