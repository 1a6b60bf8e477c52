"""How an update goes about what runs: balena's four strategies, in the words of the plan.

`download-then-kill` brings the image while it is staged. `kill-then-download` asks without it, and brings it once the old container
is stopped: two versions never run, and the old image stays for the way back. `delete-then-download` removes that too, because the
disk holds one of them only; the way back then brings it anew, in the same manner. `hand-over` stops the old one when the new one is
well.
"""

from __future__ import annotations

from agent.decide.node import Node
from agent.decide.target import Target
from agent.decide.trial import Trial
from protocol.desired import Offer, Order, Strategy
from protocol.observed import OfferState

LATE = frozenset({Strategy.KILL_THEN_DOWNLOAD, Strategy.DELETE_THEN_DOWNLOAD})


def is_late(offer: Offer) -> bool:
    """Whether the image comes only after the grant."""
    return offer.conduct.strategy in LATE


def deletes(offer: Offer) -> bool:
    """Whether the image before goes before the new one comes."""
    return offer.conduct.strategy is Strategy.DELETE_THEN_DOWNLOAD


def tries_late(node: Node, task: str) -> bool:
    """Whether what a task should be is brought after what it was has gone; the way back from a deletion goes like the way there."""
    tried = node.trying(task)
    return is_late(tried.offer) if tried is not None else failed(node, task) is not None


def failed(node: Node, task: str) -> Trial | None:
    """The trial of a task that has failed, and may have deleted what the task is to be again; none once its offer is withdrawn."""
    ended = [t for t in node.trials_of(task) if t.state is OfferState.FAILED and deletes(t.offer)]
    standing = node.standing() if ended else frozenset()
    return next((trial for trial in ended if trial.key in standing), None)


def order(node: Node, task: str) -> Order:
    """Which container goes first."""
    tried = node.trying(task)
    if tried is None or is_late(tried.offer):
        return Order.STOP_FIRST
    return Order.START_FIRST if tried.offer.conduct.strategy is Strategy.HAND_OVER else tried.offer.order


def kept(node: Node, task: str) -> tuple[Target, ...]:
    """What the stopped containers of a task may be of: the settled revision while another is tried, and the one before it."""
    tried = node.trying(task)
    if tried is not None and deletes(tried.offer):
        return ()
    settled = node.settled().get(task) if tried is not None else None
    before = [t.before for t in node.trials_of(task) if keeps(t)]
    return tuple(target for target in (settled, *before) if target is not None)


def keeps(trial: Trial) -> bool:
    """Whether a trial keeps what was before: a settled one until an operator confirms it, one on its way back until it is tried."""
    is_back = trial.state in (OfferState.STAGING, OfferState.STAGED)
    is_unconfirmed = trial.state is OfferState.SETTLED and not trial.offer.is_confirmed
    return trial.before is not None and (is_back or is_unconfirmed)


def way_back(node: Node, task: str, content: str) -> Target | None:
    """What is kept of a task, if an offer of this content would bring it back."""
    befores = (trial.before for trial in node.trials_of(task) if keeps(trial))
    return next((before for before in befores if before is not None and before.content == content), None)
