"""What the agent does with an offer of a release of itself: make it ready, ask, hand over, and, as the new one, keep its place.

It is the way of any trial (`agent.decide.trial`), but two processes walk it: the old one until the grant, the new one from there.
What they know of each other stands on the disk. The new one is well when the controller has acknowledged its hello and it has
stayed up for `monitor_s` since; a launcher that knows nothing of this counts the time. Containers are never touched.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import pulls
from agent.decide.asking import ASK_EVERY_S, GRANT_S, NONCE_CHARS
from agent.decide.inputs import Done, Retry
from agent.decide.node import Node, Now
from agent.decide.release import (
    NOT_CONTAINED,
    KeepRelease,
    LeaveRelease,
    OfferKey,
    ReleaseMoved,
    ReleaseSeen,
    ReleaseStaged,
    Releasing,
    StageRelease,
    SwitchRelease,
)
from agent.decide.trial import Seen, advance
from protocol.desired import Ack, Grant, Offer
from protocol.ids import digest
from protocol.observed import OfferState, OfferStatus, Request, TaskState, TaskStatus
from protocol.release import STACK
from protocol.topics import RequestTopic

AGAIN_S = 5.0
# A card that did not take a link now may in a moment; the launcher's patience ends it if not.
WITHDRAWN = "its offer was withdrawn"

IMAGE = "bramble-agent@{}"


def take(node: Node, seen: ReleaseSeen | ReleaseStaged | ReleaseMoved, now: Now) -> None:
    """Take in what stands on the disk, or what came of an act on it."""
    if isinstance(seen, ReleaseSeen):
        node.release = seen
        return
    node.release, mine = seen.seen, node.releasing
    if mine is None:
        return
    if isinstance(seen, ReleaseMoved):
        again_mono_s = now.mono_s + AGAIN_S if seen.fault else 0.0
        node.releasing = replace(mine, has_acted=False, reason=seen.fault, due_mono_s=again_mono_s)
        if seen.fault and node.release.running != mine.key.revision:
            _fail(node, mine, seen.fault)
    elif seen.key == mine.key and mine.state is OfferState.STAGING:
        _staged(node, mine, seen, now)


def take_grant(node: Node, grant: Grant, now: Now) -> bool:
    """Begin, if this grant is for our own release and answers a young request; False if it is for something else."""
    mine = node.releasing
    if mine is None or (mine.key.task, mine.key.revision) != (grant.task, grant.revision):
        return False
    asked_mono_s = dict(mine.nonces).get(grant.nonce, float("-inf"))
    if mine.state is not OfferState.STAGED or now.has_come(asked_mono_s + min(GRANT_S, grant.valid_s)):
        node.tally("grants_ignored")
        return True
    node.releasing = replace(
        mine, state=advance(mine.state, Seen.GRANTED), nonce=grant.nonce, reason="", has_acted=True
    )
    within_s = mine.release.checkin_s + mine.monitor_s
    node.effects.append(SwitchRelease(mine.key, mine.release, grant.nonce, within_s))
    return True


def acknowledged(node: Node, ack: Ack, now: Now) -> None:
    """The controller has committed facts: once our hello is among them, it knows this very process."""
    is_known = node.hello and ack.stream == node.stream and (node.hello <= ack.upto or node.hello in ack.beyond)
    if is_known and node.known_mono_s is None:
        node.known_mono_s = now.mono_s


def follow(node: Node, now: Now) -> None:
    """Do what is next for the offer that stands."""
    offer = _offer(node)
    _recall(node, offer)
    if offer is None or _is_on_trial_for_another(node, offer):
        _leave(node)
        return
    mine = node.releasing
    mine = _found(node, offer) if mine is None or mine.key != _key(offer) else _as_offered(mine, offer)
    mine = _stage(node, mine, now) if mine.state is OfferState.STAGING else mine
    mine = _ask(node, mine, now) if mine.state is OfferState.STAGED else mine
    node.releasing = _watch(node, mine, now) if mine.state is OfferState.TRYING else mine


def offers(node: Node) -> tuple[OfferStatus, ...]:
    """How it is with the offer, for the status."""
    mine = node.releasing
    if mine is None:
        return ()
    return (OfferStatus(*_parts(mine.key), mine.state, mine.nonce, mine.reason),)


def tasks(node: Node) -> tuple[TaskStatus, ...]:
    """What runs here as the agent's task, if the controller has one for it; on trial it is not yet running."""
    specs = [spec.task for spec in node.assignment.tasks if spec.release is not None]
    offer = _offer(node)
    names = dict.fromkeys((*specs, *([offer.task.task] if offer is not None else [])))
    is_moving = node.release.trying is not None or (
        node.releasing is not None and node.releasing.state is OfferState.TRYING
    )
    state = TaskState.PREPARING if is_moving else TaskState.RUNNING
    image = IMAGE.format(node.version)
    return tuple(TaskStatus(name, node.release.running, state, 1, image) for name in names)


