"""How calls wait for their functions, held against commits and engines: in their mode, their order, at their rate, in their time.

An oracle of its own beside `agent.decide.admission` and `rates`. The stack is `sim.errands`', which says each mode with bounds that
a few presses of a button reach. A node's word of a call is its commit: a call is accepted with the first that holds it, and has
ended with the one that has its result. After another card a node may know nothing of before, and is not looked at any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.decide.effects import Note
from agent.decide.invocation import Run, State
from agent.store import MOMENT_EVERY_S
from protocol.observed import Result, ResultStatus
from sim.node import SimNode
from sim.process import Process
from sim.truth import LABEL
from sim.violation import ViolationError

STACK = "desk"

SINGLE, NEWEST, LINE, CROWD, DRIP, HASTY = "single", "newest", "line", "crowd", "drip", "hasty"
LINE_MOST, CROWD_MOST = 4, 3
DRIP_COUNT, DRIP_S = 3, 6.0
HASTY_S = 2.5
SICK, SICK_DELAY_S, SICK_MOST_S = "sick", 0.5, 2.0
"""One that fails, and the bounds of its pauses."""

AT_ONCE = {SINGLE: 1, NEWEST: 1, LINE: 1, CROWD: CROWD_MOST, DRIP: 1, HASTY: 1}
"""How many of each run side by side on a node."""

PLACES = {SINGLE: 1, LINE: LINE_MOST, CROWD: CROWD_MOST}
"""How many of each may run and wait."""

CLOSE_S = 0.05
"""What two ways of reckoning one moment may differ by."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call that a node has taken: of which function, for which cause, as which of all, and when."""

    function: str
    cause: str
    attributes: dict[str, str]
    number: int
    at_s: float
    boot: int


@dataclass(slots=True)
class Card:
    """What one node has committed. `here` are its calls that have not ended, `begun` how often each was begun."""

    accepted: dict[str, Accepted] = field(default_factory=dict)
    here: dict[str, Run] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    put_off: set[str] = field(default_factory=set)
    told: dict[str, Result] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    drawn_s: list[float] = field(default_factory=list)
    looked: int = 0
    in_line: int = -1


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit of a node has done to the calls of the stack."""

    runs: dict[str, Run]
    results: dict[str, Result]
    now_s: float

    def of(self, function: str) -> list[Run]:
        """The calls of a function that are there now."""
        return [run for run in self.runs.values() if run.function == function]


@dataclass(slots=True)
class Queues:
    """The checks of all nodes."""

    cards: dict[str, Card] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def forget(self, name: str) -> None:
        """A node has another card, or an older one."""
        self.unsure.add(name)

    def committed(self, name: str, node: SimNode, notes: list[Note], now_s: float) -> None:
        """One commit of a node."""
        if node.node is None or name in self.unsure:
            return
        runs = {run.id: run for run in node.node.runs.values() if run.stack == STACK}
        said = (note.message for note in notes)
        results = [one for one in said if isinstance(one, Result) and one.stack == STACK]
        card = self.cards.setdefault(name, Card())
        for result in results:
            if result.id in card.told or sum(one.id == result.id for one in results) > 1:
                raise ViolationError("one end", f"{name} tells a second end of {result.function} {result.id}")
        commit = Commit(runs, {result.id: result for result in results}, now_s)
        self._accept(card, commit, node.process.boot)
        self._lost(name, card, commit)
        _queued(name, card, commit)
        _skipped(name, card, commit)
        _begun(name, card, commit, node.process.boot)
        _expired(name, card, commit, node.process.boot)
        _counted(name, commit, node)
        _paused(name, card, commit, node.process)
        card.told.update(commit.results)
        card.here = runs

    def look(self, name: str, node: SimNode) -> None:
        """What runs on a node's engine now."""
        card = self.cards.get(name)
        if card is None or name in self.unsure:
            return
        running = Counter(
            box.labels.get(f"{LABEL}function", "") for box in node.engine.running() if _is_ours(box.labels)
        )
        for function, count in running.items():
            if count > AT_ONCE.get(function, count):
                raise ViolationError("queue", f"{count} of {function} run on {name} at once")
        for id_, attempt in node.engine.ran[card.looked :]:
            call = card.accepted.get(id_)
            if id_ in card.told:
                raise ViolationError("one end", f"{name} begins {id_}, which has ended as {card.told[id_].status}")
            if call is not None and call.function == LINE and attempt == 1 and id_ not in card.put_off:
                if call.number < card.in_line:
                    raise ViolationError("queue", f"{name} begins {id_} after calls of {LINE} that came later")
                card.in_line = call.number
        card.looked = len(node.engine.ran)

    def ends(self) -> Iterable[tuple[str, Accepted, Result]]:
        """Every end that was told of a call: where, of what, and what."""
        for name, card in self.cards.items():
            for id_, result in card.told.items():
                if id_ in card.accepted and name not in self.unsure:
                    yield name, card.accepted[id_], result

    def _accept(self, card: Card, commit: Commit, boot: int) -> None:
        for run in commit.runs.values():
            if run.id not in card.accepted:
                number = len(card.accepted)
                call = Accepted(run.function, run.cause, run.attributes, number, commit.now_s, boot)
                card.accepted[run.id], card.last[run.function] = call, run.id

    def _lost(self, name: str, card: Card, commit: Commit) -> None:
        for id_, run in card.here.items():
            if id_ not in commit.runs and id_ not in commit.results:
                raise ViolationError("one end", f"{name} has forgotten {run.function} {id_}, and told no end of it")
        for id_, result in commit.results.items():
            if id_ in commit.runs:
                raise ViolationError("one end", f"{name} tells the end of {result.function} {id_}, and goes on with it")


