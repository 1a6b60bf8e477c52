"""One container in virtual time: created, running, exited. It learns what has become of it only when asked, at `now_s`."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.adapters.locks import LOCK_AGAIN_S
from agent.decide.inputs import Done, Phase, Retry
from protocol.container import Attachment, Container, File
from sim.images import Behaviour

KILLED = 128 + 9
"""Exit code of what was killed."""


@dataclass(slots=True)
class Box:
    """A container as its engine keeps it; foreign ones carry no labels of ours."""

    id: str
    name: str
    image: str
    container: Container
    behaviour: Behaviour
    labels: dict[str, str] = field(default_factory=dict)
    phase: Phase = Phase.CREATED
    starts: int = 0
    started_s: float = 0.0
    exit_code: int | None = None
    ended_s: float = 0.0
    timed_out: bool = False
    networks: tuple[Attachment, ...] = ()
    files: tuple[File, ...] = ()
    held: set[str] = field(default_factory=set)

    @property
    def runs(self) -> bool:
        return self.phase is Phase.RUNNING

    @property
    def started(self) -> str:
        """The engine's own text; another start, another text."""
        return f"start {self.starts} at {self.started_s:.6f}" if self.starts else ""

    @property
    def exits_s(self) -> float | None:
        """When it will end by itself."""
        after_s = self.behaviour.exits_after_s
        return None if after_s is None or not self.runs else self.started_s + after_s

    @property
    def ports(self) -> frozenset[tuple[int, str]]:
        return frozenset((port.published, port.protocol) for port in self.container.ports if port.published)

    def complete(self, container: Container) -> None:
        """Come onto every network, and get every file; before the first start."""
        self.networks = () if container.network_mode else container.networks
        self.files = container.files

    def start(self, now_s: float) -> None:
        """Run."""
        self.phase, self.exit_code, self.timed_out = Phase.RUNNING, None, False
        self.started_s, self.starts = now_s, self.starts + 1

    def end(self, exit_code: int, at_s: float) -> None:
        """Run no more."""
        self.phase, self.exit_code, self.ended_s = Phase.EXITED, exit_code, at_s

    def settle(self, now_s: float) -> None:
        """Let what was due until now have happened."""
        exits_s = self.exits_s
        if exits_s is not None and exits_s <= now_s:
            self.end(KILLED if self.behaviour.out_of_memory else self.behaviour.exit_code, exits_s)

    def health(self, now_s: float) -> str:
        """What the health check says; a container that ended keeps its last word."""
        words = self._healths(now_s)
        return words[-1] if words else ""

    def has_been_ill(self, now_s: float) -> bool:
        """Whether the health check has failed since the last start."""
        return "unhealthy" in self._healths(now_s)

    def _healths(self, now_s: float) -> list[str]:
        until_s = now_s if self.runs else self.ended_s
        said = [word for after_s, word in self.behaviour.health if self.started_s + after_s <= until_s]
        return said if self.starts else []

    def stop(self, lock: str, now_s: float) -> Done | Retry:
        """Run no more because somebody said so, unless the lock is held."""
        held = self.locked(lock)
        if self.runs and isinstance(held, Done):
            self.end(0 if self.behaviour.heeds_stop else KILLED, now_s)
        return held

    def locked(self, path: str) -> Done | Retry:
        """What the engine says of a lock: `held` are the paths at which the application has put a file."""
        return Retry(f"holds {path}", LOCK_AGAIN_S, locked=True) if self.runs and path in self.held else Done()

    def next_change_s(self, now_s: float) -> float | None:
        """When something about it will change by itself."""
        if not self.runs:
            return None
        dues = [self.started_s + after_s for after_s, _ in self.behaviour.health]
        if self.exits_s is not None:
            dues.append(self.exits_s)
        return min((due_s for due_s in dues if due_s > now_s), default=None)
