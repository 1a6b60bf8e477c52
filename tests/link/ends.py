"""Two worlds with one seam: links over a real Mosquitto in real time, and over the simulated broker in virtual time."""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lab.broker import STOCK
from lab.broker import Broker as Mosquitto
from link.backoff import Pace
from link.broker import Broker
from link.inputs import Arrived, LinkDown, LinkUp, PublishRefused, Sent
from link.settings import LinkSettings
from protocol.envelope import Packet
from tests.fakes.broker import FakeBroker, Weather

QUICK = Pace(least_s=0.02, most_s=0.1, stable_s=0.5)
DEADLINE_S = 10.0


@dataclass
class End:
    """A client with everything that it was told, in order."""

    link: Any
    told: list[Any] = field(default_factory=list)
    epoch: int = 0

    def dial(self, *filters: str, will: Packet | None = None, birth: Packet | None = None) -> None:
        self.epoch += 1
        self.link.dial(self.epoch, will, birth, tuple((text, 1) for text in filters))

    @property
    def packets(self) -> list[Packet]:
        return [packet for item in self.told if isinstance(item, Arrived) for packet in item.packets]

    @property
    def payloads(self) -> list[bytes]:
        return [packet.payload for packet in self.packets]

    @property
    def downs(self) -> list[LinkDown]:
        return [item for item in self.told if isinstance(item, LinkDown)]

    @property
    def tokens(self) -> list[int]:
        return [token for item in self.told if isinstance(item, Sent) for token in item.tokens]

    @property
    def refusals(self) -> list[PublishRefused]:
        return [item for item in self.told if isinstance(item, PublishRefused)]

    @property
    def is_up(self) -> bool:
        return LinkUp(self.epoch) in self.told


class World(Protocol):
    """What a test case of the seam may do."""

    def end(self, name: str, **changed: Any) -> End: ...
    def until(self, claim: Callable[[], bool], what: str = "") -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


class RealWorld:
    """A Mosquitto of our own, and links with threads."""

    def __init__(self, directory: Path, settings: dict[str, str] | None = None) -> None:
        self.mosquitto = Mosquitto(directory / "broker", settings={**STOCK, **(settings or {})})
        self.mosquitto.start()
        self.ends: list[tuple[End, queue.SimpleQueue[Any]]] = []

    def end(self, name: str, **changed: Any) -> End:
        inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        settings = LinkSettings(
            **{"host": "127.0.0.1", "port": self.mosquitto.port, "client_id": name, "pace": QUICK, **changed}
        )
        end = End(Broker(settings, inbox.put, inbox.qsize))
        self.ends.append((end, inbox))
        return end

    def take(self) -> None:
        for end, inbox in self.ends:
            while not inbox.empty():
                end.told.append(inbox.get())

    def until(self, claim: Callable[[], bool], what: str = "") -> None:
        deadline_mono_s = time.monotonic() + DEADLINE_S
        while not claim():
            self.take()
            assert time.monotonic() < deadline_mono_s, (
                f"not in time: {what}; told: {[e.told[-3:] for e, _ in self.ends]}"
            )
            time.sleep(0.001)

    def kill(self) -> None:
        self.mosquitto.kill()

    def start(self) -> None:
        self.mosquitto.start()

    def close(self) -> None:
        for end, _ in self.ends:
            end.link.close()
        self.mosquitto.kill()


class FakeWorld:
    """The simulated broker; time passes only while a test waits."""

    def __init__(self, seed: int = 1, weather: Weather | None = None) -> None:
        self.broker = FakeBroker(random.Random(seed), weather)

    def end(self, name: str, **changed: Any) -> End:
        end = End(None)
        settings = LinkSettings(**{"host": "127.0.0.1", "port": 1883, "client_id": name, "pace": QUICK, **changed})
        end.link = self.broker.link(settings, end.told.append)
        return end

    def until(self, claim: Callable[[], bool], what: str = "") -> None:
        deadline_s = self.broker.now_s + 300
        while not claim():
            assert self.broker.now_s < deadline_s, f"not in time: {what}"
            self.broker.run_until(self.broker.now_s + 0.01)

    def kill(self) -> None:
        self.broker.kill()

    def start(self) -> None:
        self.broker.start()

    def close(self) -> None:
        pass
