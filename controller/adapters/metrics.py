"""Prometheus figures of a controller: counted in the fleet, shown here. The names follow Prometheus' conventions.

The loop calls `publish` after a turn; the web server's thread reads only what prometheus-client keeps behind its own locks. What
may fail is the port: that ends the process at its start, with the port's number, and never later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

INVOCATION_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""From a container's start on a desktop to the longest function anybody waits for."""

TURN_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
"""From an empty turn to one that a person notices."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown, as it stands after a turn. Each of the `counts` only grows, until what it counts is gone.

    Of `functions` that are not among these nothing is shown.
    """

    counts: Mapping[tuple[str, ...], int]
    nodes: Mapping[str, int]
    slots: Mapping[tuple[str, str], int]
    durations: tuple[tuple[str, float], ...]
    inbox_length: int
    outgoing_length: int
    is_up: bool
    gauges: tuple[tuple[tuple[str, ...], float], ...] = ()
    functions: Collection[str] = ()


_COUNTERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "events": ("bramble_events", "Sensor events, each counted once.", ()),
    "facts": ("bramble_facts", "Facts of nodes, each counted once.", ()),
    "fact_duplicates": ("bramble_fact_duplicates", "Facts that came again and changed nothing.", ()),
    "refusals": ("bramble_refusals", "Input that was not taken, by its class.", ("reason",)),
    "newer_reports": ("bramble_newer_reports", "Reports of newer agents, of which something was passed over.", ()),
    "manifests": ("bramble_manifests", "Manifests, by verdict.", ("verdict",)),
    "verdicts_forgotten": (
        "bramble_verdicts_forgotten",
        "Refused stacks that were never accepted, forgotten because there are too many.",
        (),
    ),
    "orders": ("bramble_orders", "Orders and questions of operators.", ("verb",)),
    "invocations": ("bramble_invocations", "Ended invocations.", ("function", "status")),
    "triggers_missed": (
        "bramble_triggers_missed",
        "Events whose node has not got the function whose trigger should remember them.",
        ("function",),
    ),
    "conditions_unclear": (
        "bramble_conditions_unclear",
        "Events for which a trigger's condition had no answer, so that it called nothing.",
        ("function",),
    ),
    "invocation_duplicates": ("bramble_invocation_duplicates", "Causes whose invocation stood on the ledger.", ()),
    "taken_over": (
        "bramble_invocations_taken_over",
        "Invocations given to another node, theirs being away.",
        ("function",),
    ),
    "scalings": (
        "bramble_function_scalings",
        "Changes of how many instances are kept ready.",
        ("function", "direction"),
    ),
    "dead_letters": ("bramble_dead_letters", "Invocations that left a dead letter.", ("status",)),
    "dead_letters_replayed": ("bramble_dead_letters_replayed", "Dead letters that were run once more.", ()),
    "dead_letters_dropped": ("bramble_dead_letters_dropped", "Dead letters that an operator dropped.", ()),
    "dead_letters_done": (
        "bramble_dead_letters_done",
        "Dead letters of what a late result says was done after all.",
        (),
    ),
    "dead_letters_lost": (
        "bramble_dead_letters_lost",
        "Dead letters that went for want of room, the oldest first.",
        (),
    ),
    "result_duplicates": ("bramble_result_duplicates", "Results after the first of an invocation.", ()),
    "rollouts": ("bramble_rollout_changes", "Rollouts that came into a state.", ("state",)),
    "requests": ("bramble_rollout_requests", "Requests for a grant, by what became of them.", ("answer",)),
    "presence": ("bramble_presence_changes", "Nodes that came into a presence.", ("presence",)),
    "unsteady": ("bramble_nodes_unsteady", "Nodes that began to come and go.", ()),
    "epochs_raised": ("bramble_epochs_raised", "Nodes that knew more than this store.", ()),
    "replaced": ("bramble_tasks_replaced", "Tasks that another node took over while theirs was away.", ()),
    "reconciled": ("bramble_tasks_reconciled", "Tasks whose node returned, by the copy that stayed.", ("kept",)),
    "lost": ("bramble_tasks_lost", "Copies that were given up because their node stayed away.", ()),
    "home_assistant_late_events": (
        "bramble_home_assistant_late_events",
        "Events that were too old to be told to Home Assistant as such.",
        (),
    ),
    "samples_lost": ("bramble_samples_lost", "Samples that were let go because the link was too slow for them.", ()),
    "late_answers": ("bramble_late_answers", "Answers to commands that nobody waits for.", ()),
    "late_wills": ("bramble_late_wills", "Wills of older connections.", ()),
    "stale_statuses": ("bramble_stale_statuses", "Statuses that were no newer than what is known.", ()),
}


