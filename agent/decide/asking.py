"""When a staged trial asks for its grant: again and again, each time under a new nonce, while the link is up.

Only for what is settled here already under another content, only with an engine, and only while its image is here.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.inputs import EngineSeen
from agent.decide.node import Node, Now
from agent.decide.trial import Seen, Trial, advance
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


def asked_for(node: Node, trial: Trial, nonce: str, valid_s: float, now: Now) -> bool:
    """Whether this node asked under this nonce, and recently."""
    asked_mono_s = dict(node.asked.get(trial.key, ())).get(nonce)
    return asked_mono_s is not None and now.mono_s - asked_mono_s <= min(GRANT_S, valid_s)
