"""Which nodes come and go: three falls within ten minutes, and nothing new is put on a node until it has stayed for ten.

One remark when that begins and one when it ends, however often the node falls in between. What is remembered of falls is this
process' own: after a restart of the controller every node begins with a good name.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet

KIND = "unsteady"

FALLS = 3
WITHIN_S = 600.0
"""A node that is rebooted twice in a row is being worked on; one that falls a third time within ten minutes is in trouble."""

CALM_S = 600.0
"""So long without a fall, and it is trusted again."""


def fell(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node went offline."""
    falls = (*fleet.falls_mono_s.get(node, ()), now_mono_s)[-FALLS:]
    fleet.falls_mono_s[node] = falls
    fleet.deadlines.set(KIND, node, now_mono_s + CALM_S)
    if len(falls) < FALLS or now_mono_s - falls[0] > WITHIN_S or node in fleet.flapping:
        return
    fleet.flapping.add(node)
    fleet.look_at(node)
    fleet.tally("unsteady")
    fleet.remark(
        node, f"comes and goes: it fell {FALLS} times within {WITHIN_S / 60:g} min, and gets nothing new for now"
    )


def calm(fleet: Fleet, node: str) -> None:
    """Ten minutes have passed since the last fall."""
    fleet.falls_mono_s.pop(node, None)
    if node in fleet.flapping:
        fleet.flapping.discard(node)
        fleet.look_at(node)
        fleet.remark(node, f"has stayed as it is for {CALM_S / 60:g} min, and may get something new again")
