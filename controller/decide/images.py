"""Which very content an image's tag means: looked up at its registry when a manifest is accepted, and kept with the stack.

A tag moves; a digest does not. So what nodes get is `repository:tag@sha256:…`, as Swarm has it, and all of them run the same, also
those that are away for a month. A tag is looked up anew when a changed manifest is published, or when an operator asks (`pull`);
with `pull_policy: always` whenever the manifest is published, changed or not.
While that is going on the stack runs as before. Where a registry does not answer, nodes pull by tag, and the service says so.

The registry also says for which platforms an image is made, before anybody has pulled a byte: the scheduler keeps it from the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.decide.effects import Inspect
from controller.decide.fleet import Fleet
from controller.decide.inputs import Inspected
from controller.decide.placement import constraints
from controller.decide.records import Image, Lookup, Node
from protocol.container import Container
from protocol.desired import Login, Mirror
from protocol.ids import digest, full_reference, registry_of
from protocol.stack import Function, Service, Stack

KIND = "images"

UNANSWERED = "its registry did not answer in time"


def look_up(fleet: Fleet, stack: Stack, now_mono_s: float, names: tuple[str, ...] = ()) -> bool:
    """Ask for the images of a stack, or of some services and functions of it; False if there is nothing to wait for."""
    asked = frozenset(reference for reference in _references(stack, names) if _is_open(reference))
    if not fleet.terms.image_lookup_s or not asked:
        _keep(fleet, stack, {})
        return False
    fleet.lookups[stack.name] = Lookup(stack, asked)
    fleet.deadlines.set(KIND, stack.name, now_mono_s + fleet.terms.image_lookup_s)
    for reference in sorted(asked):
        fleet.effects.append(Inspect(stack.name, reference, login(fleet, stack, reference)))
    return True


def inspected(fleet: Fleet, seen: Inspected) -> Stack | None:
    """Take an answer in; the stack, if it was the last that was waited for."""
    lookup = fleet.lookups.get(seen.stack)
    if lookup is None or seen.reference not in lookup.asked:
        return None
    lookup.found[seen.reference] = Image(seen.stack, seen.reference, seen.digest, seen.platforms, seen.reason)
    return _end(fleet, lookup) if lookup.asked == lookup.found.keys() else None


def late(fleet: Fleet, name: str) -> Stack | None:
    """Wait no longer for the registries of a stack; the stack, if it was waiting."""
    lookup = fleet.lookups.get(name)
    if lookup is None:
        return None
    for reference in lookup.asked - lookup.found.keys():
        lookup.found[reference] = Image(name, reference, reason=UNANSWERED)
    return _end(fleet, lookup)


def suppose(fleet: Fleet, stack: Stack, found: dict[str, Image]) -> None:
    """In a fleet that only supposes a stack: what its registries said of its images."""
    _keep(fleet, stack, found)


def forget(fleet: Fleet, name: str) -> None:
    """Remember nothing of the images of a stack."""
    fleet.lookups.pop(name, None)
    _keep(fleet, Stack(name), {})


def pinned(fleet: Fleet, stack: Stack) -> Stack:
    """The stack with every image by its digest, as far as they are known."""
    if not fleet.images.of("stack", stack.name):
        return stack
    return replace(
        stack,
        services={name: _pinned_service(fleet, service) for name, service in stack.services.items()},
        functions={name: _pinned_function(fleet, stack.name, function) for name, function in stack.functions.items()},
    )


def platforms(fleet: Fleet, service: Service) -> tuple[str, ...]:
    """What the image of a service is made for (`linux/arm64`, `linux/arm/v7`); nothing where that is not known."""
    found = fleet.images.get(_key(service.stack, _unpinned(service.container.image)))
    return found.platforms if found else ()


def reason(fleet: Fleet, service: Service) -> str:
    """Why the tag of a service's image has no digest or no newer one, or that it is being looked up; else empty."""
    lookup, reference = fleet.lookups.get(service.stack), _unpinned(service.container.image)
    if lookup is not None and reference in lookup.asked - lookup.found.keys():
        return f"looks up {reference} at its registry"
    found = fleet.images.get(_key(service.stack, reference))
    if found is None or not found.reason:
        return ""
    _, _, content = service.container.image.partition("@")
    if not content:
        return f"nodes pull {reference} by its tag, which may move: {found.reason}"
    return f"{reference} stays what it was: {found.reason}" if content == found.digest else ""


