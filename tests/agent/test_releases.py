"""What an agent does with an offer of a release of itself, told by its disk: two processes, and whatever ends them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from agent.decide.release import (
    NOT_LAUNCHED,
    KeepRelease,
    LeaveRelease,
    OfferKey,
    ReleaseEffect,
    ReleaseMoved,
    ReleaseSeen,
    ReleaseStaged,
    StageRelease,
    SwitchRelease,
)
from agent.decide.releases import AGAIN_S
from protocol.container import Container
from protocol.desired import Grant, Login, Offer, TaskSpec
from protocol.observed import Hello, OfferState, OfferStatus, Request, TaskState
from protocol.release import BASE, Release
from protocol.topics import GrantTopic
from tests.fakes.agent import FLEET, NAME, Rig, task
from tests.fakes.agent import offer as offer_of

RELEASE = Release("0.2.0")
TASK = f"svc-bramble.agent.{NAME}"
KEY = OfferKey("r-9", TASK, RELEASE.revision)
MONITOR_S = 20.0


def spec(release: Release = RELEASE) -> TaskSpec:
    """The agent's task at a release."""
    return TaskSpec(
        TASK, "svc-bramble", "agent", release.revision, Container(f"agent@{release.title}"), release=release
    )


def offer(rollout: str = "r-9", release: Release = RELEASE) -> Offer:
    """A release on offer."""
    return Offer(rollout, spec(release), MONITOR_S)


@dataclass
class Disk:
    """The releases of a node: what stands there, and what was asked of it."""

    seen: ReleaseSeen = field(default_factory=lambda: ReleaseSeen(refusal=""))
    asked: list[ReleaseEffect] = field(default_factory=list)

    def give(self, effect: ReleaseEffect) -> None:
        self.asked.append(effect)

    @property
    def kinds(self) -> list[str]:
        return [type(effect).__name__ for effect in self.asked]


class Home:
    """A rig with releases on its disk."""

    def __init__(self, folder: Path, seen: ReleaseSeen | None = None) -> None:
        self.rig, self.disk = Rig(folder), Disk()
        for revision in ("r1", "r2"):
            self.rig.registry.push(f"web:{revision}")
        self.begin(seen or self.disk.seen)

    def begin(self, seen: ReleaseSeen) -> None:
        """A process finds this on the disk."""
        self.disk.seen = seen
        self.rig.loop._actions._releases = self.disk
        self.rig.loop.inbox.put(seen)
        self.rig.run(1)

    def restart(self, seen: ReleaseSeen) -> None:
        """The process ends, and one of another release may follow."""
        self.rig.store.close()
        self.rig.start()
        self.begin(seen)

    def offer(self, generation: int = 1, *offers: Offer) -> None:
        self.rig.offer(generation, *(offers or (offer(),)))
        self.rig.run(1)

    def staged(self, outcome: Outcome | None = None) -> None:
        """The making of a release ends."""
        effect = self.disk.asked[-1]
        assert isinstance(effect, StageRelease)
        outcome = outcome or Done()
        if isinstance(outcome, Done):
            complete = self.disk.seen.complete | {effect.release.revision}
            self.disk.seen = replace(self.disk.seen, complete=complete)
        self.rig.loop.inbox.put(ReleaseStaged(effect.key, outcome, self.disk.seen))
        self.rig.run(1)

    def grant(self, **more: str) -> None:
        request = self.rig.messages(Request)[-1]
        nonce = more.get("nonce", request.nonce)
        self.rig.send(GrantTopic(FLEET, NAME), Grant(request.task, request.revision, nonce))
        self.rig.run(1)

    @property
    def told(self) -> OfferStatus:
        return next(one for one in self.rig.status().offers if one.task == TASK)

    @property
    def state(self) -> OfferState:
        return self.told.state


NEW = ReleaseSeen(RELEASE.revision, frozenset({BASE, RELEASE.revision}), KEY, refusal="")


