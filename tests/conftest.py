"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let what the tests start be ended: `nohup` and a shell's background ignore signals, and children inherit that."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
