"""What the accepted stacks ask for, by key: `stack.service`, `stack.function`. Derived from the stacks, so it is not saved.

Revisions are digests and cost time; here each is worked out once, when its stack is accepted or loaded.
"""

from __future__ import annotations

from protocol.function import FunctionSpec
from protocol.ids import service_key
from protocol.stack import Function, Service, Stack


class Catalogue:
    """All services and functions that are wanted now; `watching` are the functions that nodes call by coming and going."""

    __slots__ = ("claims", "functions", "globals", "images", "named", "revisions", "services", "stacks", "watching")

    def __init__(self) -> None:
        self.stacks: dict[str, Stack] = {}
        self.services: dict[str, Service] = {}
        self.revisions: dict[str, str] = {}
        self.functions: dict[str, Function] = {}
        self.globals: set[str] = set()
        self.named: dict[str, set[str]] = {}
        self.claims: dict[str, set[str]] = {}
        self.images: dict[str, set[str]] = {}
        self.watching: set[str] = set()

    def put(self, stack: Stack) -> set[str]:
        """Take a stack in, in place of the one of that name; the keys of its services, old and new."""
        touched = self.drop(stack.name)
        self.stacks[stack.name] = stack
        for name, service in stack.services.items():
            key = service_key(stack.name, name)
            self.services[key], self.revisions[key] = service, service.revision
            if service.mode.is_global:
                self.globals.add(key)
            self.images.setdefault(service.container.image, set()).add(key)
            for claim in claims(service):
                self.claims.setdefault(claim, set()).add(key)
            touched.add(key)
        for name, function in stack.functions.items():
            self.functions[service_key(stack.name, name)] = function
            if any(trigger.node for trigger in function.spec.triggers):
                self.watching.add(service_key(stack.name, name))
            self.named.setdefault(name, set()).add(stack.name)
        return touched

    def drop(self, name: str) -> set[str]:
        """Forget a stack; the keys of its services."""
        stack = self.stacks.pop(name, None)
        if stack is None:
            return set()
        for function in stack.functions:
            del self.functions[service_key(name, function)]
            self.watching.discard(service_key(name, function))
            self.named[function].discard(name)
            if not self.named[function]:
                del self.named[function]
        touched = {service_key(name, service) for service in stack.services}
        for key in touched:
            self._leave(key)
        self.globals -= touched
        return touched

    def _leave(self, key: str) -> None:
        service = self.services.pop(key)
        del self.revisions[key]
        _discard(self.images, service.container.image, key)
        for claim in claims(service):
            _discard(self.claims, claim, key)

    def functions_of(self, stack: str) -> tuple[FunctionSpec, ...]:
        """The functions of one stack."""
        found = self.stacks.get(stack)
        return tuple(f.spec for f in found.functions.values()) if found else ()


def claims(service: Service) -> set[str]:
    """What only one task on a node can have: ports of the host, and pins."""
    ports = {f"port {port.published}/{port.protocol}" for port in service.container.ports if port.published}
    return ports | {f"pin {pin}" for pin in service.needs.pins}


def _discard(keys_of: dict[str, set[str]], name: str, key: str) -> None:
    keys_of[name].discard(key)
    if not keys_of[name]:
        del keys_of[name]
