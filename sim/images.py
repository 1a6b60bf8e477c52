"""What the containers of an image do, for engines in virtual time, and the registry that serves them. No clock, no randomness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from agent.decide.inputs import ImageSeen
from protocol.function import Mode
from protocol.ids import digest, full_reference

IMAGE_BYTES = 100 * 10**6
# Each image, and no layer shared.

Answer = Callable[[str, Mapping[str, str]], str]
"""A function's standard output, from the body and the environment."""


def echo(body: str, _: Mapping[str, str]) -> str:
    """Answer with the body."""
    return body


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a container of an image lives. `health` holds what becomes of it, each so many seconds after the start.

    As a warm function it answers each call after `answers_after_s` (None: never), with an error where its `exit_code` is not 0; one
    that `is_deaf` does not even open its port. As a function that `reads` it answers with what these files hold.
    """

    exits_after_s: float | None = None
    exit_code: int = 0
    health: tuple[tuple[float, str], ...] = ()
    heeds_stop: bool = True
    answer: Answer = echo
    error: str = ""
    out_of_memory: bool = False
    architecture: str = ""
    pull_s: float = 1.0
    answers_after_s: float | None = 0.05
    is_deaf: bool = False
    reads: tuple[str, ...] = ()


WELL = Behaviour()
SICK = Behaviour(health=((0.0, "starting"), (2.0, "unhealthy")))
CRASHING = Behaviour(exits_after_s=1.0, exit_code=1)
FUNCTION = Behaviour(exits_after_s=0.2)


def function_of(mode: Mode) -> Behaviour:
    """A function that ends well: a container that runs and answers, or one that ends by itself."""
    return WELL if mode is Mode.WARM else FUNCTION


@dataclass(slots=True)
class FakeRegistry:
    """Images by reference; shared by the engines of a fleet. `up` is false while it cannot be reached."""

    up: bool = True
    images: dict[str, Behaviour] = field(default_factory=dict)
    pulls: int = 0

    def push(self, image: str, behaviour: Behaviour = WELL) -> None:
        """Offer an image, or let its tag point to another one."""
        self.images[full_reference(image)] = behaviour

    def behaviour(self, image: str) -> Behaviour | None:
        """What a reference stands for now."""
        return self.images.get(full_reference(image))


@lru_cache(maxsize=1024)  # each look names every image of its engine
def image_id(image: str, behaviour: Behaviour) -> str:
    """The same image, the same id, on every engine."""
    shown = [full_reference(image), behaviour.exit_code, behaviour.exits_after_s, list(map(list, behaviour.health))]
    return f"sha256:{digest(shown, 64)}"


def stored(images: Mapping[str, Behaviour]) -> Iterator[ImageSeen]:
    """An engine's images by their ids; one whose tag has moved on has no name any more."""
    names: dict[str, tuple[str, ...]] = {id_: () for id_ in images if id_.startswith("sha256:")}
    for reference, behaviour in images.items():
        if not reference.startswith("sha256:"):
            id_ = image_id(reference, behaviour)
            names[id_] = (*names.get(id_, ()), reference)
    return (ImageSeen(id_, IMAGE_BYTES, references) for id_, references in names.items())
