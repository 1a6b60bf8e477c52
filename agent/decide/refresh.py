"""Images that are asked for again although they are here, each time before a container is made of them.

Two ask for it: `pull_policy: always` where the reference has no digest (with one there is nothing newer), and a `platform`, because
an image's name does not say for which of its platforms it is here. An offer's image is brought anew while it is staged, and its
trial takes that one. Where the registry cannot be reached, what is here has to do: a node without a network goes on, and the task
says so. What a registry refuses is refused.
"""

from __future__ import annotations

from agent.decide.effects import Pull
from agent.decide.inputs import Done, EngineSeen, Retry, StepEnded
from agent.decide.node import Node
from agent.decide.stored import Fresh
from protocol.container import Container

ALWAYS, NEVER = "always", "never"
# Compose's `pull_policy`. Without one, and with `missing`, what is here is enough.


def is_due(node: Node, key: str, container: Container) -> bool:
    """Whether an image must be asked for before a container is made of it."""
    fresh = node.images.fresh.get(key)
    is_fresh = fresh is not None and (fresh.image, fresh.platform) == (container.image, container.platform)
    return is_wanted(container) and not is_fresh


def is_wanted(container: Container) -> bool:
    """Whether each container of this kind is made of an image that was asked for anew."""
    is_open = "@" not in container.image and not container.image.startswith("sha256:")
    wants = bool(container.platform) or (container.pull_policy == ALWAYS and is_open)
    return wants and container.pull_policy != NEVER


def weighed(node: Node, seen: StepEnded) -> StepEnded:
    """The end of a step; a pull that failed for now has worked, if the image is here."""
    step, outcome = seen.step, seen.outcome
    if not isinstance(step, Pull) or not isinstance(outcome, Done | Retry):
        return seen
    is_here = isinstance(node.engine, EngineSeen) and node.engine.has(step.image)
    if isinstance(outcome, Retry) and not is_here:
        return seen
    known = {key: fresh for key, fresh in node.images.fresh.items() if key in node.tasks or key in node.trials}
    said = f"{outcome.reason}; it is made of the image that was here" if isinstance(outcome, Retry) else ""
    node.images.fresh = known | {step.key: Fresh(step.image, step.platform, said)}
    return StepEnded(step, Done())


def begun(node: Node, task: str, trial: str) -> None:
    """A trial takes the image that was staged for it."""
    staged = node.images.fresh.pop(trial, None)
    if staged is not None:
        node.images.fresh[task] = staged


def used(node: Node, key: str) -> str:
    """A container was made: the next one asks again. What is to be said of the image that this one has."""
    fresh = node.images.fresh.pop(key, None)
    return fresh.said if fresh is not None else ""
