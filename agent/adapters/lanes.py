"""A lane: a bounded queue, and the threads that empty it. They are made when there is more to do than threads, and are daemons.

What waits when the process ends dies with it; whoever gave it takes it up after the next start.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

WAITING_LIMIT = 1000
# More than a node has tasks and runs under way; beyond it the step comes back at once, to be tried later.

Work = TypeVar("Work")


class Lane(Generic[Work]):
    """A bounded queue and the threads that empty it. Only one thread gives to it."""

    def __init__(self, name: str, limit: int, work: Callable[[Work], None], waiting: int = WAITING_LIMIT) -> None:
        self._name, self._limit, self._work, self._waiting = name, limit, work, waiting
        self._queue: SimpleQueue[Work] = SimpleQueue()  # a `Queue` costs a dozen calls of the kernel for each hand-over
        self._unfinished: deque[None] = (
            deque()
        )  # one for each that waits or is under way: both its ends hold for all threads
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    @property
    def is_full(self) -> bool:
        """Whether too much is waiting."""
        return self._queue.qsize() >= self._waiting

    def take(self, work: Work) -> bool:
        """Queue it, unless too much is waiting."""
        if self.is_full:
            return False
        self._unfinished.append(None)
        self._queue.put(work)
        if len(self._threads) < min(self._limit, len(self._unfinished)):
            name = f"{self._name}-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return True

    def close(self) -> None:
        """Begin nothing any more."""
        self._is_closed = True

    def _serve(self) -> None:
        while not self._is_closed:
            work = self._queue.get()
            if not self._is_closed:
                self._work(work)
            self._unfinished.pop()
