"""A fleet in the middle of a gradual update: one global service, and whatever `x-bramble.update` says of it."""

from __future__ import annotations

from pathlib import Path

from controller.decide.rollouts.slot import Rollout, SlotState
from protocol.rollouts import RolloutStatus
from tests.controller.desk import Desk
from tests.controller.pi import Pi

SERVICE = "shop.web"

STACK = """
services:
  web:
    image: {image}
    deploy:
      mode: global
      update_config: {{{update}}}
{rollback}    x-bramble:
      update: {extra}
"""


def shop(image: str, extra: str = "{}", rollback: str = "", **update: str) -> str:
    """A stack of one service with its update policy."""
    said = {"parallelism": "1", "max_failure_ratio": "0", "failure_action": "pause"} | update
    back = f"      rollback_config: {{{rollback}}}\n" if rollback else ""
    written = ", ".join(f"{key}: {value}" for key, value in said.items())
    return STACK.format(image=image, update=written, rollback=back, extra=extra)


class Bed:
    """Some nodes that run web:1 and have just been told of web:2."""

    def __init__(
        self, nodes: int, extra: str = "{}", path: Path | None = None, rollback: str = "", **update: str
    ) -> None:
        self.desk = Desk(path)
        self.nonces = 0
        self.away: set[str] = set()
        self.policy = (extra, rollback, update)
        self.pis = [Pi(self.desk, f"pi-{number}").join(site=f"s{(number - 1) // 2}") for number in range(1, nodes + 1)]
        self.publish("web:1")
        self.settle()
        self.publish("web:2")

    def publish(self, image: str) -> None:
        """Another image under the same policy."""
        extra, rollback, update = self.policy
        self.desk.manifest("shop", shop(image, extra, rollback, **update))
        for pi in self.pis:
            if pi.name not in self.away:
                pi.read()

    def settle(self) -> None:
        """Everybody runs what it was assigned, and says so."""
        for pi in self.pis:
            pi.read()
            pi.report()

    def settle_there(self) -> None:
        """Everybody who is there speaks, so that it is known to be."""
        for pi in self.pis:
            if pi.name not in self.away:
                pi.report()

    def ask(self) -> list[str]:
        """Everybody reads, reports, and asks for what it has staged; who has begun by now."""
        for pi in [pi for pi in self.pis if pi.name not in self.away]:
            self.nonces += 1
            pi.read()
            pi.report()
            pi.ask(f"{self.nonces:08d}")
        return self.begin()

    def begin(self) -> list[str]:
        """Everybody begins what was granted to it meanwhile; who that is."""
        begun = [pi.name for pi in self.pis if pi.name not in self.away and pi.go()]
        for pi in self.pis:
            if pi.name in begun:
                pi.report()
        return begun

    def end(self, *names: str, well: bool = True) -> None:
        """The trials of these nodes end, or of all."""
        for pi in self.pis:
            if pi.name not in self.away and (pi.name in names or not names):
                pi.end(well=well)
                pi.recover()
                pi.report()
                pi.report()

    def leave(self, *pis: Pi) -> None:
        """These nodes go away."""
        for pi in pis:
            self.away.add(pi.name)
            pi.gone()

    def come_back(self, *pis: Pi) -> None:
        """These nodes return, after a loss of power."""
        for pi in pis:
            self.away.discard(pi.name)
            pi.reboot()
            pi.greet()

    def rounds(self, most: int = 20) -> list[list[str]]:
        """Update until nothing begins any more; who began together."""
        found = []
        while (begun := self.ask()) and len(found) < most:
            found.append(begun)
            self.end(*begun)
        return found

    def images(self) -> list[str]:
        """What every node is assigned."""
        return [next(iter(self.desk.tasks(pi.name).values())) for pi in self.pis]

    @property
    def rollout(self) -> Rollout:
        """As it is kept."""
        return self.desk.fleet.rollouts[SERVICE]

    @property
    def status(self) -> RolloutStatus:
        """As operators read it."""
        status = self.desk.stack("shop").services[0].rollout
        assert status is not None
        return status

    def states(self) -> list[SlotState]:
        """Of all slots, in order of name."""
        slots = self.desk.fleet.slots
        return [slots[task].state for task in sorted(slots.of("service", SERVICE))]
