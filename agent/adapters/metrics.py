"""What Prometheus may read of an agent. The loop's thread publishes a snapshot; the server's thread only reads the newest one.

Off unless a port is set: the library costs 14 MB, a third of the agent, and the same figures travel in health and status anyway. It
listens on loopback by default; whoever scrapes from elsewhere says so in the settings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

FUNCTION_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# From a container's bare start to the longest timeouts people set.

F = TypeVar("F", "CounterMetricFamily", "GaugeMetricFamily")

Told = tuple[str, tuple[str, ...]]
"""What a metric says of itself, and its labels."""

_ROWS: Told = ("Facts not yet acknowledged", ())
_OFFLINE: Told = ("Time since the broker was last connected", ())
_DROPPED: Told = ("Facts given up", ("reason",))
_SUPPRESSED: Told = ("Edges that filters swallowed since the sensor was opened", ("sensor",))

COUNTERS: Mapping[str, Told] = {
    "steps": ("Steps on the engine that ended", ("step", "outcome")),
    "events": ("Events that sensors made", ("sensor", "type")),
    "readings_dropped": ("Readings let go because more came than could be taken in", ("sensor",)),
    "invocations": ("Invocations that ended here", ("function", "status")),
    "invocation_retries": ("Runs of functions that failed and are tried again", ("function",)),
    "invocations_repeated": ("Invocations that arrived again", ()),
    "calls_forgone": ("Calls refused at once because too many functions were missing to wait for another", ()),
    "instances_failed": ("Instances of warm functions that failed, and are made anew", ("function",)),
    "publications": (
        "Messages of functions on topics of others: with the broker, or gone for want of room",
        ("outcome",),
    ),
    "ticks_missed": ("Timer ticks that called nothing", ("function",)),
    "circles": ("Results that called nothing more, because too many functions had called each other", ("function",)),
    "conditions_unclear": (
        "Events for which a trigger's condition had no answer, so that it called nothing",
        ("function",),
    ),
    "planned_calls": ("Times at which schedules called functions, or no more", ("function", "outcome")),
    "planned_runs": ("Planned times of jobs that have come", ("task", "outcome")),
    "stores_renewed": ("Times that the agent's store was found to be an older copy of itself", ()),
    "strays": ("Containers that were found to be of another image than their task's digest names", ()),
    "trials": ("Trials of a revision that ended", ("state",)),
    "grants_ignored": ("Grants that answered no young request", ()),
    "grants_returned": ("Grants that were given back: a window had closed, or a lock was taken, since the asking", ()),
    "locks_overridden": ("Updates that began although a lock was held, by its limit or by an operator", ()),
    "refusals": ("Messages that were not taken", ()),
    "outranked": ("Messages of a controller that another one has replaced", ()),
    "samples_dropped": ("Requests and answers let go because the link had no room for two thousand of them", ()),
    "facts_refused": ("Facts too large to send", ()),
    "links_up": ("Connections to the broker", ()),
}
"""The names that decisions tally under, with the labels of what follows the name."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of one moment."""

    counts: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    outbox_rows: int = 0
    outbox_dropped: Mapping[str, int] = field(default_factory=dict)
    offline_s: float = 0.0
    edges_suppressed: Mapping[str, int] = field(default_factory=dict)
    functions: Collection[str] = ()


class Metrics:
    """A page of metrics on one port."""

    def __init__(self, host: str, port: int) -> None:
        """Serve at once; raises OSError where the port is taken."""
        from prometheus_client import CollectorRegistry, Histogram, start_http_server  # noqa: PLC0415 - 14 MB

        registry = CollectorRegistry()
        registry.register(self)
        self._snapshot = Snapshot()
        self._timed: set[str] = set()
        self._durations = Histogram(
            "bramble_agent_invocation_seconds", "How long functions ran", ["function"],
            buckets=FUNCTION_BUCKETS_S, registry=registry,
        )  # fmt: skip
        start_http_server(port, host, registry)

    def publish(self, snapshot: Snapshot) -> None:
        """Let this be what is read from now on; of functions that are gone nothing is."""
        self._snapshot = snapshot
        for function in self._timed - set(snapshot.functions):
            self._timed.remove(function)
            self._durations.remove(function)

    def ran(self, function: str, duration_s: float) -> None:
        """A run of a function ended."""
        self._timed.add(function)
        self._durations.labels(function).observe(duration_s)

    def collect(self) -> Iterator[Metric]:
        """Called by the server's thread for each scrape."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - see above

        now = self._snapshot
        yield _filled(GaugeMetricFamily, "outbox_rows", _ROWS, {(): now.outbox_rows})
        yield _filled(GaugeMetricFamily, "offline_seconds", _OFFLINE, {(): now.offline_s})
        yield _filled(CounterMetricFamily, "outbox_dropped", _DROPPED, _of_one_label(now.outbox_dropped))
        yield _filled(GaugeMetricFamily, "edges_suppressed", _SUPPRESSED, _of_one_label(now.edges_suppressed))
        for name, told in COUNTERS.items():
            figures = {counted[1:]: number for counted, number in now.counts.items() if counted[0] == name}
            yield _filled(CounterMetricFamily, name, told, figures)


def _of_one_label(figures: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): figure for name, figure in figures.items()}


def _filled(family: type[F], name: str, told: Told, figures: Mapping[tuple[str, ...], float]) -> F:
    """One metric, with its figure for each choice of labels."""
    words, labels = told
    made = family(f"bramble_agent_{name}", words, labels=labels)
    for chosen, figure in figures.items():
        made.add_metric(chosen, figure)
    return made
