"""What nobody should have said: old packets again, documents that a node must refuse, and an operator's misprints.

None of them forges what only the controller can say: there are no signatures yet, so a well-made newer assignment would be
believed.
"""

from __future__ import annotations

import random
from dataclasses import replace

from controller.decide.invocation import OPEN
from link.inputs import Arrived
from protocol.container import Container
from protocol.desired import Ack, Assignment, Invocation, TaskSpec
from protocol.envelope import FactMark, Packet, marked, pack
from protocol.observed import Result, ResultStatus, SensorEvent
from protocol.topics import AckTopic, AssignmentTopic, EventTopic, InvocationTopic, ManifestTopic, ResultTopic, Topic
from sim.fleet import FLEET, SimFleet
from sim.node import SimNode

FORBIDDEN = "forbidden:1"
"""Named only in documents that must be refused."""

NOBODYS_STREAM = "0" * 16
"""No outbox has this name."""


def replay(fleet: SimFleet, chances: random.Random) -> str:
    """Old packets turn up again, in any order."""
    mail, node = list(fleet.world.mail), chances.choice(sorted(fleet.nodes))
    wishes = [packet for packet in mail if f"{node}/down/" in packet.topic and not packet.topic.endswith("/ack")]
    packets = [*chances.sample(mail, min(len(mail), 20)), *chances.sample(wishes, len(wishes))]
    if fleet.world.broker.is_running:
        for packet in packets:
            fleet.world.broker.route(replace(packet, retain=False))
    return f"{len(packets)} old packets turn up again"


def forge(fleet: SimFleet, chances: random.Random) -> str:
    """Documents that must be refused, with an image that may never run."""
    node, neighbour = (fleet.nodes[name] for name in chances.sample(sorted(fleet.nodes), 2))
    task = TaskSpec("home.web.1", "home", "web", "forged", Container(FORBIDDEN))
    stale = Assignment(node.name, 0, 0, (task,))  # no newer than nothing: whoever was told nothing yet refuses it, too
    astray = Assignment(neighbour.name, 9, 9_999, (task,))
    topic = AssignmentTopic(FLEET, node.name)
    ours = replace(astray, node=node.name)
    old, other, half, tomorrow = (_packed(topic, document) for document in (stale, astray, ours, ours))
    half = replace(half, payload=half.payload[:-7])
    tomorrow = replace(tomorrow, properties=(("bramble", "2"),))
    strange = _packed(AckTopic(FLEET, node.name), Ack(NOBODYS_STREAM, 9_999))
    if fleet.world.broker.is_running:
        for bad in (old, other, half, tomorrow, strange, _in_the_name_of(node.name, neighbour.name)):
            fleet.world.broker.route(replace(bad, retain=False))
    return f"{node.name} gets documents that it must refuse"


def misroute(fleet: SimFleet, chances: random.Random) -> str:
    """A node gets its neighbour's mail: something between the broker and it does not look at topics."""
    node, neighbour = (fleet.nodes[name] for name in chances.sample(sorted(fleet.nodes), 2))
    key = f"{chances.getrandbits(80):020x}"
    fleet.invariants.runs.forbidden.add(key)
    packet = _packed(InvocationTopic(FLEET, neighbour.name, key), Invocation(key, "home", "greet"))
    if node.node is not None and node.node.link is not None:
        strange = _packed(AckTopic(FLEET, node.name), Ack(NOBODYS_STREAM, 9_999))
        node.process.deliver_to()(Arrived(node.node.link.epoch, (packet, strange)))
    return f"{node.name} gets a letter to {neighbour.name}"


def stammer(fleet: SimFleet, chances: random.Random) -> str:
    """An agent tells the end of a run once more, as another one."""
    told = [(node, key) for _, node in sorted(fleet.nodes.items()) for key in _told(fleet, node)]
    if not told:
        return "nobody stammers"
    node, key = chances.choice(told)
    assert node.node is not None
    node.node.note(ResultTopic(FLEET, node.name, key), Result(key, node.name, "home", "greet", ResultStatus.FAILED, 1))
    return f"{node.name} tells once more how {key} ended"


def _told(fleet: SimFleet, node: SimNode) -> list[str]:
    """The runs of a node whose end the controller has heard: whatever comes later of them is a second end."""
    knows = fleet.head.fleet
    if knows is None or node.node is None:
        return []
    known = ((key, knows.ledger.get(key)) for key in sorted(node.node.ended))
    return [key for key, entry in known if entry is not None and entry.state not in OPEN]


def _in_the_name_of(node: str, neighbour: str) -> Packet:
    """An event of a neighbour, on a node's own topic."""
    event = SensorEvent(NOBODYS_STREAM, 1, neighbour, "bell", "pressed", "2026-01-01T00:00:00Z", "boot", 1)
    packet = _packed(EventTopic(FLEET, node, "bell"), event)
    return replace(packet, properties=packet.properties + marked(FactMark(NOBODYS_STREAM, 1, 1)))


def misprint(fleet: SimFleet, chances: random.Random) -> str:
    """An operator publishes what must be refused; what was accepted earlier goes on."""
    text = chances.choice(
        (
            b'{"services": {"web": {"image": "forbidden:1", "restrat": "always"}}}',
            b'{"services": {"web": {"image": "forbidden:1", "deploy": {"replicas": "many"}}}}',
            b'{"name": "another", "services": {"web": {"image": "forbidden:1"}}}',
            b'{"services": {"web": {"image": "forbidden:1"',
            b"\xff\xfe services: {web: {image: 'forbidden:1'}}",
        )
    )
    if fleet.world.broker.is_running:
        fleet.world.broker.route(_packed(ManifestTopic(FLEET, "home"), text))
    return "the operator publishes a misprint"


def _packed(topic: Topic, message: object) -> Packet:
    packet = pack(topic, message)
    assert isinstance(packet, Packet), packet
    return packet
