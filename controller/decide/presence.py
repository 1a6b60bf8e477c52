"""The machine of a node's presence: what the controller believes, by its own clock and its own ears alone.

A will makes a node suspect at once; so does silence for a whole lease. A suspect that is not heard within the grace is offline.
Any live word makes it online again. A will of an older connection says nothing: it carries that connection's epoch.

While two devices speak under one name, nobody knows which of them a word comes from: the node is quarantined, until one is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Presence(StrEnum):
    """What is believed of a node."""

    ONLINE = "online"
    SUSPECT = "suspect"
    OFFLINE = "offline"
    QUARANTINED = "quarantined"


class Seen(StrEnum):
    """What can be seen of a node's presence."""

    SIGN = "it spoke"
    WILL = "the broker read its will"
    SILENCE = "it said nothing for a lease"
    GRACE_OVER = "it said nothing for the grace after that"
    TWINS = "two devices speak under its name"
    ALONE = "one device is left"


NEXT: Mapping[tuple[Presence, Seen], Presence] = {
    (Presence.ONLINE, Seen.WILL): Presence.SUSPECT,
    (Presence.ONLINE, Seen.SILENCE): Presence.SUSPECT,
    (Presence.SUSPECT, Seen.SIGN): Presence.ONLINE,
    (Presence.SUSPECT, Seen.GRACE_OVER): Presence.OFFLINE,
    (Presence.OFFLINE, Seen.SIGN): Presence.ONLINE,
    (Presence.ONLINE, Seen.TWINS): Presence.QUARANTINED,
    (Presence.SUSPECT, Seen.TWINS): Presence.QUARANTINED,
    (Presence.OFFLINE, Seen.TWINS): Presence.QUARANTINED,
    (Presence.QUARANTINED, Seen.ALONE): Presence.ONLINE,
}


def advance(presence: Presence, seen: Seen) -> Presence:
    """Return the next presence; a pair missing from NEXT changes nothing."""
    return NEXT.get((presence, seen), presence)


@dataclass(frozen=True, slots=True)
class Lease:
    """What is believed of one node, and the connection by which it was believed. When it was heard is not durable."""

    node: str
    presence: Presence
    epoch: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Voice:
    """A process that has connected under a node's name: its last connection, how often it returned after another, its device."""

    identity: str
    epoch: int
    heard_mono_s: float
    returns: int = 0
    device: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """One of those that speak under one name, in words for whoever looks for it."""

    identity: str
    words: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A node under whose name several devices speak."""

    node: str
    devices: tuple[Device, ...] = ()
