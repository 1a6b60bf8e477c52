"""What a node has to fetch for an image: its layers for that node's platform, without those that it has already.

What a node has is what the images on its disk have brought, as far as their layers are known, and what a plan has it fetch before.
It says which those are, so what a rollback has left behind counts, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.decide.fleet import Fleet
from controller.decide.inputs import Layer
from controller.decide.placement.filters import runs
from controller.decide.records import revision_key
from protocol.container import Container
from protocol.observed import stored_name

Known = Mapping[str, Mapping[str, tuple[Layer, ...]]]
"""Layers by platform, by an image's reference."""

NEVER = "never"


class Stock:
    """What each node has, growing as a plan goes on. Nodes with the same images share the answer."""

    def __init__(self, fleet: Fleet, known: Known) -> None:
        self._fleet, self._known = fleet, known
        self._stored = {name: reference for reference in known if (name := stored_name(reference))}
        self._has: dict[str, frozenset[str]] = {}
        self._brought: dict[tuple[str, frozenset[str]], frozenset[str]] = {}

    def fetch(self, node: str, wanted: Container) -> int | None:
        """How many bytes a node fetches for a container; None where its registry has not said."""
        if wanted.pull_policy == NEVER:
            return 0
        has = self._has.get(node)
        if has is None:
            has = self._carried(node)
        tag = wanted.image.partition("@")[0]
        found = self._of(node, wanted.platform, wanted.image) or self._of(node, wanted.platform, tag)
        is_here = stored_name(wanted.image) in self._names(node)
        if found is None:
            return 0 if is_here else None
        missing = {layer.digest: layer.size_bytes for layer in found if layer.digest not in has}
        self._has[node] = has | missing.keys() if missing else has
        return 0 if is_here else sum(missing.values())

    def _names(self, node: str) -> tuple[str, ...]:
        """The images that a node says it has."""
        status = self._fleet.statuses.get(node)
        return status.images if status else ()

    def _carried(self, node: str) -> frozenset[str]:
        """The layers of what is there by its digest; what a mere tag meant when it was pulled is not known."""
        stored = {self._stored[name] for name in self._names(node) if name in self._stored}
        references = frozenset(stored | set(self._running(node)))
        alike = self._fleet.nodes[node].inventory.architecture, references
        brought = self._brought.get(alike)
        if brought is None:
            found = [self._of(node, "", reference) for reference in references]
            brought = frozenset(layer.digest for layers in found if layers for layer in layers)
            self._brought[alike] = brought
        return brought

    def _running(self, node: str) -> Iterator[str]:
        """What a node runs, also where it does not say what it has."""
        fleet = self._fleet
        for task in fleet.tasks.of("node", node):
            content = fleet.revisions.get(revision_key(fleet.tasks[task].service, fleet.tasks[task].revision))
            if content is not None and "@" in content.container.image:
                yield content.container.image

    def _of(self, node: str, asked: str, reference: str) -> tuple[Layer, ...] | None:
        by_platform = self._known.get(reference)
        if by_platform is None:
            return None
        word = self._fleet.nodes[node].inventory.architecture
        fit = [platform for platform in by_platform if not platform or runs(word, platform)]
        chosen = [platform for platform in fit if platform == asked]
        return by_platform[max(chosen or fit, key=lambda platform: _rank(word, platform))] if fit else None


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
