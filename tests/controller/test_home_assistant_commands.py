"""What becomes of what Home Assistant wants: the order of an operator, or a refusal in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.decide import releases
from controller.decide.effects import Reply
from controller.decide.home_assistant import service
from controller.decide.home_assistant.desk import Sort
from protocol import topics
from protocol.observed import Answer
from protocol.operator import OrderVerb
from protocol.release import BASE
from protocol.rollouts import RolloutStatus
from tests.controller.desk import FLEET, Desk, web
from tests.controller.home import OURS, PREFIX, REFUSAL, command, commands, porch, state


def test_a_command_reaches_its_node_as_an_operators_would() -> None:
    """The same command, with a value in the spelling of its kind; the node's answer ends it."""
    desk = porch()
    (sent,) = commands(command(desk, "node/pi-1/actuator/porch.lamp", '{"state": "ON", "effect": "blink"}'))
    assert (sent.target, sent.value) == ("porch.lamp", "blink")
    desk.heard(topics.NodeAnswerTopic(FLEET, "pi-1", sent.id), Answer(sent.id, ok=True))
    assert desk.fleet.home_assistant.asked == {}
    assert REFUSAL not in desk.said


def test_what_a_node_refuses_is_shown_until_something_is_done() -> None:
    """Home Assistant has no ear for a refusal, so there is an entity for it."""
    desk = porch()
    (sent,) = commands(command(desk, "node/pi-1/actuator/porch.lamp", "ON"))
    desk.heard(topics.NodeAnswerTopic(FLEET, "pi-1", sent.id), Answer(sent.id, ok=False, message="pin 27 is broken"))
    assert state(desk, REFUSAL) == "pin 27 is broken"
    (sent,) = commands(command(desk, "node/pi-1/actuator/porch.lamp", "ON"))
    desk.heard(topics.NodeAnswerTopic(FLEET, "pi-1", sent.id), Answer(sent.id, ok=True))
    assert state(desk, REFUSAL) is None


REFUSED = [
    ("node/pi-1/actuator/porch.lamp", "dim", {}, "led takes ON, OFF"),
    ("node/pi-1/actuator/porch.lamp", "ON", {"retained": True}, "the broker has kept"),
    ("node/pi-1/actuator/porch.lamp", b"\xff", {}, "UTF-8"),
    ("node/pi-1/actuator/porch.lamp", "x" * 2000, {}, "no command has more"),
    ("node/pi-1/actuator/porch.fan", "ON", {}, "there is no actuator 'porch.fan'"),
    ("node/pi-9/actuator/porch.lamp", "ON", {}, "there is no actuator"),
    ("node/pi-1/own/availability", "gone", {}, "active, pause, drain"),
    ("node/pi-1/own/presence", "online", {}, "there is nothing to command"),
    ("service/porch.web/own/replicas", "1.5", {}, "a whole number"),
    ("service/porch.web/own/restart", "now", {}, "'restart'"),
    ("service/porch.web/own/update", "now", {}, "'install'"),
    ("service/porch.web/own/update", "install", {}, "waits for anybody"),
    ("service/porch.bar/own/restart", "restart", {}, "there is no stack or service"),
]


@pytest.mark.parametrize(("what", "payload", "more", "reason"), REFUSED, ids=[f"{w} {r}" for w, _, _, r in REFUSED])
def test_a_bad_command_is_refused_in_words(what: str, payload: str | bytes, more: dict[str, Any], reason: str) -> None:
    """In the log, to whoever names a response topic, and in the entity of the device if there is one."""
    desk = porch()
    effects = command(desk, what, payload, response_topic="my/desk", correlation=b"7", **more)
    assert commands(effects) == []
    (reply,) = [effect for effect in effects if isinstance(effect, Reply)]
    assert (reply.response_topic, reply.correlation, reply.answer.ok) == ("my/desk", b"7", False)
    assert reason in reply.answer.message
    refusal = f"{OURS}/{'/'.join(what.split('/')[:2])}/own/refusal/state"
    is_known = "pi-9" not in what and "porch.bar" not in what
    assert (refusal in desk.said) == is_known
    assert desk.fleet.counts["refusals", "home_assistant"] == 1


def test_nodes_and_services_obey() -> None:
    """Availability, replicas and restart are the operator's orders, and their states follow."""
    desk = porch()
    command(desk, "node/pi-1/own/availability", "pause")
    assert state(desk, f"{OURS}/node/pi-1/own/availability/state") == "pause"
    command(desk, "service/porch.web/own/replicas", "3.0")
    desk.turn(1.0)
    assert state(desk, f"{OURS}/service/porch.web/own/replicas/state") == 3
    before = desk.fleet.catalogue.revisions["porch.web"]
    command(desk, "service/porch.web/own/restart", "restart")
    assert desk.fleet.catalogue.revisions["porch.web"] != before


def test_install_lets_a_rollout_go_on_that_waits_for_a_person() -> None:
    """What is installed and what is available are the two revisions; the order is the operator's own."""
    desk = Desk(home_assistant=PREFIX)
    desk.hello("pi-1")
    desk.manifest("porch", web("web:1"))
    desk.runs("pi-1")
    desk.manifest("porch", web("web:2"))
    desk.turn(1.0)
    update = f"{OURS}/service/porch.web/own/update/state"
    said = json.loads(desk.said[update])
    assert said["installed_version"].startswith("web:1 ")
    assert said["latest_version"].startswith("web:2 ")
    assert (said["in_progress"], said["update_percentage"]) == (True, 0)
    desk.order(OrderVerb.ROLLOUT_PAUSE, "porch.web")
    desk.turn(1.0)
    assert json.loads(desk.said[update])["in_progress"] is False
    command(desk, "service/porch.web/own/update", "install")
    desk.turn(1.0)
    assert json.loads(desk.said[update])["in_progress"] is True
    rollout = desk.fleet.home_assistant.services["porch.web"].rollout
    assert isinstance(rollout, RolloutStatus)
    assert rollout.state == "rolling"


def test_the_agents_are_updated_there_like_any_service() -> None:
    """Their versions are what people call them."""
    desk = Desk(home_assistant=PREFIX)
    desk.hello("pi-1", release=BASE)
    desk.order(OrderVerb.AGENTS_UPDATE, version="0.2.0")
    desk.turn(1.0)
    agents = service.of(releases.KEY)
    said = json.loads(desk.said[str(agents.state(FLEET, Sort.OWN, service.UPDATE))])
    assert (said["installed_version"], said["latest_version"]) == (BASE, "0.2.0")
    document = desk.said[f"{PREFIX}/device/{agents.device(FLEET)}/config"]
    assert "button_own_restart" not in json.loads(document)["cmps"]
