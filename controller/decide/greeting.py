"""What a node says first, and the streams on which its facts come.

A hello tells what the node is made of and what it knows of us. One that knows more than this store, or something else under the
same numbers, was told by a store that is gone: it is spoken to under a higher epoch, it alone, so no node can carry everybody's
numbers away. One that claims to know what no store could have said is refused.

A stream is one outbox, so one that was never heard of is a fresh store: its epochs begin at 1 again, and what was remembered by
higher ones must not silence it.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide import invocations, leases, streams, twins
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Departed, Node, stack_of
from link.intake import Intake
from protocol.desired import Assignment, Offers
from protocol.envelope import FactMark
from protocol.observed import Hello, NodeStatus
from protocol.shapes import INT_LIMIT
from protocol.topics import HelloTopic

EPOCHS_AHEAD_MOST = 1_000
"""Each restored copy of the store takes one epoch; nobody restores a thousand times and forgets it."""

GENERATION_MOST = INT_LIMIT // 2
"""A generation grows by one for each change, so this leaves room for more of them than anybody will live to see."""


def count_in(fleet: Fleet, node: str, mark: FactMark, *, is_hello: bool) -> bool:
    """Count a fact in; False if it was before. A node's streams are its own: another node's marks never meet them.

    A stream begins with its hello. One that goes on here was begun with a store that is gone: that may have told the node anything.
    """
    key = streams.key_of(node, mark.stream)
    known = fleet.intakes.get(key)
    intake, is_new = (known or Intake()).seen(mark)
    if known is None or (is_hello and is_new and not streams.is_present(fleet, node, mark.stream)):
        _take_place(fleet, node, mark.stream)
    if known is None:
        invocations.forgotten(fleet, node)
    if known is None and mark.base > 1 and not is_hello:
        tell_anew(fleet, node)
    fleet.intakes.put(key, intake)
    fleet.unsettled.acks.add((node, mark.stream))
    fleet.tally("facts" if is_new else "fact_duplicates")
    return is_new


def newest_status(fleet: Fleet, node: str, stream: str) -> tuple[int, int]:
    """Epoch and sequence of the newest status under a node's present stream; nothing where that may be another device's."""
    status, is_other = fleet.statuses.get(node), twins.is_quarantined(fleet, node)
    is_present = streams.is_present(fleet, node, stream) and not is_other
    return (status.epoch, status.sequence) if status is not None and is_present else (0, 0)


def _take_place(fleet: Fleet, node: str, stream: str) -> None:
    """Another store speaks under the name from now on: what the one before said was of its own connections.

    Of two devices under one name neither is the other's successor.
    """
    streams.take_place(fleet, node, stream)
    lease = fleet.leases.get(node)
    if twins.is_quarantined(fleet, node):
        return
    if lease is not None:
        fleet.leases.put(node, replace(lease, epoch=0))
    forget_status(fleet, node)


def tell_anew(fleet: Fleet, node: str) -> None:
    """Say everything under a higher epoch, so that the node says again how it stands: what it said was heard by nobody."""
    if (known := fleet.nodes.get(node)) is not None:
        fleet.nodes.put(node, replace(known, epoch=fleet.epoch_of(node) + 1))
        fleet.unsettled.assignments.add(node)
        fleet.unsettled.offers.add(node)


def forget_status(fleet: Fleet, node: str) -> None:
    """What was last heard of how a node stands was of another store than the one that speaks."""
    before = fleet.statuses.drop(node)
    for task in before.tasks if before else ():
        fleet.seen.pop((node, task.task), None)
    fleet.unsettled.reports |= {stack_of(task) for task in fleet.tasks.of("node", node)}


def hello(fleet: Fleet, topic: HelloTopic, said: Hello, now_mono_s: float) -> None:
    """Take in where a node stands."""
    twins.greeted(fleet, topic.node, said, now_mono_s)
    if _is_beyond_belief(fleet, said):
        return
    before, epoch = fleet.nodes.get(topic.node), _epoch_for(fleet, topic.node, said)
    known = before or _joined(fleet, topic.node, said, epoch)
    after = replace(
        known,
        inventory=said.inventory,
        boot=said.boot,
        version=said.version,
        release=said.release,
        image=said.image,
        generation=max(known.generation, said.assignment_generation),
        offers_generation=max(known.offers_generation, said.offers_generation),
        epoch=epoch,
    )
    fleet.nodes.put(topic.node, after)
    if before is not None and before.epoch != epoch:
        fleet.unsettled.assignments.add(topic.node)
        fleet.unsettled.offers.add(topic.node)
    if before is None or (
        (before.inventory, before.release, before.image) != (after.inventory, after.release, after.image)
    ):
        fleet.look_at(topic.node)
        fleet.unsettled.hosts.add(topic.node)
    fleet.unsettled.greeted[topic.node] = said
    invocations.returned(fleet, topic.node)
    lease = fleet.leases.get(topic.node)
    if lease is None or lease.presence is not Presence.ONLINE:
        leases.spoke(fleet, topic.node, now_mono_s)
    lease = fleet.leases[topic.node]
    if not lease.epoch:  # its birth came before we knew it; a late will of an older connection must not end this one
        fleet.leases.put(topic.node, replace(lease, epoch=said.epoch))


def shown(fleet: Fleet, status: NodeStatus) -> None:
    """A status may show what a hello would: a node that goes on while our store is restored connects to nobody, and says none."""
    known = fleet.nodes[status.node]
    told, claimed = max(known.epoch, fleet.epoch), status.observed_epoch
    is_ahead = status.observed_generation > known.generation or status.offers_generation > known.offers_generation
    if claimed < told or not (claimed > told or is_ahead):
        return
    said = Hello(
        status.node, status.epoch, "", "", known.inventory, claimed, status.observed_generation,
        offers_generation=status.offers_generation,
    )  # fmt: skip
    if _is_beyond_belief(fleet, said):
        return
    generation = max(known.generation, said.assignment_generation)
    offers_generation = max(known.offers_generation, said.offers_generation)
    epoch = _epoch_for(fleet, status.node, said)
    after = replace(known, epoch=epoch, generation=generation, offers_generation=offers_generation)
    fleet.nodes.put(status.node, after)
    fleet.unsettled.assignments.add(status.node)
    fleet.unsettled.offers.add(status.node)


def _joined(fleet: Fleet, name: str, said: Hello, epoch: int) -> Node:
    """A node that is new here. One that left is told that nothing is wanted of it, before anything else may be.

    Of a node that only a former store knew nothing is known here, so nothing is said to it either.
    """
    former = fleet.departed.drop(name)
    if former is None:
        return Node(name, said.inventory)
    generation = max(former.generation, said.assignment_generation) + 1
    offers_generation = max(former.offers_generation, said.offers_generation) + 1
    fleet.assignments.put(name, Assignment(name, max(epoch, fleet.epoch), generation))
    fleet.offers.put(name, Offers(name, max(epoch, fleet.epoch), offers_generation))
    return Node(name, said.inventory, generation=generation, offers_generation=offers_generation)


def _epoch_for(fleet: Fleet, name: str, said: Hello) -> int:
    """The node's own epoch from now on: higher than all that it knows, if it knows what this store never said."""
    known = fleet.nodes.get(name) or fleet.departed.get(name)
    own = known.epoch if known is not None else 0
    told, claimed = max(own, fleet.epoch), max(said.assignment_epoch, said.obeyed_epoch)
    if claimed < told or not (claimed > told or _knows_more(known, said) or _knows_other(fleet, name, said)):
        return own
    fleet.tally("epochs_raised")
    fleet.remark(
        name, f"was told by another store than this one; it is spoken to under epoch {claimed + 1} from now on"
    )
    return claimed + 1


