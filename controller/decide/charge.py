"""Who is in charge of a fleet: at most one controller speaks to it, and one that starts listens before it does.

Whoever is in charge, or was so last, stands on the topic of the controllers' presence. The same store goes on as it was, under its
epoch, unless the one on the topic has started more often: then this one is an older copy of it, and its epoch must rise. Another
store's controller is asked whether it lives. One that answers stays in charge; one that is away is waited for, as long as a machine
takes that is updated and booted, and is then replaced under a higher epoch. An operator may say that it is to be replaced at once.

Nodes refuse whoever speaks under a lower epoch than they know, so one that hears of a higher one gives its link up, and asks as if
it had just started. It ends where it is answered: a word on the topic alone, that may be old or a lie, ends nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from protocol.observed import Link
from protocol.operator import ControllerPresence
from protocol.shapes import INT_LIMIT

LISTEN_S = 1.0
"""A broker sends what is retained with its answer to the subscription; over LTE that is a second later at its worst."""

ANSWER_S = 5.0
"""A controller answers a question within a turn; one of 10,000 nodes that has just been started takes some seconds."""

ABSENCE_S = 300.0
"""A machine that is updated and booted is back by then, and must not find its fleet in other hands."""

EPOCH_MOST = INT_LIMIT // 2
"""Each new controller takes one; what claims more than this is a mistake, or a lie, and is not exceeded."""


class Charge(StrEnum):
    """Where a controller stands."""

    LISTENING = "listening"
    ASKING = "asking"
    WAITING = "waiting"
    IN_CHARGE = "in charge"
    REFUSED = "refused"


class Seen(StrEnum):
    """What can be seen of the others."""

    NOBODY = "nobody else is in charge"
    HERE = "another one is, by the broker"
    GONE = "another one was, and is away"
    ANSWER = "the other one answers"
    SILENCE = "the other one does not answer"
    ENOUGH = "the other one was away for long enough"
    TOLD = "an operator has it take over"
    LOST = "the link is gone, or given up because another one claims more"


NEXT: Mapping[tuple[Charge, Seen], Charge] = {
    (Charge.LISTENING, Seen.NOBODY): Charge.IN_CHARGE,
    (Charge.LISTENING, Seen.HERE): Charge.ASKING,
    (Charge.LISTENING, Seen.GONE): Charge.WAITING,
    (Charge.LISTENING, Seen.TOLD): Charge.IN_CHARGE,
    (Charge.ASKING, Seen.ANSWER): Charge.REFUSED,
    (Charge.ASKING, Seen.SILENCE): Charge.WAITING,
    (Charge.ASKING, Seen.GONE): Charge.WAITING,
    (Charge.ASKING, Seen.NOBODY): Charge.IN_CHARGE,
    (Charge.ASKING, Seen.LOST): Charge.LISTENING,
    (Charge.WAITING, Seen.HERE): Charge.ASKING,
    (Charge.WAITING, Seen.ANSWER): Charge.REFUSED,
    (Charge.WAITING, Seen.NOBODY): Charge.IN_CHARGE,
    (Charge.WAITING, Seen.ENOUGH): Charge.IN_CHARGE,
    (Charge.WAITING, Seen.LOST): Charge.LISTENING,
    (Charge.IN_CHARGE, Seen.LOST): Charge.LISTENING,
}


def advance(charge: Charge, seen: Seen) -> Charge:
    """Return where a controller stands next; a pair missing from NEXT changes nothing."""
    return NEXT.get((charge, seen), charge)


@dataclass(frozen=True, slots=True)
class Us:
    """Who we are: the store, how often it was started, this process, and the epoch that the store remembers."""

    store: str
    starts: int
    instance: str
    epoch: int = 1


@dataclass(slots=True)
class Claim:
    """How far one controller is with taking charge. `other` is who was found on the topic, None where nobody was.

    One that `was_in_charge` in this life goes on before whoever claims less; it listens again whenever its link has fallen, because
    another one may have replaced it meanwhile.
    """

    us: Us
    takes_over: bool = False
    charge: Charge = Charge.LISTENING
    was_in_charge: bool = False
    other: ControllerPresence | None = None
    until_mono_s: float = inf

    @property
    def is_over(self) -> bool:
        """Whether this controller has nothing to say, and ends."""
        return self.charge is Charge.REFUSED

    @property
    def is_in_charge(self) -> bool:
        """Whether it may speak."""
        return self.charge is Charge.IN_CHARGE


def linked(claim: Claim, now_mono_s: float) -> None:
    """The broker is there: what it had kept comes now, or there is none."""
    claim.until_mono_s = now_mono_s + LISTEN_S


def unlinked(claim: Claim) -> None:
    """The broker is away, and what is known of the others is old."""
    claim.was_in_charge |= claim.is_in_charge
    claim.charge, claim.other, claim.until_mono_s = advance(claim.charge, Seen.LOST), None, inf


def heard(claim: Claim, said: ControllerPresence | None, now_mono_s: float) -> bool:
    """Take in what stands on the topic, None where it was cleared; whether the other one is to be asked if it lives."""
    if said is not None and not 0 <= said.epoch <= EPOCH_MOST:
        return False
    claim.other = said
    if said is None:
        return _go(claim, Seen.NOBODY, now_mono_s)
    if claim.takes_over and not claim.was_in_charge:
        return _go(claim, Seen.TOLD, now_mono_s)
    us, is_offline = claim.us, said.state == Link.OFFLINE
    if said.instance == us.instance:
        return False  # our own will, perhaps because another has just driven us off: its birth follows
    if said.epoch < us.epoch and (is_offline or claim.was_in_charge):
        return _go(claim, Seen.NOBODY, now_mono_s)
    if is_offline:
        return _go(claim, Seen.NOBODY if said.store == us.store else Seen.GONE, now_mono_s)
    return _go(claim, Seen.HERE, now_mono_s)


def answered(claim: Claim, now_mono_s: float) -> None:
    """The other one lives."""
    _go(claim, Seen.ANSWER, now_mono_s)


def look(claim: Claim, now_mono_s: float) -> bool:
    """Look at what is due; whether the other one is to be asked if it lives."""
    if now_mono_s < claim.until_mono_s:
        return False
    match claim.charge:
        case Charge.LISTENING:
            return _go(claim, Seen.NOBODY, now_mono_s)
        case Charge.ASKING if claim.other is not None and claim.other.store == claim.us.store:
            return _go(claim, Seen.NOBODY, now_mono_s)
        case Charge.ASKING:
            return _go(claim, Seen.SILENCE, now_mono_s)
        case _:
            return _go(claim, Seen.ENOUGH, now_mono_s)


def epoch(claim: Claim) -> int:
    """Under which epoch this controller speaks, once it is in charge."""
    other, us = claim.other, claim.us
    if other is None or other.instance == us.instance or other.epoch < us.epoch:
        return us.epoch
    is_past = other.store == us.store and other.starts < us.starts and other.epoch == us.epoch
    return us.epoch if is_past and other.state == Link.OFFLINE else other.epoch + 1


def is_rivalled(claim: Claim, said: ControllerPresence) -> bool:
    """Whether somebody else claims more by what was heard. Of two that began at once, the one with the higher name stays."""
    us, is_kin = claim.us, said.store == claim.us.store
    if said.instance == us.instance or said.state != Link.ONLINE or said == claim.other or said.epoch > EPOCH_MOST:
        return False
    return (us.epoch, us.starts * is_kin, us.instance) < (said.epoch, said.starts * is_kin, said.instance)


def sentence(claim: Claim, fleet: str) -> str:
    """For whoever reads why this controller does not speak, and what to do about it; empty where it does."""
    other = claim.other
    if other is None or claim.is_in_charge:
        return ""
    who = f"host {other.host or 'unknown'}, epoch {other.epoch}" + (f", since {other.since}" if other.since else "")
    if claim.is_over:
        said = f"another controller is in charge of fleet {fleet} ({who})"
        return f"{said}: stop this one, or stop the other and start this one with --take-over"
    if claim.charge is Charge.WAITING:
        said = f"another controller was in charge of fleet {fleet} ({who}), and does not answer"
        return f"{said}; it is replaced after {ABSENCE_S:g} s, or at once with --take-over"
    return ""


def _go(claim: Claim, seen: Seen, now_mono_s: float) -> bool:
    before, claim.charge = claim.charge, advance(claim.charge, seen)
    if claim.charge is Charge.ASKING:
        if before is not Charge.ASKING:
            claim.until_mono_s = now_mono_s + ANSWER_S
        return before is not Charge.ASKING
    if claim.charge is Charge.WAITING:
        if before is not Charge.WAITING:
            claim.until_mono_s = now_mono_s + ABSENCE_S
        return False
    claim.until_mono_s = inf
    return False
