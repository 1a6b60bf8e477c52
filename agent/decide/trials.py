"""What the node does with its offers: stage, ask, try, and then keep or forget.

Staging needs no permission and disturbs nothing. Trying needs a grant for a nonce that this node sent within the last 30 s of its
own monotonic clock, so no old mail can start anything. A trial fails by itself, with no controller in reach; failing is being
forgotten, and the same rollout is not tried here again.

A kept revision overlays the assignment until an assignment says something else about the task. It also goes when the offer
was withdrawn and a newer assignment still does not have it: the controller has the last word, however it lost our report.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import locks, refresh
from agent.decide.asking import ask, asked_for, give_back, hindrance, is_asked, newest
from agent.decide.effects import Create
from agent.decide.fetch import is_of, lacking
from agent.decide.gate import watch
from agent.decide.inputs import Done, EngineSeen, GiveUp, Retry, StepEnded
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from agent.decide.strategies import is_late, way_back
from agent.decide.target import content_of
from agent.decide.trial import Seen, Trial, advance, trial_key
from agent.decide.verdicts import assigned, drop, end
from protocol.desired import Grant, Offers
from protocol.observed import OfferState

OPEN = (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING)
"""The states in which something is to be done for a trial."""

RESUMES_MOST = 2
# A revision that takes the whole node down would otherwise be tried again after every boot.


def take_offers(node: Node, offers: Offers, now: Now) -> None:
    """Follow exactly these offers. One that is missing is withdrawn: what is being tried under it is forgotten."""
    standing = {trial_key(offer): offer for offer in offers.whole if offer.task.release is None}
    for trial in node.trials.values():
        if trial.key not in standing and trial.state in (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING):
            drop(node, trial)
    for key, offer in standing.items():
        known = node.trials.get(key)
        is_same = known is not None and known.offer.task == offer.task
        content = known.content if known is not None and is_same else content_of(offer.task)
        if known is None or (known.content != content and known.state in (OfferState.STAGING, OfferState.STAGED)):
            back = way_back(node, offer.task.task, content)
            node.trials.put(key, Trial(offer, content, before=back, due_mono_s=now.mono_s))
        elif known.content == content:
            node.trials.put(key, replace(known, offer=offer))  # how to go about it, and what an operator has said since


def take_grant(node: Node, grant: Grant, now: Now) -> None:
    """Begin a trial, if this grant answers a request that is still young."""
    for trial in node.trials.values():
        if (trial.task, trial.offer.task.revision) != (grant.task, grant.revision):
            continue
        if trial.state is OfferState.STAGED and asked_for(node, trial, grant.nonce, grant.valid_s, now):
            _granted(node, trial, now)
            return
    node.tally("grants_ignored")


def staged(node: Node, seen: StepEnded, now: Now) -> None:
    """Take in what came of staging an image."""
    if isinstance(seen.outcome, Done) or isinstance(seen.step, Create):
        return
    for trial in [trial for trial in node.trials.values() if trial.state is OfferState.STAGING]:
        if isinstance(seen.outcome, Retry) and trial.key == seen.step.key:
            due_mono_s = now.mono_s + seen.outcome.after_s
            node.trials.put(trial.key, replace(trial, reason=seen.outcome.reason, due_mono_s=due_mono_s))
        elif isinstance(seen.outcome, GiveUp) and (trial.key == seen.step.key or is_of(trial.offer, seen.step.key)):
            end(node, trial, Seen.UNWELL, seen.outcome.reason)


def follow(node: Node, now: Now) -> None:
    """Move every trial as far as it can go now."""
    forget_the_overtaken(node)
    for key, trial in node.trials.items():
        if trial.state not in OPEN or is_asked(node, key, trial, now):
            continue
        if _is_settled(node, trial):
            end(node, trial, Seen.SAME, "")
        elif trial.state is OfferState.STAGING:
            _stage(node, trial, now)
        elif trial.state is OfferState.STAGED:
            ask(node, trial, now)
        elif trial.state is OfferState.TRYING and trial.resumes > RESUMES_MOST:
            end(node, trial, Seen.UNWELL, f"the agent or its node restarted {trial.resumes} times during the trial")
        elif trial.state is OfferState.TRYING:
            watch(node, locks.outlasted(node, trial, now), now)


def resume(node: Node) -> None:
    """After a restart of the agent: the watch begins anew, but not for ever.

    What it has tried too often ends in a turn, not here: until then the outputs of the trial are in force, and can be made safe.
    """
    for trial in node.trials.values():
        if trial.state is OfferState.TRYING:
            node.trials.put(trial.key, replace(trial, resumes=trial.resumes + 1))


def forget_the_overtaken(node: Node) -> None:
    """Drop what an assignment has overtaken, and the oldest failures beyond what is remembered."""
    if not len(node.trials):
        return
    standing = node.standing()
    failed = [trial for trial in node.trials.values() if trial.state is OfferState.FAILED and trial.key not in standing]
    for trial in failed[: max(0, len(failed) - node.limits.forgotten)]:
        drop(node, trial)
    for key, trial in node.trials.items():
        if trial.state is OfferState.SETTLED and key not in standing:
            is_older = trial.settled_generation < node.assignment.generation
            if is_older or assigned(node, trial) != trial.base:
                drop(node, trial)
        elif trial.state is OfferState.TRYING and trial.task not in node.assigned:
            drop(node, trial)


def _is_settled(node: Node, trial: Trial) -> bool:
    target = node.settled().get(trial.task)
    return target is not None and target.content == trial.content


def _stage(node: Node, trial: Trial, now: Now) -> None:
    if not isinstance(node.engine, EngineSeen):
        return
    task, lacks = trial.offer.task, lacking(node, trial.offer)
    is_here = node.engine.has(task.container.image) and not refresh.is_due(node, trial.key, task.container)
    if is_here or is_late(trial.offer):
        state = trial.state if lacks else advance(trial.state, Seen.IMAGE_HERE if is_here else Seen.LATE)
        node.trials.put(trial.key, replace(trial, state=state, reason=lacks))
        if not lacks:
            ask(node, node.trials.get(trial.key) or trial, now)
    elif trial.key not in node.busy and trial.key not in node.unseen and now.has_come(trial.due_mono_s):
        node.busy.add(trial.key)
        node.effects.append(pull(node, trial.key, task.stack, task.container))


def _granted(node: Node, trial: Trial, now: Now) -> None:
    """Begin, unless what was true at the asking is so no longer."""
    if reason := hindrance(node, trial, now):
        give_back(node, trial, reason)
    else:
        _begin(node, trial, now)


def _begin(node: Node, trial: Trial, now: Now) -> None:
    """Begin: the state `trying` is committed before the first step of its plan is carried out."""
    state = advance(trial.state, Seen.GRANTED)
    until = now.mono_s + trial.offer.conduct.healthy_s
    said = locks.notice(trial, now)
    if said:
        node.tally("locks_overridden")
    before = node.settled().get(trial.task) if trial.offer.conduct.keeps_previous else None
    begun = replace(
        trial, state=state, nonce=newest(node, trial), reason="", notice=said, before=before, until_mono_s=until
    )
    node.trials.put(trial.key, begun)
    refresh.begun(node, trial.task, trial.key)
    node.asked.pop(trial.key, None)