def _is_ours(labels: dict[str, str]) -> bool:
    return labels.get(f"{LABEL}stack") == STACK and f"{LABEL}invocation" in labels


def _queued(name: str, card: Card, commit: Commit) -> None:
    """Bounds of what is there, and no refusal where there was room."""
    for function, most in PLACES.items():
        there = commit.of(function)
        if len(there) > most:
            raise ViolationError(
                "queue", f"{len(there)} of {function} run and wait on {name}, which has room for {most}"
            )
    going = [run for run in commit.of(NEWEST) if run.state is not State.STOPPING]
    if len(going) > 1:
        raise ViolationError("queue", f"{len(going)} of {NEWEST} go on on {name}, and only the newest should")
    for result in commit.results.values():
        if result.reason.startswith("queue full") and _others(card, commit, result) < PLACES.get(result.function, 0):
            raise ViolationError("queue", f"{name} has no room for {result.function} {result.id}, and it has")


def _others(card: Card, commit: Commit, result: Result) -> int:
    """How many calls of the same function may have been there with one that has ended in this commit."""
    ids = {run.id for run in card.here.values() if run.function == result.function}
    ids |= {run.id for run in commit.of(result.function)}
    ids |= {other.id for other in commit.results.values() if other.function == result.function}
    return len(ids - {result.id})


def _skipped(name: str, card: Card, commit: Commit) -> None:
    """Nobody gives way but to somebody."""
    for result in commit.results.values():
        if result.status is not ResultStatus.SKIPPED:
            continue
        if result.function == SINGLE and not _others(card, commit, result):
            raise ViolationError("queue", f"{name} skips {SINGLE} {result.id}, and nothing else of it was there")
        if result.function == NEWEST and card.last.get(NEWEST) == result.id:
            raise ViolationError("queue", f"{name} skips {NEWEST} {result.id}, and nothing newer has come")


def _begun(name: str, card: Card, commit: Commit, boot: int) -> None:
    """Each begin is in its time, and no more of them than the rate lets through."""
    for run in commit.runs.values():
        before, card.begun[run.id] = card.begun.get(run.id, 0), run.attempt
        if run.attempt < before:
            card.put_off.add(run.id)
        if run.attempt > before:
            waited_s = _waited_s(card, run.id, commit, boot)
            if run.function == HASTY and waited_s > HASTY_S + CLOSE_S:
                raise ViolationError("expired", f"{name} begins {HASTY} {run.id} after {waited_s:.3f} s")
            if run.function == DRIP:
                _draw(name, card, commit.now_s)


def _expired(name: str, card: Card, commit: Commit, boot: int) -> None:
    """Nobody loses patience before his time."""
    for result in commit.results.values():
        is_expired = result.function == HASTY and result.status is ResultStatus.EXPIRED and result.id in card.accepted
        if is_expired and 0.0 < _waited_s(card, result.id, commit, boot) < HASTY_S - CLOSE_S:
            raise ViolationError("expired", f"{name} lets {HASTY} {result.id} expire before its time")


def _waited_s(card: Card, id_: str, commit: Commit, boot: int) -> float:
    """How long a call has waited; 0 if its node has booted since, for what it was without power does not count."""
    call = card.accepted[id_]
    return commit.now_s - call.at_s if call.boot == boot else 0.0


def _counted(name: str, commit: Commit, node: SimNode) -> None:
    """As many attempts are told as have begun: an engine or a registry that was away has used up none."""
    for result in commit.results.values():
        begun = sum(id_ == result.id for id_, _ in node.engine.ran) if result.attempt else 0
        if result.attempt != begun and result.status is not ResultStatus.SKIPPED:
            raise ViolationError(
                "attempts", f"{name} tells {result.attempt} attempts of {result.id}, and began {begun}"
            )


def _paused(name: str, card: Card, commit: Commit, process: Process) -> None:
    """Between two attempts lies no longer a pause than their number allows, and a boot adds as much as its store may."""
    for run in commit.of(SICK):
        if run.state is State.PENDING and run.attempt and run.id not in card.put_off:
            is_of_this_boot = run.id in card.accepted and card.accepted[run.id].boot == process.boot
            late_s = CLOSE_S if is_of_this_boot else CLOSE_S + MOMENT_EVERY_S
            bound_s = min(SICK_MOST_S, SICK_DELAY_S * 2 ** (run.attempt - 1))
            if run.due_mono_s - process.mono_s > bound_s + late_s:
                raise ViolationError("backoff", f"{name} has {run.id} wait for more than {bound_s} s")


def _draw(name: str, card: Card, now_s: float) -> None:
    """A bucket of tokens never lets more through, from any moment on, than it holds and than has come since."""
    card.drawn_s.append(now_s)
    for number, since_s in enumerate(card.drawn_s):
        count, most = len(card.drawn_s) - number, DRIP_COUNT + (now_s - since_s + CLOSE_S) * DRIP_COUNT / DRIP_S
        if count > most:
            raise ViolationError("rate", f"{name} begins {DRIP} {count} times in {now_s - since_s:.3f} s")
