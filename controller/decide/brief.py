"""Making what operators read fit into a packet: shorter sentences, fewer rows, and of a stack the verdict before the details.

A node says as much as it likes, and a fleet is as large as it is; whoever asks, and whoever published a manifest, gets a word.
"""

from __future__ import annotations

from dataclasses import replace

from protocol.delivery import PACKET_BYTES
from protocol.observed import STORED_CHARS, STORED_MOST, DeviceStatus, NodeStatus, OfferStatus, TaskStatus
from protocol.operator import StackStatus
from protocol.shapes import JsonValue, write

SENTENCE_CHARS = 300
"""What fits a few lines of a terminal. An image's reference has at most 255."""

REASONS_MOST = 20
"""Of one node about itself."""

ROOM_BYTES = PACKET_BYTES - 4096
"""What an answer may hold beside its own head."""


def cut(text: str) -> str:
    """A text, or as much of it as a person reads."""
    return text if len(text) <= SENTENCE_CHARS else f"{text[: SENTENCE_CHARS - 2]} …"


def heard(status: NodeStatus) -> NodeStatus:
    """What a node says of itself, each text cut to what a person reads."""
    return replace(
        status,
        tasks=tuple(map(_task, status.tasks)),
        offers=tuple(map(_offer, status.offers)),
        sensors=tuple(map(_device, status.sensors)),
        actuators=tuple(map(_device, status.actuators)),
        reasons=tuple(map(cut, status.reasons[:REASONS_MOST])),
        images=tuple(name[:STORED_CHARS] for name in status.images[:STORED_MOST]),
    )


def fitting(rows: list[JsonValue], room_bytes: int = ROOM_BYTES) -> list[JsonValue]:
    """The first rows, as many as fit."""
    kept = []
    for row in rows:
        room_bytes -= len(write(row)) + 1
        if room_bytes < 0:
            break
        kept.append(row)
    return kept


def shortened(status: StackStatus) -> StackStatus:
    """A stack's status, without what there is no room for: first the names of tasks, then all but the verdict."""
    if len(write(status)) <= ROOM_BYTES:
        return status
    nameless = tuple(replace(service, tasks=(), reasons=()) for service in status.services)
    without_names = replace(status, services=nameless, devices=())
    if len(write(without_names)) <= ROOM_BYTES:
        return without_names
    return replace(without_names, services=(), functions=())


def _task(task: TaskStatus) -> TaskStatus:
    is_long = max(len(task.image), len(task.health), len(task.reason)) > SENTENCE_CHARS
    return replace(task, image=cut(task.image), health=cut(task.health), reason=cut(task.reason)) if is_long else task


def _offer(offer: OfferStatus) -> OfferStatus:
    is_long = max(len(offer.reason), len(offer.overrode)) > SENTENCE_CHARS
    return replace(offer, reason=cut(offer.reason), overrode=cut(offer.overrode)) if is_long else offer


def _device(device: DeviceStatus) -> DeviceStatus:
    is_long = max(len(device.value), len(device.fault)) > SENTENCE_CHARS
    return replace(device, value=cut(device.value), fault=cut(device.fault)) if is_long else device
