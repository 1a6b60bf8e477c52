"""The packets of what a controller says: a word on its topic, or an answer where its asker wants it; and what it makes of theirs.

Whoever asks names the topic of the answer, and must not borrow our rights for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from controller.decide.effects import Reply, Say
from controller.decide.inputs import Heard, HomeAssistantSaid, Input, Unreadable
from protocol import topics
from protocol.envelope import JSON_TYPE, Packet, pack, unpack
from protocol.ids import REVISION_CHARS
from protocol.observed import Answer
from protocol.refusal import Refusal


def packed(effect: Say) -> Packet | Refusal:
    """The packet of a word; an empty one clears what is retained."""
    if effect.message == b"":
        return Packet(str(effect.topic), b"", qos=1, retain=True)
    return pack(effect.topic, effect.message)


def _may_answer_on(topic: str, fleet: str) -> bool:
    """Whoever asks names the topic, and must not borrow our rights for it: of ours it may only be one for answers."""
    if topic.startswith(f"{topics.ROOT}/"):
        found = topics.parse(topic)
        return isinstance(found, topics.AnswerTopic) and found.fleet == fleet
    return bool(topic) and not topic.startswith("$") and not any(char in topic for char in "+#\0")


def answer(effect: Reply, fleet: str) -> Packet | Refusal:
    """The packet of an answer, where its asker wants it; one that is too large says so instead."""
    made = pack(topics.AnswerTopic(fleet, effect.answer.id or "none"), effect.answer)
    if isinstance(made, Refusal):
        return answer(replace(effect, answer=Answer(effect.answer.id, ok=False, message=made.reason)), fleet)
    if not _may_answer_on(effect.response_topic, fleet):
        return Refusal("no topic that can be answered on", effect.response_topic[:200])
    return Packet(
        effect.response_topic, made.payload, made.properties, 1, False, JSON_TYPE, "", effect.correlation
    )  # fmt: skip


def read(packet: Packet, status_topic: str = "") -> Input:
    """Make an input of a packet; the digest of a manifest is of its very bytes. Home Assistant speaks on a topic of its own."""
    if status_topic and packet.topic == status_topic:
        return HomeAssistantSaid(packet.payload.decode("utf-8", errors="replace"))
    received = unpack(packet)
    topic = topics.parse(packet.topic) if isinstance(received, Refusal) else received.topic
    digest = ""
    if isinstance(topic, topics.ManifestTopic):
        digest = hashlib.sha256(packet.payload).hexdigest()[:REVISION_CHARS]
    if isinstance(received, Refusal):
        size_bytes = len(packet.payload)
        return Unreadable(topic, received, size_bytes, digest, packet.response_topic, packet.correlation)
    return Heard(received, packet.retain, packet.response_topic, packet.correlation, digest)
