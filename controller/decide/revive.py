"""What follows from the shelves after a load: indexes by other keys, deadlines, and everything to be decided once more.

Moments are not saved (law 6): leases, expiries and pauses between updates begin anew. Deciding everything again changes nothing
that was decided already, which is how a crash between any two commits is healed.
"""

from __future__ import annotations

from controller.decide import images, invocations, manifests, streams, twins
from controller.decide.fleet import Fleet
from controller.decide.force import in_force
from controller.decide.home_assistant.noting import Noting
from controller.decide.invocation import OPEN
from controller.decide.presence import Presence
from controller.decide.rollouts import history
from controller.decide.rollouts.slot import SlotState


def revive(fleet: Fleet, now_mono_s: float) -> None:
    """Make a fleet that was just loaded ready for its first turn."""
    _indexes(fleet)
    _histories(fleet)
    _lookups(fleet, now_mono_s)
    fleet.answered_order.extend(sorted(fleet.answered, key=lambda key: fleet.answered[key].rank))
    _ledger(fleet, now_mono_s)
    _quarantines(fleet, now_mono_s)
    _unsettle(fleet)
    Noting(fleet).begin()
    for service in fleet.rollouts:
        if fleet.slots.of("state", (service, SlotState.SETTLED)):
            fleet.settled_mono_s[service] = now_mono_s


def _indexes(fleet: Fleet) -> None:
    for name in sorted(fleet.stacks):
        if (stack := fleet.stacks[name].stack) is not None:
            fleet.catalogue.put(in_force(fleet, stack))
    for task in sorted(fleet.holds):
        for node in fleet.holds[task].nodes:
            fleet.held.setdefault(node, set()).add(task)
    streams.revive(fleet)
    for node in sorted(fleet.statuses):
        for shown in fleet.statuses[node].tasks:
            fleet.seen[node, shown.task] = shown


def _quarantines(fleet: Fleet, now_mono_s: float) -> None:
    """Who spoke last under which name is not known any more: everybody is heard anew."""
    for node in sorted(fleet.quarantines):
        fleet.deadlines.set(twins.KIND, node, now_mono_s + twins.LOOK_EVERY_S)


def _histories(fleet: Fleet) -> None:
    """A store from before there were histories has none of what is in force."""
    for key in sorted(fleet.catalogue.services.keys() - set(fleet.histories)):
        history.note(fleet, key)


def _lookups(fleet: Fleet, now_mono_s: float) -> None:
    """Ask again for what was being looked up."""
    for name in sorted(fleet.stacks):
        awaited = fleet.stacks[name].awaited
        if awaited is not None and not images.look_up(fleet, awaited, now_mono_s):
            manifests.come_into_force(fleet, awaited)


def _ledger(fleet: Fleet, now_mono_s: float) -> None:
    ended = [key for key in fleet.ledger if fleet.ledger[key].state not in OPEN]
    fleet.ended.extend(sorted(ended, key=lambda key: fleet.ledger[key].rank))
    fleet.backlog.sort(lambda key: fleet.ledger[key].number)
    fleet.kept.sort(lambda key: fleet.ledger[key].rank)
    fleet.dead.sort(lambda key: fleet.letters[key].rank)
    for key in sorted(set(fleet.ledger) - set(ended)):
        invocations.revive(fleet, key, now_mono_s)


def _unsettle(fleet: Fleet) -> None:
    fleet.unsettled.services |= set(fleet.catalogue.services) | {fleet.tasks[task].service for task in fleet.tasks}
    fleet.unsettled.rollouts |= set(fleet.rollouts)
    fleet.unsettled.slots |= set(fleet.slots)
    fleet.unsettled.hosts |= set(fleet.nodes)
    fleet.unsettled.stacks |= set(fleet.catalogue.stacks)
    fleet.unsettled.scales |= {*fleet.catalogue.functions, *fleet.keeps}
    fleet.unsettled.assignments |= set(fleet.nodes)
    fleet.unsettled.offers |= set(fleet.nodes)
    fleet.unsettled.leaving |= {node for node in fleet.nodes if fleet.presence(node) is Presence.OFFLINE}
