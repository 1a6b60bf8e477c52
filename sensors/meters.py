"""The sensors of this node that are measured: what is asked of them goes to the sampler, what is wrong with them into a status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from protocol.desired import SensorSpec
from protocol.observed import DeviceStatus
from protocol.options import number, place_of
from sensors.probes import PROBES, ROOT
from sensors.sampler import Sampled, Sampler
from sensors.stage import Faulted, Reading

SHORTEST_S = 0.1
"""Ten readings a second of every meter are a thread that is always awake; who wants more wants a pin with edges."""


class Meters:
    """The probes that are open. A spec that stays as it is keeps its probe and its rhythm."""

    def __init__(self, deliver: Callable[[Reading | Faulted], object], root: Path = ROOT) -> None:
        self._sampler, self._root = Sampler(deliver), root
        self._open: dict[str, tuple[SensorSpec, Sampled]] = {}

    def set_all(self, specs: tuple[SensorSpec, ...]) -> tuple[DeviceStatus, ...]:
        """Have exactly these open; a status for each, in the same order. Their values come with their first readings."""
        before, self._open = self._open, {}
        for spec in specs:
            known = before.get(spec.name)
            self._open[spec.name] = known if known is not None and known[0] == spec else (spec, self._sampled(spec))
        self._sampler.keep({name: sampled for name, (_, sampled) in self._open.items()})
        return tuple(DeviceStatus(spec.name, spec.kind, place_of(spec)) for spec in specs)

    def close(self) -> None:
        """Ask nothing any more."""
        self._sampler.close()

    def _sampled(self, spec: SensorSpec) -> Sampled:
        return Sampled(PROBES[spec.kind](spec, self._root), max(SHORTEST_S, number(spec, "every", 30.0)))
