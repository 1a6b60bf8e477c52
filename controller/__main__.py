"""`bramble-controller`: put the parts together, and turn until told to stop."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

from controller.adapters.metrics import NotServedError
from controller.adapters.registry import Registries
from controller.decide.fleet import Fleet
from controller.ears import Ears, overhearing
from controller.loop import Loop, wall_clock
from controller.process import Process
from controller.settings import DISCOVERY_PREFIX, LISTENER, Settings, read, with_home_assistant
from controller.store import FILE, Store, StoreError
from link.broker import Broker
from link.notify import STOPPING, supervisor
from link.version import installed
from protocol.refusal import Refusal

log = logging.getLogger("controller")

NOT_IN_CHARGE = 3
"""The exit code of one that found another controller in charge: starting it again would only repeat that, so systemd does not."""

COLLECT_AFTER = 50_000
"""Python looks for cycles after 700 new objects, which a turn of a hundred events has, and now and then it looks through the whole
fleet. Frozen values make no cycles: counting references frees them. What does make some is found a few megabytes later."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the controller, or do what an option says."""
    options = _options(arguments)
    settings = read(Path(options.settings) if options.settings else None, os.environ)
    settings = settings if isinstance(settings, Refusal) else with_home_assistant(settings, options.home_assistant)
    if isinstance(settings, Refusal):
        print(f"bramble-controller: {settings}", file=sys.stderr)  # noqa: T201 - the log does not exist yet
        return 2
    if options.print_settings:
        print("\n".join(f"{name} = {value!r}" for name, value in asdict(settings).items()))  # noqa: T201 - asked for
        return 0
    logging.basicConfig(level=options.log_level, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    return run(settings, takes_over=options.take_over)


def run(settings: Settings, *, takes_over: bool = False) -> int:
    """Turn until SIGTERM or SIGINT, or until another controller turns out to be in charge."""
    try:
        return _turn(settings, takes_over=takes_over)
    except StoreError as error:
        log.critical("store_unusable said=%r", str(error))
    except NotServedError as error:
        log.critical("metrics_unserved said=%r", str(error))
    return 1


def _turn(settings: Settings, *, takes_over: bool) -> int:
    store = Store(Path(settings.state_dir) / FILE)
    inbox: SimpleQueue[object] = SimpleQueue()
    broker = Broker(settings.link(), inbox.put, inbox.qsize)
    loop = Loop(
        Fleet(settings.fleet, settings.decided_by(), home_assistant=settings.shown_to()),
        store,
        broker,
        inbox,
        installed(),
    )
    loop.registries = Registries(inbox.put, [one.host for one in settings.registries if one.insecure])
    loop.wall, loop.host, loop.takes_over = wall_clock, socket.gethostname(), takes_over
    ears = Broker(settings.listening_link(), overhearing(inbox.put), inbox.qsize)
    loop.ears = Ears(ears, settings.fleet, f"{LISTENER}-{secrets.token_hex(4)}")
    watching = supervisor(os.environ, os.getpid())
    process = Process(loop, settings, watching, time.monotonic)
    gc.freeze()  # what was loaded stays: there is nothing to find in it
    gc.set_threshold(COLLECT_AFTER)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    log.info("controller_started fleet=%s broker=%s", settings.fleet, settings.link().place)
    try:
        process.run(lambda now_mono_s: broker.is_alive(now_mono_s) and ears.is_alive(now_mono_s))
    finally:
        watching.tell(STOPPING)
        ears.close()
        broker.close()
        store.close()
    if loop.dismissed:
        log.critical("dismissed said=%r", loop.dismissed)
        return NOT_IN_CHARGE
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bramble-controller", description="Run the controller of a bramble.")
    parser.add_argument("--settings", default="", help="a TOML file; /etc/bramble/controller.toml if it is there")
    parser.add_argument("--print-settings", action="store_true", help="show what was read, and end")
    parser.add_argument("--take-over", action="store_true", help="replace the controller that is, or was, in charge")
    parser.add_argument(
        "--home-assistant", nargs="?", const=DISCOVERY_PREFIX, metavar="PREFIX",
        help=f"show the fleet to Home Assistant, which looks for devices below PREFIX ({DISCOVERY_PREFIX})",
    )  # fmt: skip
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    parser.add_argument("--version", action="version", version=f"bramble-controller {installed()}")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
