"""What a store holds is what its owner knows: at rest nothing waits to be written, and nothing is left of what was let go."""

from __future__ import annotations

from agent.store import KINDS, Identity
from agent.store import Store as AgentStore
from sim.head import Head
from sim.node import SimNode
from sim.violation import ViolationError


def check_head(head: Head) -> None:
    """The controller's tables, beside its shelves."""
    if head.fleet is None or head.store is None:
        return
    shelves = head.fleet.shelves()
    stored = head.store.keys(shelves)
    for name, shelf in shelves.items():
        _compare("the controller", name, set(shelf), stored[name])


def check_node(node: SimNode) -> None:
    """A node's store, read anew, beside its tables."""
    if node.node is None or node.store is None:
        return
    knows = node.node
    stored = AgentStore.load(
        node.store, Identity(node.name, node.fleet, knows.boot, "sim"), node.now(node.process.mono_s)
    )
    for kind in KINDS:
        _compare(node.name, kind, set(getattr(knows, kind)), set(getattr(stored, kind)))


def _compare(who: str, what: str, known: set[str], stored: set[str]) -> None:
    if known != stored:
        more, less = sorted(stored - known), sorted(known - stored)
        raise ViolationError("law 3", f"the {what} of {who} are stored with {more} and without {less}")
