"""What a node has to fetch for an image: its layers for that node's platform, without those that it has already.

What a node has is what the images of its tasks have brought, as far as their layers are known, and what a plan has it fetch before.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.decide.fleet import Fleet
from controller.decide.inputs import Layer
from controller.decide.placement.filters import runs
from controller.decide.records import revision_key
from protocol.container import Container

Known = Mapping[str, Mapping[str, tuple[Layer, ...]]]
"""Layers by platform, by an image's reference."""

NEVER = "never"


class Stock:
    """What each node has, growing as a plan goes on."""

    def __init__(self, fleet: Fleet, known: Known) -> None:
        self._fleet, self._known = fleet, known
        self._has: dict[str, set[str]] = {}

    def fetch(self, node: str, wanted: Container) -> int | None:
        """How many bytes a node fetches for a container; None where its registry has not said."""
        if wanted.pull_policy == NEVER:
            return 0
        has = self._has.get(node)
        if has is None:
            has = self._has[node] = self._carried(node)
        tag = wanted.image.partition("@")[0]
        found = self._of(node, wanted, wanted.image) or self._of(node, wanted, tag)
        if found is None:
            return None
        missing = {layer.digest: layer.size_bytes for layer in found if layer.digest not in has}
        has.update(missing)
        return sum(missing.values())

    def _carried(self, node: str) -> set[str]:
        """The layers of what runs there by its digest; what a mere tag meant when it was pulled is not known."""
        fleet = self._fleet
        keys = (
            revision_key(fleet.tasks[task].service, fleet.tasks[task].revision) for task in fleet.tasks.of("node", node)
        )
        contents = (fleet.revisions.get(key) for key in keys)
        found = (
            self._of(node, one.container, one.container.image) for one in contents if one and "@" in one.container.image
        )
        return {layer.digest for layers in found if layers for layer in layers}

    def _of(self, node: str, wanted: Container, reference: str) -> tuple[Layer, ...] | None:
        by_platform = self._known.get(reference)
        if by_platform is None:
            return None
        word = self._fleet.nodes[node].inventory.architecture
        fit = [platform for platform in by_platform if not platform or runs(word, platform)]
        asked = [platform for platform in fit if platform == wanted.platform]
        return by_platform[max(asked or fit, key=lambda platform: _rank(word, platform))] if fit else None


def container(fleet: Fleet, stack: str, what: str) -> Container | None:
    """What runs for `service web` or `function greet` of a stack; None for a sensor or an actuator."""
    kind, _, name = what.partition(" ")
    found = fleet.catalogue.stacks[stack]
    if kind == "service":
        return found.services[name].container
    return found.functions[name].spec.container if kind == "function" else None


def _rank(word: str, platform: str) -> tuple[bool, str]:
    """A node's own processor before one that it can also run, and of those the newest."""
    is_wide = word in ("aarch64", "arm64", "x86_64", "amd64")
    return is_wide == ("64" in platform), platform