def login(fleet: Fleet, stack: Stack, reference: str) -> Login | None:
    """What is said to the registry of an image: the stack's own login, else the fleet's."""
    registry = registry_of(reference)
    return next((one for one in (*stack.logins, *fleet.terms.logins) if one.registry == registry), None)


def logins(fleet: Fleet, stacks: set[str]) -> tuple[Login, ...]:
    """What a node that carries these stacks needs to know to pull for them: their own logins before the fleet's."""
    if not stacks:
        return ()
    known = (fleet.catalogue.stacks[name] for name in sorted(stacks) if name in fleet.catalogue.stacks)
    own = tuple(replace(one, stack=stack.name) for stack in known for one in stack.logins)
    return own + fleet.terms.logins


def mirrors(fleet: Fleet, node: Node) -> tuple[Mirror, ...]:
    """Who a node asks before the registries themselves."""
    rules = (rule for rule in fleet.terms.mirrors if not constraints.objections(rule.nodes, node))
    return tuple(Mirror(rule.registry, rule.at) for rule in rules)


def _end(fleet: Fleet, lookup: Lookup) -> Stack:
    del fleet.lookups[lookup.stack.name]
    fleet.deadlines.drop(KIND, lookup.stack.name)
    _keep(fleet, lookup.stack, lookup.found)
    return lookup.stack


def _keep(fleet: Fleet, stack: Stack, found: dict[str, Image]) -> None:
    """Remember the images of a stack and no others. A registry that is silent takes back nothing that it said before."""
    wanted = {_key(stack.name, reference) for reference in _references(stack) if _is_open(reference)}
    for key in fleet.images.of("stack", stack.name) - wanted:
        fleet.images.drop(key)
    for reference, image in found.items():
        before = fleet.images.get(_key(stack.name, reference))
        is_silent = before is not None and before.digest and not image.digest
        kept = replace(before, reason=image.reason) if before is not None and is_silent else image
        fleet.images.put(_key(stack.name, reference), kept)


def _references(stack: Stack, names: tuple[str, ...] = ()) -> Iterator[str]:
    """The images of a stack, or of some services and functions of it, as the manifest writes them."""
    yield from (one.container.image for one in stack.services.values() if not names or one.name in names)
    functions = (one.spec for one in stack.functions.values() if one.spec.needs_engine)
    yield from (spec.container.image for spec in functions if not names or spec.name in names)


def _is_open(reference: str) -> bool:
    return "@" not in reference and not reference.startswith("sha256:")


def _unpinned(image: str) -> str:
    return image.partition("@")[0] if not image.startswith("sha256:") else image


def _key(stack: str, reference: str) -> str:
    return f"{stack} {full_reference(reference)}"


def _pin(fleet: Fleet, stack: str, container: Container) -> Container:
    """Name the content behind the tag; one that is written with a digest stays as it is."""
    found = fleet.images.get(_key(stack, container.image)) if _is_open(container.image) else None
    return replace(container, image=f"{container.image}@{found.digest}") if found and found.digest else container


def _pinned_service(fleet: Fleet, service: Service) -> Service:
    return replace(service, container=_pin(fleet, service.stack, service.container))


def _pinned_function(fleet: Fleet, stack: str, function: Function) -> Function:
    container = _pin(fleet, stack, function.spec.container) if function.spec.needs_engine else function.spec.container
    if container == function.spec.container:
        return function
    revision = digest([function.spec.revision, container.image])
    return replace(function, spec=replace(function.spec, container=container, revision=revision))
