"""S9 at every step: whatever grows with what comes in is within its bound, on every node and on the controller.

What is compared after everything that touched a process are lengths; rows of stores and records one by one are counted from time to
time. At rest nothing is remembered of what is gone: what a manifest names has the manifest for its bound, if it goes with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from agent.adapters.metrics import COUNTERS
from agent.decide.node import FLIGHT_MOST, Node
from controller.decide.decommission import DEPARTED_KEPT
from controller.decide.fleet import Fleet
from controller.decide.home_assistant.announce import GONE_KEPT
from controller.decide.manifests import FORMER_MOST
from controller.decide.placement.field import FIELDS_KEPT
from controller.decide.rollouts.history import KEPT, NOTES_KEPT
from controller.decide.streams import STREAMS_MOST
from controller.decide.twins import VOICES_MOST
from link.intake import BEYOND_LIMIT
from link.outbox import REFUSED_ROWS
from link.settings import BACKLOG, INFLIGHT
from protocol.ids import service_key
from protocol.observed import OfferState
from protocol.triggers.memory import SAMPLES_MOST
from sim.head import Head
from sim.node import SimNode
from sim.process import Process
from sim.straits import Straits
from sim.violation import ViolationError

Row = tuple[str, int, int]
"""What there is so much of, and how much there may be."""

INBOX_MOST = BACKLOG + INFLIGHT + 20
"""Packets until a link reads no more, the receipts of its window, and a word of each pin, step and fall of the link meanwhile."""

NUMBERS_MOST = 32
"""Durable counts of the controller: each word is the product's own."""


class Bounds:
    """The checks."""

    def __init__(self, nodes: Mapping[str, SimNode], head: Head, straits: Straits) -> None:
        self._nodes, self._head, self._straits = nodes, head, straits

    def look(self, name: str, node: SimNode) -> None:
        """A node was touched."""
        if node.node is not None:
            _hold(name, self._of_node(node, node.node))

    def look_at_head(self) -> None:
        """The controller was."""
        if self._head.fleet is not None:
            _hold("the controller", _of_head(self._head.fleet))

    def sweep(self) -> None:
        """Count what costs more to count."""
        _hold("the controller", _of_process(self._head.process))
        for name, node in self._nodes.items():
            _hold(name, _of_process(node.process))
            if node.store is not None and node.node is not None:
                _hold(name, _of_store(node, node.node))
        if self._head.fleet is not None:
            _hold("the controller", _of_records(self._head.fleet))

    def at_rest(self) -> None:
        """Nothing is remembered of what is not there any more."""
        for name, node in self._nodes.items():
            assert node.node is not None, "it is at rest"
            _forgotten(name, _of_the_gone(node.node))
        assert self._head.fleet is not None, "it is at rest"
        _forgotten("the controller", _of_gone_services(self._head.fleet))

    def _of_node(self, node: SimNode, knows: Node) -> Iterator[Row]:
        limits, outbox = self._straits.limits, self._straits.outbox
        if node.store is not None:
            yield "facts in its outbox", node.store.outbox.size, outbox.rows
            yield "bytes in its outbox", node.store.outbox.size_bytes, outbox.bytes
        yield "readings in its flight recorder", len(knows.flight), FLIGHT_MOST
        yield "ends of invocations", len(knows.ended), limits.ended
        yield "messages of functions to others", len(knows.publications), limits.publications
        yield "such messages on their way", len(knows.publishing), limits.publications
        yield "functions that are missing", len(knows.missing), limits.missing
        yield "calls that follow", len(knows.following), 0
        if len(knows.trials) > limits.forgotten:
            failed = (trial for trial in knows.trials.values() if trial.state is OfferState.FAILED)
            gone = sum(trial.key not in knows.standing() for trial in failed)
            yield "trials that failed and are offered no more", gone, limits.forgotten


def _of_head(fleet: Fleet) -> Iterator[Row]:
    terms = fleet.terms
    yield "open invocations", len(fleet.backlog), terms.ledger_rows
    yield "bytes of open invocations", fleet.backlog.size_bytes, terms.ledger_bytes
    yield "ended invocations", len(fleet.ended), terms.ledger_rows
    yield "invocations", len(fleet.ledger), 2 * terms.ledger_rows
    yield "bytes of answers", fleet.kept.size_bytes, terms.answers_bytes
    yield "dead letters", len(fleet.letters), terms.letters_kept
    yield "bytes of dead letters", fleet.dead.size_bytes, terms.letters_bytes
    yield "answered orders", len(fleet.answered), terms.answers_kept
    yield "answered orders in their order", len(fleet.answered_order), terms.answers_kept
    yield "commands without an answer", len(fleet.asked), terms.answers_kept
    yield "nodes that have left", len(fleet.departed), DEPARTED_KEPT
    yield "counts", len(fleet.numbers), NUMBERS_MOST
    yield "devices of Home Assistant that are gone", len(fleet.announcements.of("gone", value=True)), GONE_KEPT


