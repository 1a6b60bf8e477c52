"""The words of what is wired to the header in another way than one pin that is on or off. Pure, like `protocol.devices`.

What is written of them is in `protocol.manifest.sensing_wired`; how they are read in `sensors.watch` (those with edges) and
`sensors.gauges` (those that are asked).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protocol.sensor_words import CHANGED, Nature, SensorWords, measured

CLICK, DOUBLE_CLICK, MULTI_CLICK = CLICKED = ("click", "double-click", "multi-click")
HELD = "held"
PRESSES = ("pressed", "released", HELD, *CLICKED)

CONVERTERS = (
    "mcp3001", "mcp3002", "mcp3004", "mcp3008", "mcp3201", "mcp3202", "mcp3204", "mcp3208", "mcp3301", "mcp3302", "mcp3304",
)  # fmt: skip
"""Microchip's converters that gpiozero reads: 10, 12 and 13 bits; the last digit is the number of channels, but for the 33xx."""

WIRED: Mapping[str, SensorWords] = MappingProxyType(
    {
        "button-board": SensorWords(PRESSES, None, Nature.PARTS),
        "rotary-encoder": SensorWords(("clockwise", "counter-clockwise"), "steps", Nature.TURNS),
        "distance": SensorWords((CHANGED, "out-of-range", "in-range"), "m", Nature.NUMBER),
        "light": SensorWords((CHANGED, "light", "dark"), "", Nature.NUMBER),
        **{kind: measured("") for kind in CONVERTERS},
    }
)
