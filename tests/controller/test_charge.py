"""Who is in charge: who goes on, who waits, who is refused, and who is outranked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.decide import charge
from controller.decide.charge import ABSENCE_S, ANSWER_S, EPOCH_MOST, LISTEN_S, NEXT, Charge, Claim, Seen, Us, advance
from protocol.observed import Link
from protocol.operator import ControllerPresence

US = Us("ours", 5, "us", 3)
OWN = ControllerPresence(Link.OFFLINE, 3, "1", "ours", 5, "us")


def presence(store: str = "theirs", state: Link = Link.ONLINE, epoch: int = 3, starts: int = 1) -> ControllerPresence:
    """What stands on the topic."""
    return ControllerPresence(state, epoch, "1", store, starts, "them", "attic", "2026-11-21T10:00:00+00:00")


def listening(epoch: int = 3, *, takes_over: bool = False) -> Claim:
    """A controller whose broker has just answered."""
    claim = Claim(replace(US, epoch=epoch), takes_over)
    charge.linked(claim, 0.0)
    return claim


@pytest.mark.parametrize("state", Charge)
@pytest.mark.parametrize("seen", Seen)
def test_a_pair_that_is_not_in_the_table_changes_nothing(state: Charge, seen: Seen) -> None:
    """A word that comes late is weather."""
    assert advance(state, seen) is NEXT.get((state, seen), state)


def test_where_nothing_is_retained_nobody_is_in_charge() -> None:
    """A fleet's first controller, or one whose broker forgot everything, speaks after it has listened, under its own epoch."""
    claim = listening(epoch=7)
    charge.look(claim, LISTEN_S / 2)
    assert claim.charge is Charge.LISTENING
    charge.look(claim, LISTEN_S)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, 7)


def test_a_restart_goes_on_at_once_under_the_same_epoch() -> None:
    """The will of the process before stands on the topic."""
    claim = listening()
    charge.heard(claim, presence("ours", Link.OFFLINE, starts=4), 0.1)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, 3)


@pytest.mark.parametrize(("starts", "epoch"), [(5, 3), (9, 3), (4, 8)])
def test_an_older_copy_of_the_store_speaks_under_a_higher_epoch(starts: int, epoch: int) -> None:
    """A store that was restored from a backup knows of fewer starts, or of a lower epoch, than were."""
    claim = listening()
    charge.heard(claim, presence("ours", Link.OFFLINE, epoch, starts), 0.1)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, epoch + 1)


@pytest.mark.parametrize("store", ["ours", "theirs"])
def test_another_that_lives_stays_in_charge(store: str) -> None:
    """An empty store on a laptop takes no fleet over; neither does a copy of the store while the original runs."""
    claim = listening()
    assert charge.heard(claim, presence(store, starts=4), 0.1)
    charge.answered(claim, 0.2)
    assert claim.is_over
    said = charge.sentence(claim, "home")
    assert "host attic, epoch 3, since 2026-11-21T10:00:00+00:00" in said
    assert "--take-over" in said


def test_an_operator_may_have_it_taken_over() -> None:
    """Under a higher epoch, whoever lives."""
    claim = listening(takes_over=True)
    assert not charge.heard(claim, presence(epoch=9), 0.1)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, 10)


@pytest.mark.parametrize("state", Link)
def test_one_that_is_gone_is_waited_for_and_then_replaced(state: Link) -> None:
    """A machine that is booted just now must find its fleet as it was; one whose will was lost does not answer."""
    claim = listening()
    charge.heard(claim, presence(state=state), 0.0)
    gone_mono_s = ANSWER_S if state is Link.ONLINE else 0.0
    charge.look(claim, gone_mono_s)
    assert claim.charge is Charge.WAITING
    assert "replaced after 300 s" in charge.sentence(claim, "home")
    charge.look(claim, gone_mono_s + ABSENCE_S - 1)
    assert claim.charge is Charge.WAITING
    charge.look(claim, gone_mono_s + ABSENCE_S)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, 4)


def test_one_that_returns_while_it_is_waited_for_keeps_its_fleet() -> None:
    """It is asked as soon as it is heard."""
    claim = listening()
    charge.heard(claim, presence(state=Link.OFFLINE), 0.0)
    assert charge.heard(claim, presence(), 100.0)
    charge.answered(claim, 100.1)
    assert claim.charge is Charge.REFUSED


def test_an_earlier_process_whose_will_was_lost_is_asked_and_not_waited_for() -> None:
    """After a power cut the broker may remember it as alive; in case it is, the epoch rises."""
    claim = listening()
    assert charge.heard(claim, presence("ours", starts=4), 0.0)
    charge.look(claim, ANSWER_S)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, 4)


