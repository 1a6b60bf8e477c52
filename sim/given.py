"""A history with somebody's own stack: his file is published, updated well and badly, its buttons are pressed, its nodes drained.

Every image in it is taken for one that works; functions end well. An update is the same file with other image names, so that the
file's own rules of updating apply. Every node gets the labels that the file's constraints ask for.
"""

from __future__ import annotations

import re

from controller.decide.rollouts.budget import most_ever
from protocol.ids import service_key
from protocol.reading import stackfile
from protocol.stack import Stack
from sim.fleet import SimFleet
from sim.images import CRASHING, SICK, WELL, function_of
from sim.lessons import learn

_LABEL = re.compile(r"node\.labels\.([\w.-]+)\s*==\s*([\w.-]+)")


class UnreadableStackError(ValueError):
    """The file is no stack that the controller would accept."""


class GivenStack:
    """The operator of one history, with one file in his hands."""

    def __init__(self, fleet: SimFleet, manifest: bytes) -> None:
        self._fleet, self._chances, self._manifest = fleet, fleet.world.chances, manifest
        self._stack = read_stack(manifest)
        self._number = 0
        for name, service in self._stack.services.items():
            update = service.update
            tasks = len(fleet.nodes) if service.mode.is_global else service.replicas
            budget = most_ever(update, service.rollback, tasks)
            learn(fleet.invariants, service_key(self._stack.name, name), budget, update.order)

    def begin(self) -> None:
        """Publish the file as it is."""
        for service in self._stack.services.values():
            self._fleet.registry.push(service.container.image, WELL)
        for function in self._stack.functions.values():
            self._fleet.registry.push(function.spec.container.image, function_of(function.spec.mode))
        self._fleet.publish(self._stack.name, self._manifest)

    def go_on(self) -> None:
        """Do something."""
        act = self._chances.choices((self._press, self._update, self._update_badly, self._drain), (10, 4, 3, 2))[0]
        act()

    def end(self) -> None:
        """Publish something good, and drain nothing."""
        self._activate()
        self._update()
        self._fleet.remind()

    def _press(self) -> None:
        if self._stack.sensors:
            node = self._chances.choice(sorted(self._fleet.nodes))
            self._fleet.press(node, self._chances.choice(sorted(self._stack.sensors)))

    def _update(self) -> None:
        self._publish(is_good=True)

    def _update_badly(self) -> None:
        if all(self._fleet.running(service_key(self._stack.name, name)) for name in self._stack.services):
            self._publish(is_good=False)

    def _publish(self, *, is_good: bool) -> None:
        self._number += 1
        manifest = self._manifest
        for service in self._stack.services.values():
            image, other = service.container.image, f"{_untagged(service.container.image)}-sim:{self._number}"
            self._fleet.registry.push(other, WELL if is_good else self._chances.choice((CRASHING, SICK)))
            if not is_good:
                self._fleet.invariants.bad.add(other)
            manifest = manifest.replace(image.encode(), other.encode())
        self._fleet.publish(self._stack.name, manifest)

    def _drain(self) -> None:
        if self._fleet.drained:
            self._activate()
        else:
            self._fleet.drain(self._chances.choice(sorted(self._fleet.nodes)))

    def _activate(self) -> None:
        for node in sorted(self._fleet.drained):
            self._fleet.activate(node)


def _untagged(image: str) -> str:
    """The name of an image without its tag or digest; the port of a registry is part of it."""
    place, slash, name = image.rpartition("/")
    return f"{place}{slash}{name.partition('@')[0].partition(':')[0]}"


def labels_of(manifest: bytes) -> dict[str, str]:
    """The labels that a node needs so that every constraint of the file lets it through."""
    return dict(_LABEL.findall(manifest.decode(errors="replace")))


def read_stack(manifest: bytes) -> Stack:
    """The stack of a file; raises UnreadableStackError with every fault of it."""
    named = re.search(rb"^name:\s*([\w-]+)", manifest, re.MULTILINE)
    stack = stackfile.read(manifest, named[1].decode() if named else "given")
    if not isinstance(stack, Stack):
        raise UnreadableStackError("; ".join(f"line {fault.line}: {fault.reason}" for fault in stack))
    return stack
