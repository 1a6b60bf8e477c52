"""`bramble-agent`: put the parts together, turn until told to stop, leave every output safe.

Outputs are safe before anything else happens, and containers are looked after from what was stored, with or without a network. What
is heavy is imported only where it is used: pins with the first device, Docker with the first look, metrics with a port, argparse
with the first argument (a service has none).
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from queue import SimpleQueue

from agent.actions import ProcessesSeam, WorkersSeam
from agent.adapters import finger
from agent.adapters.clocks import Clocks
from agent.adapters.host import Host
from agent.adapters.no_engine import NoWorkers
from agent.adapters.releases import Releases
from agent.adapters.zone import Zone
from agent.ballast import Ballast
from agent.decide.inputs import EngineHint
from agent.decide.node import Node
from agent.decide.schedules import has_schedules
from agent.loop import Adapters, Loop
from agent.process import Process
from agent.settings import Settings, read
from agent.store import FILE, Identity, Store
from link.broker import Broker
from link.notify import STOPPING, supervisor
from link.version import installed
from protocol.measures import size_bytes
from protocol.refusal import Refusal
from sensors.board import Board
from sensors.sluice import Sluice

BALLAST = "agent.ballast"
WARM = "warm"
"""Where warm functions get the directories for their sockets, beside the store: they stay over a restart, as the containers do."""

SWITCH_S = 0.0005
# How long a thread with something to send or an answer to read waits for the interpreter while another one reckons; Python's own
# is 5 ms. On two busy processors the slowest of 100 events took 50 ms instead of 66, and calls of a warm function went 1.4 times
# as fast (medians of four runs each, in turns), for no more processor time.
INSTANCE_BYTES = 4
# Tells the processes of one node apart, some hundreds in its life.

log = logging.getLogger("agent")


@dataclass(slots=True)
class Options:
    """What may be said on the command line."""

    settings: str = ""
    print_settings: bool = False
    make_safe: bool = False
    log_level: str = "INFO"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent, or do what an option says."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    settings = read(Path(options.settings) if options.settings else None, os.environ, socket.gethostname())
    if isinstance(settings, Refusal):
        print(f"bramble-agent: {settings}", file=sys.stderr)  # noqa: T201 - the log does not exist yet
        return 2
    if options.print_settings:
        print("\n".join(f"{name} = {value!r}" for name, value in asdict(settings).items()))  # noqa: T201 - asked for
        return 0
    logging.basicConfig(level=options.log_level, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    sys.setswitchinterval(SWITCH_S)
    return make_safe(settings) if options.make_safe else run(settings)


def run(settings: Settings) -> int:
    """Turn until SIGTERM or SIGINT."""
    inbox: SimpleQueue[object] = SimpleQueue()
    host = Host(Path(settings.state_dir), settings.labels, processes=settings.processes)
    store = _store(settings)
    node = store.load(_identity(settings, host), Clocks(host).now())
    node.images.rate_bps = settings.pull_rate_bps
    board = _board(settings, node, inbox)
    broker = Broker(settings.link(), inbox.put, inbox.qsize)
    workers, zone = _workers(settings, inbox), Zone(os.environ.get("TZ", ""))
    releases = Releases(os.environ, inbox.put)
    inbox.put(releases.look())
    adapters = Adapters(broker, workers, board, host, releases, _processes(settings, inbox))
    loop = Loop(node, store, adapters, inbox, settings.health_s)
    clocks = Clocks(host, lambda: zone.now() if has_schedules(node) else UTC)
    process = Process(loop, settings, supervisor(os.environ, os.getpid()), clocks)
    releases.end = process.stop
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    log.info("agent_started node=%s fleet=%s broker=%s", settings.node, settings.fleet, settings.link().place)
    try:
        process.run(broker.is_alive)
    finally:
        board.close()
        if not releases.hands_over:
            supervisor(os.environ, os.getpid()).tell(STOPPING)
        broker.close()
        store.close()
        releases.close()
    return releases.hand_over() if releases.hands_over else 0


def _store(settings: Settings) -> Store:
    store = Store(Path(settings.state_dir) / FILE, ballast=Ballast(Path(settings.state_dir) / BALLAST))
    if store.notice:
        log.error("store_damaged notice=%r", store.notice)
    return store


def _board(settings: Settings, node: Node, inbox: SimpleQueue[object]) -> Board:
    """The pins, whose outputs are safe from now on; where pins are mocks, also what touches them."""
    board = Board(Sluice(inbox.put).put, settings.pin_factory)
    if node.sections().actuators:
        board.open((), node.sections().actuators)
    if settings.finger:
        finger.watch(Path(settings.finger), inbox.put)
    return board


def _identity(settings: Settings, host: Host) -> Identity:
    instance = secrets.token_hex(INSTANCE_BYTES)
    return Identity(settings.node, settings.fleet, host.boot(), installed(), instance, host.machine())


def make_safe(settings: Settings) -> int:
    """Put the outputs that are in force by the store to their safe values, for an agent that is gone."""
    host = Host(Path(settings.state_dir), settings.labels)
    store = Store(Path(settings.state_dir) / FILE)
    node = store.load(Identity(settings.node, settings.fleet, host.boot(), installed()), Clocks(host).now())
    store.close()
    board = Board(lambda _: None, settings.pin_factory)
    _, statuses = board.open((), node.sections().actuators)
    for status in statuses:
        log.info("actuator_safe name=%s value=%s fault=%r", status.name, status.value, status.fault)
    return 1 if any(status.fault for status in statuses) else 0


def _workers(settings: Settings, inbox: SimpleQueue[object]) -> WorkersSeam:
    if not settings.has_engine:
        return NoWorkers(inbox.put)
    from agent.adapters.engine import Engine  # noqa: PLC0415 - 0.3 MB that a node of sensors does without
    from agent.adapters.workers import PULLS_AT_ONCE, Workers  # noqa: PLC0415

    engine = Engine(settings.docker_host, settings.node, settings.fleet, Path(settings.state_dir) / WARM)
    engine.events(lambda: inbox.put(EngineHint()))
    engine.pulling(inbox.put)
    workers = Workers(engine, inbox.put, pulls_at_once=1 if settings.pull_rate_bps else PULLS_AT_ONCE)
    workers.log, workers.ask = engine.log, engine.ask
    return workers


def _processes(settings: Settings, inbox: SimpleQueue[object]) -> ProcessesSeam | None:
    if not settings.processes:
        return None
    from agent.adapters.processes import Allowance, Processes  # noqa: PLC0415 - for the few nodes that allow them

    most = (size_bytes(settings.process_memory), size_bytes(settings.process_file))
    return Processes(Path(settings.state_dir) / "processes", Allowance(*most, settings.process_user), inbox.put)


def _options(arguments: Sequence[str]) -> Options:
    if not arguments:
        return Options()
    import argparse  # noqa: PLC0415 - see above; 0.4 MB

    parser = argparse.ArgumentParser(prog="bramble-agent", description="Run a node of a bramble.")
    parser.add_argument("--settings", help="a TOML file; /etc/bramble/agent.toml if it is there")
    parser.add_argument("--print-settings", action="store_true", help="show what was read, and end")
    parser.add_argument("--make-safe", action="store_true", help="put all outputs to their safe state, and end")
    parser.add_argument("--log-level", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    parser.add_argument("--version", action="version", version=f"bramble-agent {installed()}")
    return parser.parse_args(arguments, namespace=Options())


if __name__ == "__main__":
    sys.exit(main())
