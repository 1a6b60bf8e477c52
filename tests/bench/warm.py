"""From an event to an action through a warm function, against a bare paho bridge that runs the same handler in its own process.

`python -m tests.bench warm`. An event is a message on a topic, the action a message on another, QoS 1, over one tuned Mosquitto; a
client outside sends one, waits for its action, and sends the next one after a pause. Ours: the agent on a lab host has the topic as
a sensor, its trigger calls a warm function in a container (over HTTP, and over a unix socket without any network), whose `then:`
publishes what it said: sensor, decision, commit, container, commit, broker. Theirs: `bridge.py` on the same host: no container, no
commit, no retry. In turns. What the commits cost is shown by an agent whose card is memory. Then as many calls as it can take: with
the next one given whenever one has ended, against the same container asked as fast as it answers over one kept connection (bare,
and by the agent's own client, without the rest of the agent). And the pool: an instance that is kept ready, against `docker run`.
"""

from __future__ import annotations

import json
import multiprocessing as mp
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, archive
from lab.processes import Process, TooLateError
from lab.site import Site
from link.broker import Broker as Link
from link.inputs import Arrived, LinkUp
from link.settings import LinkSettings
from protocol.calling import Action
from protocol.container import Container
from protocol.desired import Assignment, Invocation, SensorSpec
from protocol.envelope import Packet
from protocol.function import FunctionSpec, Mode, Scale, Transport
from protocol.observed import Result, ResultStatus
from protocol.topics import InvocationTopic
from protocol.trigger import TriggerSpec
from tests.bench.cpu import used_ns
from tests.bench.desk import FLEET, Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import PACKAGES, PYTHON, unit_environment
from tests.fakes.warm_box import mounts

ROUNDS, EVENTS, WARM_UP = 3, 100, 20
PAUSE_S = 0.02
# What one event leaves to be done (acknowledgements, their commits) is over when the next one comes.
MEDIAN_AIM, LATEST_AIM = 1.5, 2.0
CALLS, UNDER_WAY = 1500, 32
CALLS_AIM = 0.5
RUNS, KEPT_AIM = 5, 0.1
MEMORY = Path("/dev/shm")
START_S, PATIENCE_S = 60.0, 10.0
NODE, IMAGE = "bench", "bench/python:1"
EVENT, ACTION = "bench/{}/event", "bench/{}/action"
BRIDGE, KEEPALIVE = Path(__file__).with_name("bridge.py"), "tests.bench.keepalive"
HANDLER = """
import json
def handle(event, context):
    said = json.loads(event.body)
    said = said if "n" in said else json.loads(said.get("value") or "{}")
    return {"n": said.get("n"), "on": True}
"""
# The same file for both sides: the bridge hands it the payload, the agent the event's data, whose value is the payload.

PEER = "paho bridge, same handler"


def measure(say: Say) -> tuple[Figure, ...]:
    """Send to one side, send to the other ..."""
    with Site() as site:
        broker = site.start_broker()
        (host,) = site.start_hosts("engine")
        host.docker("load", "--quiet", given=archive(Image("python", "1"), IMAGE))
        figures: list[Figure] = []
        for transport, room in ((Transport.SOCKET, None), (Transport.HTTP, None), (Transport.SOCKET, MEMORY)):
            say(f"over {transport}{', its card in memory' if room else ''}")
            figures += _compared(site, broker, host, transport, room)
    return tuple(figures)


def _compared(site: Site, broker: Broker, host: Host, transport: Transport, room: Path | None) -> list[Figure]:
    """One agent with one function, and one bridge."""
    with tempfile.TemporaryDirectory(dir=room or site.directory) as state:
        agent = _agent(broker, host, Path(state))
        bridge = _bridge(site, broker, host)
        try:
            _assign(broker, transport)
            with _controller(broker), Client(broker) as client:
                theirs, ours, spent = _in_turns(client, bridge, agent)
            name = f"event to action over {transport}{', store in memory' if room else ''}"
            figures = _times(name, ours, theirs, is_aimed=room is None)
            if room is None:
                figures.append(Figure("the same: processor time of an event", PEER, spent[1], spent[0], "ms"))
                figures += [_kept(host, ours, transport), *_calls(broker, host, transport)]
            return figures
        finally:
            for process in (agent, bridge):
                process.kill()
            _clear(host)


