"""`bramble up` and `down`, also called `apply` and `rm`: a stack's manifest goes to the controller, and its verdict comes back.

The files are loaded and checked here first, by the same code that the controller uses; a file that needs no loading is published
as it is: what `mosquitto_pub -r -f` would send. The verdict is known by the digest of those bytes, so an older one is never taken
for ours.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from cli import errors
from cli.check import checked, named, tell_faults
from cli.errors import Code, CommandError, tell
from cli.look import SERVICE_HEADINGS, service_cells
from cli.output import print_json, print_table
from cli.project import Asked, Project
from cli.terminal import ANSWER_S, Terminal, presence, read_all, warn_of
from link.session import Session
from protocol import ids
from protocol.durations import said
from protocol.envelope import Received, unpack
from protocol.operator import OrderVerb, ServiceStatus, StackRow, StackStatus, Verdict
from protocol.rollouts import RolloutStatus
from protocol.topics import ManifestTopic, StackStatusTopic

CONVERGE_S = 120.0
"""Three nodes that pull a small image over Wi-Fi need one minute; who deploys more says --timeout."""

GONE_POLL_S = 0.5
"""How often a removed stack is asked for; its containers may take their whole grace to stop."""

HALTED = frozenset({"paused", "rolling_back", "rollback_paused", "rolled_back"})
"""A rollout in one of these goes nowhere by waiting."""

FAULT = ": "
"""What a device of a stack's status has after its node, where something is wrong with it."""

ROLLING, DONE = "rolling", "done"
"""One that is done may have failures that its manifest tolerates: they are not tried again by themselves."""


def up(terminal: Terminal, asked: Asked, *, wait: bool) -> None:
    """Load and check a project, publish it, and wait until the fleet runs it."""
    project = checked(terminal, asked)
    status = _published(terminal, project.name, project.payload, wait=wait)
    _report(terminal, project, status)
    if wait and not status.converged:
        raise _not_converged(status, terminal.within(CONVERGE_S).patience_s)


def down(terminal: Terminal, stack: str, asked: Asked) -> None:
    """Remove a stack, named or found as `up` finds it, and everything that runs for it."""
    name = stack or named(asked)
    with terminal.session() as session:
        if name not in _stacks(terminal, session):
            raise CommandError(Code.NOT_FOUND, f"the fleet has no stack {name!r}", "`bramble stacks` lists them")
        _say(session, ManifestTopic(terminal.fleet, name), b"")
        deadline_mono_s = time.monotonic() + terminal.within(CONVERGE_S).patience_s
        while name in _stacks(terminal, session):
            if time.monotonic() >= deadline_mono_s:
                raise CommandError(Code.TIMEOUT, f"{name} is on its way out, but not gone yet")
            session.pause(GONE_POLL_S)
    if terminal.is_json:
        print_json({"stack": name, "removed": True})
    else:
        print(f"{name}: removed")


def _digest(payload: bytes) -> str:
    """What `StackStatus.manifest` says of these bytes."""
    return hashlib.sha256(payload).hexdigest()[: ids.REVISION_CHARS]


def _published(terminal: Terminal, name: str, payload: bytes, *, wait: bool) -> StackStatus:
    """Publish, and follow the stack until it is refused, runs everywhere, is stuck, or the time is over."""
    topic = StackStatusTopic(terminal.fleet, name)
    with terminal.session(str(topic)) as session:
        _say(session, ManifestTopic(terminal.fleet, name), payload)
        tell(f"{name}: published to fleet {terminal.fleet!r}")
        verdict_s = min(ANSWER_S, terminal.within(ANSWER_S).patience_s)
        status = None
        for status in _verdicts(session, topic, _digest(payload), verdict_s):
            # Who asks for the rollout next is to be shown this one, not the one before.
            if wait or not status.awaits_images:
                break
        if status is None:
            raise errors.silent(terminal.fleet, said(verdict_s), presence(session))
        if wait and not _is_over(status):
            status = _followed(session, topic, status, terminal.within(CONVERGE_S).patience_s)
    return status


def _followed(session: Session, topic: StackStatusTopic, status: StackStatus, within_s: float) -> StackStatus:
    """Tell each change of a service until there is nothing more to wait for; the last status."""
    told = _progress(status, {})
    for newer in _verdicts(session, topic, status.manifest, within_s):
        status, told = newer, _progress(newer, told)
        if _is_over(status):
            break
    return status


