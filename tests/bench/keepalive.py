"""The other peer of `tests.bench.warm`: a container's port asked over one kept connection, as fast as it answers. Run as a program.

`python -m tests.bench.keepalive ADDRESS CALLS WHO`: the address of a host with port 8080, or the path of a socket; who asks
is `raw` (no client library: a request that is made once, a read that ends where the answer does) or `door` (what the agent asks
through: a request made for each run, its headers, an answer that is read and judged). Prints answers a second.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable

from agent.adapters.asking import answered, sent_for
from agent.adapters.doors import Door
from agent.decide.effects import Run
from protocol.container import Container
from protocol.function import FunctionSpec

BODY = b'{"event_type": "call", "value": "{\\"n\\": 1}"}'
ASKS = b"POST / HTTP/1.1\r\nHost: greet\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
WARM_UP = 50


def main(address: str, calls: str, who: str) -> None:
    """Ask and wait, so many times."""
    ask = raw(address) if who == "raw" else door(address)
    for _ in range(WARM_UP):
        ask()
    begun_s = time.perf_counter()
    for _ in range(int(calls)):
        ask()
    print(int(calls) / (time.perf_counter() - begun_s))


def door(address: str) -> Callable[[], object]:
    """As an agent's thread asks."""
    way = Door("", address, time.monotonic)
    attributes = (("id", "e-1"), ("source", "/bench"), ("specversion", "1.0"), ("type", "call"))
    step = Run("i1", "i1", 1, FunctionSpec("greet", "s", "r", Container("")), attributes, BODY.decode(), None, "door")

    def ask() -> None:
        ended = answered(step, way.ask(sent_for(step), time.monotonic() + 10.0), 0.0)
        assert ended.exit_code == 0, ended

    return ask


def raw(address: str) -> Callable[[], object]:
    """As fast as Python can."""
    talk = socket.socket(socket.AF_UNIX if address.startswith("/") else socket.AF_INET)
    talk.connect(address if address.startswith("/") else (address, 8080))
    if talk.family == socket.AF_INET:
        talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return lambda: _ask(talk)


def _ask(talk: socket.socket) -> None:
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
