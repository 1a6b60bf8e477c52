"""S6 on engines and ledger: one run per attempt on a node, one node per invocation unless another took it over, one end for each.

Who has room for few ends only (`sim.straits`) forgets some while he may still be asked, and may run those again: nobody is held to
what his bound has made him forget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.decide.invocation import OPEN, InvocationState
from sim.facts import Facts
from sim.follows import Follows
from sim.head import Head
from sim.node import SimNode
from sim.violation import ViolationError


@dataclass(slots=True)
class Runs:
    """The checks. `forbidden` are invocations that are for nobody; a function that fails is run `retries` times more at most."""

    head: Head
    nodes: Mapping[str, SimNode]
    facts: Facts
    follows: Follows
    retries: int = 0
    forbidden: set[str] = field(default_factory=set)
    _seen: Counter[str] = field(default_factory=Counter)
    _began: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _runner: dict[str, str] = field(default_factory=dict)
    _ended: dict[str, InvocationState] = field(default_factory=dict)
    _blank: set[str] = field(default_factory=set)

    def forget(self, name: str) -> None:
        """A node has another card, and may run again what it ran."""
        self._blank.add(name)
        for key in [key for key in self._began if key[0] == name]:
            del self._began[key]

    def restored(self) -> None:
        """The controller has an older store, and cannot know what has ended since."""
        self._ended.clear()

    def look(self, name: str, node: SimNode) -> None:
        """What has begun on a node since the last look."""
        ran, seen = node.engine.ran, self._seen[name]
        if len(ran) == seen and name not in self._blank:
            return
        if name in self._blank and node.node is None:  # a step of the lost card was under way
            seen = len(ran)
        for invocation, attempt in ran[seen:]:
            self._begins(name, node, invocation, attempt)
        self._seen[name] = len(ran)

    def _begins(self, name: str, node: SimNode, invocation: str, attempt: int) -> None:
        if invocation in self.forbidden:
            raise ViolationError("S3", f"{name} ran {invocation}, which was not for it")
        if node.node is None or len(node.node.ended) < node.node.limits.ended:
            self._began[name, invocation, attempt] += 1
        if self._began[name, invocation, attempt] > 1:
            raise ViolationError("S6", f"{invocation} ran its attempt {attempt} twice on {name}")
        fleet = self.head.fleet  # it may have given up a node that was offline; while it is down nobody knows
        is_taken_over = fleet is None or self.follows.is_taken_over(fleet, invocation)
        if self._runner.setdefault(invocation, name) != name and not is_taken_over:
            raise ViolationError("S6", f"{invocation} ran on {self._runner[invocation]} and on {name}")
        times = sum(n for (at, other, _), n in self._began.items() if (at, other) == (name, invocation))
        if times > 1 + node.troubles + self.retries:
            raise ViolationError("S6", f"{invocation} ran {times} times on {name} after {node.troubles} troubles")

    def sweep(self) -> None:
        """On the ledger: what has ended stays as it ended."""
        fleet = self.head.fleet
        if fleet is None:
            return
        if len(fleet.ended) >= fleet.terms.ledger_rows:
            self._ended = {key: state for key, state in self._ended.items() if key in fleet.ledger}
        taken = {run: name for name, node in self.nodes.items() for run in node.taken}
        for key in fleet.ledger:
            state, entry = fleet.ledger[key].state, fleet.ledger[key]
            if not entry.by_node and taken.get(key) not in (None, *entry.asked, *self.facts.cloned):
                raise ViolationError("S6", f"{key} may go to any node, and {taken[key]} has taken it")
            if state not in OPEN and self._ended.setdefault(key, state) is not state:
                raise ViolationError("S6", f"{key} ended as {self._ended[key]} and then as {state}")
