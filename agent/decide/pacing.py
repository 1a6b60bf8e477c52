"""How long a pull that failed for now waits: longer each time, and another time on every node, so that a site does not ask at once.

The spread comes from the names of node and image, not from chance: the same history gives the same times. A registry that names a
longer pause itself (it limits how often one may pull) gets it, and that is no failure.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.effects import Pull
from agent.decide.inputs import Retry, StepEnded
from agent.decide.node import Node
from protocol.ids import digest, full_reference

FIRST_S, LONGEST_S = 15.0, 300.0
# A registry that restarts is back after some seconds; whoever repaired one does not wait longer than a coffee.
SPREAD_RATIO = 0.25
# Up to so much sooner or later: fifty nodes behind one line ask over half of their pause.


def paced(node: Node, seen: StepEnded) -> StepEnded:
    """The end of a step; that of a pull with the pause that is right by now."""
    if not isinstance(seen.step, Pull):
        return seen
    image, failures = full_reference(seen.step.image), node.images.failures
    if not isinstance(seen.outcome, Retry):
        failures.pop(image, None)
        return seen
    asked_s = seen.outcome.after_s
    if asked_s < LONGEST_S:
        failures[image] = failures.get(image, 0) + 1
    wait_s = pause_s(node.name, image, failures.get(image, 0), asked_s)
    return replace(seen, outcome=replace(seen.outcome, after_s=wait_s))


def pause_s(node: str, image: str, failures: int, least_s: float) -> float:
    """The pause after so many failures in a row."""
    grown_s = min(LONGEST_S, FIRST_S * 2.0 ** min(max(failures - 1, 0), 10))
    share = int(digest([node, image, failures], 8), 16) / 0xFFFF_FFFF
    return round(max(grown_s, least_s) * (1.0 - SPREAD_RATIO + 2.0 * SPREAD_RATIO * share), 1)


def forget(node: Node, images: frozenset[str]) -> None:
    """Remember nothing of images that nobody wants."""
    node.images.failures = {image: count for image, count in node.images.failures.items() if image in images}
