"""A lane: a bounded queue, and the threads that empty it. They are made when there is more to do than threads, and are daemons.

What waits when the process ends dies with it; whoever gave it takes it up after the next start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Generic, TypeVar

WAITING_LIMIT = 1000
# More than a node has tasks and runs under way; beyond it the step comes back at once, to be tried later.

Work = TypeVar("Work")


class Lane(Generic[Work]):
    """A bounded queue and the threads that empty it."""

    def __init__(self, name: str, limit: int, work: Callable[[Work], None], waiting: int = WAITING_LIMIT) -> None:
        self._name, self._limit, self._work = name, limit, work
        self._queue: Queue[Work] = Queue(waiting)
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()

    def take(self, work: Work) -> bool:
        """Queue it, unless too much is waiting."""
        try:
            self._queue.put_nowait(work)
        except Full:
            return False
        if len(self._threads) < min(self._limit, self._queue.unfinished_tasks):
            name = f"{self._name}-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return True

    def close(self) -> None:
        """Begin nothing any more."""
        self._closed.set()

    def _serve(self) -> None:
        while not self._closed.is_set():
            work = self._queue.get()
            if not self._closed.is_set():
                self._work(work)
            self._queue.task_done()
