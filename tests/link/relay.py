"""A wire between a client and a broker that a test may cut: at a word that passes, or for ever in silence."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import Self


class Relay:
    """Listens on loopback and passes bytes on; a context manager. `deadly` is a word that ends the connection it travels on."""

    def __init__(self, port: int, deadly: bytes = b"\xff\xff\xff\xff") -> None:
        self._target = ("127.0.0.1", port)
        self._deadly = deadly
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.send(b"x")
        self._thread.join(5)
        for end in (self._listener, self._stop, self._stopped):
            end.close()

    def _run(self) -> None:
        pairs: dict[socket.socket, socket.socket] = {}
        with selectors.DefaultSelector() as selector:
            for source in (self._stopped, self._listener):
                selector.register(source, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    if source is self._stopped:
                        for end in pairs:
                            end.close()
                        return
                    if source is self._listener:
                        self._accept(selector, pairs)
                    elif source in pairs:
                        self._pass(selector, pairs, source)

    def _accept(self, selector: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket]) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target)
        pairs[near], pairs[far] = far, near
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(end, selectors.EVENT_READ)

    def _pass(
        self, selector: selectors.BaseSelector, pairs: dict[socket.socket, socket.socket], source: socket.socket
    ) -> None:
        data = _read(source)
        self.cuts += self._deadly in data
        if data and self._deadly not in data:
            pairs[source].sendall(data)
            return
        other = pairs.pop(source)
        pairs.pop(other)
        for end in (source, other):
            selector.unregister(end)
            end.close()


def _read(source: socket.socket) -> bytes:
    """What came, nothing where the wire ended; a process that is killed with bytes unread ends it by a reset."""
    try:
        return source.recv(65536)
    except ConnectionResetError:
        return b""
