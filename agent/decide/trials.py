"""What the node does with its offers: stage, ask, try, and then keep or forget.

Staging needs no permission and disturbs nothing. Trying needs a grant for a nonce that this node sent within the last 30 s of its
own monotonic clock, so no old mail can start anything. A trial fails by itself, with no controller in reach; failing is being
forgotten, and the same rollout is not tried here again.

A kept revision overlays the assignment until an assignment says something else about the task. It also goes when the offer
was withdrawn and a newer assignment still does not have it: the controller has the last word, however it lost our report.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import refresh
from agent.decide.inputs import Done, EngineSeen, Retry, StepEnded
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from agent.decide.target import content_of
from agent.decide.trial import Seen, Trial, advance, trial_key
from protocol.desired import Grant, Offers
from protocol.ids import digest
from protocol.observed import OfferState, Request, TaskState
from protocol.topics import RequestTopic

ASK_EVERY_S = 10.0
# Three requests fit into the life of one grant, so a lost answer costs a third of it.
GRANT_S = 30.0
# DESIGN section 6: counted from our asking.
APPLY_S = 600.0
# Pulling is over by then; creating, starting and a slow health check fit, and the place in the budget is not held for hours.
RESUMES_MOST = 2
# A revision that takes the whole node down would otherwise be tried again after every boot.
FORGOTTEN_MOST = 200
# Failed trials that are remembered, so that no rollout is tried twice; some 100 kB.
NONCE_CHARS = 16


def take_offers(node: Node, offers: Offers, now: Now) -> None:
    """Follow exactly these offers. One that is missing is withdrawn: what is being tried under it is forgotten."""
    standing = {trial_key(offer): offer for offer in offers.offers}
    for trial in node.trials.values():
        if trial.key not in standing and trial.state in (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING):
            drop(node, trial)
    for key, offer in standing.items():
        if node.trials.get(key) is None:
            node.trials.put(key, Trial(offer, content_of(offer.task), due_mono_s=now.mono_s))


def take_grant(node: Node, grant: Grant, now: Now) -> None:
    """Begin a trial, if this grant answers a request that is still young."""
    for trial in node.trials.values():
        if (trial.task, trial.offer.task.revision) != (grant.task, grant.revision):
            continue
        asked_mono_s = dict(node.asked.get(trial.key, ())).get(grant.nonce)
        is_young = asked_mono_s is not None and now.mono_s - asked_mono_s <= min(GRANT_S, grant.valid_s)
        if trial.state is OfferState.STAGED and is_young:
            _begin(node, trial, grant.nonce, now)
            return
    node.tally("grants_ignored")


def staged(node: Node, seen: StepEnded, now: Now) -> None:
    """Take in what came of staging an image."""
    trial = node.trials.get(seen.step.key)
    if trial is None or trial.state is not OfferState.STAGING or isinstance(seen.outcome, Done):
        return
    if isinstance(seen.outcome, Retry):
        node.trials.put(
            trial.key, replace(trial, reason=seen.outcome.reason, due_mono_s=now.mono_s + seen.outcome.after_s)
        )
    else:
        _end(node, trial, Seen.UNWELL, seen.outcome.reason)


def follow(node: Node, now: Now) -> None:
    """Move every trial as far as it can go now."""
    forget_the_overtaken(node)
    for trial in node.trials.values():
        if trial.state in (OfferState.STAGING, OfferState.STAGED, OfferState.TRYING) and _is_settled(node, trial):
            _end(node, trial, Seen.SAME, "")
        elif trial.state is OfferState.STAGING:
            _stage(node, trial, now)
        elif trial.state is OfferState.STAGED:
            _ask(node, trial, now)
        elif trial.state is OfferState.TRYING:
            _watch(node, trial, now)


def resume(node: Node) -> None:
    """After a restart of the agent: the watch begins anew, but not for ever."""
    for trial in node.trials.values():
        if trial.state is OfferState.TRYING and trial.resumes >= RESUMES_MOST:
            _end(
                node, trial, Seen.UNWELL, f"the agent or its node restarted {trial.resumes + 1} times during the trial"
            )
        elif trial.state is OfferState.TRYING:
            node.trials.put(trial.key, replace(trial, resumes=trial.resumes + 1))


def forget_the_overtaken(node: Node) -> None:
    """Drop what an assignment has overtaken, and the oldest failures beyond what is remembered."""
    standing = node.standing()
    failed = [trial for trial in node.trials.values() if trial.state is OfferState.FAILED and trial.key not in standing]
    for trial in failed[: max(0, len(failed) - FORGOTTEN_MOST)]:
        drop(node, trial)
    for trial in node.trials.values():
        if trial.state is OfferState.SETTLED and trial.key not in standing:
            is_older = trial.settled_generation < node.assignment.generation
            if is_older or _assigned(node, trial) != trial.base:
                drop(node, trial)
        elif trial.state is OfferState.TRYING and trial.task not in node.assigned:
            drop(node, trial)


def drop(node: Node, trial: Trial) -> None:
    """Forget a trial and what this process knew of it."""
    node.trials.drop(trial.key)
    node.asked.pop(trial.key, None)
    node.watching.pop(trial.key, None)


def _is_settled(node: Node, trial: Trial) -> bool:
    target = node.settled().get(trial.task)
    return target is not None and target.content == trial.content


def _assigned(node: Node, trial: Trial) -> str:
    target = node.assigned.get(trial.task)
    return target.content if target is not None else ""


def _stage(node: Node, trial: Trial, now: Now) -> None:
    if not isinstance(node.engine, EngineSeen):
        return
    task = trial.offer.task
    if node.engine.has(task.container.image) and not refresh.is_due(node, trial.key, task.container):
        node.trials.put(trial.key, replace(trial, state=advance(trial.state, Seen.IMAGE_HERE), reason=""))
        _ask(node, node.trials.get(trial.key) or trial, now)
    elif trial.key not in node.busy and trial.key not in node.unseen and trial.due_mono_s <= now.mono_s:
        node.busy.add(trial.key)
        node.effects.append(pull(node, trial.key, task.stack, task.container))


def _ask(node: Node, trial: Trial, now: Now) -> None:
    """Ask for a grant, again and again, each time under a new nonce; only for what is assigned here, only with an engine."""
    if not isinstance(node.engine, EngineSeen) or trial.task not in node.settled():
        return
    if not node.engine.has(trial.offer.task.container.image):
        node.trials.put(trial.key, replace(trial, state=advance(trial.state, Seen.IMAGE_GONE)))
        return
    young = tuple((n, at) for n, at in node.asked.get(trial.key, ()) if now.mono_s - at <= GRANT_S)
    if not node.is_up or (young and now.mono_s - young[-1][1] < ASK_EVERY_S):
        return
    node.requests += 1
    nonce = digest([node.stream, node.epoch, node.requests, trial.key], NONCE_CHARS)
    node.asked[trial.key] = (*young, (nonce, now.mono_s))
    task = trial.offer.task
    request = Request(trial.offer.rollout, task.task, task.revision, nonce)
    node.say(RequestTopic(node.fleet, node.name), request)


def _begin(node: Node, trial: Trial, nonce: str, now: Now) -> None:
    """Begin: the state `trying` is committed before the first step of its plan is carried out."""
    state = advance(trial.state, Seen.GRANTED)
    until = now.mono_s + APPLY_S + trial.offer.monitor_s
    node.trials.put(trial.key, replace(trial, state=state, nonce=nonce, reason="", until_mono_s=until))
    refresh.begun(node, trial.task, trial.key)
    node.asked.pop(trial.key, None)


def _watch(node: Node, trial: Trial, now: Now) -> None:
    """The health gate: the same start of the container, well through the whole monitor window."""
    task = node.tasks.get(trial.task)
    if task is None or task.content != trial.content or not isinstance(node.engine, EngineSeen):
        return
    if task.state in (TaskState.FAILED, TaskState.REJECTED):
        _end(node, trial, Seen.UNWELL, task.reason)
    elif task.state is TaskState.STOPPED and not task.silenced:
        _end(node, trial, Seen.WELL, task.reason)
    elif task.state is TaskState.RUNNING:
        _watch_running(node, trial, task.instance, now)
    elif trial.key in node.watching:
        _end(node, trial, Seen.UNWELL, f"stopped being well within its monitor window: {task.reason or task.state}")
    elif now.mono_s >= trial.until_mono_s:
        _end(node, trial, Seen.UNWELL, f"did not run within {APPLY_S:.0f} s: {task.reason or task.state}")


def _watch_running(node: Node, trial: Trial, instance: str, now: Now) -> None:
    watched, since = node.watching.setdefault(trial.key, (instance, now.mono_s))
    if watched != instance:
        _end(node, trial, Seen.UNWELL, "restarted within its monitor window")
    elif node.looked_mono_s is not None and node.looked_mono_s - since >= trial.offer.monitor_s:
        _end(node, trial, Seen.WELL, "")
    elif now.mono_s - since >= trial.offer.monitor_s:
        node.hinted = True  # the window ends with a look, not with the memory of one


def _end(node: Node, trial: Trial, seen: Seen, reason: str) -> None:
    """Settle or fail; a settled trial overlays the assignment that it was measured against, and replaces earlier ones."""
    node.asked.pop(trial.key, None)
    node.watching.pop(trial.key, None)
    state = advance(trial.state, seen)
    base, generation = _assigned(node, trial), node.assignment.generation
    node.trials.put(trial.key, replace(trial, state=state, reason=reason, base=base, settled_generation=generation))
    node.tally("trials", state)
    for other in node.trials.values():
        same_task = other.task == trial.task and other.key != trial.key
        if state is OfferState.SETTLED and same_task and other.state is OfferState.SETTLED:
            drop(node, other)
