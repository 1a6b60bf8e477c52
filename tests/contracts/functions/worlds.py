"""One function in each way of running it: a container per event, a warm one over TCP and a socket, a process, the fakes.

The function is one handler, which does what the type of its event says. In containers it is run by this machine's Python, mounted
read-only; the fakes have a behaviour of the same effect. A world is asked for one run at a time, as a node asks.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agent.adapters.processes import Allowance, Processes
from agent.adapters.streams import OUTPUT_LIMIT_BYTES
from agent.decide.effects import Remove, Run, Stop, Warm
from agent.decide.inputs import Done, EngineSeen, RunEnded
from agent.decide.instance import key_of
from protocol.container import Container
from protocol.function import FunctionSpec, Mode, Transport
from sim.engine import FakeEngine
from sim.images import Behaviour, FakeRegistry
from tests.fakes.engines import FLEET, NODE
from tests.fakes.warm_box import PYTHON, Inside, mounts

HANGS = f"1000.{os.getpid():07}"
"""By this the process that hangs is found among all of this machine; another run of these tests beside us looks for its own."""

SECRET_PATHS = ("/var/openfaas/secrets/key", "/run/secrets/key")
HANDLER = f"""
import json, os, subprocess, sys, time

def handle(event, context):
    kind = event.attributes["type"]
    if kind == "environment":
        return json.dumps({{"COLOUR": os.environ["COLOUR"], "id": event.attributes["id"]}})
    if kind == "secret":
        return context.secret("key")
    if kind == "paths":
        return "".join(open(path).read() for path in {SECRET_PATHS})
    if kind == "data":
        return {{"said": event.data["name"]}}
    if kind == "fail":
        raise RuntimeError("no luck")
    if kind == "status":
        return {{"statusCode": 400, "body": "no luck"}}
    if kind == "print":
        print("aside")
        print("aside", file=sys.stderr)
    if kind == "loud":
        return "x" * {OUTPUT_LIMIT_BYTES + 1}
    if kind == "full":
        return "x" * {OUTPUT_LIMIT_BYTES}
    if kind == "hang":
        subprocess.run(["sleep", "{HANGS}"])
    return event.body
"""
BEHAVIOURS = {
    "echo": Behaviour(exits_after_s=0.1),
    "environment": Behaviour(
        exits_after_s=0.1, answer=lambda _, env: f'{{"COLOUR": "{env["COLOUR"]}", "id": "{env["CE_ID"]}"}}'
    ),
    "secret": Behaviour(exits_after_s=0.1, reads=SECRET_PATHS[:1]),
    "paths": Behaviour(exits_after_s=0.1, reads=SECRET_PATHS),
    "data": Behaviour(exits_after_s=0.1, answer=lambda *_: '{"said": "Ann"}'),
    "print": Behaviour(exits_after_s=0.1),
    "loud": Behaviour(exits_after_s=0.1, answer=lambda *_: "x" * (OUTPUT_LIMIT_BYTES + 1)),
    "full": Behaviour(exits_after_s=0.1, answer=lambda *_: "x" * OUTPUT_LIMIT_BYTES),
    "hang": Behaviour(answers_after_s=None),
}
MEMORY_BYTES, FILE_BYTES = 1 << 30, 1 << 20


class World(Protocol):
    """One way of running the function."""

    def call(self, kind: str, body: str = "", timeout_s: float = 20.0) -> RunEnded:
        """Run it for an event of a type."""

    def again(self) -> RunEnded:
        """Ask once more for the last run, as an agent does that died before it had committed the result."""

    def has_paths(self) -> bool:
        """Whether secrets stand at OpenFaaS's path and at Compose's: a process shares its machine's directories."""

    def hangs(self) -> bool:
        """Whether anything of a run that hung is still there."""


def spec(container: Container, timeout_s: float, mode: Mode, transport: Transport = Transport.HTTP) -> FunctionSpec:
    return FunctionSpec(
        "fn", "s", "r1", container, timeout_s, mode=mode, transport=transport, handler=HANDLER, secrets={"key": "hush"}
    )


