"""Whatever nodes, results and operators do, in whatever order: one effect for each id, and nobody asked who need not be."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.decide.invocation import OPEN, InvocationState
from controller.decide.letters import DEAD
from controller.decide.presence import Presence
from controller.decide.terms import Terms
from protocol.observed import Link, ResultStatus
from protocol.operator import OrderVerb
from tests.controller.desk import Desk
from tests.controller.test_invocations import PORCH, RUNS, STACK, dispatched, end, event, id_of, sense

NODES = ("pi-1", "pi-2", "pi-3")
ROWS = 6
Act = tuple[str, int, int]
"""What happens, to which node or event, and a figure."""

ACTS = st.lists(
    st.tuples(
        st.sampled_from(("sense", "sense", "take", "go", "go", "come", "end", "end", "late", "wait", "replay", "drop")),
        st.integers(1, 8),
        st.integers(0, 90),
    ),
    max_size=60,
)  # fmt: skip


@dataclass
class History:
    """One controller, what its nodes were asked, and how everything was first seen to end."""

    desk: Desk = field(default_factory=lambda: Desk(terms=Terms(ledger_rows=ROWS, letters_kept=3)))
    asked: dict[str, list[str]] = field(default_factory=dict)
    ended: dict[str, InvocationState] = field(default_factory=dict)
    epoch: int = 1

    def __post_init__(self) -> None:
        for node, labels in (("pi-1", PORCH), ("pi-2", RUNS), ("pi-3", RUNS | PORCH)):
            self.desk.hello(node, labels=labels)
        self.desk.manifest("porch", STACK)

    def act(self, act: Act) -> None:
        """Have something happen, and look whether all is well."""
        what, which, figure = act
        node = NODES[which % 3]
        before = len(self.desk.effects)
        match what:
            case "sense" | "take":
                sensed = event(which, node="pi-1" if figure % 2 else "pi-3")
                taken = (id_of(sensed),) if what == "take" and sensed.node == "pi-3" else ()
                sense(self.desk, event(which, node=sensed.node, taken=taken))
            case "go":
                self.desk.presence(node, Link.OFFLINE, self.epoch)
            case "come":
                self.epoch += 1
                self.desk.presence(node, Link.ONLINE, self.epoch)
            case "end" | "late":
                self._end(which, figure, is_late=what == "late")
            case "wait":
                self.desk.turn(float(figure))
            case _:
                verb = OrderVerb.REPLAY if what == "replay" else OrderVerb.DROP
                self.desk.order(verb, "", key=f"o{len(self.desk.effects)}", all=True)
        self._look(before)

    def _end(self, which: int, figure: int, *, is_late: bool) -> None:
        """One that was asked says how it ended; late, if somebody else was asked since."""
        keys = sorted(self.asked)
        if keys:
            key = keys[which % len(keys)]
            node = self.asked[key][0 if is_late else -1]
            end(self.desk, key, node, ResultStatus.FAILED if figure % 3 else ResultStatus.DONE)

    def _look(self, before: int) -> None:
        fleet = self.desk.fleet
        for node, key in dispatched(tuple(self.desk.effects[before:])):
            known = self.asked.setdefault(key, [])
            assert fleet.presence(node) is Presence.ONLINE
            assert node in fleet.hosts["porch.greet"]
            if known and known[-1] != node:
                assert fleet.presence(known[-1]) is Presence.OFFLINE, "taken over from a node that is there"
            if node not in known[-1:]:
                known.append(node)
        for key in fleet.ledger:
            state = fleet.ledger[key].state
            if state not in OPEN:
                assert self.ended.setdefault(key, state) is state, "it ended twice, otherwise"
        assert len(fleet.backlog) == sum(fleet.ledger[key].state in OPEN for key in fleet.ledger) <= ROWS
        assert len(fleet.letters) <= 3
        assert {fleet.letters[key].state for key in fleet.letters} <= DEAD


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_each_invocation_ends_once_and_moves_only_from_a_node_that_is_gone(acts: list[Act]) -> None:
    """Bounds hold at every moment, and each id is counted once as ended."""
    history = History()
    for act in acts:
        history.act(act)
    counts = history.desk.fleet.counts
    assert sum(number for name, number in counts.items() if name[0] == "invocations") == len(history.ended)


@settings(max_examples=30, deadline=None)
@given(ACTS)
def test_nothing_stays_open_for_ever(acts: list[Act]) -> None:
    """After the longest time that an invocation is valid all have ended, whoever was there."""
    history = History()
    for act in acts:
        history.act(act)
    history.act(("wait", 0, 3600))
    history.act(("wait", 0, 1))
    assert len(history.desk.fleet.backlog) == 0
