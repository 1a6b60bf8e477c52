"""What Home Assistant says to an actuator, as the value that an operator would say; `protocol.values` judges it then.

A switch says ON or OFF, a light and a siren say JSON, a number a number. Whatever is none of these is refused with what was
expected.
"""

from __future__ import annotations

from controller.decide.home_assistant.acting import EFFECTS, LIGHT_KINDS, PERCENT, SCALE, SIREN, SIREN_TONES, colour_of
from protocol.actuator_words import ACTUATORS
from protocol.actuator_words import Sort as Values
from protocol.desired import ActuatorSpec
from protocol.envelope import read_json
from protocol.refusal import Refusal
from protocol.shapes import JsonValue
from protocol.values import number_of, taken

SHOWN = 40
"""Characters of a wrong payload that its refusal repeats."""

_SWITCHED = {"ON": "on", "OFF": "off"}


def value(spec: ActuatorSpec, payload: str, present: str) -> str | Refusal:
    """The value that a payload means for an actuator that stands at `present`, in the spelling of its kind."""
    meant = _meant(spec, payload.strip(), present)
    return meant if isinstance(meant, Refusal) else taken(spec, meant)


def _meant(spec: ActuatorSpec, payload: str, present: str) -> str | Refusal:
    if payload in _SWITCHED:
        return _SWITCHED[payload]
    if spec.kind in LIGHT_KINDS or spec.kind == SIREN:
        document = read_json(payload.encode())
        if not isinstance(document, dict) or document.get("state") not in tuple(_SWITCHED):  # it may be a list
            return _refused(spec, payload, 'ON, OFF or an object with such a `state`: `{"state": "ON"}`')
        return _siren(spec, document) if spec.kind == SIREN else _light(spec, document, present)
    if ACTUATORS[spec.kind].sort in (Values.LEVEL, Values.BAR):
        number = number_of(payload)
        if number is None or payload.endswith("%"):
            return _refused(spec, payload, "a number of percent")
        return f"{number / PERCENT:.10g}"
    return payload


def _siren(spec: ActuatorSpec, said: dict[str, JsonValue]) -> str | Refusal:
    tone = said.get("tone")
    if said["state"] == "OFF" or tone is None:
        return _SWITCHED[said["state"]]
    return str(tone) if tone in SIREN_TONES else _refused(spec, f"{tone}", f"the tone {' or '.join(SIREN_TONES)}")


def _light(spec: ActuatorSpec, said: dict[str, JsonValue], present: str) -> str | Refusal:
    if said["state"] == "OFF":
        return "off"
    effect, brightness, colour = said.get("effect"), said.get("brightness"), said.get("color")
    if effect is not None:
        known = EFFECTS.get(spec.kind, ())
        return str(effect) if effect in known else _refused(spec, f"{effect}", f"the effect {' or '.join(known)}")
    if brightness is not None and not _is_part(brightness):
        return _refused(spec, f"{brightness}", f"a brightness from 0 to {SCALE}")
    share = 1.0 if brightness is None else brightness / SCALE
    if LIGHT_KINDS[spec.kind] == "rgb":
        return _coloured(spec, colour, share, present, is_dimmed=brightness is not None)
    return "on" if brightness is None else f"{share:.4f}"


def _coloured(
    spec: ActuatorSpec, colour: JsonValue, share: float, present: str, *, is_dimmed: bool
) -> str | Refusal:  # fmt: skip
    """A colour, as bright as is said, or as it is now; alone, a brightness is for the colour that is there."""
    if colour is None and not is_dimmed:
        return "on" if present in ("", "off") else present
    rgb: tuple[JsonValue, ...] = colour_of(present)
    most = max(colour_of(present)) or SCALE
    if isinstance(colour, dict):
        rgb = (colour.get("r"), colour.get("g"), colour.get("b"))
        if not all(map(_is_part, rgb)):
            return _refused(spec, f"{colour}", f"r, g and b from 0 to {SCALE}")
        share, most = (share if is_dimmed else most / SCALE), SCALE
    elif colour is not None:
        return _refused(spec, f"{colour}", "a colour of r, g and b")
    return "#" + "".join(f"{min(SCALE, round(part * share * SCALE / most)):02x}" for part in rgb)


def _is_part(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= SCALE


def _refused(spec: ActuatorSpec, said: str, expected: str) -> Refusal:
    return Refusal(f"{spec.kind} takes {expected}, not {said[:SHOWN]!r}", spec.name)
