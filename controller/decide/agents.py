"""The orders about the agents themselves: which version they shall be, and how far that is.

An order makes a service of ours, kept like a stack, and the rest is an ordinary rollout: budget, batches, absent nodes, the late
lane, and every verb that steers. Nothing is wanted of any agent before the first order; with it the base becomes the first row of
the service's history, so that there is something to go back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from controller.decide import answers, force, releases
from controller.decide.fleet import Fleet
from controller.decide.placement.filters import NOT_LAUNCHED
from controller.decide.placement.scheduler import objections
from controller.decide.records import Node, StackRecord
from controller.decide.rollouts import granting, pins
from controller.decide.rollouts.slot import HALTED
from protocol import constraint
from protocol.ids import task_id
from protocol.manifest.gradual import portion
from protocol.observed import Answer
from protocol.operator import OperatorOrder, Verdict
from protocol.refusal import Refusal
from protocol.release import SERVICE, STACK, AgentRow, Release
from protocol.shapes import JsonValue, Shape
from protocol.stack import Mode, Needs, Service, Stack
from protocol.update import Batch, FailureAction, Portion, Update

MONITOR_S = 60.0
"""For how long a new agent must stay up after it has checked in: two of its reports of health."""

CANARY = "canary"
UNMANAGED, UNABLE = "unmanaged", "unable"

_SHAPE = Shape(Release)
_OF_RELEASE = ("version", "index", "wheel", "sha256", "checkin_s", "image")
_OF_VERSION = ("version", "index", "wheel", "sha256")
_OF_UPDATE = ("parallelism", "canary", "monitor_s", "failure_action", "max_failure_ratio", "constraints")


def update(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have the agents be another release."""
    release, policy = _release(asked.arguments), _policy(asked.arguments)
    constraints = _constraints(asked.arguments.get("constraints", []))
    for read in (_unknown(asked.arguments), release, policy, constraints):
        if isinstance(read, Refusal):
            return answers.refused(str(read))
    assert isinstance(release, Release)
    assert isinstance(policy, Update)
    assert isinstance(constraints, tuple)
    if STACK not in fleet.stacks:
        _put(fleet, _stack(Release(), policy, constraints))
    before = fleet.catalogue.revisions.get(releases.KEY)
    _put(fleet, _stack(release, policy, constraints))
    return Answer("", ok=True, message=_taken_up(fleet, release, is_same=before == release.revision))


def _taken_up(fleet: Fleet, release: Release, *, is_same: bool) -> str:
    """What an order sets going, or why nothing: the same order again does not forgive what has failed."""
    able = [name for name in fleet.nodes if _is_able(fleet.nodes[name], release)]
    said = f"the agents are to be {release.title}{' already' if is_same else ''}"
    said += f"; {len(able)} of {len(fleet.nodes)} nodes can update theirs"
    rollout = fleet.rollouts.get(releases.KEY)
    if is_same and rollout is not None and rollout.state in HALTED:
        return f"{said}; the rollout is {rollout.state}: {rollout.reason}; `bramble rollout resume {releases.KEY}`"
    return f"{said}; `bramble rollout status {releases.KEY}` shows how far it is"


def _is_able(node: Node, release: Release) -> bool:
    return bool(node.release) and (bool(node.image) or not release.image)


def rows(fleet: Fleet, _: OperatorOrder, now_mono_s: float) -> Answer:
    """Every node with the version of its agent."""
    return answers.rows([asdict(_row(fleet, fleet.nodes[name], now_mono_s)) for name in sorted(fleet.nodes)])


def _row(fleet: Fleet, node: Node, now_mono_s: float) -> AgentRow:
    service, task = fleet.catalogue.services.get(releases.KEY), task_id(STACK, SERVICE, node.name)
    wanted = service.release.title if service is not None and service.release is not None else ""
    row = (node.name, fleet.presence(node.name), node.version, node.release)
    if not node.release:
        return AgentRow(*row, wanted, UNABLE, NOT_LAUNCHED)
    placed, slot = fleet.tasks.get(task), fleet.slots.get(task)
    if service is None or placed is None:
        explained = "; ".join(objections(fleet, node, service)) if service else "no release is wanted"
        return AgentRow(*row, wanted, UNMANAGED, explained)
    if slot is None:
        is_pinned = pins.is_pinned(fleet, releases.KEY, node.name)
        return AgentRow(*row, wanted, "pinned" if is_pinned else "settled", pins.reason(placed) if is_pinned else "")
    return AgentRow(*row, wanted, slot.state, granting.wait(fleet, slot, now_mono_s))


