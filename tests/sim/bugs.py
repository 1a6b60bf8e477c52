"""Bugs to plant on purpose: each changes one place of the product for one test, and names the promise that it breaks.

`found_within` is how many seeds, from the first on, the simulator may need to find it. Where chance meets the moment that matters
too seldom for a test of seconds, `faults` says which faults may come.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from agent.decide import gate, wants
from agent.decide.trial import Seen
from agent.decide.verdicts import end
from agent.loop import Loop as AgentLoop
from agent.mail import Mail
from agent.store import Store as AgentStore
from controller.decide import assignments
from controller.decide.rollouts import budget, rollout
from controller.decide.rollouts.slot import SlotState
from controller.loop import Loop as ControllerLoop
from controller.store import Store as ControllerStore
from link.courier import Courier
from link.inputs import Sent
from link.intake import Intake
from protocol import envelope
from protocol.desired import Ack
from sim.faults import FAULTS, Fault
from sim.fleet import SimFleet
from sim.forgery import forge
from sim.head import FusedStore as HeadStore
from sim.node import FusedStore as NodeStore
from sim.outages import lose_link, lose_power

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug."""

    plant: Plant
    breaks: str
    found_within: int
    faults: Mapping[Fault, int] = field(default_factory=lambda: FAULTS)


def trust_the_puback(patch: pytest.MonkeyPatch) -> None:
    """Forget a fact as soon as the broker has it."""
    told = Mail.told

    def forgetting(mail: Any, seen: object, now: Any) -> list[tuple[int, str]]:
        if isinstance(seen, Sent):
            rows = [row for row, trip in mail._courier._trips.items() if trip.token in seen.tokens]
            mail._outbox.acknowledge(Ack(mail._outbox.stream, 0, tuple(rows)))
        return told(mail, seen, now)

    patch.setattr(Mail, "told", forgetting)


def acknowledge_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """Send what a turn has to say before it is saved."""
    save, turn = HeadStore.save, ControllerLoop.turn

    def turned(loop: Any, now_mono_s: float) -> Any:
        with pytest.MonkeyPatch.context() as later:
            later.setattr(HeadStore, "save", lambda *_: False)
            effects = turn(loop, now_mono_s)
        save(loop.store, loop.fleet)
        return effects

    patch.setattr(ControllerLoop, "turn", turned)


def act_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """Let a node act before it has written down what it is about to do."""
    commit, turn = NodeStore.commit, AgentLoop.turn

    def turned(loop: Any, now: Any) -> Any:
        written: list[Any] = []
        with pytest.MonkeyPatch.context() as later:
            later.setattr(NodeStore, "commit", lambda *all_of_it: written.append(all_of_it))
            effects = turn(loop, now)
        commit(*written[0])
        return effects

    patch.setattr(AgentLoop, "turn", turned)


def free_slots_by_time(patch: pytest.MonkeyPatch) -> None:
    """Give a silent node's place to the next one."""
    absent = rollout.absent

    def freeing(fleet: Any, node: str) -> None:
        absent(fleet, node)
        for task in sorted(fleet.slots.of("node", node)):
            if fleet.slots[task].state is SlotState.LOST:
                fleet.slots.put(task, replace(fleet.slots[task], state=SlotState.WAITING))

    patch.setattr(rollout, "absent", freeing)


def forget_slots_in_a_crash(patch: pytest.MonkeyPatch) -> None:
    """Keep the slots of a rollout in memory alone."""
    load = ControllerStore.load

    def forgetting(store: Any, fleet: Any) -> None:
        load(store, fleet)
        for task in sorted(fleet.slots):
            fleet.slots.put(task, replace(fleet.slots[task], state=SlotState.WAITING))

    patch.setattr(ControllerStore, "load", forgetting)


def take_any_generation(patch: pytest.MonkeyPatch) -> None:
    """Follow whatever desired state arrived last."""
    patch.setattr(wants, "_is_newer", lambda seen, ours: seen != ours)


def count_facts_twice(patch: pytest.MonkeyPatch) -> None:
    """Take every fact for a new one."""
    seen = Intake.seen
    patch.setattr(Intake, "seen", lambda intake, mark: (seen(intake, mark)[0], True))


def grant_everybody(patch: pytest.MonkeyPatch) -> None:
    """Push an update to all nodes at once."""
    patch.setattr(budget, "full", lambda *_: "")


def settle_without_watching(patch: pytest.MonkeyPatch) -> None:
    """Keep a revision as soon as it has started."""
    watch = gate._watch_running

    def settle(node: Any, trial: Any, instance: str, now: Any) -> None:
        watch(node, trial, instance, now)
        end(node, trial, Seen.WELL, "")

    patch.setattr(gate, "_watch_running", settle)


def move_tasks_without_waiting(patch: pytest.MonkeyPatch) -> None:
    """Start a task elsewhere before its old node has stopped it."""
    patch.setattr(assignments, "is_free", lambda *_: True)