_GAUGES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "ledger_open": ("bramble_invocations_open", "Invocations that wait for a result.", ()),
    "dead_letters_kept": ("bramble_dead_letters_kept", "Dead letters that are kept.", ()),
    "function_busy": ("bramble_function_busy", "Invocations that nodes have taken and not ended.", ("function",)),
    "function_instances": ("bramble_function_instances", "Instances of a warm function that are there.", ("function",)),
    "function_keep": ("bramble_function_keep", "Instances of a warm function to be kept ready.", ("function",)),
}


class NotServedError(Exception):
    """Nothing can be shown on this address; the message names it."""


class Metrics:
    """The figures, and the small web server that shows them."""

    def __init__(self, host: str, port: int) -> None:
        """Serve on this address until the process ends."""
        self._registry = CollectorRegistry()
        self._before: dict[tuple[str, ...], int] = {}
        self._timed: set[str] = set()
        self._counters = {
            key: Counter(name, help_, labels, registry=self._registry)
            for key, (name, help_, labels) in _COUNTERS.items()
        }
        self._nodes = self._gauge("bramble_nodes", "Nodes by presence.", "presence")
        self._slots = self._gauge("bramble_rollout_slots", "Slots of rollouts by state.", "service", "state")
        self._gauges = {key: self._gauge(name, help_, *labels) for key, (name, help_, labels) in _GAUGES.items()}
        self._inbox = self._gauge("bramble_inbox_length", "Inputs that the last turn found.")
        self._outgoing = self._gauge("bramble_outgoing_length", "Packets that wait for the link.")
        self._link = self._gauge("bramble_link_up", "Whether the broker has us.")
        self._turn = Histogram(
            "bramble_turn_seconds", "Time of a turn.", buckets=TURN_BUCKETS_S, registry=self._registry
        )
        self._invocation = Histogram(
            "bramble_invocation_seconds",
            "Time of a function's run.",
            ("function",),
            buckets=INVOCATION_BUCKETS_S,
            registry=self._registry,
        )
        try:
            start_http_server(port, host, registry=self._registry)
        except OSError as error:
            raise NotServedError(f"{host}:{port}: {error.strerror or error}") from error

    def turned(self, turn_s: float) -> None:
        """A turn took so long."""
        self._turn.observe(turn_s)

    def publish(self, now: Snapshot) -> None:
        """Show a snapshot."""
        self._count(now.counts)
        for presence, number in now.nodes.items():
            self._nodes.labels(presence).set(number)
        self._slots.clear()  # of services that are gone nothing is shown
        for (service, state), number in now.slots.items():
            self._slots.labels(service, state).set(number)
        self._time(now.durations, now.functions)
        self._show(now.gauges)
        self._inbox.set(now.inbox_length)
        self._outgoing.set(now.outgoing_length)
        self._link.set(now.is_up)

    def _show(self, gauges: tuple[tuple[tuple[str, ...], float], ...]) -> None:
        """Of functions that are gone nothing is shown."""
        for gauge, (_, _, labels) in zip(self._gauges.values(), _GAUGES.values(), strict=True):
            if labels:
                gauge.clear()
        for (key, *named), value in gauges:
            (self._gauges[key].labels(*named) if named else self._gauges[key]).set(value)

    def _time(self, durations: tuple[tuple[str, float], ...], functions: Collection[str]) -> None:
        for function in [one for one in self._timed if one not in functions]:
            self._timed.remove(function)
            self._invocation.remove(function)
        for function, duration_s in durations:
            if function in functions:
                self._timed.add(function)
                self._invocation.labels(function).observe(duration_s)

    def _count(self, counts: Mapping[tuple[str, ...], int]) -> None:
        for name in [name for name, number in self._before.items() if counts.get(name, 0) < number]:
            del self._before[name]  # gone, or gone and there again: it counts from 0
            self._counters[name[0]].remove(*name[1:])
        for (key, *labels), number in counts.items():
            name, more = (key, *labels), number - self._before.get((key, *labels), 0)
            if more and key in self._counters:
                counter = self._counters[key]
                (counter.labels(*labels) if labels else counter).inc(more)
                self._before[name] = number

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(name, help_, labels, registry=self._registry)
