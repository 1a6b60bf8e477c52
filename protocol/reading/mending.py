"""A manifest with faults in its structure → the same with its faulty parts replaced, so that the rest can be checked, too.

What stands for a faulty part is only as good as its existence: others may refer to it, and nothing else may follow from it. So
nothing is said of such a part, nor of any use of it. Where the faults are in the top of the file, in a name, or where what stands
there is no mapping, nothing is checked: too much might follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.reading.document import Path
from protocol.reading.draft import Misfit
from protocol.shapes import JsonValue

STAND_INS: dict[str, dict[str, JsonValue] | None] = {
    "services": {"image": "x"},
    "functions": {"image": "x"},
    "networks": {},
    "volumes": {},
    "configs": {"content": ""},
    "secrets": {"content": ""},
    "sensors": None,
    "actuators": None,
    "x-bramble": None,
}
"""What stands for a faulty entry of a section; None where there is nothing that fits, so it is left out."""

USES = {"networks": "networks", "sensors": "triggers"}
"""Where others use entries of a section in a way that depends on what such an entry says."""

_ENTRY = 2
"""A section and a name."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What can be read in spite of the faults, and the entries that were faulty."""

    content: JsonValue
    faulty: frozenset[Path]

    def of_the_rest(self, misfits: Iterable[Misfit]) -> list[Misfit]:
        """The misfits that do not come from what was replaced."""
        spoilt = {USES[str(section)] for section, _ in self.faulty if section in USES}
        return [one for one in misfits if one.path[:_ENTRY] not in self.faulty and spoilt.isdisjoint(one.path)]


def mended(content: JsonValue, faults: Iterable[Path]) -> Mended | None:
    """Replace what is faulty; None where that cannot be done."""
    faulty = {path[:_ENTRY] for path in faults}
    if not isinstance(content, dict) or any(len(path) < _ENTRY or path[0] not in STAND_INS for path in faulty):
        return None
    whole = dict(content)
    for section, name in faulty:
        entries = whole[str(section)]
        if not isinstance(entries, dict):
            return None
        stand_in = STAND_INS[str(section)]
        rest = {key: entry for key, entry in entries.items() if key != name}
        whole[str(section)] = rest if stand_in is None else {**rest, str(name): stand_in}
    return Mended(whole, frozenset(faulty))