def test_without_a_broker_everything_is_heard_anew() -> None:
    """What was known of the other is old, and time that nobody could be heard in counts for nothing."""
    claim = listening()
    charge.heard(claim, presence(state=Link.OFFLINE), 0.0)
    charge.unlinked(claim)
    charge.look(claim, 10_000.0)
    assert claim.charge is Charge.LISTENING
    charge.linked(claim, 10_000.0)
    charge.heard(claim, presence(state=Link.OFFLINE), 10_000.0)
    assert charge.sentence(claim, "home")
    charge.look(claim, 10_000.0 + ABSENCE_S)
    assert claim.is_in_charge


def test_an_epoch_that_nobody_can_exceed_is_no_claim() -> None:
    """A mistake, or a lie, must not take the numbers away."""
    claim = listening()
    charge.heard(claim, presence(epoch=EPOCH_MOST + 1), 0.0)
    charge.look(claim, LISTEN_S)
    assert (claim.charge, charge.epoch(claim)) == (Charge.IN_CHARGE, 3)


@pytest.mark.parametrize(
    ("said", "is_rivalled"),
    [
        (presence(epoch=4), True),
        (presence(epoch=2), False),
        (presence(epoch=4, state=Link.OFFLINE), False),
        (presence("ours", epoch=3, starts=4), False),
        (presence("ours", epoch=3, starts=6), True),
        (presence(epoch=EPOCH_MOST + 1), False),
        (ControllerPresence(Link.ONLINE, 3), False),
        (ControllerPresence(Link.ONLINE, 4), True),
    ],
)
def test_a_higher_epoch_or_a_later_start_is_a_rival(said: ControllerPresence, *, is_rivalled: bool) -> None:
    """A will is none, an earlier process of this store is none, and neither is one of an older release at the same epoch."""
    claim = Claim(US, charge=Charge.IN_CHARGE)
    assert charge.is_rivalled(claim, said) is is_rivalled


def rivalled() -> Claim:
    """A controller that gave its link up because of a word on the topic, and has its broker's answer."""
    claim = Claim(US, charge=Charge.IN_CHARGE)
    assert charge.is_rivalled(claim, presence(epoch=4))
    charge.unlinked(claim)
    charge.linked(claim, 0.0)
    charge.heard(claim, OWN, 0.1)
    assert not claim.is_in_charge
    return claim


def test_a_rival_that_answers_ends_it() -> None:
    """Its own will stands on the topic at first: the other says again who is in charge."""
    claim = rivalled()
    assert charge.heard(claim, presence(epoch=4), 0.3)
    charge.answered(claim, 0.4)
    assert claim.is_over


def test_a_lie_on_the_topic_costs_a_second() -> None:
    """Nobody says it again and nobody answers: it goes on as it was."""
    claim = rivalled()
    charge.look(claim, LISTEN_S)
    assert (claim.is_in_charge, charge.epoch(claim)) == (True, 3)


def test_of_two_that_began_at_once_exactly_one_stays() -> None:
    """Both hear of each other, and both know by the same rule who it is."""
    one, other = Claim(Us("a", 1, "1f"), charge=Charge.IN_CHARGE), Claim(Us("b", 1, "2e"), charge=Charge.IN_CHARGE)
    found = []
    for claim, heard in ((one, other), (other, one)):
        said = ControllerPresence(Link.ONLINE, 1, "1", heard.us.store, 1, heard.us.instance)
        found.append(charge.is_rivalled(claim, said))
    assert found == [True, False]


def fallen() -> Claim:
    """A controller whose link has fallen, and whose broker has just answered again."""
    claim = Claim(US, charge=Charge.IN_CHARGE)
    charge.unlinked(claim)
    charge.linked(claim, 0.0)
    return claim


@pytest.mark.parametrize(
    "said", [OWN, replace(OWN, state=Link.ONLINE), presence(epoch=2), presence(epoch=2, state=Link.OFFLINE)]
)
def test_after_a_fall_of_the_link_it_goes_on_where_nobody_claims_more(said: ControllerPresence) -> None:
    """Its own will or stale birth proves nothing by itself; one who claims less will hear of it and end."""
    claim = fallen()
    assert not charge.heard(claim, said, 0.1)
    assert claim.is_in_charge is (said.instance != US.instance)
    charge.look(claim, LISTEN_S)
    assert (claim.is_in_charge, charge.epoch(claim)) == (True, 3)


def test_one_that_was_driven_off_waits_for_the_others_birth() -> None:
    """The broker tells its will a moment before: whoever calls again at once would drive the other off, and be driven off again."""
    claim = fallen()
    charge.heard(claim, OWN, 0.01)
    assert charge.heard(claim, presence(epoch=4), 0.05)
    charge.answered(claim, 0.1)
    assert claim.is_over


def test_one_that_was_replaced_while_it_was_cut_off_never_dials_as_the_controller_again() -> None:
    """It would drive the other off the broker, and fight for the name for ever."""
    claim = fallen()
    assert charge.heard(claim, presence(epoch=4), 0.1)
    charge.answered(claim, 0.2)
    assert claim.charge is Charge.REFUSED
