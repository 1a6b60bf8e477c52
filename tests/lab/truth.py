"""What really happened to a service during updates, by the engines' own word, and what of it must never happen.

Every start and every end is kept with the engine's own moment, so two containers that ran side by side for a blink, or one node
too many without any, are found afterwards and not by a lucky look. The agents' stores are read, and never written.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from typing import Any, Self

from lab import eyes
from lab.eyes import Box, Change, Eyes
from lab.host import Host


class Truth:
    """Follows one service (stop-first, one task on each host) on all hosts; a context manager."""

    def __init__(self, hosts: Iterable[Host], service: str) -> None:
        """Follow `stack.service`."""
        self.hosts = {host.name: host for host in hosts}
        self.service = service
        self._heard = threading.Condition()
        self._changes: list[Change] = []
        self._eyes: list[Eyes] = []
        self._strangers: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        self._eyes = [Eyes(name, host.engine.socket_path, self._take) for name, host in self.hosts.items()]
        self._strangers = {name: self.others(name) for name in self.hosts}
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._eyes:
            one.close()

    # What is there now.

    def running(self, host: str) -> list[Box]:
        """The service's containers that run on a host now."""
        return [box for box in self._boxes(host) if box.is_running and box.service == self.service]

    def left_over(self, host: str) -> list[Box]:
        """Those that do not run."""
        return [box for box in self._boxes(host) if not box.is_running and box.service == self.service]

    def versions(self) -> dict[str, str]:
        """What runs on each host."""
        return {name: "+".join(version(box) for box in self.running(name)) for name in self.hosts}

    def others(self, host: str) -> dict[str, str]:
        """Every other container of a host that runs, and when it was started."""
        path = self.hosts[host].engine.socket_path
        return {b.id: eyes.started(path, b.id) for b in eyes.boxes(path) if b.is_running and b.service != self.service}

    def disturbed(self) -> list[str]:
        """The hosts on which a container that nobody changed is not the very start that it was in the beginning."""
        return [name for name in self.hosts if self.others(name) != self._strangers[name]]

    def _boxes(self, host: str) -> tuple[Box, ...]:
        return eyes.boxes(self.hosts[host].engine.socket_path)

    # What has happened.

    @property
    def count(self) -> int:
        """How much has happened so far."""
        return len(self._changes)

    def await_change(self, host: str, became: str, wanted: str, since: int, within_s: float) -> Change | None:
        """The first change of this kind to a container of a version on a host, after so many; None if it does not come."""

        def found() -> Change | None:
            for one in self._changes[since:]:
                if (one.host, one.became, version(one.box)) == (host, became, wanted):
                    return one
            return None

        with self._heard:
            self._heard.wait_for(lambda: found() is not None, within_s)
        return found()

    def wrongs(self, budget: int) -> list[str]:
        """Every moment at which a host ran two of them, or more than the budget ran none."""
        told: list[str] = []
        running: dict[str, dict[str, str]] = {name: {} for name in self.hosts}
        begun: set[str] = set()
        for one in sorted(self._changes, key=lambda change: change.at_ns):
            here = running[one.host]
            if one.became == "running":
                here[one.box.id] = version(one.box)
                begun.add(one.host)
            elif one.became in ("ended", "gone"):
                here.pop(one.box.id, None)
            if len(here) > 1:
                told.append(f"{one.host} ran {' and '.join(here.values())} side by side")
            down = sorted(name for name in begun if not running[name])
            if len(down) > budget:
                told.append(f"{' and '.join(down)} ran none at the same time, and the budget is {budget}")
        return told

    def forget(self) -> None:
        """Begin the account anew with what runs now."""
        with self._heard:
            running: dict[tuple[str, str], Change] = {}
            for one in sorted(self._changes, key=lambda change: change.at_ns):
                if one.became == "running":
                    running[one.host, one.box.id] = one
                elif one.became in ("ended", "gone"):
                    running.pop((one.host, one.box.id), None)
            self._changes = list(running.values())

    def _take(self, change: Change) -> None:
        if change.box.service == self.service:
            with self._heard:
                self._changes.append(change)
                self._heard.notify_all()


def version(box: Box) -> str:
    """Which of the test's images a container is of."""
    return box.labels.get("version", "?")


def trials(host: Host) -> dict[str, str]:
    """How an agent's store has its trials: task and revision → state. Empty while nobody can read it."""
    found = _rows(host, "trials")
    return {f"{one['offer']['task']['task']} {one['offer']['task']['revision']}": one["state"] for one in found}


def assigned(host: Host) -> set[str]:
    """The tasks of the assignment that an agent's store has, each with its revision. Empty while nobody can read it."""
    return {f"{one['task']} {one['revision']}" for row in _rows(host, "assignments") for one in row.get("tasks", ())}


def _rows(host: Host, table: str) -> list[dict[str, Any]]:
    path = host.directory / "agent" / "agent.db"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.05)) as store:
            return [json.loads(text) for (text,) in store.execute(f"SELECT value FROM {table} ORDER BY place")]
    except sqlite3.Error:
        return []
