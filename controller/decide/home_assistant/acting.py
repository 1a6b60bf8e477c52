"""Actuators as Home Assistant shows them: lights, switches, a siren, numbers, texts and a choice, by the sort of their values.

What each takes is `protocol.actuator_words`' word; the way back, from what Home Assistant says to a value, is `payloads`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from controller.decide.home_assistant.desk import Sort
from controller.decide.home_assistant.entity import Entity, Maker, Stated
from protocol.actuator_words import ACTUATORS
from protocol.actuator_words import Sort as Values
from protocol.desired import ActuatorSpec
from protocol.ids import service_key
from protocol.observed import DeviceStatus
from protocol.options import place_of
from protocol.shapes import JsonValue
from protocol.values import COLOURS, limits_of, number_of

SCALE = 255
"""Home Assistant's brightness; its colours have as much of each."""

PERCENT = 100

LIGHTS = ("off", "red", "amber", "green", "red+amber", "red+green", "amber+green", "on")
"""All that three lights can show."""

LIGHT_KINDS: Mapping[str, str] = MappingProxyType({"led": "onoff", "pwm-led": "brightness", "rgb-led": "rgb"})
"""Kind → the colour mode of its light."""

EFFECTS: Mapping[str, tuple[str, ...]] = MappingProxyType({"led": ("blink",), "pwm-led": ("blink",)})
_TONES = "(off|[A-Ga-g][#b]?[0-8]|[0-9]{2,5}([.][0-9]+)?)?"
"""A note or a frequency. What a text stands at must match its pattern as well, so nothing matches, too."""

SIREN = "buzzer"
SIREN_TONES = ("beep",)


def name_of(spec: ActuatorSpec) -> str:
    """What an actuator is called among the things of its node."""
    return service_key(spec.stack, spec.name)


def entities(maker: Maker, spec: ActuatorSpec) -> tuple[Entity, ...]:
    """All that one actuator is in Home Assistant; none for a kind that only a newer agent knows."""
    if spec.kind not in ACTUATORS:
        return ()
    platform, config = _form(spec)
    name = name_of(spec)
    told = {"name": spec.name, "cmd_t": maker.command(Sort.ACTUATOR, name)}
    made = [_renamed(maker.stateful(platform, Sort.ACTUATOR, name, **told, **config))]
    if ACTUATORS[spec.kind].sort in _LIMP:
        pressed: dict[str, JsonValue] = {"name": f"{spec.name} off", "pl_prs": "off"}
        made.append(maker.entity("button", Sort.OFF, name, cmd_t=maker.command(Sort.OFF, name), **pressed))
    return tuple(made)


def shown(spec: ActuatorSpec, status: DeviceStatus | None) -> Stated:
    """How an actuator stands by its node's status."""
    fault = status.fault if status else ""
    value = status.value if status and not fault else ""
    attributes: dict[str, JsonValue] = {"kind": spec.kind, "place": place_of(spec), "value": value}
    if fault:
        attributes["fault"] = fault
    if spec.kind in LIGHT_KINDS:
        return Stated(_on_off(value), attributes, _light(spec, value))
    return Stated(_state(spec, value), attributes)