@pytest.mark.parametrize("newer", [(), (offer("r-10", Release("0.3.0")),)])
def test_a_grant_that_comes_with_the_withdrawal_of_its_offer_starts_nothing(
    tmp_path: Path, newer: tuple[Offer, ...]
) -> None:
    """Both in one turn: what the status no longer tells must not be tried either, or its place in the budget is given away."""
    home = Home(tmp_path)
    home.offer()
    home.staged()
    request = home.rig.messages(Request)[-1]
    home.rig.send(GrantTopic(FLEET, NAME), Grant(request.task, request.revision, request.nonce))
    home.rig.offer(2, *newer)
    home.rig.run(1)
    assert "SwitchRelease" not in home.disk.kinds
    assert [one.state for one in home.rig.status().offers] == [OfferState.STAGING for _ in newer]


def test_an_image_is_asked_for_with_the_fleets_login_for_its_registry(tmp_path: Path) -> None:
    """Not with that of a stack, nor of another registry; one that was corrected goes along the next time."""
    home = Home(tmp_path, ReleaseSeen(refusal="", image="agent:1"))
    release, key = (
        Release(image="home.example/agent:2"),
        replace(KEY, revision=Release(image="home.example/agent:2").revision),
    )
    fleets, corrected = (Login("home.example", "porch", password) for password in ("old", "new"))
    others = (Login("home.example", "web", "its", stack="porch"), Login("other.example", "porch", "other"))
    home.rig.assign(1, logins=(*others, fleets))
    home.rig.run(5)
    home.rig.offer(1, offer(release=release))
    home.rig.run(1)
    home.rig.assign(2, logins=(*others, corrected))
    home.staged(Retry("home.example lets nobody in", AGAIN_S))
    home.rig.run(AGAIN_S + 1)
    assert home.disk.asked == [StageRelease(key, release, fleets), StageRelease(key, release, corrected)]


def test_a_release_is_staged_asked_for_and_handed_over(tmp_path: Path) -> None:
    """The old process does this much, and then ends; its containers are no part of it."""
    home = Home(tmp_path)
    home.rig.assign(1, task("r1"), spec(Release()))
    home.rig.run(5)
    home.offer()
    assert (home.disk.asked, home.state) == ([StageRelease(KEY, RELEASE)], OfferState.STAGING)
    home.staged()
    assert home.state is OfferState.STAGED
    home.grant()
    nonce = home.rig.messages(Request)[-1].nonce
    assert home.disk.asked[1:] == [SwitchRelease(KEY, RELEASE, nonce, RELEASE.checkin_s + MONITOR_S)]
    assert home.told == OfferStatus("r-9", TASK, RELEASE.revision, OfferState.TRYING, nonce)
    shown = {one.task: (one.revision, one.state) for one in home.rig.status().tasks}
    assert shown == {"porch.web.1": ("r1", TaskState.RUNNING), TASK: (BASE, TaskState.PREPARING)}
    assert home.rig.running() == {"porch.web.1": ["r1"]}


def test_the_new_one_keeps_its_place_once_it_is_known_and_stayed(tmp_path: Path) -> None:
    """Known is: its own hello is acknowledged. Before the monitor window is over nothing is kept."""
    home = Home(tmp_path)
    home.offer()
    home.rig.acknowledging = False
    home.restart(NEW)
    home.rig.run(100)
    assert (home.disk.asked[1:], home.state) == ([], OfferState.TRYING)
    home.rig.acknowledging = True
    home.rig.cut()
    home.rig.run(1)
    home.rig.mend()
    home.rig.run(MONITOR_S - 2)
    assert "KeepRelease" not in home.disk.kinds
    home.rig.run(4)
    assert home.disk.kinds[-1:] == ["KeepRelease"]
    home.rig.loop.inbox.put(ReleaseMoved(replace(NEW, trying=None)))
    home.rig.run(2)
    assert home.state is OfferState.SETTLED
    assert home.rig.messages(Hello)[-1].release == RELEASE.revision
    assert home.disk.kinds.count("KeepRelease") == 1