def _put(fleet: Fleet, stack: Stack) -> None:
    """Have a stack of ours in force; nothing of it is looked up anywhere."""
    fleet.stacks.put(stack.name, StackRecord(stack.name, Verdict.ACCEPTED, stack.revision, stack, None, stack.revision))
    force.outdated(fleet, stack)
    force.enforce(fleet, stack.name)


def _stack(release: Release, policy: Update, constraints: tuple[str, ...]) -> Stack:
    service = Service(
        STACK,
        SERVICE,
        releases.container(release),
        Mode.GLOBAL,
        constraints=constraints,
        needs=Needs(launcher=True, container=bool(release.image)),
        update=policy,
        release=release,
    )
    return Stack(STACK, {SERVICE: service})


def _release(arguments: Mapping[str, JsonValue]) -> Release | Refusal:
    said = {name: arguments[name] for name in _OF_RELEASE if name in arguments}
    release = _SHAPE.read(said)
    if isinstance(release, str):
        return Refusal(release)
    if release.image and any(getattr(release, name) for name in _OF_VERSION):
        return Refusal("an image is all of an agent; it has no version, index, wheel or sha256 besides")
    if not release.version and (release.index or release.wheel or release.sha256):
        return Refusal("the base stands on every node already; it comes from nowhere")
    if release.wheel and not release.sha256:
        return Refusal("a wheel needs its sha256: it is code that becomes the agent of every node")
    if release.wheel and release.index:
        return Refusal("name an index or a wheel, not both")
    return release


def _policy(arguments: Mapping[str, JsonValue]) -> Update | Refusal:
    try:
        canary = _portion(arguments.get("canary", ""))
        return Update(
            _portion(arguments.get("parallelism", "1")) or Portion(1),
            monitor_s=_seconds(arguments.get("monitor_s", MONITOR_S)),
            max_failure_ratio=_ratio(arguments.get("max_failure_ratio", 0.0)),
            failure_action=FailureAction(str(arguments.get("failure_action", FailureAction.PAUSE))),
            batches=(Batch(CANARY, most=canary),) if canary else (),
        )
    except ValueError as error:
        return Refusal(str(error))


def _portion(said: JsonValue) -> Portion | None:
    text = str(said)
    number = text.removesuffix("%")
    if not text:
        return None
    if not number.isascii() or not number.isdigit() or (text.endswith("%") and int(number) == 0):
        raise ValueError(f"{text[:40]!r} is neither a number nor a share; write it like 3 or 25%")
    return portion(text)


def _seconds(said: JsonValue) -> float:
    if not isinstance(said, int | float) or isinstance(said, bool) or not 0 <= said <= 86_400:
        raise ValueError("`monitor_s` is a number of seconds, a day at most")
    return float(said)


def _ratio(said: JsonValue) -> float:
    if not isinstance(said, int | float) or isinstance(said, bool) or not 0 <= said <= 1:
        raise ValueError("`max_failure_ratio` is a number from 0 to 1")
    return float(said)


def _constraints(said: JsonValue) -> tuple[str, ...] | Refusal:
    if not isinstance(said, list | tuple):
        return Refusal("`constraints` is a list")
    for text in map(str, said):
        read = constraint.parse(text)
        if isinstance(read, str):
            return Refusal(read)
    return tuple(map(str, said))


def _unknown(arguments: Mapping[str, JsonValue]) -> Refusal | None:
    unknown = sorted(set(arguments) - {*_OF_RELEASE, *_OF_UPDATE})
    return Refusal(f"there is no argument {unknown[0][:40]!r}") if unknown else None
