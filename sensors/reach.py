"""Whether a host answers: to an ICMP echo, or to a TCP connection. Blocks for the timeout, and for the time that a name takes.

The echo goes through a datagram socket, for which no privilege is needed where `net.ipv4.ping_group_range` has the agent's group
(systemd lets everybody), else through a raw one. Where neither is allowed, that is an OSError that says so. Whatever else fails is
a host that does not answer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct

ECHO = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129)}
"""Family → protocol, type of an echo request, and of its reply (RFC 792, RFC 4443)."""

LARGEST_BYTES = 1024
TOKEN_BYTES = 8
HEAD = "!BBHHH"
"""Type, code, checksum, identifier, sequence."""


def connects(host: str, port: int, timeout_s: float) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        with socket.create_connection((host, port), timeout_s):
            return True
    except OSError:
        return False


def answers(host: str, timeout_s: float) -> bool:
    """Whether an echo comes back; raises OSError where this process may not ask."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0]
    except OSError:
        return False
    protocol, request, reply = ECHO[family]
    with _opened(family, protocol) as opened:
        opened.settimeout(timeout_s)
        token = os.urandom(TOKEN_BYTES)
        checksum = _checksum(struct.pack(HEAD, request, 0, 0, 0, 1) + token)
        message = struct.pack(HEAD, request, 0, checksum, 0, 1) + token
        with contextlib.suppress(OSError):
            opened.connect(address)
            opened.send(message)
            while True:
                said = opened.recv(LARGEST_BYTES)
                if said.endswith(token) and said[-len(message)] == reply:
                    return True
    return False


def _opened(family: int, protocol: int) -> socket.socket:
    for sort in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        with contextlib.suppress(PermissionError):
            return socket.socket(family, sort, protocol)
    raise PermissionError(
        "this process may not ping: set the sysctl net.ipv4.ping_group_range to '0 2147483647', or give the sensor a port"
    )


def _checksum(message: bytes) -> int:
    """The Internet checksum (RFC 1071); the kernel reckons that of IPv6 itself."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
