"""From an event to an action through a warm function, against a bare paho bridge that runs the same handler in its own process.

`python -m tests.bench warm`. An event is a message on a topic, the action a message on another, QoS 1, over one tuned Mosquitto; a
client outside sends one, waits for its action, and sends the next one after a pause. Ours: the agent on a lab host has the topic as
a sensor, its trigger calls a warm function in a container (over HTTP, and over a unix socket without any network), whose `then:`
publishes what it said: sensor, decision, commit, container, commit, broker. Theirs: `bridge.py` on the same host: no container, no
commit, no retry. In turns. What the commits cost is shown by an agent whose card is memory, and what nobody can do without by the
floor (`floor.py`). Then as many calls as it can take: with the next one given whenever one has ended (`caller.py`), against the
same container asked as fast as it answers over one kept connection (bare, and by the agent's own client, without the rest of the
agent). And the pool: an instance that is kept ready, against `docker run`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, archive
from lab.processes import Process
from lab.site import Site
from protocol.desired import Invocation
from protocol.function import Transport
from tests.bench import floor
from tests.bench.caller import Caller
from tests.bench.chain import ACTION, EVENT, HANDLER, IMAGE, NODE, UNDER_WAY, Client, assign, controller, start_agent
from tests.bench.cpu import used_ns
from tests.bench.figure import Figure, Say
from tests.bench.node import PACKAGES, PYTHON

ROUNDS, EVENTS, WARM_UP = 3, 100, 20
MEDIAN_AIM, LATEST_AIM = 1.5, 2.0
CALLS = 1500
CALLS_AIM = 0.5
RUNS, KEPT_AIM = 5, 0.1
MEMORY = Path("/dev/shm")
BRIDGE, KEEPALIVE = Path(__file__).with_name("bridge.py"), "tests.bench.keepalive"
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
        agent = start_agent(broker, host, Path(state))
        bridge = _bridge(site, broker, host)
        try:
            assign(broker, transport)
            with controller(broker), Client(broker) as client:
                theirs, ours, spent = _in_turns(client, bridge, agent)
            name = f"event to action over {transport}{', store in memory' if room else ''}"
            figures = _times(name, ours, theirs, is_aimed=room is None)
            if room is None:
                figures.append(Figure("the same: processor time of an event", PEER, spent[1], spent[0], "ms"))
                if transport is Transport.SOCKET:
                    figures.append(_floor(site, host, theirs))
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


def _floor(site: Site, host: Host, theirs: list[list[float]]) -> Figure:
    """The bridge, and what keeps the word besides, each part alone."""
    bridge_ms = statistics.median(map(statistics.median, theirs))
    least_ms = floor.least_ms(site.directory, _address(host, Transport.SOCKET))
    return Figure("its floor: two commits, an ask, four hand-overs", PEER, bridge_ms + least_ms, bridge_ms, "ms")


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


def _bridge(site: Site, broker: Broker, host: Host) -> Process:
    handler = site.directory / "handler.py"
    handler.write_text(HANDLER)
    topics = (EVENT.format("theirs"), ACTION.format("theirs"))
    return host.spawn(
        "bridge", [*PYTHON, str(BRIDGE), broker.address, str(broker.port), *topics, str(handler)], PACKAGES
    )


def _calls(broker: Broker, host: Host, transport: Transport) -> list[Figure]:
    """As many as it takes, against its container alone."""
    with Caller(broker, NODE) as caller:
        ours = caller.rate(lambda number: _call(number, transport), CALLS, UNDER_WAY)
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
