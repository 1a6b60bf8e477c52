"""Command to acknowledgement and back, QoS 1, on a Mosquitto as Debian ships it, against paho's defaults.

`python -m tests.bench roundtrip`. Two processes per side and one broker: one asks, the other answers each message
at once. Ours: two `link.broker.Broker`. Theirs: two paho clients with `loop_start`, as paho's documentation shows.
Interleaved rounds; the median of the rounds' medians.
"""

from __future__ import annotations

import multiprocessing as mp
import queue
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from lab.broker import STOCK
from lab.broker import Broker as Mosquitto
from link.broker import Broker
from link.inputs import Arrived
from link.settings import LinkSettings
from protocol.envelope import Packet
from tests.bench.figure import Figure, Say

ROUNDS = 5
PAHO_ASKS, OUR_ASKS = 40, 400
# Each of theirs takes nearly a tenth of a second, each of ours a fraction of a millisecond.

AIM = 0.01
PEER = "paho, defaults"
BODY = b"x" * 163


def our_end(port: int, name: str, reads: str, writes: str, orders: Connection) -> None:
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    link = Broker(LinkSettings("127.0.0.1", port, name), inbox.put, inbox.qsize)
    link.dial(1, None, None, ((reads, 1),))
    inbox.get()

    def wait() -> None:
        while not isinstance(inbox.get(), Arrived):
            pass

    work(lambda: link.publish(Packet(writes, BODY, qos=1)), wait, name, orders)
    link.close()


def paho_end(port: int, name: str, reads: str, writes: str, orders: Connection) -> None:
    import paho.mqtt.client as mqtt  # noqa: PLC0415 - the other side does not pay for it
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    arrived: queue.SimpleQueue[object] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    client.on_message = lambda _c, _u, message: arrived.put(message)
    client.on_subscribe = lambda *_: arrived.put(None)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(reads, qos=1)
    arrived.get()
    work(lambda: client.publish(writes, BODY, qos=1), arrived.get, name, orders)
    client.disconnect()
    client.loop_stop()


def work(publish: Callable[[], object], wait: Callable[[], object], name: str, orders: Connection) -> None:
    """Ask as often as ordered, or answer until the end."""
    orders.send("ready")
    asks = orders.recv()
    if name.startswith("answers"):
        for _ in range(asks):
            wait()
            publish()
        orders.recv()
        return
    took_s = []
    for _ in range(asks):
        started_s = time.perf_counter()
        publish()
        wait()
        took_s.append(time.perf_counter() - started_s)
    orders.send(took_s)


def one_round(end: Callable[..., None], port: int, asks: int) -> list[float]:
    """How long each of the asks took, in milliseconds."""
    pipes, processes = [], []
    for name, reads, writes in (("answers", "bench/ask", "bench/answer"), ("asks", "bench/answer", "bench/ask")):
        here, there = mp.Pipe()
        process = mp.Process(target=end, args=(port, f"{name}-{end.__name__}", reads, writes, there), daemon=True)
        process.start()
        here.recv()
        here.send(asks)
        pipes.append(here)
        processes.append(process)
    took_s = pipes[1].recv()
    pipes[0].send("end")
    for process in processes:
        process.join()
    return [took * 1000 for took in took_s]


def measure(say: Say) -> tuple[Figure, ...]:
    """Ask through paho, ask through ours ..."""
    theirs, ours = [], []
    with tempfile.TemporaryDirectory() as directory, Mosquitto(Path(directory) / "broker", settings=STOCK) as broker:
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            theirs.append(one_round(paho_end, broker.port, PAHO_ASKS))
            ours.append(one_round(our_end, broker.port, OUR_ASKS))
    name = "command to acknowledgement, stock Mosquitto"
    return (
        Figure(f"{name}: median", PEER, _median(ours), _median(theirs), "ms", AIM),
        Figure(f"{name}: 99 of 100", PEER, _latest(ours), _latest(theirs), "ms"),
    )


def _median(rounds: list[list[float]]) -> float:
    return statistics.median(statistics.median(took_ms) for took_ms in rounds)


def _latest(rounds: list[list[float]]) -> float:
    return statistics.median(statistics.quantiles(took_ms, n=100)[98] for took_ms in rounds)
