"""Functions that are called when a node comes or goes: once for each time that the controller's belief of it changed.

The belief, the number of its change and the invocations are committed together, so a restart neither repeats a call nor loses one.
A node that was away and back again while nobody listened has not come or gone, as far as anybody here knows.
"""

from __future__ import annotations

from controller.decide import invocations, twins
from controller.decide.fleet import Fleet
from controller.decide.invocation import Entry
from controller.decide.presence import Lease, Presence
from protocol.triggers.nodes import NodeEvent, called_by, unclear


def happened(fleet: Fleet, before: Presence, lease: Lease, now_mono_s: float) -> None:
    """The presence of a node is another one; that one who was doubted is there after all is no news."""
    was_doubted = before is Presence.SUSPECT and lease.presence is Presence.ONLINE
    if not fleet.catalogue.watching or lease.presence is Presence.SUSPECT or was_doubted:
        return
    event = NodeEvent(
        f"{lease.node}-{lease.epoch}-{lease.presence}-{fleet.count('node-events')}",
        lease.node,
        str(lease.presence),
        twins.sentence(fleet, lease.node) if lease.presence is Presence.QUARANTINED else lease.reason,
        fleet.nodes[lease.node].labels if lease.node in fleet.nodes else {},
        fleet.wall,
    )
    watching = [fleet.catalogue.functions[key].spec for key in sorted(fleet.catalogue.watching)]
    invocations.tell(fleet, unclear(event, watching, fleet.name))
    for asked in called_by(event, watching, fleet.name):
        invocations.open_entry(fleet, Entry(asked, near=lease.node), "", now_mono_s)
