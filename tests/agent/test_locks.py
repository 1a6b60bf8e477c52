"""An application that holds its lock is not stopped for an update: up to its limit, or until an operator says otherwise."""

from __future__ import annotations

from dataclasses import replace

from agent.decide.effects import Probe
from protocol.desired import Lock, Offer, Order
from protocol.observed import OfferState, OfferStatus, Request
from tests.fakes.agent import Rig, offer, task

WEB = "porch.web.1"
BUSY = "/run/busy"
LOCK = Lock(BUSY, 3600.0)


def told(rig: Rig) -> OfferStatus:
    (status,) = rig.status().offers
    return status


def locked(order: Order = Order.STOP_FIRST, lock: Lock = LOCK) -> Offer:
    return offer(task("b"), order=order, lock=lock)


def probes(rig: Rig) -> int:
    return sum(isinstance(effect, Probe) for effect in rig.effects)


def test_a_node_asks_when_the_lock_is_free(rig: Rig) -> None:
    """While it is held the image is staged and nothing is asked; when it is let go, the update goes its way."""
    rig.app().held.add(BUSY)
    rig.offer(1, locked())
    rig.run(30)
    assert told(rig).state is OfferState.STAGED
    assert told(rig).reason == "web holds /run/busy, at most 1 h"
    rig.run(300)
    assert told(rig).reason == "web holds /run/busy since over 5 min, at most 1 h"
    assert rig.messages(Request) == []
    rig.app().held.clear()
    rig.run(7)
    assert told(rig).reason == ""
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}
    assert told(rig).reason == ""


def test_a_lock_is_looked_at_only_where_somebody_wants_to_know(rig: Rig) -> None:
    """Without an offer, without a lock, and once the trial has begun, nobody asks; and then every five seconds at most."""
    rig.offer(1, offer(task("b")))
    rig.run(30)
    assert probes(rig) == 0
    rig.offer(2, offer(task("b"), rollout="r-2", lock=LOCK))
    rig.app().held.add(BUSY)
    before_s = rig.now_s
    rig.run(60)
    assert 8 <= probes(rig) <= 1 + (rig.now_s - before_s) / 5
    rig.app().held.clear()
    rig.run(7)
    rig.grant()
    rig.run(1)
    known = probes(rig)
    rig.run(60)
    assert probes(rig) == known
    assert told(rig).state is OfferState.SETTLED


def test_a_lock_holds_up_no_longer_than_its_limit(rig: Rig) -> None:
    """After it the node asks, tries and stops all the same, counts it, and says so for as long as the offer is known."""
    rig.app().held.add(BUSY)
    rig.offer(1, locked(lock=Lock(BUSY, 120.0)))
    rig.run(115)
    assert rig.messages(Request) == []
    rig.run(15)
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}
    assert told(rig).reason == "web held /run/busy for longer than 2 min (at_most), and was updated all the same"
    assert told(rig).overrode == told(rig).reason
    assert rig.node.counts["locks_overridden",] == 1


def test_the_limit_counts_from_the_first_time_over_restarts_and_boots(rig: Rig) -> None:
    """Neither a crash, nor a power cut, nor a moment without the lock begins the count anew."""
    rig.app().held.add(BUSY)
    rig.offer(1, locked(lock=Lock(BUSY, 300.0)))
    rig.run(100)
    rig.crash()
    rig.run(50)
    rig.cut_power()
    rig.run(20)
    rig.app().held.add(BUSY)
    rig.run(20)
    rig.app().held.clear()
    rig.run(20)
    rig.app().held.add(BUSY)
    asked = len(rig.messages(Request))
    assert asked > 0
    rig.run(40)
    assert "web holds" in told(rig).reason
    rig.run(140)
    assert told(rig).reason == ""
    assert len(rig.messages(Request)) > asked


def test_an_operator_ends_the_waiting_at_once(rig: Rig) -> None:
    """The offer says so, and the node says that it was an operator."""
    rig.app().held.add(BUSY)
    rig.offer(1, locked())
    rig.run(30)
    rig.offer(2, replace(locked(), overrides_lock=True))
    rig.run(3)
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}
    assert told(rig).reason == "web held /run/busy, which an operator has overridden"


def test_a_lock_that_is_taken_after_the_grant_gives_it_back(rig: Rig) -> None:
    """It is looked at again right before the stop: the application is never stopped, and the node names the nonce."""
    rig.offer(1, locked())
    rig.run(3)
    box, request = rig.app(), rig.messages(Request)[-1]
    box.held.add(BUSY)
    rig.grant()
    rig.run(20)
    assert rig.engine.running() == (box,)
    assert box.starts == 1
    assert (told(rig).state, told(rig).nonce) == (OfferState.STAGED, request.nonce)
    assert "web holds /run/busy" in told(rig).reason
    assert rig.running() == {WEB: ["a"]}
    box.held.clear()
    rig.run(10)
    rig.grant()
    rig.run(15)
    assert rig.boxes() == {WEB: ["b"]}


def test_with_start_first_the_old_one_stays_until_it_lets_go(rig: Rig) -> None:
    """The new container runs beside it, and nothing is settled before the old one is gone."""
    rig.offer(1, locked(Order.START_FIRST))
    rig.run(3)
    rig.app().held.add(BUSY)
    rig.grant()
    rig.run(60)
    assert sorted(rig.running()[WEB]) == ["a", "b"]
    assert told(rig).state is OfferState.TRYING
    assert "web holds /run/busy" in told(rig).reason
    for box in rig.engine.running():
        box.held.clear()
    rig.run(10)
    assert rig.boxes() == {WEB: ["b"]}
    assert told(rig).state is OfferState.SETTLED


def test_with_start_first_the_limit_ends_the_waiting_and_is_told(rig: Rig) -> None:
    """The lock was taken after the grant: it is overridden in the middle of the trial, counted once, and said."""
    rig.offer(1, locked(Order.START_FIRST, Lock(BUSY, 60.0)))
    rig.run(3)
    rig.app().held.add(BUSY)
    rig.grant()
    rig.run(50)
    assert (told(rig).state, told(rig).overrode) == (OfferState.TRYING, "")
    rig.run(30)
    assert rig.boxes() == {WEB: ["b"]}
    assert told(rig).state is OfferState.SETTLED
    assert told(rig).overrode == "web held /run/busy for longer than 1 min (at_most), and was updated all the same"
    assert rig.node.counts["locks_overridden",] == 1


def test_an_application_that_does_not_run_holds_nothing(rig: Rig) -> None:
    """There is nothing to stop."""
    rig.app().held.add(BUSY)
    rig.offer(1, locked())
    rig.run(20)
    assert rig.messages(Request) == []
    rig.assign(2, replace(task("a"), stop_after_s=5.0))
    rig.cut()
    rig.run(60)
    assert rig.running() == {}
    rig.mend()
    rig.run(3)
    assert rig.messages(Request)
