"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let what the tests start be interrupted: a shell in whose background we run ignores SIGINT, and children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