def _knows_more(known: Node | Departed | None, said: Hello) -> bool:
    """Whether it counts further than this store, under the same epoch."""
    if known is None:
        return said.assignment_generation > 0
    return said.assignment_generation > known.generation or said.offers_generation > known.offers_generation


def _knows_other(fleet: Fleet, name: str, said: Hello) -> bool:
    """Whether it knows something else under the very number of what this store said: it would refuse that for ever."""
    told, offered = fleet.assignments.get(name), fleet.offers.get(name)
    if told is not None and said.assignment_hash:
        is_same_number = (said.assignment_epoch, said.assignment_generation) == (told.epoch, told.generation)
        if is_same_number and said.assignment_hash != told.content_hash:
            return True
    if offered is None or not said.offers_hash or said.offers_generation != offered.generation:
        return False
    return said.offers_hash != offered.content_hash


def _is_beyond_belief(fleet: Fleet, said: Hello) -> bool:
    """Whether no store of ours can have told it that; it is counted and remarked here."""
    epoch = max(said.assignment_epoch, said.obeyed_epoch)
    generation = max(said.assignment_generation, said.offers_generation)
    if epoch <= fleet.epoch_of(said.node) + EPOCHS_AHEAD_MOST and generation <= GENERATION_MOST:
        return False
    fleet.tally("refusals", "beyond_belief")
    fleet.remark(
        said.node, f"claims to know epoch {epoch} and generation {generation}, which nobody told it; not believed"
    )
    return True
