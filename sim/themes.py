"""What a history is about. Each seed has one theme: its operator does some things often, and some faults strike often.

A bug shows where a few certain things meet. A history that does a little of everything brings them together seldom; one that does
little else does so at once. Theme by theme everything comes up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SELDOM = 0.15
"""How often a fault comes that is not of the theme, compared with a history that has none."""


@dataclass(frozen=True, slots=True)
class Theme:
    """`deeds` by name and how often each; `faults` by name, likewise. Without faults they come as they usually do."""

    name: str
    deeds: Mapping[str, int]
    faults: Mapping[str, int]

    def weight(self, fault: str, usual: float) -> float:
        """How often a fault comes."""
        return float(self.faults.get(fault, usual * SELDOM)) if self.faults else usual


THEMES = (
    Theme(
        "everything",
        {"press": 10, "update": 4, "update_badly": 3, "toggle_shed": 2, "drain": 1, "undrain": 2},
        {},
    ),
    Theme(
        "updates",
        {"update": 5, "update_busy": 3, "update_badly": 4, "update_both": 3, "steer": 3, "scale": 1, "press": 1},
        {"ambush_node": 6, "ambush_controller": 4, "_power": 2, "_kill_agent": 2, "_cut": 2, "crash": 3, "fall_ill": 2}
        | {
            "hold_lock": 6,
            "_clock": 1,
            "_engine": 1,
            "_registry": 1,
            "vanish": 5,
            "orphan": 4,
            "overflow": 4,
            "_weather": 2,
            "replay": 2,
        },
    ),
    Theme(
        "functions",
        {"press": 8, "call": 3, "renew_function": 3, "update": 1},
        {
            "_cut": 5,
            "_power": 2,
            "_kill_agent": 3,
            "ambush_node": 6,
            "ambush_controller": 4,
            "overflow": 6,
            "_weather": 3,
        }
        | {
            "replay": 4,
            "misroute": 2,
            "fall_between": 4,
            "stammer": 5,
            "swallow": 5,
            "_registry": 3,
            "_engine": 1,
            "late_wills": 2,
            "_stop": 1,
        },
    ),
    Theme(
        "moves",
        {"drain": 5, "undrain": 5, "scale": 4, "toggle_shed": 3, "update": 1, "squat": 1},
        {
            "_cut": 4,
            "_cut_half": 2,
            "_engine": 4,
            "_kill_controller": 3,
            "ambush_controller": 4,
            "lose_card": 3,
            "_power": 2,
        }
        | {
            "_weather": 3,
            "forget_retained": 3,
            "crash": 1,
            "outstay": 3,
            "_stop": 2,
            "_broker": 1,
            "_kill_agent": 2,
            "replay": 3,
        },
    ),
    Theme(
        "memory",
        {"drain": 3, "undrain": 3, "update": 3, "toggle_shed": 3, "press": 2, "renew_function": 1, "squat": 1},
        {
            "restore_controller": 5,
            "lose_card": 4,
            "_backup": 2,
            "_broker": 4,
            "forget_retained": 5,
            "_cut": 6,
            "replay": 3,
        }
        | {"overflow": 3, "swallow": 2, "misprint": 2, "_kill_controller": 2, "_kill_agent": 2},
    ),
    Theme(
        "mail",
        {"press": 6, "flood": 5, "update": 2, "toggle_shed": 2},
        {
            "_cut": 4,
            "overflow": 3,
            "_weather": 6,
            "slow_radio": 4,
            "_broker": 3,
            "_kill_agent": 4,
            "_kill_controller": 2,
        }
        | {
            "replay": 2,
            "forge": 6,
            "misroute": 3,
            "late_wills": 4,
            "ambush_node": 4,
            "ambush_controller": 3,
            "_power": 2,
            "lose_card": 1,
        },
    ),
)


RARE_EVERY = 20
"""One seed in so many is about something that hardly ever happens, or that few fleets have."""

RARE = (
    Theme(
        "twins",
        {"press": 4, "update": 4, "update_badly": 1, "toggle_shed": 1, "drain": 1, "undrain": 2},
        {
            "clone": 8,
            "_cut": 2,
            "ambush_node": 1,
            "_kill_controller": 1,
            "ambush_controller": 1,
            "replay": 1,
            "_kill_agent": 1,
        },
    ),
    Theme(
        "usurpers",
        {"press": 3, "update": 4, "toggle_shed": 2, "drain": 1, "undrain": 2},
        {
            "usurp": 8,
            "_cut": 3,
            "_broker": 1,
            "_kill_controller": 3,
            "ambush_controller": 1,
            "forget_retained": 1,
            "_stop": 1,
        },
    ),
    Theme(
        "jobs",
        {"work": 8, "update": 2, "drain": 3, "undrain": 3, "scale": 1},
        {
            "_power": 3,
            "_kill_agent": 4,
            "ambush_node": 5,
            "ambush_controller": 3,
            "_kill_controller": 2,
            "_cut": 4,
            "_engine": 3,
        }
        | {"lose_card": 1, "replay": 2, "forget_retained": 1, "_broker": 1, "overflow": 2, "_weather": 2},
    ),
    Theme(
        "estate",
        {"update": 6, "update_badly": 3, "pin": 3, "seal": 2, "unpin": 2, "let_go": 2, "light": 3, "press": 1},
        {
            "_power": 3,
            "_cut": 4,
            "ambush_node": 4,
            "ambush_controller": 2,
            "_kill_agent": 2,
            "_kill_controller": 2,
            "vanish": 2,
        }
        | {"fill_disk": 5, "fill_card": 5, "replay": 1, "_weather": 1, "overflow": 1},
    ),
    Theme(
        "years",
        {"update": 4, "press": 4, "toggle_shed": 2, "drain": 1, "undrain": 2, "renew_function": 1},
        {
            "come_late": 8,
            "put_back": 5,
            "haunt": 6,
            "_clock": 4,
            "lose_card": 2,
            "late_wills": 2,
            "forget_retained": 2,
            "overflow": 2,
            "_power": 2,
        },
    ),
    Theme(
        "triggers",
        {"knock": 10, "lean": 6, "press": 1, "update": 1},
        {
            "_power": 4,
            "_kill_agent": 6,
            "ambush_node": 6,
            "fall_between": 5,
            "_cut": 2,
            "_engine": 2,
            "_stop": 2,
            "_kill_controller": 1,
        }
        | {"_clock": 2, "_weather": 1, "replay": 1, "overflow": 1},
    ),
)


CALLS_EVERY, CALLS_FIRST = 40, 27
"""One seed in so many is about calls: beside the rare ones, so that every other seed is about what it always was about."""

CALLS = Theme(
    "calls",
    {"ring": 8, "ask": 3, "judge": 3, "desert": 3, "rework": 1, "update": 1},
    {
        "_power": 3,
        "_kill_agent": 6,
        "ambush_node": 6,
        "fall_between": 4,
        "_cut": 4,
        "_engine": 3,
        "_registry": 2,
        "_kill_controller": 2,
    }
    | {"ambush_controller": 3, "overflow": 2, "swallow": 2, "stammer": 2, "_weather": 2, "_stop": 1, "_broker": 1},
)


RELEASES_EVERY, RELEASES_FIRST = 37, 12
"""One seed in so many is about agents that update themselves: it has no factor in common with the others, so a few of each go."""

RELEASES = Theme(
    "releases",
    {
        "agents": 5,
        "agents_badly": 5,
        "agents_back": 1,
        "steer_agents": 2,
        "update": 2,
        "press": 1,
        "drain": 1,
        "undrain": 1,
    },
    {
        "ambush_release": 10,
        "ambush_node": 3,
        "_power": 3,
        "_kill_agent": 4,
        "_cut": 4,
        "_kill_controller": 2,
        "ambush_controller": 2,
        "_registry": 1,
        "fill_disk": 2,
    }
    | {"replay": 2, "forget_retained": 1, "_broker": 1, "overflow": 1, "_weather": 1, "_stop": 1, "_engine": 1},
)


STORMS_EVERY, STORMS_FIRST = 53, 30
"""One seed in so many is about fleets without room: every other seed is about what it always was about."""

STORMS = Theme(
    "storms",
    {"tap": 8, "bounce": 2, "deluge": 5, "rename": 3, "flood": 2, "update_badly": 3, "update": 1, "press": 2},
    {
        "_cut": 8,
        "slow_radio": 4,
        "_kill_controller": 3,
        "_stop": 3,
        "_kill_agent": 3,
        "_power": 2,
        "_engine": 2,
        "_broker": 3,
    }
    | {"ambush_node": 3, "ambush_controller": 2, "_registry": 1, "_weather": 1, "fall_between": 1, "overflow": 1},
)


def theme_of(seed: int) -> Theme:
    """What the history of a seed is about."""
    if seed % RARE_EVERY == RARE_EVERY - 1:
        return RARE[seed // RARE_EVERY % len(RARE)]
    if seed % RELEASES_EVERY == RELEASES_FIRST:
        return RELEASES
    if seed % CALLS_EVERY == CALLS_FIRST:
        return CALLS
    if seed % STORMS_EVERY == STORMS_FIRST:
        return STORMS
    return THEMES[seed % len(THEMES)]
