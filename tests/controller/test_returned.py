"""A grant that its node gives back frees its place, and no late word of an older one does."""

from __future__ import annotations

import pytest

from protocol.observed import OfferState, OfferStatus, TaskState, TaskStatus
from tests.controller.pi import Pi
from tests.controller.test_rollout import begun, rollout


def says(pi: Pi, nonce: str, state: TaskState = TaskState.RUNNING) -> None:
    """Its offers are staged, and it gives back the grant of a nonce, if it names one."""
    spec = pi.assignment.tasks[0]
    offers = tuple(
        OfferStatus(*key, OfferState.STAGED, f"{nonce}0" if nonce else "", "web holds /run/busy") for key in pi.states
    )
    told = {"observed_epoch": pi.assignment.epoch, "observed_generation": pi.assignment.generation}
    task = TaskStatus(spec.task, spec.revision, state, 1)
    pi.desk.status(pi.name, (task,), offers, **told, offers_generation=pi.offers.generation)


def test_a_grant_that_is_given_back_goes_to_another() -> None:
    """The one place in the budget is free at once, and whoever gave it back may ask again."""
    desk, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    says(one, "aaaaaaaa")
    assert rollout(desk).in_progress == 3
    assert two.update("bbbbbbbb")
    assert one.update("cccccccc")
    assert (rollout(desk).updated, rollout(desk).failed) == (2, 0)


@pytest.mark.parametrize("nonce", ["", "aaaaaaaa", "ffffffff"])
def test_only_the_newest_granted_nonce_gives_a_place_back(nonce: str) -> None:
    """A report from before the grant names none, and a late one an older: its node may be trying by now."""
    _, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    one.ask("cccccccc")
    says(one, nonce)
    two.ask("bbbbbbbb")
    assert two.go() == 0
    says(one, "cccccccc")
    two.ask("dddddddd")
    assert two.go() == 1


def test_a_place_is_held_until_its_task_stands_as_before() -> None:
    """A node that gives its grant back while the old container is on its way is heard when that runs."""
    _, (one, two, _) = begun()
    one.ask("aaaaaaaa")
    says(one, "aaaaaaaa", TaskState.PREPARING)
    two.ask("bbbbbbbb")
    assert two.go() == 0
    says(one, "aaaaaaaa")
    two.ask("cccccccc")
    assert two.go() == 1
