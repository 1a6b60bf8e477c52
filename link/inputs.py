"""What the link tells its owner: frozen values for the owner's one inbox.

Every input belongs to one connection epoch; an owner may drop what carries an older one. Per epoch there is at most one
`LinkUp` and, unless the owner itself hung up, exactly one `LinkDown`, which is the last.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.envelope import Packet


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Connected, subscribed, and the birth is on its way: publishing may begin.

    `address` is ours towards the broker; empty where the broker is on this very host, because nobody else can use that one.
    """

    epoch: int
    address: str = ""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection ended, or never came to be; `reason` says why in plain words. Dial again with a new epoch."""

    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Packets in the order in which they came, one input per read of the socket."""

    epoch: int
    packets: tuple[Packet, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has these QoS 1 packets (tokens of `Published`), so that many may follow. No promise beyond the broker."""

    epoch: int
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PublishRefused:
    """The broker did not take a packet, most often because its access rules forbid it. Token 0 is the birth."""

    epoch: int
    token: int
    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class ListenRefused:
    """The broker does not let us read a topic that was asked for besides; the connection stays."""

    epoch: int
    topic: str
    reason: str


LinkInput = LinkUp | LinkDown | Arrived | Sent | PublishRefused | ListenRefused


@dataclass(frozen=True, slots=True)
class Published:
    """The link took the packet over; a `Sent` with this token follows for QoS 1, unless the link goes down first."""

    token: int


@dataclass(frozen=True, slots=True)
class Busy:
    """Not now: the window is full, or the link is down. Nothing was taken; try again after `Sent` or `LinkUp`."""

    reason: str
