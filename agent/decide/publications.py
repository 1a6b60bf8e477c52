"""What functions say on topics of others, on the node's own broker: kept until that broker has it, and said again until then.

A topic of others has no receiver who would acknowledge, so the broker's word is the end of it: at least once, under an id that is
the same each time (the user property `id`). What the broker refuses is dropped, and the status says so. Bounded: when there is no
room the oldest goes, counted, for the newest says best how things stand.
"""

from __future__ import annotations

from agent.decide.effects import Publish
from agent.decide.node import Node
from agent.decide.publication import Publication


def keep(node: Node, publication: Publication) -> None:
    """Take one in, to be said as soon as there is a broker."""
    node.publications.put(publication.id, publication)
    while len(node.publications) > node.limits.publications:
        oldest = next(iter(node.publications))
        node.publications.drop(oldest)
        node.publishing.pop(oldest, None)
        node.tally("publications", "dropped")


def follow(node: Node) -> None:
    """Say what has not been said on this connection."""
    if not node.is_up or not len(node.publications):
        return
    for one in node.publications.values():
        if node.publishing.get(one.id) != node.epoch:
            node.publishing[one.id] = node.epoch
            node.effects.append(Publish(one.id, one.topic, one.payload, one.retain))


def settled(node: Node, ids: tuple[str, ...]) -> None:
    """The broker has these, or takes them never."""
    for one in ids:
        node.publishing.pop(one, None)
        if node.publications.drop(one) is not None:
            node.tally("publications", "settled")