def colour_of(value: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour that was taken; without one it is white."""
    digits = value.removeprefix("#") if value.startswith("#") else COLOURS["white"].removeprefix("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


_LIMP = frozenset({Values.POSITION, Values.ANGLE, Values.TONE})
"""Off is none of their values."""


def _renamed(entity: Entity) -> Entity:
    """A light reads its JSON itself, a siren has another name for its template, and to a text `None` would be a text."""
    config = dict(entity.config)
    if entity.platform == "text":
        config["val_tpl"] = "{{ value_json.state or '' }}"
    if entity.platform in ("light", "siren"):
        template = config.pop("val_tpl")
        if entity.platform == "siren":
            config["stat_val_tpl"] = template
    return Entity(entity.id, entity.platform, config, entity.state)


def _form(spec: ActuatorSpec) -> tuple[str, dict[str, JsonValue]]:
    """The platform of an actuator, and what it is told of its values."""
    if spec.kind in LIGHT_KINDS:
        effects = EFFECTS.get(spec.kind, ())
        mode = LIGHT_KINDS[spec.kind]
        light: dict[str, JsonValue] = {"schema": "json", "sup_clrm": [mode], "flsh": False, "trns": False}
        light |= {} if mode == "onoff" else {"brightness": True, "bri_scl": SCALE}
        return "light", light | ({"effect": True, "fx_list": list(effects)} if effects else {})
    if spec.kind == SIREN:
        return "siren", {"av_tones": list(SIREN_TONES), "sup_dur": False, "sup_vol": False}
    return _FORMS[ACTUATORS[spec.kind].sort](spec)


def _switch(_: ActuatorSpec) -> tuple[str, dict[str, JsonValue]]:
    return "switch", {"pl_on": "ON", "pl_off": "OFF"}


def _between(least: float, most: float, step: float, unit: str = "") -> tuple[str, dict[str, JsonValue]]:
    unit_key: dict[str, JsonValue] = {"unit_of_meas": unit} if unit else {}
    return "number", {"min": least, "max": most, "step": step, "mode": "slider", **unit_key}


def _angle(spec: ActuatorSpec) -> tuple[str, dict[str, JsonValue]]:
    least, most = limits_of(spec)
    return _between(least, most, 1, "°")


def _tone(_: ActuatorSpec) -> tuple[str, dict[str, JsonValue]]:
    return "text", {"min": 0, "max": 20, "ptrn": _TONES}


def _pattern(spec: ActuatorSpec) -> tuple[str, dict[str, JsonValue]]:
    pins = spec.options.get("pins")
    size = len(pins) if isinstance(pins, list) else 0
    return "text", {"min": 0, "max": 28, "ptrn": f"(on|off|[01]{{{size}}})?"}


_FORMS: Mapping[Values, Callable[[ActuatorSpec], tuple[str, dict[str, JsonValue]]]] = MappingProxyType(
    {
        Values.SWITCH: _switch,
        Values.LEVEL: lambda _: _between(0, PERCENT, 1, "%"),
        Values.COLOUR: _switch,
        Values.TONE: _tone,
        Values.POSITION: lambda _: _between(-1, 1, 0.01),
        Values.ANGLE: _angle,
        Values.SPEED: lambda _: _between(-1, 1, 0.01),
        Values.PATTERN: _pattern,
        Values.BAR: lambda _: _between(-PERCENT, PERCENT, 1, "%"),
        Values.LIGHTS: lambda _: ("select", {"ops": list(LIGHTS)}),
    }
)


def _on_off(value: str) -> JsonValue:
    if not value:
        return None
    return "OFF" if value in ("off", "0", "#000000") else "ON"


def _light(spec: ActuatorSpec, value: str) -> dict[str, JsonValue]:
    """What a light's JSON says beside its state. A colour is said at its full brightness, and how bright it is beside it."""
    mode = LIGHT_KINDS[spec.kind]
    extra: dict[str, JsonValue] = {"color_mode": mode} if value else {}
    if spec.kind in EFFECTS:
        extra["effect"] = value if value in EFFECTS[spec.kind] else None
    if mode == "brightness" and _on_off(value) == "ON":
        extra["brightness"] = round((number_of(value) or 1.0) * SCALE) or 1
    if mode == "rgb" and value:
        rgb = colour_of(value)
        most = max(rgb)
        red, green, blue = (round(part * SCALE / most) for part in rgb) if most else (SCALE, SCALE, SCALE)
        extra |= {"color": {"r": red, "g": green, "b": blue}, **({"brightness": most} if most else {})}
    return extra


_ENDS: Mapping[Values, Mapping[str, float]] = MappingProxyType(
    {
        Values.LEVEL: {"on": 1.0, "off": 0.0},
        Values.POSITION: {"min": -1.0, "mid": 0.0, "max": 1.0},
        Values.SPEED: {"off": 0.0, "forward": 1.0, "backward": -1.0},
        Values.BAR: {"on": 1.0, "off": 0.0},
    }
)
"""What the words of a number mean as one."""


def _state(spec: ActuatorSpec, value: str) -> JsonValue:
    sort = ACTUATORS[spec.kind].sort if spec.kind in ACTUATORS else Values.SWITCH
    if sort is Values.SWITCH:
        return _on_off(value)
    if sort in (Values.TONE, Values.PATTERN, Values.LIGHTS):
        return value or None
    number = angle_of(spec, value) if sort is Values.ANGLE else _ENDS[sort].get(value, number_of(value))
    if number is None:
        return None
    return round(number * PERCENT, 2) if sort in (Values.LEVEL, Values.BAR) else number


def angle_of(spec: ActuatorSpec, value: str) -> float | None:
    """The angle that a value means; none for a servo that is limp."""
    least, most = limits_of(spec)
    return {"min": least, "mid": (least + most) / 2, "max": most}.get(value, number_of(value))
