"""Histories that once broke a promise: what went wrong, by seed. Whoever mends one puts it here.

A seed is a history of one version of the simulator: when the workload or the faults change it lives on as another one, which must
hold as well. So whoever mends a bug plants it, too (`tests/mutants`): there it is hunted for as long as the promise stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.history import LEAN, SHORT, Plan

MINUTE = Plan(nodes=3, seconds=60.0, fault_every_s=12.0, work_every_s=8.0)
MEETING = Plan(nodes=3, seconds=45.0, fault_every_s=5.0, work_every_s=5.0, reconnects=0.3)


@dataclass(frozen=True, slots=True)
class Regression:
    """One history that holds again."""

    seed: int
    was: str
    plan: Plan = MINUTE


REGRESSIONS = (
    Regression(103, "the removal of a status overtook the next", Plan()),
    Regression(4, "a controller was restored, and nodes that stayed connected knew more than it"),
    Regression(
        13, "the container before fell ill during a trial that started the new one first, and was never started again"
    ),
    Regression(58, "the broker lost a status without a word, and a manifest said again was not answered"),
    Regression(59, "a full queue dropped an offer, and the node was never told again"),
    Regression(88, "a restored controller offered under numbers that its nodes had passed"),
    Regression(
        179, "an update of nothing but pinned nodes was taken for proved, and whoever joined began with it", MEETING
    ),
    Regression(959, "an event came in the very turn in which its stack was removed, and ended the controller", MEETING),
    Regression(
        472, "a restored controller offered other things under a number that its nodes had, and nobody said so", LEAN
    ),
    Regression(3226, "a controller was restored to before its nodes joined, and never asked who they are", LEAN),
    Regression(2454, "agents were ordered before any node had joined, and those that joined were never updated", LEAN),
    Regression(
        1878, "an agent died in the turn in which it had kept an update, and was taken to have it in hand", SHORT
    ),
    Regression(21773, "an ill container was still being stopped when its task began elsewhere", SHORT),
    Regression(420, "a node that was drained while it tried a bad image was counted beside the next", MEETING),
    Regression(842, "a controller that stood still was to say again what the broker had lost", MEETING),
    Regression(31310, "a good image whose canary fell ill was to hold up an update that goes on whatever fails", SHORT),
    Regression(
        33902, "what a withdrawn trial had left ran beside the settled one and the next, which started first", SHORT
    ),
    Regression(1227, "a call reached a node while its function was away with its engine, and was refused", MEETING),
    Regression(2427, "what a node that is away was asked waited for half a minute, though another had come", MEETING),
    Regression(901, "what a service was to wait for had changed meanwhile, and it heard of that late", MEETING),
    Regression(
        41439, "a copied card was asked, of what it does, as if it were lost, and does it itself all the same", SHORT
    ),
    Regression(
        1147, "a second process of a boot took moments of the boot before for its own, and a retry waited", MEETING
    ),
    Regression(41914, "a node that was let go came back, and said again what had been handled", SHORT),
    Regression(
        42426, "a grant came in the turn in which its offer went, and an agent was tried that nobody knew of", SHORT
    ),
    Regression(
        15, "a late status was to be known by a controller whose network was away and who did not notice yet", Plan()
    ),
    Regression(5073, "a container that fell ill twice never recovered", SHORT),
    Regression(
        8206,
        "a run that was on its way when a card was lost was counted beside the one that was asked for again",
        SHORT,
    ),
    Regression(1620, "why a function could not begin was remembered when it was long gone", MEETING),
    Regression(348, "of a function whose work had been stranded its name was remembered for ever", Plan()),
    Regression(3, "what was said of a container that was prepared outlived its trial", Plan()),
    Regression(1006907, "an old container fell ill beside a new one, and was counted as lost to the update", SHORT),
    Regression(1006072, "a fleet was not at rest for what a timer's runs had left since the last look", SHORT),
)