class _Calls:
    """What all worlds have in common: a new invocation for each call."""

    def __init__(self, run: Callable[[Run], RunEnded]) -> None:
        self._run = run
        self._numbers = itertools.count(1)
        self._last: Run | None = None

    def made(self, kind: str, body: str, function: FunctionSpec, instance: str = "") -> RunEnded:
        number = f"{kind}-{next(self._numbers)}"
        attributes = (("id", "e-1"), ("type", kind))
        self._last = Run(number, number, 1, function, attributes, body, None, instance)
        return self._run(self._last)

    def again(self) -> RunEnded:
        assert self._last is not None
        return self._run(self._last)

    def has_paths(self) -> bool:
        return True

    def hangs(self) -> bool:
        found = (one / "cmdline" for one in Path("/proc").iterdir() if one.name.isdecimal())
        return any(HANGS in _text(path).split("\0") for path in found)


class ProcessWorld(_Calls):
    """A process of this machine."""

    def __init__(self, home: Path) -> None:
        super().__init__(Processes(home, Allowance(MEMORY_BYTES, FILE_BYTES), lambda _: None).run)

    def call(self, kind: str, body: str = "", timeout_s: float = 20.0) -> RunEnded:
        container = Container("", environment={"COLOUR": "red"})
        return self.made(kind, body, spec(container, timeout_s, Mode.PROCESS))

    def has_paths(self) -> bool:
        return False


class EngineWorld(_Calls):
    """Containers of a real engine: one per event, or one that is kept warm."""

    def __init__(self, inside: Inside, image: str, mode: Mode, transport: Transport = Transport.HTTP) -> None:
        super().__init__(lambda step: inside.do(lambda: inside.engine.run(step)))
        self._inside, self._mode, self._transport = inside, mode, transport
        path = f"{Path(PYTHON).parent}:/bin"
        network = "none" if transport is Transport.SOCKET or mode is Mode.ONCE else ""
        self._container = Container(
            image, environment={"COLOUR": "red", "PATH": path}, mounts=mounts(), network_mode=network
        )

    def call(self, kind: str, body: str = "", timeout_s: float = 20.0) -> RunEnded:
        function = spec(self._container, timeout_s, self._mode, self._transport)
        if self._mode is Mode.ONCE:
            return self.made(kind, body, function)
        warm = Warm(key_of(function, 1), function, 1)
        assert isinstance(self._inside.do(lambda: self._inside.engine.perform(warm)), Done)
        ended = self.made(kind, body, function, warm.key)
        if ended.timed_out:
            self.end()  # which is what a node does with an instance that hangs
        return ended

    def end(self) -> None:
        """Remove what is there."""
        engine = self._inside.engine
        seen = engine.look()
        assert isinstance(seen, EngineSeen)
        for one in (*seen.instances, *seen.runs):
            key = getattr(one, "key", one.id)
            self._inside.do(lambda key=key, one=one: engine.perform(Stop(key, one.id, 0.0)))  # type: ignore[misc]
            self._inside.do(lambda key=key, one=one: engine.perform(Remove(key, one.id)))  # type: ignore[misc]


class FakeWorld(_Calls):
    """An engine in virtual time, whose image does what the handler would."""

    def __init__(self, mode: Mode) -> None:
        self._now_s, self._mode = 100.0, mode
        registry = FakeRegistry()
        code, error = (1, "RuntimeError: no luck")
        failing = Behaviour(exits_after_s=0.1, exit_code=code, answer=lambda *_: "", error=error)
        if mode is Mode.WARM:
            failing = Behaviour(exit_code=code, answer=lambda *_: error)
        for kind, behaviour in {**BEHAVIOURS, "fail": failing, "status": failing}.items():
            made = behaviour if mode is Mode.ONCE else Behaviour(**_warm(behaviour))
            registry.push(f"{kind}:1", made)
        self._engine = FakeEngine(NODE, FLEET, lambda: self._now_s, self._pass, registry)
        super().__init__(self._engine.run)

    def call(self, kind: str, body: str = "", timeout_s: float = 20.0) -> RunEnded:
        function = spec(Container(f"{kind}:1", environment={"COLOUR": "red"}), timeout_s, self._mode)
        if self._mode is Mode.ONCE:
            return self.made(kind, body, function)
        warm = Warm(key_of(function, 1), function, 1)
        for box in list(self._engine.running()):
            self._engine.perform(Stop(warm.key, box.id, 0.0))
            self._engine.perform(Remove(warm.key, box.id))
        assert isinstance(self._engine.perform(warm), Done)
        return self.made(kind, body, function, warm.key)

    def hangs(self) -> bool:
        return self._mode is Mode.ONCE and bool(self._engine.running())

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds


def _warm(behaviour: Behaviour) -> dict[str, object]:
    """The same of one that goes on after each answer."""
    return {name: getattr(behaviour, name) for name in ("exit_code", "answer", "error", "answers_after_s", "reads")}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