def _of_process(process: Process) -> Iterator[Row]:
    yield "inputs in its inbox", process.waited_most, INBOX_MOST


def _of_store(node: SimNode, knows: Node) -> Iterator[Row]:
    """The rows that a card holds, beside what the outbox counts itself."""
    assert node.store is not None
    yield "facts that no broker takes", node.store.rows("outbox_refused"), REFUSED_ROWS
    yield "ends on its card", node.store.rows("ended"), node.world.straits.limits.ended
    yield "publications on its card", node.store.rows("publications"), node.world.straits.limits.publications
    for memory in knows.memories.values():
        yield "samples of a trigger", len(memory.times_mono_s), SAMPLES_MOST


def _of_records(fleet: Fleet) -> Iterator[Row]:
    """What each record of the controller holds."""
    yield "answers to what is asked of nodes", len(fleet.fields), FIELDS_KEPT
    for node in fleet.streams:
        yield f"streams of {node}", len(fleet.streams[node].keys), STREAMS_MOST
    yield "streams", len(fleet.intakes), STREAMS_MOST * max(1, len(fleet.streams))
    for key in fleet.intakes:
        yield f"facts beyond a gap of {key}", len(fleet.intakes[key].beyond), BEYOND_LIMIT
    for node, voices in fleet.voices.items():
        yield f"voices of {node}", len(voices), VOICES_MOST
    for service in fleet.histories:
        rows = fleet.histories[service].rows
        yield f"updates in the history of {service}", len(rows), KEPT
        yield f"notes of an update of {service}", max((len(row.notes) for row in rows), default=0), NOTES_KEPT
    for stack in fleet.stacks:
        yield f"former manifests of {stack}", len(fleet.stacks[stack].former), FORMER_MOST


def _of_the_gone(knows: Node) -> Iterator[tuple[str, Iterable[object], Collection[object]]]:
    """What a node remembers by the names of others, and those names."""
    trials, functions = set(knows.trials), {service_key(stack, name) for stack, name in knows.directory.functions}
    yield "requests", knows.asked, trials
    yield "watched trials", knows.watching, trials
    yield "locks", knows.locks, trials
    yield "remarks", knows.remarks, trials | set(knows.tasks)
    yield "hindered functions", knows.hindered, functions
    yield "rates", knows.buckets, functions
    yield "instances", {service_key(one.stack, one.function) for one in knows.instances.values()}, functions
    yield "publications on their way", knows.publishing, set(knows.publications)
    yield "runs", knows.running, set(knows.runs)
    yield "planned times", knows.planned, set(knows.tasks)
    yield "marks", knows.marks, set(knows.tasks)
    sensors = {spec.name for spec in knows.sections().sensors}
    called = {service_key(function.stack, function.name) for function in knows.remembered()}
    for label, there in (("sensor", sensors), ("function", called), ("task", set(knows.tasks))):
        yield f"how often something of a {label} was counted", _counted(knows, label), there


def _counted(knows: Node, label: str) -> set[str]:
    """The sensors, functions or tasks of which something is counted."""
    return {name[1] for name in knows.counts if COUNTERS[name[0]][1][:1] == (label,)}


def _of_gone_services(fleet: Fleet) -> Iterator[tuple[str, Iterable[object], Collection[object]]]:
    """What the controller remembers by services, functions and stacks."""
    services, functions, stacks = (
        set(fleet.rollouts) | set(fleet.scheduled),
        set(fleet.catalogue.functions),
        set(fleet.stacks),
    )
    yield "services that settled", fleet.settled_mono_s, services
    yield "places to wait", fleet.waiting, services
    yield "early requests", fleet.early, services
    yield "outages", fleet.outages, services
    yield "rankings", fleet.rankings, services
    yield "stranded functions", fleet.stranded, functions
    yield "scalings", fleet.scalings, functions
    yield "keeps", fleet.keeps, functions
    yield "ends", fleet.ends, functions
    yield "reports", fleet.reported, stacks
    yield "drafts", fleet.drafts, ()


def _hold(who: str, rows: Iterable[Row]) -> None:
    for what, count, most in rows:
        if count > most:
            raise ViolationError("S9", f"{who} keeps {count} {what}, and has room for {most}")


def _forgotten(who: str, kept: Iterable[tuple[str, Iterable[object], Collection[object]]]) -> None:
    for what, names, there in kept:
        gone = sorted(str(name) for name in names if name not in there)
        if gone:
            raise ViolationError("S9", f"{who} remembers {what} of {', '.join(gone)}, which is gone")
