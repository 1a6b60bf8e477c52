"""Topics besides, on a broker that refuses one of them. Mosquitto's access lists let everybody subscribe and then send nothing."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import Any

from link.broker import Broker
from link.inputs import LinkUp, ListenRefused
from link.settings import LinkSettings

CONNACK = b"\x20\x03\x00\x00\x00"
NOT_AUTHORISED = b"\x87"
PATIENCE_S = 10.0


def scripted(server: socket.socket) -> None:
    """Greet, then take the first topic of every subscription and refuse the others."""
    peer, _ = server.accept()
    with peer:
        peer.recv(4096)
        peer.sendall(CONNACK)
        for reasons in (b"\x01", b"\x01" + NOT_AUTHORISED):
            asked = peer.recv(4096)
            answer = asked[2:4] + b"\x00" + reasons
            peer.sendall(b"\x90" + bytes([len(answer)]) + answer)
        peer.recv(4096)


def told(inbox: queue.SimpleQueue[Any]) -> Any:
    """The next input that is no noise of the link."""
    return inbox.get(timeout=PATIENCE_S)


def test_a_topic_that_is_refused_is_told_and_costs_no_connection() -> None:
    """Unlike one that was dialled with, without which nothing of ours would work."""
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=scripted, args=(server,), daemon=True).start()
        link = Broker(LinkSettings("127.0.0.1", server.getsockname()[1], "a"), inbox.put, inbox.qsize)
        link.dial(1, None, None, (("x/#", 1),))
        assert isinstance(told(inbox), LinkUp)
        link.listen(("x/1", "door"))
        assert told(inbox) == ListenRefused(1, "door", "not authorised")
        assert link.is_alive(time.monotonic())
        assert inbox.empty()
        link.close()
