"""What the controller wants: newer replaces older, older is never taken back (law 6), and nothing is taken that is not for us."""

from __future__ import annotations

from agent.decide import fetch, pulls, trials
from agent.decide.node import Node, Now
from protocol.desired import Assignment, Offers
from protocol.refusal import Refusal

REASON_CHARS = 300
# What fits a line of `bramble nodes` and still names the field.


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


def take_offers(node: Node, seen: Offers, now: Now) -> None:
    """Take newer offers."""
    if seen.node != node.name:
        refuse(node, Refusal(f"offers for node {seen.node} arrived at {node.name}"))
    elif _is_newer(seen, node.offers):
        node.offerings.put("", seen)
        trials.take_offers(node, seen, now)
        fetch.forget(node)


def refuse(node: Node, refusal: Refusal) -> None:
    """Count what was not taken, and tell the last of it until a newer assignment is taken."""
    node.tally("refusals")
    node.refusal = str(refusal)[:REASON_CHARS]


def _is_newer(seen: Assignment | Offers, ours: Assignment | Offers) -> bool:
    return (seen.epoch, seen.generation) > (ours.epoch, ours.generation)
