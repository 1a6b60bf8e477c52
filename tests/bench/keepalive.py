"""The other peer of `tests.bench.warm`: a container's port asked over one kept connection, as fast as it answers. Run as a program.

`python keepalive.py ADDRESS CALLS`: the address of an IPv4 host whose port 8080 answers, or the path of a socket. Prints answers a
second. No client library: a request that is made once, and a read that ends where the answer does.
"""

from __future__ import annotations

import socket
import sys
import time

BODY = b'{"event_type": "call", "value": "{\\"n\\": 1}"}'
ASKS = b"POST / HTTP/1.1\r\nHost: greet\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
WARM_UP = 50


def main(address: str, calls: str) -> None:
    """Ask and wait, so many times."""
    talk = socket.socket(socket.AF_UNIX if address.startswith("/") else socket.AF_INET)
    talk.connect(address if address.startswith("/") else (address, 8080))
    if talk.family == socket.AF_INET:
        talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(WARM_UP):
        ask(talk)
    begun_s = time.perf_counter()
    for _ in range(int(calls)):
        ask(talk)
    print(int(calls) / (time.perf_counter() - begun_s))


def ask(talk: socket.socket) -> None:
    """One request and its whole answer."""
    talk.sendall(ASKS)
    got = b""
    while b"\r\n\r\n" not in got:
        got += talk.recv(65536)
    head, _, rest = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(rest) < length:
        rest += talk.recv(65536)
    assert b" 200 " in head, head


if __name__ == "__main__":
    main(*sys.argv[1:])
