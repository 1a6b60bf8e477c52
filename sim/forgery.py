"""What nobody should have said: old packets again, documents that a node must refuse, and an operator's misprints.

None of them forges what only the controller can say: there are no signatures yet, so a well-made newer assignment would be
believed.
"""

from __future__ import annotations

import random
from dataclasses import replace

from protocol.container import Container
from protocol.desired import Assignment, TaskSpec
from protocol.envelope import Packet, pack
from protocol.topics import AssignmentTopic, ManifestTopic, Topic
from sim.fleet import FLEET, SimFleet

FORBIDDEN = "forbidden:1"
"""Named only in documents that must be refused."""


def replay(fleet: SimFleet, chances: random.Random) -> str:
    """Old packets turn up again, in any order."""
    mail = list(fleet.world.mail)
    packets = chances.sample(mail, min(len(mail), 20))
    if fleet.world.broker.is_running:
        for packet in packets:
            fleet.world.broker.route(replace(packet, retain=False))
    return f"{len(packets)} old packets turn up again"


def forge(fleet: SimFleet, chances: random.Random) -> str:
    """Documents that must be refused, with an image that may never run."""
    node, neighbour = (fleet.nodes[name] for name in chances.sample(sorted(fleet.nodes), 2))
    task = TaskSpec("home.web.1", "home", "web", "forged", Container(FORBIDDEN))
    stale = Assignment(node.name, 0, 1, (task,))
    astray = Assignment(neighbour.name, 9, 9_999, (task,))
    topic = AssignmentTopic(FLEET, node.name)
    ours = replace(astray, node=node.name)
    old, other, half, tomorrow = (_packed(topic, document) for document in (stale, astray, ours, ours))
    half = replace(half, payload=half.payload[:-7])
    tomorrow = replace(tomorrow, properties=(("bramble", "2"),))
    if fleet.world.broker.is_running:
        for bad in (old, other, half, tomorrow):
            fleet.world.broker.route(replace(bad, retain=False))
    return f"{node.name} gets documents that it must refuse"


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
