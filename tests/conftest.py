"""What holds for every test."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
# What an example takes by a clock on the wall says how busy the machine is; a test that hangs is ended by its own timeout.


MARKS = (
    "fleet: controller and agents on real hosts; a part of its own beside the others of the lab (tests/parts.py)",
    "updates: versions that change on such a fleet; a part of its own likewise",
)


def pytest_configure(config: pytest.Config) -> None:
    """Let what the tests start be ended: `nohup` and a shell's background ignore signals, and children inherit that."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    settings.load_profile("shared machine")
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
