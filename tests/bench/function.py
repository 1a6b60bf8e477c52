"""From an event to its function's answer, mode `once`, against a plain `docker run` of the same image on the same engine.

`python -m tests.bench function`. Ours: a line in the pipe that touches a mock pin, until the result (with the output that the
function made of the event) has arrived at an MQTT client: sensor, decision, commit, container, commit, broker. Theirs:
`docker run --rm -i` of Docker's own command line with the same standard input, until it has printed the output and ended.
The floor: create, attach and start through the raw API with the same input, until the output has ended: no client can be faster.
A result has an exit code, which the engine knows later, for it clears the process away first: a second floor waits for that, too.
How soon the container has started is told for both sides by the engine's own moment: that is what is ours before it runs.
`ROUNDS` of each in turns, with a pause in which what the last one left behind is cleared away. Medians, and 9 of 10.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from typing import Any

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, archive
from lab.site import Site
from protocol.container import Container
from protocol.desired import Assignment, SensorSpec
from protocol.function import FunctionSpec
from protocol.observed import NodeStatus, Result, ResultStatus, SensorEvent
from protocol.trigger import TriggerSpec
from tests.bench.desk import Desk
from tests.bench.figure import Figure, Say
from tests.bench.node import finger, start_agent
from tests.bench.raw import Raw, Starts

ROUNDS = 20
WARM_UP = 2
PAUSE_S = 0.35
# Long enough for a run's container to be removed, before the other side begins.

AIM, RAW_AIM = 1.1, 1.15
NODE, PIN = "bench", 17
OURS, THEIRS = "io.bramble.function", "bench=raw"
"""The labels by which each side's containers are known."""
IMAGE = "bench/greet:1"
OUTPUT = "hello, doorbell"
_GREET = '#!/bin/sh\nread -r event\ncase "$event" in *pressed*) echo "hello, doorbell" ;; esac\n'
EVENT = b'{"event_type":"pressed","value":true,"pin":17}'
# What the agent hands to the function: the data of the event as a CloudEvent.


def measure(say: Say) -> tuple[Figure, ...]:
    """Press, run, press, run ..."""
    with Site() as site:
        broker = site.start_broker()
        (host,) = site.start_hosts("engine")
        host.docker(
            "load", "--quiet", given=archive(Image("greet", "1", ("/bin/greet",), {"/bin/greet": _GREET}), IMAGE)
        )
        with Desk(broker) as desk:
            _start(site, broker, host, desk)
            say(f"{ROUNDS} rounds in turns")
            with Starts(host.engine.socket_path, OURS) as ours_begin, Starts(host.engine.socket_path, THEIRS) as begin:
                found = [
                    (*_pressed_ms(site, desk, ours_begin), _run_ms(host, desk), *_raw_ms(host, desk, begin))
                    for _ in range(WARM_UP + ROUNDS)
                ][WARM_UP:]
    ours, ours_begun, theirs, raw, begun, ended = ([sides[side] for sides in found] for side in range(6))
    peer, floor, whole = "docker run --rm -i", "create and start, raw API", "create, start and exit code, raw API"
    return (
        Figure(
            "event to its container's start: median",
            floor,
            statistics.median(ours_begun),
            statistics.median(begun),
            "ms",
            RAW_AIM,
        ),
        Figure(
            "event to function's answer: median", peer, statistics.median(ours), statistics.median(theirs), "ms", AIM
        ),
        Figure("event to function's answer: 9 of 10", peer, _ninth(ours), _ninth(theirs), "ms"),
        Figure(
            "event to function's answer: median", floor, statistics.median(ours), statistics.median(raw), "ms", RAW_AIM
        ),
        Figure("event to function's answer: median", whole, statistics.median(ours), statistics.median(ended), "ms"),
    )


def _start(site: Site, broker: Broker, host: Host, desk: Desk) -> None:
    sensor = SensorSpec("doorbell", "porch", "button", {"pin": PIN, "debounce": 0.0, "hold": 0.0})
    trigger = TriggerSpec(sensor="doorbell", on="pressed")
    function = FunctionSpec("greet", "porch", "revision1", Container(IMAGE), triggers=(trigger,))
    desk.assign(Assignment(NODE, 1, 1, sensors=(sensor,), functions=(function,)))
    start_agent(site, broker, NODE, host.engine.url, with_finger=True)
    desk.wait_for(lambda _, message: _watches(message), "the doorbell to be watched")


def _watches(message: Any) -> bool:
    return isinstance(message, NodeStatus) and any(sensor.value for sensor in message.sensors)


def _pressed_ms(site: Site, desk: Desk, begin: Starts) -> tuple[float, float]:
    """Until the result is there, and until the engine has started the container."""
    desk.listen(PAUSE_S)
    pipe = os.open(finger(site, NODE), os.O_WRONLY)
    begun_mono_s, begun_ns = time.monotonic(), time.time_ns()
    os.write(pipe, f"low {PIN}\n".encode())
    ended_mono_s = desk.wait_for(lambda _, message: _is_answer(message), "the function's result")
    os.write(pipe, f"high {PIN}\n".encode())
    os.close(pipe)
    desk.wait_for(lambda _, message: isinstance(message, SensorEvent) and message.type == "released", "the release")
    return (ended_mono_s - begun_mono_s) * 1000, (begin.next_ns() - begun_ns) / 1e6


def _is_answer(message: Any) -> bool:
    if not isinstance(message, Result):
        return False
    assert message.status is ResultStatus.DONE, message
    assert message.output.strip() == OUTPUT, message
    return True


def _run_ms(host: Host, desk: Desk) -> float:
    desk.listen(PAUSE_S)
    begun_mono_s = time.monotonic()
    output = host.docker("run", "--rm", "-i", IMAGE, given=EVENT)
    took_s = time.monotonic() - begun_mono_s
    assert output.strip() == OUTPUT, output
    return took_s * 1000


def _raw_ms(host: Host, desk: Desk, begin: Starts) -> tuple[float, float, float]:
    """Until the output has ended, until the engine has started the container, and until the exit code is known."""
    desk.listen(PAUSE_S)
    streams = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "OpenStdin": True, "StdinOnce": True}
    name, _, value = THEIRS.partition("=")
    with Raw(host.engine.socket_path) as raw:
        begun_mono_s, begun_ns = time.monotonic(), time.time_ns()
        made = raw.call("POST", "/containers/create", body={"Image": IMAGE, "Labels": {name: value}, **streams})["Id"]
        output = _spoken(raw, host, made)
        took_s = time.monotonic() - begun_mono_s
        raw.call("POST", f"/containers/{made}/wait")
        whole_s = time.monotonic() - begun_mono_s
        raw.call("DELETE", f"/containers/{made}", {"force": 1})
    assert OUTPUT.encode() in output, output
    return took_s * 1000, (begin.next_ns() - begun_ns) / 1e6, whole_s * 1000


def _spoken(raw: Raw, host: Host, container: str) -> bytes:
    """Attach, start, say the event, and read to the end."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(host.engine.socket_path))
        path = f"/containers/{container}/attach?stdin=1&stdout=1&stderr=1&stream=1"
        wire.sendall(f"POST {path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        wire.recv(65536)
        wire.sendall(EVENT)
        wire.shutdown(socket.SHUT_WR)
        raw.call("POST", f"/containers/{container}/start")
        output = b""
        while chunk := wire.recv(65536):
            output += chunk
    return output


def _ninth(took_ms: list[float]) -> float:
    return statistics.quantiles(took_ms, n=10)[8]
