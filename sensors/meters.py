"""The sensors of this node that are measured: what is asked of them goes to the sampler, what is wrong with them into a status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from protocol.desired import SensorSpec
from protocol.observed import DeviceStatus
from protocol.options import number, place_of
from protocol.sources import is_own
from sensors.probes import ROOT, probe_of
from sensors.sampler import Sampled, Sampler
from sensors.stage import Faulted, Reading

SHORTEST_S = 0.1
"""Ten readings a second of every meter are a thread that is always awake; who wants more wants a pin with edges."""

SLOW = frozenset({"iio", "w1", "ping"})
"""Kinds that may keep a reader waiting: a 1-Wire thermometer 0.75 s, a DHT22 0.3 s and again, a host that is away its timeout."""


class Meters:
    """The probes that are open; the slow ones have a thread of their own. A spec that stays keeps its probe and its rhythm."""

    def __init__(self, deliver: Callable[[Reading | Faulted], object], root: Path = ROOT) -> None:
        self._quick, self._slow, self._root = Sampler(deliver), Sampler(deliver), root
        self._open: dict[str, tuple[SensorSpec, Sampled]] = {}

    def set_all(self, specs: tuple[SensorSpec, ...]) -> tuple[DeviceStatus, ...]:
        """Have exactly these open; a status for each, in the same order. Their values come with their first readings."""
        before, self._open = self._open, {}
        for spec in specs:
            known = before.get(spec.name)
            self._open[spec.name] = known if known is not None and known[0] == spec else (spec, self._sampled(spec))
        for sampler, is_slow in ((self._quick, False), (self._slow, True)):
            sampler.keep({name: sampled for name, (spec, sampled) in self._open.items() if _is_slow(spec) == is_slow})
        return tuple(DeviceStatus(spec.name, spec.kind, place_of(spec)) for spec in specs)

    def close(self) -> None:
        """Ask nothing any more."""
        self._quick.close()
        self._slow.close()

    def _sampled(self, spec: SensorSpec) -> Sampled:
        return Sampled(probe_of(spec, self._root), max(SHORTEST_S, number(spec, "every", 30.0)))


def _is_slow(spec: SensorSpec) -> bool:
    return spec.kind in SLOW or is_own(spec.kind)
