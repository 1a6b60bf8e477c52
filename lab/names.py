"""The name of a run, from which the name of everything that the run makes is derived.

Pure. The name holds the process that owns the run, so that anybody can tell a live run from a dead one, and a random
token, so that two runs of one process differ. Whatever carries the name may be removed with the run; nothing else may.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MARK = "BRAMBLE_LAB_RUN"
# Stands in the environment of every process of a run; /proc shows it, so no list of processes has to be kept.

_LONG = re.compile(r"bramble-lab-(?P<pid>\d+)-(?P<token>[0-9a-f]{4})(?:-.*)?")
_LINK = re.compile(r"bl(?P<pid>\d+)x(?P<token>[0-9a-f]{4})")


@dataclass(frozen=True, slots=True, order=True)
class RunName:
    """Who owns a run, and which of his runs it is."""

    pid: int
    token: str

    def __str__(self) -> str:
        return f"bramble-lab-{self.pid}-{self.token}"

    @property
    def link(self) -> str:
        """The run's one network interface outside its namespaces (the kernel allows 15 characters: 2 + 7 + 1 + 4)."""
        return f"bl{self.pid}x{self.token}"

    @property
    def hub(self) -> str:
        """The namespace that holds the switch (an underscore: no host can have this name)."""
        return f"{self}-_hub"

    def namespace(self, host: str) -> str:
        return f"{self}-{host}"

    def cgroup(self, host: str) -> str:
        return f"/{self}/{host}"

    def owns(self, name: str) -> bool:
        """Say whether a namespace, directory, cgroup or interface of this name is the run's."""
        return parse(name) == self


def parse(name: str) -> RunName | None:
    """Return the run that made a namespace, directory, cgroup or interface of this name, if one did."""
    found = _LONG.fullmatch(name) or _LINK.fullmatch(name)
    return RunName(int(found["pid"]), found["token"]) if found else None