def _in_turns(
    client: Client, bridge: Process, agent: Process
) -> tuple[list[list[float]], list[list[float]], list[float]]:
    """How long theirs and ours took, round by round; and the processor time of one event on each side, in milliseconds."""
    client.until_answered("ours")
    client.until_answered("theirs")
    found: tuple[list[list[float]], list[list[float]]] = ([], [])
    spent_ns = [-used_ns(process.pid) for process in (bridge, agent)]
    for _ in range(ROUNDS):
        for took, side in zip(found, ("theirs", "ours"), strict=True):
            took.append([client.took_ms(side) for _ in range(WARM_UP + EVENTS)][WARM_UP:])
    spent_ns = [spent + used_ns(process.pid) for spent, process in zip(spent_ns, (bridge, agent), strict=True)]
    return *found, [spent / ROUNDS / (WARM_UP + EVENTS) / 1e6 for spent in spent_ns]


def _times(name: str, ours: list[list[float]], theirs: list[list[float]], *, is_aimed: bool) -> list[Figure]:
    aims = (MEDIAN_AIM, LATEST_AIM) if is_aimed else (None, None)
    medians = [statistics.median(map(statistics.median, rounds)) for rounds in (ours, theirs)]
    latest = [statistics.median(map(_latest, rounds)) for rounds in (ours, theirs)]
    return [
        Figure(f"{name}: median", PEER, medians[0], medians[1], "ms", aims[0]),
        Figure(f"{name}: 99 of 100", PEER, latest[0], latest[1], "ms", aims[1]),
    ]


def _kept(host: Host, ours: list[list[float]], transport: Transport) -> Figure:
    """An instance that is kept, against a container for each event."""
    theirs = [_run_ms(host) for _ in range(RUNS)]
    kept = statistics.median(map(statistics.median, ours))
    name = f"event to action, kept ready, {transport}: median"
    return Figure(name, "docker run --rm -i", kept, statistics.median(theirs), "ms", KEPT_AIM)


def _run_ms(host: Host) -> float:
    begun_s = time.perf_counter()
    host.docker("run", "--rm", "-i", "--network", "none", IMAGE, "cat", given=b"{}")
    return (time.perf_counter() - begun_s) * 1000


def _latest(took_ms: list[float]) -> float:
    return statistics.quantiles(took_ms, n=100)[98]


class Client:
    """Sends an event and waits for its action."""

    def __init__(self, broker: Broker) -> None:
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self._link = Link(LinkSettings(broker.address, broker.port, "client"), self._inbox.put, self._inbox.qsize)
        self._number = 0

    def __enter__(self) -> Self:
        self._link.dial(1, None, None, ((ACTION.format("+"), 1),))
        assert isinstance(self._inbox.get(timeout=PATIENCE_S), LinkUp)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._link.close()

    def until_answered(self, side: str) -> None:
        """Send until one is answered: from now on the side is there."""
        until_mono_s = time.monotonic() + START_S
        while time.monotonic() < until_mono_s:
            with suppress(Empty):
                self.took_ms(side, patience_s=1.0)
                return
        raise TooLateError(f"{side}: no event was answered within {START_S:g} s")

    def took_ms(self, side: str, patience_s: float = PATIENCE_S) -> float:
        """One event, until its action is there."""
        time.sleep(PAUSE_S)
        self._number += 1
        said = json.dumps({"n": self._number}).encode()
        begun_s = time.perf_counter()
        self._link.publish(Packet(EVENT.format(side), said, qos=1))
        while not self._is_answer(self._inbox.get(timeout=patience_s)):
            pass
        return (time.perf_counter() - begun_s) * 1000

    def _is_answer(self, seen: object) -> bool:
        packets = seen.packets if isinstance(seen, Arrived) else ()
        return any(json.loads(packet.payload).get("n") == self._number for packet in packets)


def _agent(broker: Broker, host: Host, state: Path) -> Process:
    """The agent on the host, as its unit starts it."""
    extra = {
        **unit_environment(),
        **PACKAGES,
        "BRAMBLE_NODE": NODE,
        "BRAMBLE_FLEET": FLEET,
        "BRAMBLE_BROKER_HOST": broker.address,
        "BRAMBLE_BROKER_PORT": str(broker.port),
        "BRAMBLE_STATE_DIR": str(state),
        "GPIOZERO_PIN_FACTORY": "mock",
    }
    return host.spawn(
        "agent", [*PYTHON, "-m", "agent", "--log-level", "WARNING"], extra | {"BRAMBLE_DOCKER_HOST": host.engine.url}
    )