def test_nothing_is_kept_while_the_link_is_down(tmp_path: Path) -> None:
    """What was known for a moment and is gone again is not well."""
    home = Home(tmp_path)
    home.offer()
    home.restart(NEW)
    home.rig.run(2)
    home.rig.cut()
    home.rig.run(100)
    assert "KeepRelease" not in home.disk.kinds
    home.rig.mend()
    home.rig.run(2)
    assert home.disk.kinds[-1] == "KeepRelease"


def test_a_card_that_does_not_take_the_link_is_tried_again_for_a_while(tmp_path: Path) -> None:
    """The launcher's patience ends it, not ours."""
    home = Home(tmp_path)
    home.offer()
    home.restart(NEW)
    home.rig.run(MONITOR_S + 5)
    home.rig.loop.inbox.put(ReleaseMoved(NEW, "the card is full"))
    home.rig.run(1)
    assert (home.state, home.told.reason) == (OfferState.TRYING, "the card is full")
    home.rig.run(AGAIN_S)
    assert home.disk.kinds.count("KeepRelease") == 2


def test_the_old_one_tells_why_it_returned(tmp_path: Path) -> None:
    """The launcher's verdict is on this very offer; it is not tried again, also not after another restart."""
    home = Home(tmp_path)
    home.offer()
    home.staged()
    home.grant()
    back = ReleaseSeen(BASE, NEW.complete, None, KEY, "it did not check in", refusal="")
    for _ in range(2):
        home.restart(back)
        home.rig.run(30)
        assert (home.state, home.told.reason) == (OfferState.FAILED, "it did not check in")
    assert home.disk.kinds == ["StageRelease", "SwitchRelease"]


def test_a_new_attempt_of_the_same_release_is_tried_again(tmp_path: Path) -> None:
    """What an operator has forgiven is another offer; the release stands already."""
    home = Home(tmp_path, ReleaseSeen(BASE, NEW.complete, None, KEY, "late", refusal=""))
    home.offer(1, offer("r-9-1"))
    assert home.state is OfferState.STAGED


def test_how_to_go_about_it_may_be_said_anew(tmp_path: Path) -> None:
    """The patience of the newest offer is what the launcher is told."""
    home = Home(tmp_path)
    home.offer()
    home.staged()
    home.offer(2, replace(offer("r-9", replace(RELEASE, checkin_s=9.0)), monitor_s=1.0))
    home.grant()
    assert isinstance(home.disk.asked[-1], SwitchRelease)
    assert home.disk.asked[-1].within_s == 10.0


def test_a_death_between_the_grant_and_the_disk_begins_again(tmp_path: Path) -> None:
    """Nothing of it is on the disk, so it is asked for anew; the slot is granted again."""
    home = Home(tmp_path)
    home.offer()
    home.staged()
    home.grant()
    home.restart(ReleaseSeen(BASE, NEW.complete, refusal=""))
    assert home.state is OfferState.STAGED
    home.grant()
    assert home.disk.kinds.count("SwitchRelease") == 2


def test_a_death_after_it_was_kept_changes_nothing(tmp_path: Path) -> None:
    """The disk says that it was."""
    home = Home(tmp_path)
    home.offer()
    home.restart(replace(NEW, trying=None))
    assert home.state is OfferState.SETTLED


def test_an_offer_that_is_withdrawn_ends_the_trial_once(tmp_path: Path) -> None:
    """The new one ends, so that the one before returns; the old one simply forgets it."""
    home = Home(tmp_path)
    home.offer()
    home.restart(NEW)
    home.rig.run(2)
    home.rig.offer(2)
    home.rig.run(5)
    assert home.disk.asked[1:] == [LeaveRelease("its offer was withdrawn")]
    assert home.rig.status().offers == ()


