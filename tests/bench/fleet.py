"""What a fleet costs its controller: 1,000 nodes, then 10,000, beside paho that only counts what the same nodes say.

`python -m tests.bench fleet`. Ours: a whole controller, with its store (WAL, FULL), its metrics and its link; every node says
hello, is given a task of a global service, and says that it runs (`tests/bench/flock.py`). Once the stack has converged only
healths come, one of each node every 30 s. Then the processor time of `WINDOW_S` is taken from the scheduler, of the controller and
of a subscriber with paho's own loop and nothing else, both of which read the very same stream; at last the controller's memory.
Sizes in turns, each with a broker, a flock and a controller of its own; medians.
"""

from __future__ import annotations

import multiprocessing as mp
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.broker import Broker
from lab.processes import Process, TooLateError
from link.session import Session
from link.settings import LinkSettings
from protocol.envelope import Packet, Received, unpack
from protocol.operator import StackStatus
from protocol.topics import HealthTopic, ManifestTopic, StackStatusTopic, filter_of
from tests.bench.controller import LOCALHOST, controller
from tests.bench.cpu import used_ns
from tests.bench.desk import FLEET
from tests.bench.figure import Figure, Say
from tests.bench.flock import HEALTH_S, Seen, flock

FEW, MANY = 1_000, 10_000
ROUNDS = 2
SETTLE_S = 5.0
WINDOW_S = HEALTH_S
# Each node says its health once in it.

PATIENCE_S = 180.0
# Ten thousand nodes are greeted, assigned and acknowledged in a tenth of that.

AIM = 3.0
PEER = "paho that only counts"
SETTINGS = {"max_inflight_messages": "200", "max_queued_messages": "0", "set_tcp_nodelay": "true"}
MANIFEST = b"services:\n  beat:\n    image: beat:1\n    deploy: {mode: global}\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one size cost, at rest."""

    rss_mib: float
    cpu_ms_min: float
    message_us: float
    peer_message_us: float
    converged_s: float


def measure(say: Say) -> tuple[Figure, ...]:
    """A thousand, ten thousand, a thousand ..."""
    found: dict[int, list[Cost]] = {FEW: [], MANY: []}
    for number in range(ROUNDS):
        for size, costs in found.items():
            costs.append(_cost(size))
            say(f"round {number + 1} of {ROUNDS}, {size:,} nodes: {_words(costs[-1])}")
    few, many = (_median(found[size]) for size in (FEW, MANY))
    peer = f"{FEW:,} nodes"
    name = f"controller of {MANY:,} nodes"
    return (
        Figure(f"{name}: memory (RSS)", peer, many.rss_mib, few.rss_mib, "MiB", AIM),
        Figure(f"{name}: CPU", peer, many.cpu_ms_min, few.cpu_ms_min, "ms/min"),
        Figure(f"{name}: manifest to converged", peer, many.converged_s, few.converged_s, "s"),
        Figure(f"{name}: CPU per message", PEER, many.message_us, many.peer_message_us, "µs"),
        Figure(f"controller of {FEW:,} nodes: CPU per message", PEER, few.message_us, few.peer_message_us, "µs"),
    )


def _cost(size: int) -> Cost:
    with tempfile.TemporaryDirectory() as name, Broker(Path(name) / "broker", LOCALHOST, settings=SETTINGS) as broker:
        seen = Seen(*(mp.Value("q", 0, lock=False) for _ in range(3)))
        with controller(broker, Path(name) / "controller") as head, _beside(flock, broker.port, size, seen):
            _await(lambda: seen.acknowledged.value == size, f"{size} nodes to be known", head)
            converged_s = _deployed_s(broker)
            counted = mp.Value("q", 0, lock=False)
            with _beside(count, broker.port, counted) as counter:
                _await(lambda: counted.value > 0, "paho to hear the nodes", head)
                time.sleep(SETTLE_S)
                return _at_rest(head, counter, counted, converged_s)


def _at_rest(head: Process, counter: int, counted: Any, converged_s: float) -> Cost:
    """Let a window pass, in which nothing happens but healths."""
    before, begun_mono_s = (used_ns(head.pid), used_ns(counter), counted.value), time.monotonic()
    time.sleep(WINDOW_S)
    ours_ns, theirs_ns, messages = (
        used_ns(head.pid) - before[0],
        used_ns(counter) - before[1],
        counted.value - before[2],
    )
    minutes = (time.monotonic() - begun_mono_s) / 60
    return Cost(
        _rss_mib(head.pid), ours_ns / 1e6 / minutes, ours_ns / 1e3 / messages, theirs_ns / 1e3 / messages, converged_s
    )


def _deployed_s(broker: Broker) -> float:
    """Publish a global service; how long until the stack's status says that it runs everywhere."""
    link = LinkSettings(broker.address, broker.port, "operator")
    with Session(link, FLEET, (filter_of(StackStatusTopic, FLEET),)) as session:
        begun_mono_s = time.monotonic()
        refused = session.publish(Packet(str(ManifestTopic(FLEET, "herd")), MANIFEST, qos=1, retain=True))
        assert refused is None, refused
        status: StackStatus | None = None
        for packet in session.packets(PATIENCE_S):
            received = unpack(packet)
            status = received.message if isinstance(received, Received) else status
            if isinstance(status, StackStatus) and status.converged:
                return time.monotonic() - begun_mono_s
    raise TooLateError(f"waited {PATIENCE_S:g} s in vain for the stack to converge: {status}")


def count(port: int, counted: Any) -> None:
    """A process: paho as it is by default, which does nothing but count healths."""
    import paho.mqtt.client as mqtt  # noqa: PLC0415 - nobody else pays for it
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    def one(*_: object) -> None:
        counted.value += 1

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "theirs")
    client.on_message = one
    client.connect(LOCALHOST, port)
    client.subscribe(filter_of(HealthTopic, FLEET))
    client.loop_forever()


@contextmanager
def _beside(work: Callable[..., None], *arguments: object) -> Iterator[int]:
    process = mp.Process(target=work, args=arguments, daemon=True)
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.kill()
        process.join()


def _await(claim: Callable[[], bool], what: str, head: Process) -> None:
    deadline_mono_s = time.monotonic() + PATIENCE_S
    while not claim():
        if time.monotonic() > deadline_mono_s:
            raise TooLateError(f"waited {PATIENCE_S:g} s in vain for {what}\n{head.log()[-2000:]}")
        time.sleep(0.1)


def _rss_mib(pid: int) -> float:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(lines["VmRSS"].split()[0]) / 1024


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in Cost.__dataclass_fields__))


def _words(cost: Cost) -> str:
    return (
        f"{cost.rss_mib:.0f} MiB, {cost.cpu_ms_min:.0f} ms/min, {cost.message_us:.0f} µs a message "
        f"(paho {cost.peer_message_us:.0f}), converged in {cost.converged_s:.1f} s"
    )
