"""The sensors and functions in force by what one asks for them: a name, a kind, a topic, whoever calls them.

It is worked out once for each change of the sections, and asked in each turn (law 10). Where two share a name, which no controller
lets happen, the first has it.
"""

from __future__ import annotations

from functools import cached_property

from protocol.desired import Sections, SensorSpec
from protocol.function import FunctionSpec, Mode
from protocol.options import pin_of, place_of, text
from protocol.sources import MQTT
from protocol.triggers import matching


class Directory:
    """Of one `Sections`. Whoever reads in it changes nothing."""

    def __init__(self, sections: Sections) -> None:
        """Nothing is worked out before somebody asks."""
        self.sections = sections

    @cached_property
    def sensors(self) -> dict[str, SensorSpec]:
        """By name."""
        return {spec.name: spec for spec in reversed(self.sections.sensors)}

    @cached_property
    def kinds(self) -> dict[str, list[SensorSpec]]:
        """The sensors of each kind."""
        kinds: dict[str, list[SensorSpec]] = {}
        for spec in self.sections.sensors:
            kinds.setdefault(spec.kind, []).append(spec)
        return kinds

    @cached_property
    def topics(self) -> dict[str, list[SensorSpec]]:
        """The sensors that are about each topic of other devices."""
        topics: dict[str, list[SensorSpec]] = {}
        for spec in self.kinds.get(MQTT, ()):
            topics.setdefault(text(spec, "topic"), []).append(spec)
        return topics

    @cached_property
    def listened(self) -> tuple[str, ...]:
        """Those topics, as they are asked for."""
        return tuple(sorted(self.topics))

    @cached_property
    def pins(self) -> dict[str, int | None]:
        """The one pin of each sensor that has one."""
        return {name: pin_of(spec) for name, spec in self.sensors.items()}

    @cached_property
    def places(self) -> dict[str, str]:
        """Where each sensor sits, for people."""
        return {name: place_of(spec) for name, spec in self.sensors.items()}

    @cached_property
    def functions(self) -> dict[tuple[str, str], FunctionSpec]:
        """By stack and name."""
        return {(function.stack, function.name): function for function in reversed(self.sections.functions)}

    @cached_property
    def warm(self) -> tuple[FunctionSpec, ...]:
        """The functions that are kept running."""
        return tuple(function for function in self.sections.functions if function.mode is Mode.WARM)

    @cached_property
    def intervals(self) -> dict[str, matching.Place]:
        """The triggers that call every so often, by their keys."""
        return {key: place for key, place in self._triggers if matching.spec_of(place).every_s > 0}

    @cached_property
    def timetables(self) -> dict[str, matching.Place]:
        """The triggers that the clock on the wall calls, by their keys."""
        return {key: place for key, place in self._triggers if matching.spec_of(place).schedule}

    @cached_property
    def _triggers(self) -> list[tuple[str, matching.Place]]:
        places = [
            (function, number) for function in self.sections.functions for number in range(len(function.triggers))
        ]
        return [(matching.key_of(place), place) for place in places]
