"""The images of functions are brought to the node when they are assigned or offered, not when they are first called.

The first event may come on a day without a network, and a doorbell does not wait for a pull. What cannot be fetched is told in
the node's status, and tried again. What an offer brings is here before its revision is tried, or the trial has failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.decide.inputs import EngineSeen
from agent.decide.known import still
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from agent.decide.sections import brought
from protocol.desired import Offer
from protocol.function import FunctionSpec
from protocol.ids import service_key
from protocol.observed import OfferState

KEY_PREFIX = "function "
# Tells a function's fetch from a task's step; no task id holds a space.


def fetch(node: Node, now: Now) -> None:
    """Have the image of every function here that is in force, or offered."""
    if not isinstance(node.engine, EngineSeen):
        return
    for key, function in wanted(node).items():
        if node.engine.has(function.container.image) or key in node.busy or key in node.unseen:
            continue
        if now.has_come(node.waits.get(key, 0.0)):
            node.busy.add(key)
            node.effects.append(pull(node, key, function.stack, function.container))


def forget(node: Node) -> None:
    """Remember nothing of functions that are neither assigned nor offered."""
    keys = wanted(node)
    node.unfetched = {key: reason for key, reason in node.unfetched.items() if key in keys}


def wanted(node: Node) -> dict[str, FunctionSpec]:
    """The functions that are in force, and those that offers bring, each by the key under which its image is fetched.

    Whoever reads them does not change them.
    """
    known, of = node.known.fetched, (node.trials, node.trials.version, node.directory)
    if known is None or not still(known[0], of):
        offers = (t.offer for t in node.trials.values() if t.state in (OfferState.STAGING, OfferState.STAGED))
        staged = (offer for offer in offers if offer.sections is not None)
        brought = dict(part for offer in staged for part in _brought(offer))
        wanted = brought | {key_of(function): function for function in node.sections().functions}
        known = node.known.fetched = (of, wanted)
    return known[1]


def lacking(node: Node, offer: Offer) -> str:
    """What a function that comes with an offer waits for, while its image is not here; empty if all are."""
    here = node.engine
    for key, function in _brought(offer):
        if not isinstance(here, EngineSeen) or not here.has(function.container.image):
            reason = node.unfetched.get(key, "")
            return f"function {function.name} that comes with it has no image yet{reason and f': {reason}'}"
    return ""


def is_of(offer: Offer, key: str) -> bool:
    """Whether an image is fetched for a function that comes with an offer."""
    return any(key == brought for brought, _ in _brought(offer))


def key_of(function: FunctionSpec) -> str:
    """Under which key a function's image is fetched."""
    return f"{KEY_PREFIX}{service_key(function.stack, function.name)}"


def unfetched(node: Node) -> tuple[str, ...]:
    """Why functions that are in force cannot run here yet."""
    keys = map(key_of, node.sections().functions)
    return tuple(f"{key}: {node.unfetched[key]}" for key in keys if key in node.unfetched)


def _brought(offer: Offer) -> Iterator[tuple[str, FunctionSpec]]:
    """Beside a function of the same name that is in force, each that comes with an offer has a key of its own."""
    return ((f"{key_of(function)} {function.revision}", function) for function in brought(offer))
