"""What a link needs to know: where the broker is, who we are there, and the limits of the conversation.

TLS gets a field of its own here (the paths of CA, certificate and key) and one call in `link.wire`; nothing else of
the link would change. Until then the link is for loopback and trusted networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from link.backoff import Pace
from protocol.delivery import TABLE

KEEPALIVE_S = 20
# A node that loses its power is offline for the broker after 1.5 times this (MQTT 5, 3.1.2.10): half a minute, as operators expect.

CONNECT_TIMEOUT_S = 5.0
# A handshake over LTE takes 1 s at its worst; a firewall that swallows it would hold the thread for two minutes.

INFLIGHT = 20
# Messages of QoS 1 without a PUBACK: paho's own figure, and what a stock Mosquitto keeps for a client (`max_inflight_messages`).

BACKLOG = 64
# Inputs that may wait in the owner's inbox before the socket is no longer read. One input is one read of at most 64 KiB, so
# this bounds the undelivered bytes to 4 MiB; TCP then slows the broker down.

LARGEST_BYTES = max(row.limit_bytes for row in TABLE) + 8192
# The largest packet that we send or ask the broker for: our largest payload, its topic and its properties.


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """One end of a link. `receive_bytes` is larger at the controller, which refuses a manifest that is too large in words."""

    host: str
    port: int
    client_id: str
    username: str = ""
    password: str = ""
    keepalive_s: int = KEEPALIVE_S
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    inflight: int = INFLIGHT
    backlog: int = BACKLOG
    send_bytes: int = LARGEST_BYTES
    receive_bytes: int = LARGEST_BYTES
    pace: Pace = field(default_factory=Pace)

    @property
    def place(self) -> str:
        """The broker as people write it."""
        return f"{self.host}:{self.port}"
