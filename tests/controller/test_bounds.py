"""What the controller keeps of what comes without end has its bound, and the oldest goes: each bound is met here (S9)."""

from __future__ import annotations

from pathlib import Path

from controller.decide.decommission import DEPARTED_KEPT
from controller.decide.home_assistant.announce import GONE_KEPT
from controller.decide.home_assistant.desk import Announcement
from controller.decide.manifests import FORMER_MOST
from controller.decide.placement.field import FIELDS_KEPT
from controller.decide.records import Departed
from controller.decide.twins import VOICES_MOST
from protocol.observed import Link, Presence
from protocol.operator import OrderVerb
from protocol.topics import PresenceTopic
from tests.controller.desk import FLEET, Desk, web
from tests.controller.home import PREFIX, porch, settled

BEYOND = 3
"""How many more come than there is room for."""


def test_of_a_stack_the_newest_former_manifests_are_known() -> None:
    """Whatever a broker may show that it had saved is among them."""
    desk, known = Desk(), []
    for number in range(FORMER_MOST + BEYOND):
        desk.manifest("shop", web(f"web:{number}"))
        known.insert(0, desk.fleet.stacks["shop"].accepted)
    assert desk.fleet.stacks["shop"].former == tuple(known[1 : 1 + FORMER_MOST])


def test_of_a_name_the_newest_voices_are_known() -> None:
    """An agent that starts a thousand times a day is a thousand processes."""
    desk = Desk()
    desk.hello("pi-1")
    names = [f"process-{number}" for number in range(VOICES_MOST + BEYOND)]
    for epoch, name in enumerate(names, start=2):
        desk.heard(PresenceTopic(FLEET, "pi-1"), Presence(Link.ONLINE, epoch, "boot", "1", name))
    assert [voice.identity for voice in desk.fleet.voices["pi-1"]] == names[-VOICES_MOST:]


def test_of_nodes_that_have_left_the_newest_are_known(tmp_path: Path) -> None:
    """Names come and go; who left first is a stranger when it comes back."""
    desk = Desk(tmp_path)
    for _ in range(DEPARTED_KEPT):
        rank = desk.fleet.count("departed")
        desk.fleet.departed.put(f"old-{rank}", Departed(f"old-{rank}", rank, 1, 1, 1))
    for number in range(BEYOND):
        desk.hello(f"pi-{number}")
        desk.presence(f"pi-{number}", Link.OFFLINE)
        desk.turn(60.0)
        desk.order(OrderVerb.DECOMMISSION, f"pi-{number}", key=f"d{number}")
    assert len(desk.fleet.departed) == DEPARTED_KEPT
    assert {f"old-{rank}" for rank in range(1, 1 + BEYOND)}.isdisjoint(desk.fleet.departed)
    assert {f"pi-{number}" for number in range(BEYOND)} <= set(desk.fleet.departed)


def test_of_devices_of_home_assistant_that_are_gone_the_newest_are_emptied_again() -> None:
    """What a broker shows of older ones a person removes."""
    desk = porch()
    for _ in range(GONE_KEPT):
        rank = desk.fleet.count("taken-back")
        old = Announcement("service", f"old.{rank}", PREFIX, is_gone=True, rank=rank)
        desk.fleet.announcements.put(str(old.subject), old)
    desk.manifest("porch", "")
    settled(desk)
    gone = {desk.fleet.announcements[key].name for key in desk.fleet.announcements.of("gone", value=True)}
    assert len(gone) == GONE_KEPT
    assert "porch.web" in gone
    assert "old.1" not in gone


def test_of_what_services_ask_of_nodes_the_newest_answers_are_kept() -> None:
    """Whatever is asked again is worked out again."""
    desk = Desk()
    desk.hello("pi-1")
    many = range(FIELDS_KEPT + BEYOND)
    services = (
        f"  s{n}: {{image: 'web:1', deploy: {{placement: {{constraints: ['node.labels.n == {n}']}}}}}}" for n in many
    )
    desk.manifest("shop", "\n".join(("services:", *services)))
    assert len(desk.fleet.fields) == FIELDS_KEPT
