"""Two worlds with one engine each, to hold the fake against the real: images, time and mishaps by the same words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from agent.adapters.creation import LABEL, Place, run_body
from agent.adapters.docker_api import DockerApi
from agent.adapters.engine import Engine, EngineSeam
from agent.decide.effects import Run
from lab.commands import CommandError
from lab.host import Host
from lab.images import Health, Image, archive
from lab.registry import Registry
from protocol.container import Container, Network, Volume
from sim.boxes import Box
from sim.engine import FakeEngine
from sim.images import Behaviour, FakeRegistry

FLEET, NODE = "f", "pi-1"
POLL_S, PATIENCE_S = 0.05, 30.0
LOUD_BYTES = 400_000
_BUILT_IN = frozenset({"bridge", "host", "none"})

BEHAVIOURS = {
    "well": Behaviour(),
    "stubborn": Behaviour(heeds_stop=False),
    "brief": Behaviour(exits_after_s=0.3, exit_code=3),
    "sick": Behaviour(health=((0.0, "starting"), (0.5, "unhealthy"))),
    "fit": Behaviour(health=((0.0, "starting"), (0.3, "healthy"))),
    "wavering": Behaviour(health=((0.0, "starting"), (0.5, "unhealthy"), (2.5, "healthy"))),
    "echo": Behaviour(exits_after_s=0.1),
    "event": Behaviour(exits_after_s=0.1, answer=lambda _, env: f"{env['CE_ID']} {env['CE_TYPE']} {env['COLOUR']}\n"),
    "failing": Behaviour(exits_after_s=0.1, exit_code=3, answer=lambda *_: "", error="no luck\n"),
    "slow": Behaviour(exits_after_s=1.0, answer=lambda *_: "done\n"),
    "endless": Behaviour(),
    "loud": Behaviour(exits_after_s=0.1, answer=lambda *_: "x" * LOUD_BYTES),
}
COMMANDS = {
    "well": "trap 'exit 0' TERM; sleep 1000 & wait",
    "stubborn": "trap '' TERM; sleep 1000",
    "brief": "sleep 0.3; exit 3",
    "sick": "sleep 1000",
    "fit": "sleep 1000",
    "wavering": "sleep 2; touch /ok; sleep 1000",
    "echo": "cat",
    "event": 'echo "$CE_ID $CE_TYPE $COLOUR"',
    "failing": "echo no luck >&2; exit 3",
    "slow": "sleep 1; echo done",
    "endless": "sleep 1000",
    "loud": f"head -c {LOUD_BYTES} /dev/zero | tr '\\0' x",
}
HEALTH = {
    "sick": Health("false", 0.3, 1.0, 1),
    "fit": Health("true", 0.3, 1.0, 1),
    "wavering": Health("test -f /ok", 0.3, 1.0, 1),
}


class World(Protocol):
    """One node's engine and what surrounds it."""

    @property
    def engine(self) -> EngineSeam:
        """The engine as the first agent sees it."""

    def image(self, name: str) -> str:
        """The reference of an image of `BEHAVIOURS`, in the registry and not on the node."""

    def again(self) -> EngineSeam:
        """A new agent's view of the same engine."""

    def until(self, claim: Callable[[], bool]) -> None:
        """Let time pass until the claim is true."""

    def leave(self, step: Run, *, started: bool) -> None:
        """A run's container as an agent leaves it that dies right after creating, or starting, it."""

    def put_foreign(self, name: str, labels: dict[str, str]) -> None:
        """Run a container that is not ours."""

    def runs_foreign(self, name: str) -> bool:
        """Whether that one still runs."""

    def reads(self, container: str, path: str) -> str:
        """What a running container finds in one of its files; nothing where there is none."""

    def hold(self, container: str, path: str, *, held: bool = True) -> None:
        """Let a running container put a file at a path, or take it away."""

    def reaches(self, container: str, name: str) -> bool:
        """Whether a running container reaches another by a name."""

    def networks(self) -> frozenset[str]:
        """The names of the networks that somebody made."""

    def put_network(self, name: str, *, internal: bool = False) -> None:
        """Make a network that is not ours."""

    def put_volume(self, name: str) -> None:
        """Make a volume that is not ours."""

    def lose_network(self, name: str) -> None:
        """Remove a network by hand."""

    def set_registry(self, *, up: bool) -> None:
        """Let the registry go, or come back."""

    def set_daemon(self, *, up: bool) -> None:
        """Kill the engine, or start it again."""