def _bridge(site: Site, broker: Broker, host: Host) -> Process:
    handler = site.directory / "handler.py"
    handler.write_text(HANDLER)
    topics = (EVENT.format("theirs"), ACTION.format("theirs"))
    return host.spawn(
        "bridge", [*PYTHON, str(BRIDGE), broker.address, str(broker.port), *topics, str(handler)], PACKAGES
    )


def _assign(broker: Broker, transport: Transport) -> None:
    sensor = SensorSpec("ping", "porch", "mqtt", {"topic": EVENT.format("ours"), "shows": "event"})
    network = "none" if transport is Transport.SOCKET else ""
    container = Container(IMAGE, environment={"PATH": "/usr/bin:/bin"}, mounts=mounts(), network_mode=network)
    function = FunctionSpec(
        "greet",
        "porch",
        f"over-{transport}",
        container,
        triggers=(TriggerSpec("ping", "received"),),
        mode=Mode.WARM,
        transport=transport,
        concurrency=UNDER_WAY,
        scale=Scale(target=1000, min_per_node=1),
        then=(Action(publish=ACTION.format("ours")),),
        handler=HANDLER,
    )
    with Desk(broker) as desk:
        desk.assign(Assignment(NODE, 1, 1, sensors=(sensor,), functions=(function,)))


@contextmanager
def _controller(broker: Broker) -> Iterator[None]:
    """Somebody who acknowledges facts, in a process of his own."""
    process = mp.Process(target=_acknowledge, args=(broker,), daemon=True)
    process.start()
    yield
    process.kill()
    process.join()


def _acknowledge(broker: Broker) -> None:
    with Desk(broker) as desk:
        desk.listen(3600.0)


def _calls(broker: Broker, host: Host, transport: Transport) -> list[Figure]:
    """As many as it takes, against its container alone."""
    with Desk(broker) as desk:
        begun_mono_s, ended_mono_s = time.monotonic(), 0.0
        for number in range(UNDER_WAY):
            desk.say(InvocationTopic(FLEET, NODE, f"{number:016x}"), _call(number, transport))
        for number in range(UNDER_WAY, UNDER_WAY + CALLS):
            ended_mono_s = desk.wait_for(lambda _, message: _is_done(message), "a call's result")
            desk.say(InvocationTopic(FLEET, NODE, f"{number:016x}"), _call(number, transport))
    ours = CALLS / (ended_mono_s - begun_mono_s)
    address = _address(host, transport)
    raw, door = (_asked(host, address, who) for who in ("raw", "door"))
    peer = "container asked, kept open"
    return [
        Figure(f"asks of a warm function over {transport}", peer, door, raw, "/s", None, "higher"),
        Figure(f"invocations of it over {transport}", peer, ours, raw, "/s", CALLS_AIM, "higher"),
    ]


def _asked(host: Host, address: str, who: str) -> float:
    return float(host.run(*PYTHON, "-m", KEEPALIVE, address, str(CALLS), who, extra=PACKAGES))


def _call(number: int, transport: Transport) -> Invocation:
    return Invocation(
        f"{number:016x}", "porch", "greet", {"id": f"call-{transport}"}, json.dumps({"n": number}), epoch=1
    )


def _is_done(message: Any) -> bool:
    if not isinstance(message, Result):
        return False
    assert message.status is ResultStatus.DONE, message
    return message.attempt > 0


def _address(host: Host, transport: Transport) -> str:
    """Where the container is reached from its host."""
    (found,) = host.docker("ps", "--quiet", "--filter", "label=io.bramble.instance").split()
    if transport is Transport.SOCKET:
        folder = host.docker(
            "inspect",
            "--format",
            '{{range .Mounts}}{{if eq .Destination "/run/bramble"}}{{.Source}}{{end}}{{end}}',
            found,
        )
        return f"{folder.strip()}/function.sock"
    return host.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", found).strip()


def _clear(host: Host) -> None:
    """No container of this round is left for the next one."""
    if found := host.docker("ps", "--all", "--quiet").split():
        host.docker("rm", "--force", *found)
