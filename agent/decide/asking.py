"""When a staged trial asks for its grant: again and again, each time under a new nonce, while the link is up.

Only for what is settled here already under another content, only with an engine, while its images are here, and while nothing
that this node alone knows is in the way: its window is closed, or the running container holds its lock. What is in the way is the
trial's reason. A grant that comes when something is in the way is given back: the trial stays staged and tells the nonce that it
will not use.
"""

from __future__ import annotations

from dataclasses import replace
from operator import is_not

from agent.decide import locks
from agent.decide.fetch import lacking
from agent.decide.inputs import EngineSeen
from agent.decide.known import Asked
from agent.decide.node import Node, Now
from agent.decide.strategies import is_late
from agent.decide.trial import Seen, Trial, advance
from agent.decide.windows import closed
from protocol.ids import digest
from protocol.observed import Request
from protocol.topics import RequestTopic

ASK_EVERY_S = 10.0
# Three requests fit into the life of one grant, so a lost answer costs a third of it.
GRANT_S = 30.0
# DESIGN section 6: counted from our asking.
NONCE_CHARS = 16


def ask(node: Node, trial: Trial, now: Now) -> None:
    """Ask, if it is time and nothing is in the way."""
    if not isinstance(node.engine, EngineSeen) or trial.task not in node.settled():
        return
    is_here = is_late(trial.offer) or node.engine.has(trial.offer.task.container.image)
    if not is_here or lacking(node, trial.offer):
        node.trials.put(trial.key, replace(trial, state=advance(trial.state, Seen.IMAGE_GONE)))
        return
    asked = node.asked.get(trial.key, ())
    young = tuple((n, at) for n, at in asked if not now.has_come(at + GRANT_S))
    if not node.is_up:
        return
    if young and not now.has_come(young[-1][1] + ASK_EVERY_S):
        node.known.asked[trial.key] = (trial, node.settled(), node.engine.images, asked)
    elif not _is_hindered(node, trial, now):
        _request(node, trial, young, now)


def _is_hindered(node: Node, trial: Trial, now: Now) -> bool:
    """Whether something is in the way, or may be: then it is the trial's reason, or is being looked for."""
    reason = closed(trial.offer.conduct.window, now)
    if not reason and locks.probe(node, trial, now):
        return True  # its answer is an input
    if reason := reason or locks.hindrance(node, trial, now):
        node.trials.put(trial.key, replace(trial, reason=reason))
    return bool(reason)


def _request(node: Node, trial: Trial, young: Asked, now: Now) -> None:
    node.trials.put(trial.key, replace(trial, reason="", nonce=""))
    node.requests += 1
    nonce = digest([node.stream, node.epoch, node.requests, trial.key], NONCE_CHARS)
    node.asked[trial.key] = (*young, (nonce, now.mono_s))
    task = trial.offer.task
    request = Request(trial.offer.rollout, task.task, task.revision, nonce)
    node.say(RequestTopic(node.fleet, node.name), request)


def is_asked(node: Node, key: str, trial: Trial, now: Now) -> bool:
    """Whether a trial has asked, waits for the answer, and nothing that it depends on is another since: the most of many trials."""
    known = node.known.asked.get(key)
    if known is None or not node.is_up or not isinstance(node.engine, EngineSeen):
        return False
    if any(map(is_not, known, (trial, node.settled(), node.engine.images, node.asked.get(key)))):
        return False
    for _, at_mono_s in known[3]:
        now.has_come(at_mono_s + GRANT_S)
    return not now.has_come(known[3][-1][1] + ASK_EVERY_S)


def hindrance(node: Node, trial: Trial, now: Now) -> str:
    """Why this node does not begin now, whatever the controller says; nothing if it would."""
    return closed(trial.offer.conduct.window, now) or locks.hindrance(node, trial, now)


def give_back(node: Node, trial: Trial, reason: str) -> None:
    """Say that no grant of any request up to the newest will be used, by a staged trial that carries its nonce."""
    nonce = newest(node, trial)
    node.asked.pop(trial.key, None)
    node.trials.put(trial.key, replace(trial, nonce=nonce, reason=reason))
    node.tally("grants_returned")


def newest(node: Node, trial: Trial) -> str:
    """The nonce under which a trial has asked last: with it, all that it has asked is answered."""
    asked = node.asked.get(trial.key, ())
    return asked[-1][0] if asked else ""


def asked_for(node: Node, trial: Trial, nonce: str, valid_s: float, now: Now) -> bool:
    """Whether this node asked under this nonce, and recently."""
    asked_mono_s = dict(node.asked.get(trial.key, ())).get(nonce)
    return asked_mono_s is not None and not now.has_come(asked_mono_s + min(GRANT_S, valid_s))
