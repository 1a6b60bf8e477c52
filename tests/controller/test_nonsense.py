"""Whatever the topics that a controller hears carry in good form, it goes on, and comes up again from what it stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.decide.effects import Say
from controller.decide.observe import observe
from controller.packing import packed, read
from protocol.envelope import Packet, pack
from protocol.operator import OrderVerb
from tests.controller.babble import Babble
from tests.controller.desk import Desk, web
from tests.controller.test_invocations import PORCH, RUNS, STACK

MESSAGES = 250


def fleet(path: Path) -> Desk:
    """Two nodes, with everything on them, and with the agents' own update under way."""
    desk = Desk(path, home_assistant="homeassistant")
    desk.hello("pi-1", labels=PORCH | RUNS)
    desk.hello("pi-2", labels=RUNS)
    desk.manifest("shop", web(mode="global"))
    desk.manifest("porch", STACK)
    assert desk.order(OrderVerb.AGENTS_UPDATE, key="u1", version="0.2.0")
    return desk


@pytest.mark.parametrize("seed", range(8))
def test_babble_ends_nothing(seed: int, tmp_path: Path) -> None:
    """Read from its bytes, decided on, stored, and loaded again; whatever it makes us say has a packet."""
    desk, babble = fleet(tmp_path), Babble(seed)
    for number in range(MESSAGES):
        packet = pack(*babble.message())
        assert isinstance(packet, Packet)
        packet = replace(packet, response_topic=("", "a/b", "#")[number % 3], retain=number % 7 == 0)
        observe(desk.fleet, read(packet, "homeassistant/status"), desk.now)
        for effect in desk.turn((0.0, 0.3, 20.0)[number % 3]):
            assert not isinstance(effect, Say) or isinstance(packed(effect), Packet)
    desk.restart()
    assert desk.order(OrderVerb.NODES, key="n1")