def _as_offered(mine: Releasing, offer: Offer) -> Releasing:
    """How to go about it may be said anew of the same offer."""
    assert offer.task.release is not None
    if (mine.release, mine.monitor_s) == (offer.task.release, offer.monitor_s):
        return mine
    return replace(mine, release=offer.task.release, monitor_s=offer.monitor_s)


def _found(node: Node, offer: Offer) -> Releasing:
    """Where an offer stands, by what is on the disk."""
    key, seen = _key(offer), node.release
    assert offer.task.release is not None
    mine = Releasing(key, offer.task.release, offer.monitor_s)
    if seen.refusal:
        return replace(mine, state=OfferState.FAILED, reason=seen.refusal)
    if mine.release.image and not seen.image:
        return replace(mine, state=OfferState.FAILED, reason=NOT_CONTAINED)
    if seen.failed == key:
        return replace(mine, state=OfferState.FAILED, reason=seen.reason)
    if seen.running == key.revision:
        return replace(mine, state=OfferState.TRYING if seen.trying is not None else OfferState.SETTLED)
    return mine


def _stage(node: Node, mine: Releasing, now: Now) -> Releasing:
    if mine.key.revision in node.release.complete:
        return replace(mine, state=advance(mine.state, Seen.IMAGE_HERE), reason="", has_acted=False)
    if mine.has_acted or not now.has_come(mine.due_mono_s):
        return mine
    login, _ = pulls.asked(node.assignment, STACK, mine.release.image) if mine.release.image else (None, "")
    node.effects.append(StageRelease(mine.key, mine.release, login))
    return replace(mine, has_acted=True)


def _staged(node: Node, mine: Releasing, seen: ReleaseStaged, now: Now) -> None:
    mine = replace(mine, has_acted=False)
    if isinstance(seen.outcome, Retry):
        due_mono_s = now.mono_s + seen.outcome.after_s
        node.releasing = replace(mine, reason=seen.outcome.reason, due_mono_s=due_mono_s)
    elif isinstance(seen.outcome, Done):
        node.releasing = mine
    else:
        _fail(node, mine, seen.outcome.reason)


def _ask(node: Node, mine: Releasing, now: Now) -> Releasing:
    young = tuple((nonce, at) for nonce, at in mine.nonces if not now.has_come(at + GRANT_S))
    if not node.is_up or (young and not now.has_come(young[-1][1] + ASK_EVERY_S)):
        return mine
    node.requests += 1
    nonce = digest([node.stream, node.epoch, node.requests, mine.key], NONCE_CHARS)
    node.say(RequestTopic(node.fleet, node.name), Request(*_parts(mine.key), nonce))
    return replace(mine, nonces=(*young, (nonce, now.mono_s)))


def _watch(node: Node, mine: Releasing, now: Now) -> Releasing:
    """As the new one: well once the controller knows us and we stayed. As the old one we are about to end."""
    if node.release.running != mine.key.revision:
        return mine
    if node.release.trying is None:
        node.tally("trials", OfferState.SETTLED)
        return replace(mine, state=advance(mine.state, Seen.WELL), has_acted=False)
    is_watched = node.known_mono_s is not None and now.has_come(node.known_mono_s + mine.monitor_s)
    if not is_watched or mine.has_acted or not node.is_up or not now.has_come(mine.due_mono_s):
        return mine
    node.effects.append(KeepRelease())
    return replace(mine, has_acted=True)


def _is_on_trial(node: Node) -> bool:
    return node.release.trying is not None and node.release.running == node.release.trying.revision


def _is_on_trial_for_another(node: Node, offer: Offer) -> bool:
    return _is_on_trial(node) and node.release.running != offer.task.revision


def _recall(node: Node, offer: Offer | None) -> None:
    """A grant may come in the very turn in which its offer goes: what the status no longer tells is not tried either."""
    key = _key(offer) if offer is not None else None
    node.effects = [one for one in node.effects if not isinstance(one, SwitchRelease) or one.key == key]


def _leave(node: Node) -> None:
    """What we are on trial for is not offered: give it up. Before we were told anything, nothing is withdrawn."""
    node.releasing = None
    if _is_on_trial(node) and not node.release.is_leaving and node.offerings.get("") is not None:
        node.release = replace(node.release, is_leaving=True)
        node.effects.append(LeaveRelease(WITHDRAWN))


def _fail(node: Node, mine: Releasing, reason: str) -> None:
    node.releasing = replace(mine, state=OfferState.FAILED, reason=reason, has_acted=False)
    node.tally("trials", OfferState.FAILED)


def _offer(node: Node) -> Offer | None:
    return next((offer for offer in node.offers.offers if offer.task.release is not None), None)


def _key(offer: Offer) -> OfferKey:
    return OfferKey(offer.rollout, offer.task.task, offer.task.revision)


def _parts(key: OfferKey) -> tuple[str, str, str]:
    return key.rollout, key.task, key.revision