class FakeWorld:
    """Virtual time."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.registry = FakeRegistry()
        for name, behaviour in BEHAVIOURS.items():
            self.registry.push(self.image(name), behaviour)
        self.engine: FakeEngine = FakeEngine(NODE, FLEET, lambda: self.now_s, self._pass, self.registry)

    def image(self, name: str) -> str:
        return f"registry.local:5000/{name}:1"

    def again(self) -> FakeEngine:
        return self.engine

    def until(self, claim: Callable[[], bool]) -> None:
        until_s = self.now_s + PATIENCE_S
        while not claim():
            assert self.now_s < until_s, "it never came true"
            self.now_s += POLL_S

    def leave(self, step: Run, *, started: bool) -> None:
        if started:
            self.engine.begin(step)
        else:
            self.engine.prepare(step)

    def put_foreign(self, name: str, labels: dict[str, str]) -> None:
        self.engine.put_foreign(name, Container("x", labels=labels))

    def runs_foreign(self, name: str) -> bool:
        return any(box.name == name for box in self.engine.running())

    def reads(self, container: str, path: str) -> str:
        return next((file.content for file in self._box(container).files if file.target == path), "")

    def reaches(self, container: str, name: str) -> bool:
        here = {one.network.name for one in self._box(container).networks}
        known = [(one.network.name, one.aliases) for box in self.engine.running() for one in box.networks]
        return any(network in here and name in aliases for network, aliases in known)

    def networks(self) -> frozenset[str]:
        return frozenset(self.engine.wiring.networks)

    def put_network(self, name: str, *, internal: bool = False) -> None:
        self.engine.wiring.networks[name] = Network(name, internal=internal)

    def put_volume(self, name: str) -> None:
        self.engine.wiring.volumes[name] = Volume()

    def hold(self, container: str, path: str, *, held: bool = True) -> None:
        box = self._box(container)
        box.held = box.held | {path} if held else box.held - {path}

    def lose_network(self, name: str) -> None:
        del self.engine.wiring.networks[name]

    def set_registry(self, *, up: bool) -> None:
        self.registry.up = up

    def set_daemon(self, *, up: bool) -> None:
        if up:
            self.engine.daemon_starts()
        else:
            self.engine.daemon_stops()

    def _box(self, name: str) -> Box:
        (found,) = (box for box in self.engine.running() if name in (box.name, box.id))
        return found

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds


class RealWorld:
    """A real Docker Engine on a host of the lab, with the lab's registry."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self.host, self.registry = host, registry
        self.engine: Engine = self.again()
        self._api = DockerApi(host.engine.url)

    def image(self, name: str) -> str:
        return f"{self.registry.name}/{name}:1"

    def push(self) -> None:
        """Put every image into the registry, and take it off the node."""
        for name, line in COMMANDS.items():
            image = Image(name, "1", ("sh", "-c", line), health=HEALTH.get(name))
            self.host.docker("load", "--quiet", given=archive(image, self.image(name)))
            self.host.docker("push", "--quiet", self.image(name))

    def clear(self) -> None:
        """Forget every container, image, network and volume, and have everything up."""
        self.set_registry(up=True)
        self.set_daemon(up=True)
        for kind, command in (("ps", "rm"), ("images", "rmi")):
            found = self.host.docker(kind, "--all", "--quiet", "--no-trunc").split()
            if found:
                self.host.docker(command, "--force", *dict.fromkeys(found))
        self.host.docker("network", "prune", "--force")
        if volumes := self.host.docker("volume", "ls", "--quiet").split():
            self.host.docker("volume", "rm", "--force", *volumes)

    def again(self) -> Engine:
        return Engine(self.host.engine.url, NODE, FLEET)

    def until(self, claim: Callable[[], bool]) -> None:
        until_mono_s = time.monotonic() + PATIENCE_S
        while not claim():
            assert time.monotonic() < until_mono_s, "it never came true"
            time.sleep(POLL_S)

    def leave(self, step: Run, *, started: bool) -> None:
        place = Place(FLEET, NODE)
        self.host.docker("pull", "--quiet", step.function.container.image)
        name = place.run_name(step.invocation, step.attempt)
        assert self._api.call("POST", "/containers/create", query={"name": name}, body=run_body(place, step)).ok
        if started:
            assert self._api.call("POST", f"/containers/{name}/start").ok

    def put_foreign(self, name: str, labels: dict[str, str]) -> None:
        marks = [f"--label={key}={value}" for key, value in labels.items()]
        self.host.docker("run", "--detach", "--network=none", f"--name={name}", *marks, self.image("endless"))

    def runs_foreign(self, name: str) -> bool:
        return bool(json.loads(self.host.docker("inspect", name))[0]["State"]["Running"])

    def reads(self, container: str, path: str) -> str:
        with suppress(CommandError):
            return self.inside(container, f"cat {path}")
        return ""

    def reaches(self, container: str, name: str) -> bool:
        with suppress(CommandError):
            self.inside(container, f"timeout 3 ping -c 1 -W 1 {name}")
            return True
        return False

    def hold(self, container: str, path: str, *, held: bool = True) -> None:
        self.inside(container, f"mkdir -p $(dirname {path}); {'touch' if held else 'rm'} {path}")

    def health(self, container: str) -> str:
        """What Docker says of a container's health."""
        return self.host.docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()

    def inside(self, container: str, line: str) -> str:
        """What a shell inside a running container answers."""
        return self.host.docker("exec", container, "sh", "-c", line)

    def networks(self) -> frozenset[str]:
        return frozenset(self.host.docker("network", "ls", "--format", "{{.Name}}").split()) - _BUILT_IN

    def put_network(self, name: str, *, internal: bool = False) -> None:
        self.host.docker("network", "create", *(["--internal"] if internal else []), name)

    def put_volume(self, name: str) -> None:
        self.host.docker("volume", "create", name)

    def lose_network(self, name: str) -> None:
        self.host.docker("network", "rm", name)

    def set_registry(self, *, up: bool) -> None:
        if up and not self.registry.is_running:
            self.registry.start()
        elif not up:
            self.registry.kill()

    def set_daemon(self, *, up: bool) -> None:
        if up and not self.host.engine.is_running:
            self.host.engine.start()
        elif not up:
            self.host.engine.kill()


OTHER_NODE = {f"{LABEL}fleet": FLEET, f"{LABEL}node": "pi-2", f"{LABEL}task": "s.a.1"}
