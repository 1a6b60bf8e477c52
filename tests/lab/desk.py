"""An operator's desk for the lab's tests: a running bramble, and what may be asked of it and seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import commands
from lab.bramble import FLEET, REGISTRY_PORT, Bramble, link_settings
from lab.processes import TooLateError
from lab.site import Site
from lab.watch import Watch
from link.session import Session
from protocol.operator import ManifestFault, StackStatus, Verdict

SOON_S = 40.0
"""Two other parts of `make test` are at work on the machine. Whoever waits in vain waits that long; nobody else does."""


@dataclass
class Desk:
    """An operator's desk: publishes anything, and reads what became of it."""

    bramble: Bramble
    watch: Watch
    folder: Path

    def publish(self, stack: str, payload: bytes) -> None:
        path = self.folder / "payload"
        path.write_bytes(payload)
        self.bramble.publish(stack, path)

    def send(self, topic: str, payload: str) -> None:
        at = ["-h", self.bramble.broker.address, "-p", str(self.bramble.broker.port), "-V", "5", "-q", "1"]
        commands.run(["mosquitto_pub", *at, "-t", f"bramble/v1/{FLEET}/{topic}", "-m", payload])

    def status(self, stack: str, verdict: Verdict, within_s: float = SOON_S) -> StackStatus:
        def claim() -> StackStatus | None:
            status = self.watch.stacks.get(stack)
            return status if status and status.verdict is verdict else None

        return self.watch.until(claim, f"{stack} to be {verdict}", within_s)

    def refusal(self, stack: str, payload: str | bytes) -> ManifestFault:
        self.publish(stack, payload.encode() if isinstance(payload, str) else payload)
        return self.status(stack, Verdict.REFUSED).faults[0]

    def reason(self, stack: str, says: str, within_s: float = SOON_S) -> str:
        """Wait until a reason of the stack's services or their tasks says that."""

        def claim() -> str | None:
            status = self.watch.stacks.get(stack)
            if status is None:
                return None
            reasons = [r for s in status.services for r in (*s.reasons, *(task.reason for task in s.tasks))]
            return next((reason for reason in reasons if says in reason), None)

        return self.watch.until(claim, f"a reason of {stack} with {says!r}", within_s)

    def runs(self, stack: str, within_s: float = 40.0) -> StackStatus:
        """Wait until everything of a stack runs."""

        def claim() -> StackStatus | None:
            status = self.watch.stacks.get(stack)
            return status if status and status.verdict is Verdict.ACCEPTED and status.converged else None

        try:
            return self.watch.until(claim, f"{stack} to run", within_s)
        except TooLateError as late:
            raise TooLateError(f"{late}: {self.standing(stack)}") from late

    def standing(self, stack: str) -> str:
        """How a stack stands, for a test that waited in vain."""
        status = self.watch.stacks.get(stack)
        if status is None or status.verdict is Verdict.REFUSED:
            return str(status and status.faults)
        return "; ".join(f"{s.service} {s.running}/{s.desired} {[*s.reasons, *s.tasks]}" for s in status.services)


@contextmanager
def desk_of(
    folder: Path, *names: str, without_engine: tuple[str, ...] = (), settings: str = "", launched: bool = False
) -> Iterator[Desk]:
    """A site with these nodes; those of `without_engine` come last. `settings` are further ones of the controller."""
    with Site() as site:
        bramble = Bramble(
            site, site.start_broker(), site.start_registry(REGISTRY_PORT), settings=settings, launched=launched
        )
        bramble.hosts = {host.name: host for host in site.start_hosts(*names)}
        bramble.build_images()
        if without_engine:
            bramble.hosts |= {host.name: host for host in site.start_hosts(*without_engine, with_engine=False)}
        bramble.start_controller()
        for name in bramble.hosts:
            bramble.start_agent(name)
        with Session(link_settings(bramble.broker), FLEET, (f"bramble/v1/{FLEET}/#",)) as session:
            yield Desk(bramble, Watch(session), folder)
