"""What the controller wants: newer replaces older, older is never taken back (law 6), and nothing is taken that is not for us.

Whoever speaks under a lower epoch than what was taken already is a controller that another has replaced: nothing of it is taken, of
whatever kind, and it is no sign of life. What of it the broker had kept is old mail; what it says now is told, because somebody has
two controllers.
"""

from __future__ import annotations

from agent.decide import fetch, pulls, trials
from agent.decide.node import Node, Now
from protocol.desired import Ack, Assignment, Command, Grant, Invocation, Offers
from protocol.envelope import Received
from protocol.refusal import Refusal

REASON_CHARS = 300
# What fits a line of `bramble nodes` and still names the field.
OUTRANKED_S = 600.0
# For so long the last word of a replaced controller is told: one that was on its way is then forgotten, one that goes on is not.


def take_assignment(node: Node, seen: Assignment) -> None:
    """Take a newer assignment."""
    if seen.node != node.name:
        refuse(node, Refusal(f"an assignment for node {seen.node} arrived at {node.name}"))
    elif _is_newer(seen, node.assignment):
        before = node.assignment
        node.assignments.put("", seen)
        node.refusal = ""
        node.waits.clear()
        fetch.forget(node)
        pulls.unblock(node, before)
    else:
        _not_taken(node, seen, node.assignment)


def take_offers(node: Node, seen: Offers, now: Now) -> None:
    """Take newer offers."""
    if seen.node != node.name:
        refuse(node, Refusal(f"offers for node {seen.node} arrived at {node.name}"))
    elif _is_newer(seen, node.offers):
        node.offerings.put("", seen)
        trials.take_offers(node, seen, now)
        fetch.forget(node)
    else:
        _not_taken(node, seen, node.offers)


def is_outranked(node: Node, received: Received | Refusal, now: Now, *, retained: bool) -> bool:
    """Whether something comes from a controller that is not obeyed any more; a word that names no epoch may come from any."""
    message = received.message if isinstance(received, Received) else None
    if not isinstance(message, Assignment | Offers | Grant | Invocation | Ack | Command):
        return False
    if not 0 < message.epoch < node.obeyed_epoch:
        return False
    node.tally("outranked")
    if not retained:
        node.outranked = f"a controller of epoch {message.epoch} speaks, and one of epoch {node.obeyed_epoch} is obeyed"
        node.outranked_mono_s = now.mono_s
    return True


def follow(node: Node, now: Now) -> None:
    """Forget a replaced controller that has fallen silent."""
    if node.outranked and now.has_come(node.outranked_mono_s + OUTRANKED_S):
        node.outranked = ""


def refuse(node: Node, refusal: Refusal) -> None:
    """Count what was not taken, and tell the last of it until a newer assignment is taken."""
    node.tally("refusals")
    node.refusal = str(refusal)[:REASON_CHARS]


def _not_taken(node: Node, seen: Assignment | Offers, ours: Assignment | Offers) -> None:
    """Whoever says what is no newer does not know what we have. If he gave our number to something else, our hashes tell him."""
    if (seen.epoch, seen.generation) == (ours.epoch, ours.generation) and seen != ours:
        node.greeted = None
    else:
        node.is_doubted = True


def _is_newer(seen: Assignment | Offers, ours: Assignment | Offers) -> bool:
    return (seen.epoch, seen.generation) > (ours.epoch, ours.generation)
