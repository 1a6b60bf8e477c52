"""The fake link that tests use: the simulator's broker, under the name by which tests know it."""

from __future__ import annotations

from sim.broker import SimBroker as FakeBroker
from sim.broker import SimLink as FakeLink
from sim.broker import Weather

__all__ = ["FakeBroker", "FakeLink", "Weather"]
