"""A whole fleet in virtual time: a controller, nodes, a broker, a registry, and an operator who publishes and orders.

Its methods are what a story says: publish, press, cut, mend, run for a while. Everything that is wanted of the fleet stands
in `manifests` and `drained`, so that a broker that lost something is told again, as an operator would who sees no verdict. The
invariants are looked at after everything that happens, and a broken one ends the run where it broke.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

from protocol.envelope import Packet, pack
from protocol.ids import REVISION_CHARS, service_key
from protocol.observed import TaskState
from protocol.operator import OperatorOrder, OrderVerb
from protocol.shapes import JsonValue
from protocol.topics import CallTopic, ManifestTopic, OrderTopic
from sim.boxes import Box
from sim.broker import Weather
from sim.convergence import unsettled
from sim.head import Head
from sim.images import FakeRegistry
from sim.invariants import Invariants
from sim.liveness import Liveness
from sim.node import SimNode
from sim.pace import FINE, Pace
from sim.straits import AMPLE, Straits
from sim.truth import is_warm
from sim.world import World

FLEET = "default"
SETTLE_S = 3720.0
"""Longest wait for peace: what a lost card had taken up, and tells too late, expires after an hour; an operator asks once more."""

LOOK_EVERY_S = 5.0

REMIND_S = 60.0
"""How long an operator waits for an answer before he asks again."""


class NotConvergedError(AssertionError):
    """The fleet did not come to rest, and this is what it still waited for."""


class SimFleet:
    """A fleet of `nodes` nodes named pi-1, pi-2 … Label `place` is `porch` on the odd ones and `shed` on the even ones."""

    pace: ClassVar[Pace] = FINE
    straits: ClassVar[Straits] = AMPLE

    def __init__(
        self, nodes: int = 3, seed: int = 1, weather: Weather | None = None, labels: dict[str, str] | None = None
    ) -> None:
        self.world = World(seed, weather, self.pace, self.straits)
        self._folder = tempfile.TemporaryDirectory(prefix="bramble-sim-", dir=_quick_folder())
        self.registry = FakeRegistry()
        self.head = Head(self.world, Path(self._folder.name), FLEET)
        self._labels = labels or {}
        self.nodes = {name: self._node(name) for name in (f"pi-{number}" for number in range(1, nodes + 1))}
        self.manifests: dict[str, bytes] = {}
        self.sensors: dict[str, set[str]] = {}
        self.actuators: dict[str, set[str]] = {}
        self.faults = 0
        self.is_healed = self.is_deserted = False
        self.guests: list[Callable[[], None]] = []
        self._orders = self.deeds = 0
        self.invariants = Invariants(self.world, self.nodes, self.head)
        self.drained = self.invariants.drained
        self.liveness = Liveness(self)
        self.invariants.honesty.wanted = self.manifests
        self.world.watch = self.invariants.look
        self.head.process.start()
        for node in self.nodes.values():
            node.process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        for store in (self.head.store, *(node.store for node in self.nodes.values())):
            if store is not None:
                store.close()
        self._folder.cleanup()

    # What an operator does.

    def publish(self, stack: str, manifest: bytes) -> None:
        """Publish a stack; an empty manifest removes it. A broker that is down gets it later."""
        self.manifests[stack] = manifest
        self.deeds += 1
        if not manifest:
            self.invariants.honesty.removed_s[stack] = self.world.now_s
        self.world.say("operator", f"publishes {stack}, {len(manifest)} bytes")
        self._send(pack(ManifestTopic(FLEET, stack), manifest))

    def remove(self, stack: str) -> None:
        """Remove a stack."""
        self.publish(stack, b"")

    def drain(self, node: str) -> None:
        """Move services away from a node."""
        self.drained.add(node)
        self.invariants.ways.drained(node)
        self.order(OrderVerb.DRAIN, node)

    def activate(self, node: str) -> None:
        """Let a node carry services again."""
        self.drained.discard(node)
        self.order(OrderVerb.ACTIVATE, node)

    def remind(self) -> None:
        """Say everything again, as operators do who saw no answer."""
        deeds = self.deeds
        for stack, manifest in self.manifests.items():
            self._send(pack(ManifestTopic(FLEET, stack), manifest))
        for name in self.nodes:
            self.order(OrderVerb.DRAIN if name in self.drained else OrderVerb.ACTIVATE, name)
        self.deeds = deeds  # nothing new is wanted

    def order(self, verb: OrderVerb, target: str, /, **arguments: JsonValue) -> None:
        """Give an order; nobody reads the answer."""
        self._orders += 1
        self.deeds += 1
        self.world.say("operator", f"orders {verb} {target}")
        self._send(pack(OrderTopic(FLEET, f"order-{self._orders}"), OperatorOrder(verb, target, arguments)))

    def call(self, function: str, key: str) -> None:
        """Call a function directly; nobody reads the answer."""
        self.world.say("operator", f"calls {function} as {key}")
        self._send(pack(CallTopic(FLEET, function, key), b"{}"))

    def _send(self, packet: object) -> None:
        assert isinstance(packet, Packet), packet
        if self.world.broker.is_running:
            self.world.broker.route(packet)

    # What happens to it.

    def press(self, node: str, sensor: str) -> bool:
        """Press a button; False when nobody watches it."""
        is_watched = self.nodes[node].press(sensor)
        self.world.say(node, f"{sensor} is pressed" if is_watched else f"{sensor} is pressed and nobody watches")
        return is_watched

    def cut(self, *names: str) -> None:
        """Take the network of nodes away."""
        for name in names:
            self.world.say(name, "is cut off")
            self.world.broker.cut(name)

    def mend(self, *names: str) -> None:
        """Give the network back."""
        for name in names:
            self.world.say(name, "has its network back")
            self.world.broker.mend(name)
            self.invariants.honesty.mended(name)

    def lose_broker(self, *, lose_retained: bool = True) -> None:
        """Kill the broker."""
        self.world.say("broker", "is killed" + (" and forgets everything" if lose_retained else ""))
        self.world.broker.kill(lose_retained=lose_retained)

    def start_broker(self) -> None:
        """Start the broker again."""
        self.world.say("broker", "starts")
        self.world.broker.start()

    # Time.

    def run_for(self, seconds: float = 0.0, minutes: float = 0.0) -> None:
        """Let time pass."""
        self.world.run_for(seconds + 60.0 * minutes)

    def run_until_converged(self, within_s: float = SETTLE_S) -> float:
        """Run until everything that is wanted is so, and say how long it took."""
        begun_s = self.world.now_s
        remind_s = begun_s + REMIND_S
        self.liveness.begin()
        self.run_for(LOOK_EVERY_S)  # what was wanted just now has not begun
        while (why := unsettled(self)) and self.world.now_s - begun_s < within_s:
            self.liveness.look(why)
            self.run_for(LOOK_EVERY_S)
            if self.world.now_s >= remind_s:
                self.remind()
                remind_s = self.world.now_s + REMIND_S
        if why:
            raise NotConvergedError(f"after {within_s:.0f} s the fleet has not converged: {why}")
        self.invariants.doubted.clear()
        self.invariants.at_rest()
        return self.world.now_s - begun_s

    # What can be seen.

    def running(self, service: str) -> dict[str, list[str]]:
        """The truth: the images of the containers of `stack.service` that run, by node."""
        seen = {name: [box.container.image for box in self.boxes(name, service)] for name in self.nodes}
        return {name: images for name, images in seen.items() if images}

    def settled(self, service: str, image: str) -> set[str]:
        """The nodes on which exactly this image of `stack.service` runs, and is no trial any more."""
        trying = {name for name in self.nodes if self.invariants.tries(name, service)}
        return {name for name, images in self.running(service).items() if images == [image]} - trying

    def containers(self) -> dict[str, list[tuple[str, int]]]:
        """Every container of ours that runs: its id and which start of it; equal before and after means undisturbed.

        Not those of warm functions, which come with calls and go without.
        """
        stay = {name: [box for box in self.boxes(name) if not is_warm(box)] for name in self.nodes}
        return {name: sorted((box.id, box.starts) for box in boxes) for name, boxes in stay.items()}

    def digest(self, manifest: bytes) -> str:
        """How a verdict names the bytes that it is about."""
        return hashlib.sha256(manifest).hexdigest()[:REVISION_CHARS]

    def boxes(self, node: str, service: str = "") -> list[Box]:
        """The containers of ours that run on a node, or those of one service."""
        engine = self.nodes[node].engine
        running = (box for box in engine.running() if engine.place.owns(box.labels))
        return [box for box in running if not service or _service(box) == service]

    def states(self, node: str) -> set[TaskState]:
        """How the tasks of a node stand, by its own word."""
        knows = self.nodes[node].node
        return {task.state for task in knows.tasks.values()} if knows else set()

    def _node(self, name: str) -> SimNode:
        place = "porch" if int(name.removeprefix("pi-")) % 2 else "shed"
        return SimNode(self.world, name, Path(self._folder.name), self.registry, {"place": place, **self._labels})


def _service(box: Box) -> str:
    stack, name = box.labels.get("io.bramble.stack", ""), box.labels.get("io.bramble.service", "")
    return service_key(stack, name)


def _quick_folder() -> str | None:
    """A folder in memory where there is one: a commit there costs no wear and no waiting, and is as durable as virtual power."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made below it
    return str(memory) if memory.is_dir() else None
