"""What comes after all: mail that was under way for up to an hour, and a card that is put back as it was some time ago."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace

from protocol.envelope import Packet
from protocol.topics import StatusTopic
from sim.cards import erase, events_on, keep, throw_away
from sim.fleet import SimFleet
from sim.node import SimNode

HOUR_S = 3600.0
LETTERS = 12
SIGNS = ("/up/health", "/up/load", "/up/status", "/up/request", "/up/presence")
"""What is a sign of life whenever it comes: nobody can tell that it is an hour old, and nobody is held to it."""

HAUNTED_S = (8.0, 40.0)
"""A process is started again after five seconds at the latest, and says how it stands a second later."""

BACKUP_S = (3.0, 40.0)
RESTARTS_MOST = 3
"""Connections that the copy knows nothing of."""

SWAP_S = 5.0
"""How long somebody has a card in his hands."""

LOOKS_EVERY_S = 1.0
RENEWED_S = 120.0
"""A store that was put back knows it by then from the first acknowledgement, unless its node is away."""


def come_late(fleet: SimFleet, chances: random.Random) -> str:
    """Some words between nodes and controller come once more, each up to an hour later."""
    mail = [packet for packet in fleet.world.mail if "/node/" in packet.topic and not packet.topic.endswith(SIGNS)]
    letters = chances.sample(mail, min(LETTERS, len(mail)))
    for letter in letters:
        _post(fleet, letter, chances.uniform(0.0, HOUR_S))
    return f"{len(letters)} packets come once more within the hour"


def _post(fleet: SimFleet, letter: Packet, delay_s: float) -> None:
    fleet.world.after(delay_s, lambda: _deliver(fleet, letter))


def _deliver(fleet: SimFleet, letter: Packet) -> None:
    if fleet.world.broker.is_running:
        fleet.world.broker.route(replace(letter, retain=False))


def haunt(fleet: SimFleet, chances: random.Random) -> str:
    """A node loses its card; how it stood by the old one's last words comes once more, when the new one has spoken."""
    node = fleet.nodes[chances.choice(sorted(fleet.nodes))]
    topic = str(StatusTopic(fleet.head.name, node.name))
    letters = [packet for packet in fleet.world.mail if packet.topic == topic][-1:]
    throw_away(fleet, node, f"{chances.getrandbits(64):016x}")
    for letter in letters:
        fleet.world.after(chances.uniform(*HAUNTED_S), lambda: _deliver(fleet, letter))  # noqa: B023 - there is one
    return f"{node.name} loses its card, and {len(letters)} of its last words come once more"


def put_back(fleet: SimFleet, chances: random.Random) -> str:
    """After a while a node gets its card back as it is now."""
    node, seconds = fleet.nodes[chances.choice(sorted(fleet.nodes))], chances.uniform(*BACKUP_S)
    copy = node.path.with_name("kept.db")
    erase(copy)
    keep(node.path, copy)
    for _ in range(chances.randint(0, RESTARTS_MOST)):
        fleet.world.after(chances.uniform(0.0, seconds), node.kill)
    fleet.world.after(seconds, lambda: _swap(fleet, node))
    return f"the card of {node.name} will be put back as it is now in {seconds:.0f} s"


def _swap(fleet: SimFleet, node: SimNode) -> None:
    if fleet.is_healed or not node.is_powered:
        return
    node.cut_power()
    fleet.invariants.forget(node.name, events_on(node.path))
    node.taken.clear()
    erase(node.path)
    shutil.copy(node.path.with_name("kept.db"), node.path)
    fleet.world.after(SWAP_S, lambda: _boot(fleet, node))


def _boot(fleet: SimFleet, node: SimNode) -> None:
    if not node.is_powered:
        node.power()
    _doubt(fleet, node, len(node.accepted), fleet.world.now_s + RENEWED_S)


def _doubt(fleet: SimFleet, node: SimNode, accepted: int, until_s: float) -> None:
    """What is sensed before the store knows that it is an older copy may carry the number of what was handled long ago."""
    fleet.invariants.facts.lost += len(node.accepted) - accepted
    is_renewed = node.node is not None and ("stores_renewed",) in node.node.counts
    if not is_renewed and fleet.world.now_s < until_s:
        fleet.world.after(LOOKS_EVERY_S, lambda: _doubt(fleet, node, len(node.accepted), until_s))
