"""The outboxes that speak under a node's name: the present one, and those of cards that were swapped lately.

Each store counts its facts on a stream of its own, and its connections from 1. So what one store says of how its node stands cannot
be ordered against the words of another: only those of the present one count, and a word of a thrown-away card that comes late or
once more displaces nothing. Present is whose new hello came last. Whoever else speaks, or was displaced just now, is asked
to say hello again: a card that was put back does, and one that was thrown away is silent.
"""

from __future__ import annotations

from controller.decide import twins
from controller.decide.fleet import Fleet
from controller.decide.records import Streams

STREAMS_MOST = 4
"""Of one node: the present one, and those of cards that were swapped lately, whose last facts may still be on their way."""


def key_of(node: str, stream: str) -> str:
    """Name a stream within the fleet; no node's name holds a slash."""
    return f"{node}/{stream}"


def is_present(fleet: Fleet, node: str, stream: str) -> bool:
    """Whether this is the stream of the store that is there now."""
    known = fleet.streams.get(node)
    return known is not None and known.keys[-1] == key_of(node, stream)


def take_place(fleet: Fleet, node: str, stream: str) -> None:
    """From now on this stream is the present one; the one before is asked whether it is there."""
    key, known = key_of(node, stream), fleet.streams.get(node)
    others = tuple(one for one in known.keys if one != key) if known is not None else ()
    keys = (*others, key)
    for forgotten in keys[:-STREAMS_MOST]:
        fleet.intakes.drop(forgotten)
    fleet.streams.put(node, Streams(node, keys[-STREAMS_MOST:]))
    fleet.unsettled.asks.discard((node, stream))
    if others:
        ask(fleet, node, others[-1].removeprefix(key_of(node, "")))


def ask(fleet: Fleet, node: str, stream: str) -> None:
    """Have the store of a stream say hello, if it is there. Two devices that share the name are heard, and told nothing."""
    if not twins.is_quarantined(fleet, node):
        fleet.unsettled.asks.add((node, stream))


def forget(fleet: Fleet, node: str) -> None:
    """The node has left the fleet."""
    known = fleet.streams.drop(node)
    for key in known.keys if known is not None else ():
        fleet.intakes.drop(key)
    for waiting in (fleet.unsettled.acks, fleet.unsettled.asks):
        waiting -= {pair for pair in waiting if pair[0] == node}


def revive(fleet: Fleet) -> None:
    """A store from before there was an order knows its streams by their names alone."""
    found: dict[str, tuple[str, ...]] = {}
    for key in sorted(fleet.intakes):
        node = key.partition("/")[0]
        found[node] = (*found.get(node, ()), key)
    for node, keys in found.items():
        if node not in fleet.streams:
            fleet.streams.put(node, Streams(node, keys))
