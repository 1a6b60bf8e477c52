"""An agent whose mock pins chatter: `python -m tests.bench.chatter PIN BUTTON RATE SECONDS`, told by SIGUSR1 when to begin.

A thread beside the agent drives them, as the pin library's own thread calls back for real ones: PIN turns RATE times a second for
so long, and BUTTON is pressed and released twice a second from the beginning on. When the storm is over it says on standard output
how many edges it made and how long they took it. It shares the interpreter with the agent: its own work is in what is measured.
"""

from __future__ import annotations

import sys
import threading
import time

from agent.__main__ import main
from tests.bench.mockpins import asked, install, watched

PIN, BUTTON = int(sys.argv[1]), int(sys.argv[2])
RATE, SECONDS = float(sys.argv[3]), float(sys.argv[4])
BATCH_S = 0.001
# A thread cannot sleep for a tenth of a millisecond; ten edges at a time come to the same.
AT_ONCE = 200
# What it is behind is made good in portions, so that it ends in time where it cannot keep up.


def press() -> None:
    """Twice a second, for ever."""
    button = watched(BUTTON)
    while True:
        for drive in (button.drive_low, button.drive_high):
            time.sleep(0.25)
            drive()


def storm() -> None:
    """Turn a pin at a steady rate, and make good at once what the interpreter was too busy for."""
    chattering = watched(PIN)
    drives = (chattering.drive_low, chattering.drive_high)
    asked.wait()
    begun_mono_s, edges = time.monotonic(), 0
    while (passed_s := time.monotonic() - begun_mono_s) < SECONDS:
        for _ in range(min(AT_ONCE, int(passed_s * RATE) - edges)):
            drives[edges % 2]()
            edges += 1
        chattering.clear_states()  # a mock pin remembers every level that it had
        time.sleep(BATCH_S)
    print(f"{edges} edges in {time.monotonic() - begun_mono_s:.3f} s", flush=True)


install()
for work in (press, storm):
    threading.Thread(target=work, daemon=True).start()
sys.exit(main(["--log-level", "WARNING"]))
