"""Every count of the code is a metric, and every metric has its line in the page."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

import pytest

from agent.adapters import metrics as agents
from controller.adapters import metrics as controllers

ROOT = Path(__file__).parents[2]
TABLES = {"agent": set(agents.COUNTERS), "controller": set(controllers._COUNTERS)}


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scraped(port: int) -> set[str]:
    """The names of all metrics on a port, as Prometheus reads them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as page:
        names = re.findall(r"^# TYPE (\S+) ", page.read().decode(), re.MULTILINE)
    return {name for name in names if not name.endswith("_created")}


@pytest.mark.parametrize("room", TABLES)
def test_whatever_is_counted_is_shown(room: str) -> None:
    """A count that no table names would be kept for nobody, and a name that is never counted would always be zero."""
    code = "".join(path.read_text() for path in sorted((ROOT / room).rglob("*.py")))
    counted = {
        name
        for words in re.findall(r"tally(?:_function)?\(([^,)]*)", code)
        for name in re.findall(r'"([a-z_]+)"', words)
    }
    assert counted == TABLES[room]


def test_the_page_says_what_a_scrape_shows() -> None:
    """No metric without its line, and no line without its metric."""
    shown: set[str] = set()
    for metrics in (agents, controllers):
        port = free_port()
        metrics.Metrics("127.0.0.1", port)
        shown |= scraped(port)
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(bramble_[a-z_]+)", page, re.MULTILINE)) == shown
