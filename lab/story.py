"""The story that `make demo` tells: six things that happen to a bramble, and what must be seen each time.

Every step acts as an operator or as fate would, and then waits for observations, from MQTT and from the engines themselves.
A step that does not see its observation ends the story.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.bramble import HERE, Bramble
from lab.site import Say
from lab.watch import Watch
from protocol.observed import Link, OfferState
from protocol.operator import OrderVerb, ServiceStatus, StackStatus, Verdict
from protocol.rollouts import RolloutStatus

STACK = "porch"
DOORBELL_PIN = 17
NODES = ("pi-1", "pi-2", "pi-3")
AWAY = "pi-3"
OTHERS = ("pi-1", "pi-2")

SOON_S = 30.0
# Something on one machine that involves no image.

ROLLED_S = 60.0
# Three nodes, one at a time: stop, start, healthy, three seconds of watching each.


@dataclass(frozen=True, slots=True)
class Observation:
    """One line of the summary."""

    step: str
    seen: str
    seconds: float


class Story:
    """Tells itself step by step."""

    def __init__(self, bramble: Bramble, watch: Watch, say: Say) -> None:
        self.bramble, self.watch, self.say = bramble, watch, say

    def steps(self) -> Iterator[Observation]:
        """Yield each observation as it comes true."""
        chapters: tuple[tuple[str, Callable[[], str]], ...] = (
            ("deploy", self.deploy),
            ("doorbell", self.ring),
            ("offline", self.ring_offline),
            ("update", self.update_without),
            ("return", self.follow),
            ("kill", self.kill_everything),
        )
        for name, chapter in chapters:
            began_mono_s = time.monotonic()
            seen = chapter()
            yield Observation(name, seen, time.monotonic() - began_mono_s)

    # 2: mosquitto_pub deploys; everything runs.

    def deploy(self) -> str:
        """Publish the stack and wait until its retained status says that every service runs."""
        self.watch.until(self._all_online, "the controller to know three nodes", SOON_S)
        self.say(f"publishing manifests/{STACK}.yaml with mosquitto_pub -r -f")
        self.bramble.publish(STACK, HERE / "manifests" / f"{STACK}.yaml")
        stack = self.converged(ROLLED_S)
        for service in stack.services:
            places = ", ".join(f"{task.node} ({task.reason or task.state})" for task in service.tasks)
            self.say(f"  {service.service} {service.image}: {places}")
            self._explain(service.service)
        return ", ".join(f"{s.service} {s.running}/{s.desired}" for s in stack.services)

    def _all_online(self) -> bool:
        return [row["presence"] for row in self.watch.order(OrderVerb.NODES)] == ["online"] * len(NODES)

    def _explain(self, target: str) -> None:
        explanation = self.watch.order(OrderVerb.EXPLAIN, target)
        for row in explanation["nodes"]:
            word = "chosen" if row["chosen"] else "not chosen"
            self.say(f"      {row['node']}: {'; '.join(row['objections']) or word}")

    # 3: the doorbell; the function runs on that node; the lamp lights.

    def ring(self) -> str:
        """Press the doorbell with the operator's own command."""
        node = OTHERS[0]
        before = len(self.watch.results[node])
        self.say(f"bramble pins {node} --drive {DOORBELL_PIN}=press")
        self.bramble.command("pins", node, "--drive", f"{DOORBELL_PIN}=press")
        until = self.watch.until
        result = until(lambda: self.watch.results[node][before:], f"the result of greet on {node}", SOON_S)[0]
        until(lambda: self._lamp(node) == "on", f"the lamp of {node}", SOON_S)
        expect(result.status == "done" and result.node == node, f"the function ended {result.status}: {result.reason}")
        return f"greet ran on {result.node} in {result.duration_s:.1f} s, its lamp is on"

    def _lamp(self, node: str) -> str:
        status = self.watch.nodes.get(node)
        return next((d.value for d in status.actuators if d.name == "lamp"), "") if status else ""

    # 4: the same without a network; everything arrives later, once.

    def ring_offline(self) -> str:
        """Cut a node off, press its doorbell, see the function run there, mend, and see everything arrive once."""
        host, before = self.bramble.hosts[AWAY], (len(self.watch.events[AWAY]), len(self.watch.results[AWAY]))
        self.cut(AWAY)
        self.say(f"pressing the doorbell of {AWAY}, which reaches nobody")
        since = host.moment()
        self.bramble.press(AWAY, DOORBELL_PIN)
        self.watch.until(
            lambda: "0" in host.exit_codes("io.bramble.invocation", since), f"the function to run on {AWAY}", SOON_S
        )
        expect(len(self.watch.events[AWAY]) == before[0], "an event came through a cable that is cut")
        self.say(f"  greet ran on {AWAY} with the cable cut; plugging it in again")
        host.mend()
        arrived = self.watch.until(lambda: self.watch.results[AWAY][before[1] :], "the result to arrive", SOON_S)
        self.watch.read(3.0)
        events = [event.id for event in self.watch.events[AWAY][before[0] :]]
        results = [result.id for result in self.watch.results[AWAY][before[1] :]]
        expect(len(events) == len(set(events)) and len(results) == 1, f"events {events}, results {results}")
        return f"ran offline on {arrived[0].node}; {len(events)} events and 1 result arrived once each"

    # 5: a revision while a node is away; it follows when it returns.

    def update_without(self) -> str:
        """Publish a new revision while one node is away; the others roll, one at a time."""
        self.cut(AWAY)
        self._clocks = self.bramble.containers("clock")
        self.say("publishing dashboard:2")
        self.bramble.publish(STACK, self.revision(2))
        most = 0

        def rolled() -> RolloutStatus | None:
            nonlocal most
            rollout = self.rollout()
            most = max(most, self._trying())
            return rollout if rollout and (rollout.updated, rollout.unseen) == (2, 1) else None

        rollout = self.watch.until(rolled, "the report '2 updated, 1 unseen'", ROLLED_S)
        expect(most <= 1, f"{most} nodes were changing at once")
        expect(self._versions(*OTHERS) == {"2"}, f"{OTHERS} run {self._versions(*OTHERS)}")
        return f"{rollout.report}; never more than {most} changing at once"

    def follow(self) -> str:
        """Plug the cable in: the node follows by itself, and nothing else was disturbed."""
        self.bramble.hosts[AWAY].mend()
        self.watch.until(lambda: self._versions(*NODES) == {"2"}, f"{AWAY} to follow", ROLLED_S)
        self.converged(SOON_S)
        expect(self.bramble.containers("clock") == self._clocks, "a clock that nobody changed has a new container")
        return f"{AWAY} followed by itself; {len(self._clocks)} unchanged containers kept their ids"

    # 6: SIGKILL for the broker, the controller, and an agent in the middle of a change.

    def kill_everything(self) -> str:
        """Publish, and in the middle of the change kill everything that coordinates it."""
        self.say("publishing dashboard:3")
        earlier = {offer.rollout for node in self.watch.nodes.values() for offer in node.offers}
        self.bramble.publish(STACK, self.revision(3))
        victim = self.watch.until(lambda: self._one_trying(earlier), "a node in the middle of its change", SOON_S)
        self.say(f"  SIGKILL: the agent of {victim} in the middle of its change, the controller, the broker")
        self.bramble.agents[victim].kill()
        expect(self.bramble.controller is not None, "there is no controller")
        if self.bramble.controller:
            self.bramble.controller.kill()
        self.bramble.broker.kill()
        self.bramble.broker.restart(lose_retained=True)
        self.bramble.start_controller()
        self.bramble.start_agent(victim)
        self.watch.stacks.clear()
        self.watch.until(lambda: self._versions(*NODES) == {"3"}, "every node to run dashboard:3", 2 * ROLLED_S)
        self.converged(ROLLED_S)
        running = self.bramble.containers()
        expect(self.bramble.containers("clock") == self._clocks, "a clock that nobody changed has a new container")
        return f"{victim} was killed while trying; all healed, {len(running)} tasks run once each"

    # What the steps share.

    def cut(self, node: str) -> None:
        """Pull a node's cable and wait until the fleet knows it."""
        self.say(f"pulling the cable of {node}")
        self.bramble.hosts[node].cut()
        gone = Link.OFFLINE
        self.watch.until(lambda: self.watch.presence[node].state is gone, f"the broker to miss {node}", SOON_S)

    def converged(self, within_s: float) -> StackStatus:
        """Wait until the stack's retained status says that everything runs."""

        def claim() -> StackStatus | None:
            stack = self.watch.stacks.get(STACK)
            if stack and stack.verdict is Verdict.REFUSED:
                raise RuntimeError(f"the stack was refused: {stack.faults}")
            return stack if stack and stack.converged and stack.services else None

        return self.watch.until(claim, f"every service of {STACK} to run", within_s)

    def revision(self, number: int) -> Path:
        """The porch with another dashboard."""
        text = (HERE / "manifests" / f"{STACK}.yaml").read_text()
        path = self.bramble.site.directory / f"{STACK}-{number}.yaml"
        path.write_text(text.replace("dashboard:1", f"dashboard:{number}"))
        return path

    def rollout(self) -> RolloutStatus | None:
        """The dashboard's rollout, if one is under way."""
        service = self._service(f"{STACK}.dashboard")
        return service.rollout if service else None

    def _service(self, name: str) -> ServiceStatus | None:
        stack = self.watch.stacks.get(STACK)
        return next((s for s in stack.services if s.service == name), None) if stack else None

    def _trying(self) -> int:
        return sum(any(o.state is OfferState.TRYING for o in node.offers) for node in self.watch.nodes.values())

    def _one_trying(self, earlier: set[str]) -> str | None:
        for name, node in self.watch.nodes.items():
            if any(offer.state is OfferState.TRYING and offer.rollout not in earlier for offer in node.offers):
                return name
        return None

    def _versions(self, *nodes: str) -> set[str]:
        """What the engines of these nodes run as dashboard, by their own word."""
        found = set()
        for node in nodes:
            host = self.bramble.hosts[node]
            ids = [c.id for c in host.containers() if c.is_running and "io.bramble.service=dashboard" in c.labels]
            said = host.docker("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", *ids) if ids else ""
            found |= {line.partition("=")[2] for line in said.splitlines() if line.startswith("VERSION=")} or {"none"}
        return found


def expect(claim: bool, otherwise: str) -> None:  # noqa: FBT001  (a claim is a boolean)
    """End the story when something that must be true is not."""
    if not claim:
        raise RuntimeError(otherwise)
