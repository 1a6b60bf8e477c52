"""How a socket is told not to wait: small packets go at once, and what comes is acknowledged at once.

Without it a question and its answer of QoS 1 take 88 ms instead of 0.24 ms. Nothing here fails: it only makes things faster, and a
connection that just died shows in the next read.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only


def begin(opened: Any) -> None:
    """Make a new socket quick: Nagle's algorithm holds every second small packet until a delayed acknowledgement, for 40 ms."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    acknowledge_quickly(opened)


def acknowledge_quickly(opened: Any) -> None:
    """Acknowledge the next segment at once, for a stock Mosquitto waits for it. The kernel forgets this: say it after each read."""
    if opened is not None and _QUICKACK is not None:
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
