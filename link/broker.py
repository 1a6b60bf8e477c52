"""The link to an MQTT broker (signatures; the body follows)."""

from __future__ import annotations

import random
from collections.abc import Callable

from link.inputs import Busy, LinkInput, Published
from link.settings import LinkSettings
from protocol.envelope import Packet
from protocol.refusal import Refusal

Subscriptions = tuple[tuple[str, int], ...]


class Broker:
    """One end of a link. The owner dials, publishes, and reads its inbox; everything else happens in a network thread."""

    def __init__(
        self,
        settings: LinkSettings,
        deliver: Callable[[LinkInput], object],
        backlog: Callable[[], int],
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`deliver` puts an input into the owner's inbox (`inbox.put`), `backlog` counts what waits there (`inbox.qsize`)."""

    def dial(self, epoch: int, will: Packet | None, birth: Packet | None, subscriptions: Subscriptions) -> None:
        """Connect anew in a thread of its own; ends in one `LinkUp` or one `LinkDown` of this epoch."""

    @property
    def free(self) -> int:
        """How many QoS 1 packets may be published now."""
        raise NotImplementedError

    def publish(self, packet: Packet) -> Published | Busy | Refusal:
        """Hand a packet to the network thread; refused when it is larger than we or the broker allow."""
        raise NotImplementedError

    def is_alive(self, now_mono_s: float) -> bool:
        """Whether the network thread still turns, or there is none to turn; for the watchdog."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up: the broker publishes our will at once. Nothing is delivered afterwards; a later dial is allowed."""
