"""Two devices that speak under one name: a card that was copied, or two nodes that were given the same name.

Every process of an agent names itself in its births (an older one by its boot), and the connections of one store are counted. In a
store a process that was followed by another never returns, so one that does is on another device: at once where the other's
connection was counted between two of its own, and at the latest when it has returned for the third time, because a birth may come
late. No clock takes part in that, and no reboot looks like it.

Who has connected is this process' own memory: two devices drive each other off the broker within a minute and are found again.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from controller.decide.fleet import Fleet
from controller.decide.presence import Device, Presence, Quarantine, Voice
from protocol.observed import Hello
from protocol.observed import Presence as Said
from protocol.topics import Topic

KIND = "twins"

RETURNS = 3
"""One late birth looks like a return; the births of a process that is gone do not come late three times, each after another one."""

VOICES_MOST = 4
"""The two that matter, and a restart of each."""

DEVICES_MOST = 4
"""As many are named; a card that was copied more often is found by the others' hellos when these have been renamed."""

APART_S = 120.0
"""Two devices that are both there connect at least once a minute (`link.backoff`); twice that, and one of them is gone."""

ALONE_S = 600.0
"""Without an operator: ten such minutes. It is as long as a node that came and went must have stayed."""

LOOK_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Alone:
    """Which process alone has connected, and since when no other has."""

    identity: str
    since_mono_s: float


def born(fleet: Fleet, node: str, word: Said, now_mono_s: float) -> bool:
    """Take in a birth; whether it shows that another device speaks under the name."""
    identity, voices = word.instance or word.boot, fleet.voices.get(node, ())
    at = next((place for place, voice in enumerate(voices) if voice.identity == identity), None)
    before = voices[at] if at is not None else None
    if not identity or (before is not None and word.epoch <= before.epoch):
        return False
    since = voices[at + 1 :] if at is not None else ()
    returns = (before.returns if before is not None else 0) + bool(since)
    others = tuple(voice for voice in voices if voice.identity != identity)
    device = before.device if before is not None else ""
    fleet.voices[node] = (*others, Voice(identity, word.epoch, now_mono_s, returns, device))[-VOICES_MOST:]
    is_between = before is not None and any(before.epoch <= other.epoch <= word.epoch for other in since)
    return is_between or returns >= RETURNS


def greeted(fleet: Fleet, node: str, said: Hello, now_mono_s: float) -> None:
    """A hello says on which device a process runs; the birth of a node that was not known yet was not heeded."""
    identity, device = said.instance or said.boot, _device(said)
    voices = fleet.voices.get(node) or (Voice(identity, said.epoch, now_mono_s),)
    fleet.voices[node] = tuple(
        Voice(voice.identity, voice.epoch, voice.heard_mono_s, voice.returns, device)
        if voice.identity == identity
        else voice
        for voice in voices
    )
    known = fleet.quarantines.get(node)
    if known is not None and device not in {one.words for one in known.devices}:
        devices = (*known.devices, Device(identity, device))[-DEVICES_MOST:]
        fleet.quarantines.put(node, Quarantine(node, devices))


def quarantine(fleet: Fleet, node: str) -> None:
    """Remember who speaks under the name, as far as it was said."""
    found = {voice.device: voice.identity for voice in fleet.voices[node] if voice.device}
    fleet.quarantines.put(node, Quarantine(node, tuple(Device(identity, words) for words, identity in found.items())))


def release(fleet: Fleet, node: str) -> None:
    """One device is left: whoever was heard last."""
    fleet.quarantines.drop(node)
    fleet.deadlines.drop(KIND, node)
    fleet.voices[node] = fleet.voices.get(node, ())[-1:]
    fleet.unsettled.released.add(node)


def forget(fleet: Fleet, node: str) -> None:
    """The node has left the fleet."""
    fleet.quarantines.drop(node)
    fleet.deadlines.drop(KIND, node)
    fleet.voices.pop(node, None)
    fleet.unheeded.pop(node, None)
    fleet.unsettled.released.discard(node)


def put_aside(fleet: Fleet, node: str, topic: Topic, message: Any) -> None:
    """Keep the last of a kind that was said meanwhile, for when it is known who said it."""
    fleet.unheeded.setdefault(node, {})[type(topic)] = (topic, message)


def is_quarantined(fleet: Fleet, node: str) -> bool:
    """Whether nobody knows which device a word would reach."""
    return fleet.presence(node) is Presence.QUARANTINED


def alone(fleet: Fleet, node: str) -> Alone:
    """Who connected last, and since when nobody else did; not before we could hear."""
    voices = fleet.voices.get(node, ())
    others = (voice.heard_mono_s for voice in voices[:-1])
    return Alone(voices[-1].identity if voices else "", max((*others, fleet.up_mono_s), default=-inf))


def sentence(fleet: Fleet, node: str) -> str:
    """What happened, and what to do about it; empty for any other node."""
    known = fleet.quarantines.get(node)
    if known is None:
        return ""
    who = f" ({', and '.join(sorted(device.words for device in known.devices))})" if len(known.devices) > 1 else ""
    remedy = f"give one of them another name (`node` in its agent.toml), then `bramble node activate {node}`"
    return f"two devices speak under the name {node}{who}, so it is told nothing new: {remedy}"


def _device(said: Hello) -> str:
    inventory = said.inventory
    name = f"serial {inventory.serial}" if inventory.serial else f"host {inventory.hostname}"
    return f"{name} at {inventory.address}" if inventory.address else name
