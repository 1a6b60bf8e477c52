"""A real controller and a real agent with mock pins, through a real Mosquitto, with a client that plays Home Assistant."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.broker import Broker
from lab.processes import wait_until
from tests.controller.home_site import OURS, Home, Site

pytestmark = pytest.mark.broker

PORCH = """\
name: porch
services:
  web: {image: "web:1"}
sensors:
  doorbell: {kind: button, pin: 17}
actuators:
  lamp: {kind: led, pin: 27}
functions:
  greet: {mode: process, command: ["/bin/echo", "hello"], then: [{set: lamp, to: "on"}]}
  sulk: {mode: process, command: ["/bin/false"]}
"""
NODE, WEB, DESK = (
    "homeassistant/device/bramble_default_node_pi-1/config",
    "homeassistant/device/bramble_default_service_porch_web/config",
    "homeassistant/device/bramble_default_stack_porch/config",
)
GREET, SULK = f"{OURS}/stack/porch/function/greet", f"{OURS}/stack/porch/function/sulk"
LAMP, BELL = f"{OURS}/node/pi-1/actuator/porch.lamp", f"{OURS}/node/pi-1/sensor/porch.doorbell"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("home")
    with Broker(directory / "broker") as broker:
        made = Site(directory, broker)
        try:
            yield made
        finally:
            made.agent.terminate()
            made.controller.terminate()


@pytest.fixture
def home(site: Site) -> Iterator[Home]:
    playing = Home(site.broker.port)
    yield playing
    playing.close()


def test_home_assistant_sees_the_stack_and_switches_its_lamp(site: Site, home: Home) -> None:
    """Discovery appears, an ON reaches the mock pin, a press comes as an event, and a bad payload is refused in words."""
    wait_until(lambda: NODE in home.kept, "the node to be announced")
    site.apply(PORCH)
    wait_until(lambda: "light_actuator_porch_lamp" in home.document(NODE)["cmps"], "the lamp to be announced")
    wait_until(lambda: WEB in home.kept, "the service to be announced")
    wait_until(lambda: home.document(f"{LAMP}/state").get("state") == "OFF", "the lamp to be off")

    home.says(f"{LAMP}/set", '{"state": "ON"}')
    wait_until(lambda: home.document(f"{LAMP}/state").get("state") == "ON", "the lamp to be said on")
    assert site.is_high(27)
    home.says(f"{LAMP}/set", "OFF")
    wait_until(lambda: not site.is_high(27), "the pin to go low")

    site.bramble("pins", "pi-1", "--drive", "doorbell=pressed")
    wait_until(lambda: any(event["event_type"] == "pressed" for event in home.events), "the press to ring")
    wait_until(lambda: home.document(f"{BELL}/state").get("state") == "ON", "the button to be down")

    home.says(f"{LAMP}/set", "dim")
    refusal = f"{OURS}/node/pi-1/own/refusal/state"
    wait_until(lambda: "led takes ON, OFF" in (home.document(refusal).get("state") or ""), "the refusal to be shown")


def test_home_assistant_calls_a_function_by_its_button(site: Site, home: Home) -> None:
    """A press is a call: its node runs it once, what follows from it happens, and its end comes back, as a state and an event."""
    site.apply(PORCH)
    wait_until(lambda: home.document(f"{GREET}/state").get("available") == "online", "the function to be there")
    button = home.document(DESK)["cmps"]["button_function_greet"]
    home.events.clear()
    home.says(button["cmd_t"], button["pl_prs"])
    wait_until(lambda: home.document(f"{GREET}/state").get("state") == "done", "the function to be done")
    said = home.document(f"{GREET}/state")["attributes"]
    assert (said["output"], said["exit_code"], said["node"], said["open"]) == ("hello\n", 0, "pi-1", 0)
    assert [event["id"] for event in home.events if event["event_type"] == "done"] == [said["id"]]
    wait_until(lambda: site.is_high(27), "what follows to be done")
    home.says(f"{LAMP}/set", "OFF")

    home.says(f"{SULK}/set", "call")
    wait_until(lambda: home.document(f"{SULK}/state").get("state") == "failed", "the other one to fail")
    assert home.document(f"{SULK}/state")["attributes"]["exit_code"] == 1
    rows = json.loads(site.bramble("functions", "dead", "-o", "json"))
    assert [row["function"] for row in rows] == ["porch.sulk"]


def test_what_home_assistant_forgot_is_said_again_when_it_begins(site: Site, home: Home) -> None:
    """Its birth message brings everything back, whatever became of the broker's memory."""
    site.apply(PORCH)
    wait_until(lambda: WEB in home.kept, "the service to be announced")
    home._client.publish(WEB, b"", qos=1, retain=True).wait_for_publish(10.0)
    wait_until(lambda: WEB not in home.kept, "the broker to forget")
    home.says("homeassistant/status", "online")
    wait_until(lambda: WEB in home.kept, "the service to be announced again", within_s=20.0)


def test_a_stack_that_goes_while_the_switch_is_off_is_taken_back(site: Site, home: Home) -> None:
    """Removed stacks leave no device and no state; switched off, nothing at all, though another process had announced it."""
    site.apply(PORCH)
    wait_until(lambda: f"{LAMP}/state" in home.kept and WEB in home.kept, "the stack to be shown")
    site.bramble("down", "porch")
    wait_until(lambda: WEB not in home.kept, "the service's device to go")
    wait_until(lambda: home.document(NODE)["cmps"]["light_actuator_porch_lamp"] == {"p": "light"}, "the lamp to go")
    wait_until(lambda: not [topic for topic in home.kept if "porch" in topic], "the states to go")

    site.restart_controller()
    wait_until(lambda: not home.kept, "everything to be taken back")
