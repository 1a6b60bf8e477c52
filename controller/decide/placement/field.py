"""The nodes that would take a service by what they are, whatever is placed on them: shared by all services that ask for the same.

Made once by a look at every node; from then on only nodes that changed are looked at again (law 10).
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.placement.filters import BROKEN, LEAVING, PASSING, Candidate, any_objection, candidate
from controller.decide.placement.need import Need
from controller.decide.placement.room import Journal

FIELDS_KEPT = 32
"""What is asked of nodes rarely differs: a few labels, two architectures. The one that was used longest ago goes first."""

LASTING = (*LEAVING, *BROKEN, *PASSING)


class Field:
    """The candidates for one kind of need, by name; `changed` names those that came, went, or are others than before."""

    __slots__ = ("_need", "changed", "position", "seats")

    def __init__(self, fleet: Fleet, need: Need) -> None:
        self._need = need
        self.position = fleet.rooms.changed.end
        self.changed = Journal()
        self.seats: dict[str, Candidate] = {}
        for name in fleet.nodes:
            self._look(fleet, name)

    def holds(self, fleet: Fleet, need: Need) -> bool:
        """Whether it can still be brought up to date."""
        return need.templated == self._need.templated and fleet.rooms.changed.remembers(self.position)

    def catch_up(self, fleet: Fleet) -> None:
        """Look again at the nodes that changed."""
        changed = fleet.rooms.changed
        if self.position != changed.end:
            for name in dict.fromkeys(changed.since(self.position)):
                self._look(fleet, name)
                self.changed.add(name)
            self.position = changed.end

    def _look(self, fleet: Fleet, name: str) -> None:
        one = candidate(fleet, name, self._need) if name in fleet.nodes else None
        if one is None or any_objection(LASTING, one, self._need):
            self.seats.pop(name, None)
        else:
            self.seats[name] = one


def field_of(fleet: Fleet, need: Need) -> Field:
    """The field of a need: the one that is kept, or a new one, which is kept from now on."""
    found: Field | None = fleet.fields.pop(need.field, None)
    if found is None or not found.holds(fleet, need):
        found = Field(fleet, need)
    fleet.fields[need.field] = found
    if len(fleet.fields) > FIELDS_KEPT:
        del fleet.fields[next(iter(fleet.fields))]
    return found
