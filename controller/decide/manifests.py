"""What an operator's manifest becomes: an accepted stack, or a verdict that says everything that is wrong with it.

A refusal changes nothing: the stack that was accepted earlier goes on. Beyond what `protocol.reading.stackfile` can see in
one document, two stacks may not claim one thing of one node: a published port, a pin, or the name of a device. Who was
accepted first keeps it. A manifest that is not on the broker is no removal (the broker may have lost it); only an empty
payload is.

A broker that lost its power comes back with what it had saved a minute before, so what it shows on a new connection may have
been replaced since. Only what somebody publishes while we listen takes a stack back to an earlier manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.decide import force, images
from controller.decide.fleet import Fleet
from controller.decide.records import StackRecord
from protocol import delivery
from protocol.claims import Claim, claims_of
from protocol.constraint import are_disjoint
from protocol.container import Port
from protocol.operator import ManifestFault, Verdict
from protocol.reading import stackfile
from protocol.stack import Actuator, Sensor, Stack
from protocol.topics import StackStatusTopic

ALWAYS = "always"
"""The `pull_policy` whose tags mean what they mean at each publishing."""


FORMER_MOST = 20
"""A broker saves every minute, and nobody accepts a manifest every three seconds."""

VOID_MOST = 100
"""Verdicts on stacks that were never accepted: more than a person corrects. Their names are made up by whoever publishes."""

REPLACED = ManifestFault(
    "a later manifest has replaced this one, which the broker has only kept",
    remedy="publish it again, or the later one, so that the broker keeps that",
)


def publish(fleet: Fleet, name: str, payload: bytes, digest: str, now_mono_s: float) -> None:
    """Take in what was published under a stack's name."""
    if not payload:
        _remove(fleet, name)
        return
    before = fleet.stacks.get(name)
    if before is not None and digest == _accepted_of(before):
        if before.verdict is not Verdict.ACCEPTED:
            fleet.stacks.put(name, replace(before, verdict=Verdict.ACCEPTED, manifest=digest, faults=()))
        _accepted(fleet, name)  # a broker says every retained manifest anew on each connection, and reading one is dear
        return
    stack = stackfile.read(payload, name)
    if isinstance(stack, tuple):
        refuse(fleet, name, digest, stack)
        return
    faults = tuple(conflicts(fleet, stack))
    if faults:
        refuse(fleet, name, digest, stackfile.located(payload, faults))
        return
    accept(fleet, stack, digest, now_mono_s)


def kept(fleet: Fleet, name: str, payload: bytes, digest: str, now_mono_s: float) -> None:
    """Take in what the broker shows on a new connection: what somebody published while we were away, or its own older memory."""
    record = fleet.stacks.get(name)
    if record is not None and digest in record.former:
        refuse(fleet, name, digest, (REPLACED,))
    else:
        publish(fleet, name, payload, digest, now_mono_s)


def accept(fleet: Fleet, stack: Stack, digest: str, now_mono_s: float) -> None:
    """A new manifest without a fault: it comes into force when its images have been looked up."""
    before = fleet.stacks.get(stack.name)
    in_force = before.stack if before is not None else None
    record = StackRecord(stack.name, Verdict.ACCEPTED, digest, in_force, stack, stack.revision, accepted=digest)
    fleet.stacks.put(stack.name, replace(record, former=_former(before, digest)))
    _accepted(fleet, stack.name)
    if not images.look_up(fleet, stack, now_mono_s):
        come_into_force(fleet, stack)


def _former(before: StackRecord | None, digest: str) -> tuple[str, ...]:
    known = (_accepted_of(before), *before.former) if before is not None else ()
    return tuple(one for one in known if one not in ("", digest))[:FORMER_MOST]


def _accepted_of(record: StackRecord) -> str:
    """The manifest that was accepted last; a record of an older store tells it only while nothing was refused since."""
    return record.accepted or (record.manifest if record.verdict is Verdict.ACCEPTED else "")


def _accepted(fleet: Fleet, name: str) -> None:
    fleet.unsettled.reports.add(name)
    fleet.tally("manifests", "accepted")


def come_into_force(fleet: Fleet, stack: Stack | None) -> None:
    """Have a stack replace what was in force under its name, unless another manifest overtook it."""
    record = fleet.stacks.get(stack.name) if stack is not None else None
    if record is None or stack is None:
        return
    fleet.stacks.put(record.name, replace(record, stack=stack, awaited=None))
    force.outdated(fleet, stack)
    force.enforce(fleet, record.name)


def look_again(fleet: Fleet, name: str, part: str, now_mono_s: float) -> bool:
    """Look up again what the tags of a stack, or of one service or function of it, mean now; False if no registry is asked.

    What moved is rolled out as any other change.
    """
    record = fleet.stacks[name]
    if record.stack is None or record.awaited is not None:
        return record.awaited is not None
    return _look_up(fleet, record.stack, (part,) if part else (), now_mono_s)


