"""The connection as the node sees it: a durable epoch for each dial, a hello on each connect, acknowledged facts forgotten.

How long to wait before a dial is the link's part. Everything that was said before a connection fell is said again after the next:
the hello as a fact, the status whole; the outbox sends its rest by itself.

A card that was put back as it was some time ago goes on counting where it stood then, so the controller takes what it says for what
it has heard already. Its acknowledgement shows that, and the node begins a new stream, as a fresh store would.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.effects import Dial, Forget
from agent.decide.inputs import EngineSeen
from agent.decide.marks import Made
from agent.decide.node import Linked, Node
from link.inputs import LinkDown, LinkUp
from protocol.desired import Ack
from protocol.envelope import Received
from protocol.ids import digest
from protocol.observed import Hello, Inventory, Link
from protocol.operator import ControllerPresence
from protocol.refusal import Refusal
from protocol.topics import HelloTopic

HELLO_PRIORITY = 1
# First of all facts: the controller answers it with what differs.


def dial(node: Node) -> None:
    """Open a connection whenever there is none; its epoch is committed before it is dialled."""
    if node.link is None:
        node.link = Linked(node.count("epoch"))
        node.effects.append(Dial(node.link.epoch))


def up(node: Node, seen: LinkUp) -> None:
    """The broker took us: everything is to be said anew."""
    if node.link is not None and seen.epoch == node.link.epoch:
        node.link, node.heard = Linked(seen.epoch, up=True), False
        node.address = seen.address
        node.greeted = node.said = None
        node.tally("links_up")


def down(node: Node, seen: LinkDown) -> None:
    """The connection is gone; an older one's end means nothing."""
    if node.link is not None and seen.epoch == node.link.epoch:
        node.link, node.heard = None, False


def met(node: Node, said: ControllerPresence) -> None:
    """A controller is there. One that cannot know what the last one knew (another store, or an older copy) is told everything."""
    if said.state != Link.ONLINE:
        return
    before, node.controller = node.controller, said
    if before is None or before.instance == said.instance:
        return
    if (before.store, before.epoch) != (said.store, said.epoch) or said.starts <= before.starts:
        node.greeted = None
        _say_again(node)


def greet(node: Node) -> None:
    """Say hello once for each connection, and again when the node turns out to be made of something else."""
    made = _made_of(node)
    if not node.is_up or made is None or made == node.greeted:
        return
    node.greeted = made
    assignment = node.assignment
    hello = Hello(
        node.name, node.epoch, node.boot, node.version, _inventory(made), assignment.epoch, assignment.generation,
        assignment.content_hash, node.offers.generation, release=node.release.told,
        obeyed_epoch=node.obeyed_epoch, instance=node.instance,
        offers_hash=node.offers.content_hash if node.offers.generation else "", image=node.release.image,
    )  # fmt: skip
    node.note(HelloTopic(node.fleet, node.name), hello, priority=HELLO_PRIORITY, key="hello")
    node.hello = node.sequence


def inventory_of(node: Node) -> Inventory | None:
    """What the node is made of, with the engine as it was last seen; None before the host was read and the engine looked at."""
    made = _made_of(node)
    return _inventory(made) if made is not None else None


def _made_of(node: Node) -> Made | None:
    """The parts of it, which are compared in each turn."""
    host, engine = node.inventory, node.engine
    if host is None or engine is None:
        return None
    address = node.address or host.address
    if not isinstance(engine, EngineSeen):
        return Made(host, address, host.engine, host.runtimes)
    return Made(host, address, engine.version, tuple(sorted(engine.runtimes)))


def _inventory(made: Made) -> Inventory:
    return replace(made.host, address=made.address, engine=made.engine, runtimes=made.runtimes)


def forget(node: Node, ack: Ack) -> None:
    """The controller has committed these. If it has more than this store has ever said, the store is an older copy."""
    if ack.stream != node.stream:
        return
    if _is_older(node, ack):
        _renew(node, ack)
        return
    node.effects.append(Forget(ack.stream, ack.upto, ack.beyond))
    if node.is_renewed:
        node.is_renewed = False
        _say_again(node)  # before it knew the new stream, the controller took every status for an old one


def is_receipt(node: Node, received: Received | Refusal) -> bool:
    """Whether a message only says that the controller has facts, and what is decided does not depend on which."""
    ack = received.message if isinstance(received, Received) else None
    if not isinstance(ack, Ack) or ack.stream != node.stream or ack.asks or not node.heard:
        return False
    return not (node.hello or node.is_renewed or _is_older(node, ack))


def asked(node: Node, ack: Ack) -> None:
    """The controller does not know that this store is the one that is there: hello once more, unless one is on its way."""
    if ack.asks and ack.stream == node.stream and (not node.hello or _has_hello(node, ack)):
        node.greeted = None


def answered(node: Node, ack: Ack) -> None:
    """The controller has our hello. A status that came before it was of a node that it did not know: it is said once more."""
    if ack.stream == node.stream and _has_hello(node, ack):
        node.hello = 0
        node.is_doubted = node.is_doubted or ack.said_epoch < node.epoch


def _has_hello(node: Node, ack: Ack) -> bool:
    return bool(node.hello) and (node.hello <= ack.upto or node.hello in ack.beyond)


def _say_again(node: Node) -> None:
    """Have the status said whole under the next number of this connection: what was counted before still counts."""
    if node.said is not None:
        node.said = replace(node.said, offers_generation=-1)


def _is_older(node: Node, ack: Ack) -> bool:
    said = (node.epoch, node.said.sequence if node.said is not None else 0)
    return max((ack.upto, *ack.beyond)) > node.sequence or (ack.said_epoch, ack.said_sequence) > said


def _renew(node: Node, ack: Ack) -> None:
    """Under its own stream and numbers the node would not be heard: it goes on as a fresh store does, and says everything again."""
    renewed = digest([node.stream, node.boot, node.instance, node.epoch, ack.upto], len(node.stream))
    node.effects.append(Forget(node.stream, ack.upto, ack.beyond, renewed, node.loaded))
    node.tally("stores_renewed")
    node.stream, node.is_renewed, node.greeted = renewed, True, None
