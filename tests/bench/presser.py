"""An agent, and a finger on its button: `python -m tests.bench.presser BUTTON LAMP PRESSES`, told by SIGUSR1 when to begin.

A thread beside the agent presses a mock pin, watches another one until it is lit, lets go and waits until that is dark. How long
each press took to light it is said on standard output at the end, as a list of milliseconds in JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from agent.__main__ import main
from tests.bench.mockpins import asked, install, pin

BUTTON, LAMP, PRESSES = map(int, sys.argv[1:])
PAUSE_S = 0.05
# What one press leaves to be done is over when the next one comes.
LOOK_S = 0.0001
PATIENCE_S = 30.0


def press() -> None:
    """Press, wait for the light, let go, wait for the dark ..."""
    asked.wait()
    button, lamp = pin(BUTTON), pin(LAMP)
    took_ms = []
    for _ in range(PRESSES):
        begun_mono_s = time.monotonic()
        button.drive_low()
        took_ms.append((until(lamp, lit=True) - begun_mono_s) * 1e3)
        button.drive_high()
        until(lamp, lit=False)
        time.sleep(PAUSE_S)
    print(json.dumps(took_ms), flush=True)


def until(lamp: Any, *, lit: bool) -> float:
    """When the lamp has come to be so; after half a minute in vain the process ends."""
    deadline_mono_s = time.monotonic() + PATIENCE_S
    while bool(lamp.state) != lit:
        if time.monotonic() > deadline_mono_s:
            print("the lamp does not follow", flush=True)
            os._exit(1)  # the agent beside has the main thread
        time.sleep(LOOK_S)
    return time.monotonic()


install()
threading.Thread(target=press, daemon=True).start()
sys.exit(main(["--log-level", "WARNING"]))