def test_another_offer_than_the_one_on_trial_ends_the_trial(tmp_path: Path) -> None:
    """One thing at a time: what runs on trial under no offer of its own goes back first."""
    home = Home(tmp_path)
    home.offer()
    home.restart(NEW)
    home.rig.run(2)
    home.offer(2, offer("r-10", Release("0.3.0")))
    assert home.disk.kinds[-1] == "LeaveRelease"


def test_before_anything_was_told_nothing_is_withdrawn(tmp_path: Path) -> None:
    """A store that the new release could not read holds no offers; the controller says them again."""
    home = Home(tmp_path, NEW)
    home.rig.run(60)
    assert home.disk.asked == []
    home.offer()
    home.rig.run(2)
    assert [type(one) for one in home.disk.asked] == [KeepRelease]


def test_the_base_needs_no_staging(tmp_path: Path) -> None:
    """It always stands: going back needs no network."""
    home = Home(tmp_path, replace(NEW, trying=None))
    home.offer(1, offer("r-11", Release()))
    assert home.state is OfferState.STAGED


def test_what_fails_to_be_made_is_told(tmp_path: Path) -> None:
    """What may work later is tried later, with its reason; what cannot work fails the offer."""
    home = Home(tmp_path)
    home.offer()
    home.staged(Retry("the index cannot be reached", 60.0))
    assert (home.state, home.told.reason) == (OfferState.STAGING, "the index cannot be reached")
    home.rig.run(40)
    assert home.disk.kinds.count("StageRelease") == 1
    home.rig.run(30)
    assert home.disk.kinds.count("StageRelease") == 2
    home.staged(GiveUp("another hash"))
    assert (home.state, home.told.reason) == (OfferState.FAILED, "another hash")


def test_a_marker_that_cannot_be_written_fails_the_offer(tmp_path: Path) -> None:
    """The old one goes on, and says why."""
    home = Home(tmp_path)
    home.offer()
    home.staged()
    home.grant()
    home.rig.loop.inbox.put(ReleaseMoved(home.disk.seen, "no room"))
    home.rig.run(1)
    assert (home.state, home.told.reason) == (OfferState.FAILED, "no room")


def test_only_a_young_grant_of_its_own_begins_anything(tmp_path: Path) -> None:
    """No old mail, and no grant under a nonce that nobody asked with."""
    home = Home(tmp_path)
    home.offer()
    home.staged()
    home.grant(nonce="stranger1")
    home.rig.online = True
    old = home.rig.messages(Request)[-1]
    home.rig.run(60)
    home.grant(nonce=old.nonce)
    assert "SwitchRelease" not in home.disk.kinds
    home.grant()
    assert home.disk.kinds[-1] == "SwitchRelease"


def test_without_a_launcher_an_offer_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """And the hello says that nothing could take this agent's place."""
    home = Home(tmp_path, ReleaseSeen())
    home.offer()
    assert (home.state, home.told.reason) == (OfferState.FAILED, NOT_LAUNCHED)
    assert home.rig.messages(Hello)[-1].release == ""
    assert home.disk.asked == []


def test_containers_and_the_agent_are_tried_side_by_side(tmp_path: Path) -> None:
    """A grant for the one never begins the other."""
    home = Home(tmp_path)
    home.rig.assign(1, task("r1"), spec(Release()))
    home.rig.run(5)
    home.offer(1, offer(), offer_of(task("r2")))
    home.staged()
    home.rig.run(15)
    asked = {request.task: request for request in home.rig.messages(Request)}
    assert set(asked) == {TASK, "porch.web.1"}
    request = asked["porch.web.1"]
    home.rig.send(GrantTopic(FLEET, NAME), Grant(request.task, request.revision, request.nonce))
    home.rig.run(20)
    assert home.rig.running() == {"porch.web.1": ["r2"]}
    assert (home.state, home.disk.kinds) == (OfferState.STAGED, ["StageRelease"])