def _verdicts(session: Session, topic: StackStatusTopic, digest: str, within_s: float) -> Iterator[StackStatus]:
    """Each status that is about our very bytes."""
    newer = ""
    for packet in session.packets(within_s):
        said = unpack(packet) if packet.topic == str(topic) and packet.payload else None
        if isinstance(said, Received) and isinstance(said.message, StackStatus) and said.message.manifest == digest:
            if said.unknown != newer:
                warn_of(newer := said.unknown)
            yield said.message


def _is_over(status: StackStatus) -> bool:
    is_told = status.verdict is Verdict.REFUSED or status.converged or bool(_halted(status))
    return is_told or (bool(_failed(status)) and not any(map(_is_moving, status.services)))


def _halted(status: StackStatus) -> list[str]:
    """Why waiting longer is of no use."""
    return [
        f"the rollout of {r.service} is {r.state.replace('_', ' ')}: {'; '.join(r.reasons) or r.report}"
        for r in _rollouts(status)
        if r.state in HALTED
    ]


def _failed(status: StackStatus) -> list[str]:
    """What is done and did not reach everybody."""
    return [
        f"the rollout of {r.service} is done, and failed on {r.failed} of {r.updated + r.failed}: "
        f"{'; '.join(r.reasons) or r.report}"
        for r in _rollouts(status)
        if r.state == DONE and r.failed
    ]


def _rollouts(status: StackStatus) -> list[RolloutStatus]:
    """The updates to this very manifest; while its images are looked up there is none yet, only what became of those before."""
    if status.awaits_images:
        return []
    return [service.rollout for service in status.services if service.rollout is not None]


def _is_moving(service: ServiceStatus) -> bool:
    """Whether a service may yet stand otherwise by itself."""
    rollout = service.rollout
    if rollout is not None and rollout.state == DONE and rollout.failed:
        return False
    is_rolling = rollout is not None and rollout.state == ROLLING
    return is_rolling or service.running + service.completed < service.desired


def _progress(status: StackStatus, told: dict[str, str]) -> dict[str, str]:
    """Tell the services that stand otherwise than last told."""
    now = {service.service: _standing(service) for service in status.services}
    for name, text in now.items():
        if told.get(name) != text:
            tell(f"  {name}: {text}")
    return now


def _standing(service: ServiceStatus) -> str:
    count = f"{service.running}/{service.desired} running"
    report = service.rollout.report if service.rollout else ""
    reasons = [f"{task.node}: {task.reason}" for task in service.tasks if task.reason and task.state != "running"]
    return "; ".join(filter(None, (count, report, *service.reasons, *reasons)))


def _report(terminal: Terminal, project: Project, status: StackStatus) -> None:
    """Print the verdict; a refusal ends the command, its faults written as a compiler writes them."""
    if status.verdict is Verdict.REFUSED:
        tell_faults(terminal, status, [project.located(fault) for fault in status.faults])
    if terminal.is_json:
        print_json(status)
        return
    for device in status.devices:
        if FAULT in device:
            tell(f"warning: {device}")
    everything = "everything runs" if status.converged else "not everything runs yet"
    if status.awaits_images:
        everything = "its images are being looked up, and what stood before goes on"
    print(f"{status.stack}: accepted as revision {status.revision}; {everything}")
    if status.services:
        print_table(SERVICE_HEADINGS, map(service_cells, status.services))


def _not_converged(status: StackStatus, waited_s: float) -> CommandError:
    halted = [*_halted(status), *_failed(status)]
    if halted:
        return CommandError(Code.REFUSED, f"{status.stack}: {'; '.join(halted)}")
    behind = [
        f"{s.service} ({_standing(s)})" for s in status.services if s.running < s.desired or s.reasons or s.rollout
    ]
    message = f"{status.stack} does not run everywhere after {said(waited_s)}: {', '.join(behind) or 'see its status'}"
    return CommandError(Code.TIMEOUT, message, f"it goes on; `bramble status {status.stack} --watch` follows it")


def _say(session: Session, topic: ManifestTopic, payload: bytes) -> None:
    refused = session.say(topic, payload)
    if refused is not None:
        raise CommandError(Code.REFUSED, str(refused))


def _stacks(terminal: Terminal, session: Session) -> set[str]:
    return {row.stack for row in read_all(StackRow, terminal.ask(session, OrderVerb.STACKS) or [], quietly=True)}
