"""How far a pull is, added up from what Docker tells of each layer. No clock of its own.

Docker names every layer at the beginning and says the size of each when its turn comes, so the whole is known late, or never where
a registry does not say. What the node had already is no part of it. Told now and then, and only when more has come: whoever reads
it is a person, and each word costs a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.decide.inputs import Pulling

TELL_EVERY_S = 10.0
# A minute's pull is told six times; one that is over sooner, never.

_WHOLE = frozenset({"Verifying Checksum", "Download complete", "Extracting", "Pull complete"})


class Progress:
    """One pull on behalf of `key`; `tell` may be called from any thread."""

    def __init__(self, key: str, tell: Callable[[Pulling], object], clock: Callable[[], float]) -> None:
        self._key, self._tell, self._clock = key, tell, clock
        self._layers: dict[str, tuple[int, int | None]] = {}
        self._told = Pulling(key, 0)
        self._due_mono_s = clock() + TELL_EVERY_S

    def take(self, line: object) -> None:
        """Take in one line of Docker's, and tell if it is time."""
        if isinstance(line, Mapping):
            self._count(str(line.get("id", "")), str(line.get("status", "")), line.get("progressDetail") or {})
        if self._clock() < self._due_mono_s:
            return
        self._due_mono_s = self._clock() + TELL_EVERY_S
        now = self._whole()
        if now != self._told:
            self._told = now
            self._tell(now)

    def _count(self, layer: str, status: str, detail: Mapping[str, Any]) -> None:
        if status == "Pulling fs layer":
            self._layers.setdefault(layer, (0, None))
        elif status == "Downloading":
            size = int(detail.get("total") or 0)
            self._layers[layer] = (int(detail.get("current") or 0), size if size > 0 else None)
        elif status in _WHOLE and layer in self._layers:
            here, total = self._layers[layer]
            self._layers[layer] = (here if total is None else total, here if total is None else total)

    def _whole(self) -> Pulling:
        totals = [total for _, total in self._layers.values()]
        total = sum(one or 0 for one in totals) if totals and None not in totals else None
        return Pulling(self._key, sum(here for here, _ in self._layers.values()), total)