def published_again(fleet: Fleet, name: str, now_mono_s: float) -> None:
    """Somebody published a manifest, changed or not: answer him, and look up the images whose `pull_policy` is `always`.

    Whoever says a manifest again has not seen its status; the broker may have lost it without a word.
    """
    record = fleet.stacks.get(name)
    if record is not None:
        fleet.reported.pop(name, None)
        fleet.unsettled.reports.add(name)
    if record is None or record.stack is None or record.awaited is not None or record.verdict is not Verdict.ACCEPTED:
        return
    names = tuple(one.name for one in record.stack.services.values() if one.container.pull_policy == ALWAYS)
    if names:
        _look_up(fleet, record.stack, names, now_mono_s)


def _look_up(fleet: Fleet, stack: Stack, names: tuple[str, ...], now_mono_s: float) -> bool:
    if not images.look_up(fleet, stack, now_mono_s, names):
        return False
    fleet.stacks.put(stack.name, replace(fleet.stacks[stack.name], awaited=stack))
    fleet.unsettled.reports.add(stack.name)
    return True


def refuse(fleet: Fleet, name: str, digest: str, faults: tuple[ManifestFault, ...]) -> None:
    """Tell the publisher what is wrong; whatever was accepted earlier goes on."""
    before = fleet.stacks.get(name) or StackRecord(name, Verdict.REFUSED)
    after = replace(before, verdict=Verdict.REFUSED, manifest=digest, faults=faults)
    if after != before:  # said again it is no news
        fleet.stacks.put(name, replace(after, rank=fleet.count("refused")))
    fleet.unsettled.reports.add(name)
    fleet.tally("manifests", "refused")
    fleet.tally("refusals", "manifest")
    _let_go(fleet)


def _let_go(fleet: Fleet) -> None:
    """Keep no more verdicts on stacks that were never accepted than people read; the oldest go, and their statuses with them."""
    while len(void := fleet.stacks.of("void", True)) > VOID_MOST:
        name = min(void, key=lambda one: (fleet.stacks[one].rank, one))
        _drop(fleet, name)
        fleet.tally("verdicts_forgotten")
        fleet.remark(
            name, f"was refused and is forgotten: no more than {VOID_MOST} stacks are kept that were never accepted"
        )


def too_large(size_bytes: int) -> ManifestFault:
    """The fault of a document that nobody will read."""
    remedy = "split the stack, or keep large files in an image or a volume"
    return ManifestFault(f"the manifest is {size_bytes} bytes; the limit is {delivery.MANIFEST_BYTES}", remedy=remedy)


def _remove(fleet: Fleet, name: str) -> None:
    if name not in fleet.stacks:
        fleet.tally("refusals", "unknown_stack")
        fleet.remark(name, "an empty manifest removes a stack, but there is none of this name")
        return
    _drop(fleet, name)
    images.forget(fleet, name)
    force.forget(fleet, name)
    force.changed(fleet, name, fleet.catalogue.drop(name))


def _drop(fleet: Fleet, name: str) -> None:
    """Take a stack's record away, and its status from the broker."""
    fleet.stacks.drop(name)
    fleet.unsettled.reports.discard(name)
    fleet.reported.pop(name, None)
    fleet.reported_mono_s.pop(name, None)
    fleet.say(StackStatusTopic(fleet.name, name), b"")


def conflicts(fleet: Fleet, stack: Stack) -> Iterator[ManifestFault]:
    """What another stack has claimed already, wherever both could come to stand on one node."""
    others = [other for name, other in sorted(fleet.catalogue.stacks.items()) if name != stack.name]
    mine = list(_claims(stack))
    for other in others:
        theirs: dict[str, list[tuple[Claim, str, tuple[str, ...]]]] = {}
        for claim, path, texts in _claims(other):
            theirs.setdefault(claim.what, []).append((claim, path, texts))
        for claim, path, texts in mine:
            for their_claim, their_path, their_texts in theirs.get(claim.what, ()):
                if claim.excludes(their_claim) and not are_disjoint(texts, their_texts):
                    yield _conflict(stack, claim.what, path, f"{their_path} of the stack {other.name!r}")


def _conflict(stack: Stack, what: str, path: str, owner: str) -> ManifestFault:
    remedy = "choose another, or constrain the two to different nodes"
    return ManifestFault(f"{path} of the stack {stack.name!r} wants {what}, which {owner} has", path, remedy=remedy)


def _claims(stack: Stack) -> Iterator[tuple[Claim, str, tuple[str, ...]]]:
    """Everything a stack claims of a node: what, by which path of its manifest, and on which nodes."""
    for name, service in stack.services.items():
        for port in service.container.ports:
            if port.published:
                yield Claim(_port(port)), f"services.{name}", service.constraints
    for path, device in _devices(stack):
        yield Claim(f"the device name {device.spec.name!r}"), path, device.constraints
        for claim in claims_of(device.spec):
            yield claim, path, device.constraints


def _devices(stack: Stack) -> tuple[tuple[str, Sensor | Actuator], ...]:
    """Every sensor and actuator of a stack, by its path in the manifest."""
    return (
        *((f"sensors.{name}", one) for name, one in stack.sensors.items()),
        *((f"actuators.{name}", one) for name, one in stack.actuators.items()),
    )


def _port(port: Port) -> str:
    return f"port {port.published}/{port.protocol} of the host"
