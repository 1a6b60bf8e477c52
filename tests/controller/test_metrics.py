"""The figures as Prometheus reads them."""

from __future__ import annotations

import re
import socket
import urllib.request

from controller.adapters.metrics import Metrics, Snapshot


def shown(port: int, name: str) -> list[str]:
    """The lines of one metric."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as page:
        return re.findall(rf"^{name}{{.*$", page.read().decode(), re.MULTILINE)


def test_of_a_rollout_that_is_gone_nothing_is_shown() -> None:
    """A removed service must not stand at its last numbers for ever."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    metrics = Metrics("127.0.0.1", port)
    rolling = Snapshot({}, {}, {("shop.web", "settled"): 2}, (), 0, 0, True)
    metrics.publish(rolling)
    assert shown(port, "bramble_rollout_slots") == ['bramble_rollout_slots{service="shop.web",state="settled"} 2.0']
    metrics.publish(Snapshot({}, {}, {}, (), 0, 0, True))
    assert shown(port, "bramble_rollout_slots") == []