def take_any_nodes_assignment(patch: pytest.MonkeyPatch) -> None:
    """Follow an assignment that is made for another node."""
    take = wants.take_assignment
    patch.setattr(wants, "take_assignment", lambda node, seen: take(node, replace(seen, node=node.name)))


def read_any_version(patch: pytest.MonkeyPatch) -> None:
    """Read messages of conversations that are not known yet."""
    patch.setattr(envelope, "_version_refused", lambda *_: None)


def forget_what_ran(patch: pytest.MonkeyPatch) -> None:
    """Keep the list of ended invocations in memory alone."""
    load = AgentStore.load

    def forgetting(store: Any, who: Any, now: Any) -> Any:
        node = load(store, who, now)
        for key in node.ended:
            node.ended.drop(key)
        return node

    patch.setattr(AgentStore, "load", forgetting)


def never_say_facts_again(patch: pytest.MonkeyPatch) -> None:
    """Send a fact once, and leave the rest to the broker."""
    due = Courier.due
    said: dict[int, set[int]] = defaultdict(set)

    def once(courier: Any, head: Any, free: int, now_mono_s: float) -> Any:
        rows = [row for row in due(courier, head, free, now_mono_s) if row.sequence not in said[id(courier)]]
        said[id(courier)] |= {row.sequence for row in rows}
        return rows

    patch.setattr(Courier, "due", once)


def controller_dies_at(word: str, late: int = 1) -> Fault:
    """The controller dies when it has just said this."""

    def fault(fleet: SimFleet, _: random.Random) -> str:
        fleet.head.process.ambush = (word, lambda: setattr(fleet.head.process, "fuse", late))
        return f"the controller dies after its next {word!r}"

    return fault


def loses_power_at(word: str) -> Fault:
    """A node loses its power, and for long, when it has just done this."""

    def fault(fleet: SimFleet, chances: random.Random) -> str:
        node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
        node.process.ambush = (word, lambda: fleet.world.after(0.0, lambda: lose_power(fleet, node, 200.0)))
        return f"{node.name} loses its power at its next {word!r}"

    return fault


def dies_as_it_runs(fleet: SimFleet, chances: random.Random) -> str:
    """A node that is cut off dies as it begins its function, and its doorbell is pressed again before its link is back."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    lose_link(fleet, node.name, 60.0)
    node.process.ambush = ("run ", lambda: setattr(node.process, "fuse", 1))
    fleet.press(node.name, "bell")
    fleet.world.after(15.0, lambda: node.press("bell"))
    return f"{node.name} dies as it runs a function"


def loses_its_result(fleet: SimFleet, _: random.Random) -> str:
    """The porch runs a function for the shed; it is cut off meanwhile, and dies before its link is back."""
    node = fleet.nodes["pi-1"]

    def strike() -> None:
        lose_link(fleet, node.name, 60.0)
        fleet.world.after(20.0, node.kill)

    node.process.ambush = ("run ", strike)
    fleet.press("pi-2", "bell")
    return f"{node.name} cannot tell what its next run gave"


def is_drained_while_away(fleet: SimFleet, chances: random.Random) -> str:
    """A node is cut off, and its operator moves its services away meanwhile."""
    name = chances.choice(sorted(fleet.nodes))
    lose_link(fleet, name, 60.0)
    fleet.world.after(5.0, lambda: fleet.drain(name))
    fleet.world.after(80.0, lambda: fleet.activate(name))
    return f"{name} is drained while it is away"


BUGS = {
    "trust the puback": Bug(trust_the_puback, "S5", 5),
    "acknowledge before the commit": Bug(acknowledge_before_the_commit, "S5", 10, {controller_dies_at("down/ack"): 1}),
    "act before the commit": Bug(act_before_the_commit, "S6", 10, {dies_as_it_runs: 1}),
    "free slots by time": Bug(free_slots_by_time, "S1", 20, {loses_power_at("create home.web"): 1}),
    "forget slots in a crash": Bug(forget_slots_in_a_crash, "S1", 20, {controller_dies_at("down/grant"): 1}),
    "take any generation": Bug(take_any_generation, "S4", 10),
    "count facts twice": Bug(count_facts_twice, "S5", 10),
    "grant everybody": Bug(grant_everybody, "S1", 3),
    "settle without watching": Bug(settle_without_watching, "S7", 3),
    "move tasks without waiting": Bug(move_tasks_without_waiting, "S2", 10, {is_drained_while_away: 1}),
    "take any node's assignment": Bug(take_any_nodes_assignment, "S3", 10, {forge: 1}),
    "read any version": Bug(read_any_version, "S3", 10, {forge: 1}),
    "forget what ran": Bug(forget_what_ran, "S6", 10, {loses_its_result: 1}),
    "never say facts again": Bug(never_say_facts_again, "not converged", 3),
}
