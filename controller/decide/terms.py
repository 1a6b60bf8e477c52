"""The figures by which a controller decides, with their reasons. A fleet's owner may set them."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.desired import Login


@dataclass(frozen=True, slots=True)
class MirrorRule:
    """The nodes that these constraints let through ask `at` (`host:port`) first for images of a registry."""

    registry: str
    at: str
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """Times in seconds on the controller's own monotonic clock."""

    lease_s: float = 90.0
    """A node says its health three times in this; one that says nothing for so long is suspect, whatever the broker thinks."""

    suspect_grace_s: float = 10.0
    """A will may be a Wi-Fi roam; a node is back within a few seconds of those, and nothing need be said about it."""

    stop_margin_s: float = 90.0
    """Beyond `stop_on_client_after`, until a task has stopped for certain: its node notices a dead link after two keepalives
    (40 s); what we heard of it last may be half a minute older; and it looks at its containers now and then."""

    status_every_s: float = 0.5
    """A stack's status is published no more often: people read it, and thousands of nodes change it."""

    grant_valid_s: float = 30.0
    """How long a grant may be acted on, counted by the node from its asking; one round trip over LTE takes 2 s at its worst."""

    invocation_repeat_s: float = 30.0
    """An invocation without a result is said again; the node knows it by its id."""

    invocation_valid_s: float = 3600.0
    """An event older than an hour is history: its function is not run for it any more."""

    command_s: float = 15.0
    """An operator at a terminal waits for a node's answer no longer."""

    republish_per_s: float = 200.0
    """After a reconnect everything retained is said again at this pace; a stock Mosquitto on a Pi takes ten times as much."""

    image_lookup_s: float = 0.0
    """How long a manifest waits for registries to say what is behind its tags; 0 asks none, and nodes pull by tag."""

    logins: tuple[Login, ...] = ()
    """What is said to registries, where a stack says nothing of its own."""

    mirrors: tuple[MirrorRule, ...] = ()
    """Who is asked for images before their own registry."""

    ledger_rows: int = 10_000
    """Ended invocations that are remembered; duplicates arrive within minutes, and 10,000 are a day of a busy fleet."""

    ledger_bytes: int = 64 * 1024 * 1024
    """What the input of all open invocations may weigh: each may have 256 KiB, and a controller may live on a Pi."""

    answers_bytes: int = 16 * 1024 * 1024
    """What the answers to calls may weigh that are kept for their repetition; an output may have 256 KiB."""

    letters_kept: int = 1_000
    """Dead letters that are kept; whoever has more of them has a broken function, and learns no more from the oldest."""

    letters_bytes: int = 16 * 1024 * 1024
    """What they may weigh together; an event weighs less than a KiB."""

    answers_kept: int = 1_000
    """Changing orders whose repetition is recognised; an operator repeats within seconds."""
