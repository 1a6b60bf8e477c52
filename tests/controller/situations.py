"""A rollout in each of the situations in which an operator may find it."""

from __future__ import annotations

from controller.decide.rollouts import steering
from tests.controller.gradual import SERVICE, Bed

KEEPS = "{keep_previous: true}"


def none() -> Bed:
    """A service that is not being updated."""
    bed = Bed(2)
    bed.publish("web:1")
    bed.publish("web:1")
    bed.desk.fleet.rollouts.drop(SERVICE)
    return bed


def rolling() -> Bed:
    """One of two is trying."""
    bed = Bed(2)
    bed.ask()
    return bed


def halted() -> Bed:
    """An operator paused it."""
    bed = Bed(2)
    steering.pause(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    return bed


def failed() -> Bed:
    """The first failed."""
    bed = Bed(2)
    bed.end(*bed.ask(), well=False)
    return bed


def promoting() -> Bed:
    """The canary awaits a word."""
    bed = Bed(2, "{canary: {promote: confirm}}")
    bed.rounds()
    return bed


def done(extra: str = "{}") -> Bed:
    """Both are settled."""
    bed = Bed(2, extra)
    bed.rounds()
    return bed


def keeping() -> Bed:
    """Both are settled, and keep what was before."""
    return done(KEEPS)


def confirmed() -> Bed:
    """Nothing is kept any more."""
    bed = keeping()
    steering.confirm(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    return bed


def going_back() -> Bed:
    """One was settled, and is to be taken back."""
    bed = Bed(3)
    bed.end(*bed.ask())
    steering.abort(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    return bed


def back_halted() -> Bed:
    """And that was paused."""
    bed = going_back()
    steering.pause(bed.desk.fleet, SERVICE)
    bed.desk.turn()
    return bed


def back() -> Bed:
    """All is as it was."""
    bed = going_back()
    bed.rounds()
    return bed


def tolerant() -> Bed:
    """One failed, which is tolerated."""
    bed = Bed(3, parallelism="0", max_failure_ratio="0.5")
    bed.end(bed.ask()[0], well=False)
    bed.end()
    return bed


def held_up() -> Bed:
    """The canary went silent while it was trying."""
    bed = Bed(3, "{canary: {count: 1}}", parallelism="2")
    bed.ask()
    bed.leave(bed.pis[0])
    return bed


def unseen() -> Bed:
    """All nodes of the first batch are away."""
    bed = Bed(4, "{batches: [{name: lab, nodes: node.labels.site == s0}]}", parallelism="0")
    bed.leave(*bed.pis[:2])
    bed.desk.turn()
    return bed


SITUATIONS = (
    none, rolling, halted, failed, promoting, done, keeping, confirmed, going_back, back_halted, back, tolerant, held_up, unseen,
)  # fmt: skip
"""All of them."""
