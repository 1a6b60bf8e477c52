"""A real Home Assistant at a real broker, with a real controller and agent: `python -m tests.lab.home_assistant [TREE]`.

Root. The first time it makes a tree with Home Assistant in it (`tree`), which takes some minutes; then it takes one. Everything
that Home Assistant could show of a node is on one: each kind of actuator is switched by its own services, a button is pressed, the
stack is removed. Each claim is printed; the first that is false ends it with 1, as does an error in Home Assistant's log.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.broker import Broker
from lab.processes import wait_until
from tests.controller.home_site import Home, Site
from tests.lab.home_assistant import tree as trees

HERE = Path(__file__).resolve().parent
TREE = Path("/var/cache/bramble/home-assistant")

STACK = """\
name: porch
services:
  web: {image: "web:1"}
sensors:
  doorbell: {kind: button, pin: 17}
  hall: {kind: motion, pin: 18}
  pace: {kind: load-average, every: 1s}
  pad: {kind: button-board, buttons: {up: 5, down: 6}}
  knob: {kind: rotary-encoder, a: 20, b: 21}
  power: {kind: throttled}
actuators:
  lamp: {kind: led, pin: 27}
  dim: {kind: pwm-led, pin: 12}
  mood: {kind: rgb-led, red: 22, green: 23, blue: 24}
  horn: {kind: buzzer, pin: 25}
  song: {kind: tonal-buzzer, pin: 26}
  pump: {kind: relay, pin: 16}
  fan: {kind: pwm, pin: 13}
  arm: {kind: servo, pin: 4}
  gate: {kind: angular-servo, pin: 14}
  wheel: {kind: motor, forward: 15, backward: 19}
  row: {kind: led-board, pins: [2, 3]}
  bar: {kind: led-bar, pins: [7, 8]}
  stop: {kind: traffic-lights, red: 9, amber: 10, green: 11}
functions:
  greet: {mode: process, command: ["/bin/echo", "hello"]}
  sulk: {mode: process, command: ["/bin/false"]}
"""

CALLS: tuple[tuple[str, str, dict[str, Any], str, object], ...] = (
    ("light.pi_1_lamp", "turn_on", {}, "value", "on"),
    ("light.pi_1_lamp", "turn_on", {"effect": "blink"}, "value", "blink"),
    ("light.pi_1_lamp", "turn_off", {}, "state", "off"),
    ("light.pi_1_dim", "turn_on", {"brightness": 128}, "brightness", 128),
    ("light.pi_1_mood", "turn_on", {"rgb_color": [255, 128, 0], "brightness": 200}, "value", "#c86400"),
    ("siren.pi_1_horn", "turn_on", {"tone": "beep"}, "value", "beep"),
    ("text.pi_1_song", "set_value", {"value": "A4"}, "state", "A4"),
    ("switch.pi_1_pump", "turn_on", {}, "state", "on"),
    ("number.pi_1_fan", "set_value", {"value": 40}, "state", "40.0"),
    ("number.pi_1_arm", "set_value", {"value": 0.5}, "state", "0.5"),
    ("button.pi_1_arm_off", "press", {}, "state", ""),
    ("number.pi_1_gate", "set_value", {"value": 45}, "state", "45.0"),
    ("number.pi_1_wheel", "set_value", {"value": -0.5}, "state", "-0.5"),
    ("text.pi_1_row", "set_value", {"value": "01"}, "state", "01"),
    ("number.pi_1_bar", "set_value", {"value": -50}, "state", "-50.0"),
    ("select.pi_1_stop", "select_option", {"option": "red+amber"}, "state", "red+amber"),
    ("select.pi_1_availability", "select_option", {"option": "pause"}, "state", "pause"),
    ("number.porch_web_replicas", "set_value", {"value": 2}, "state", "2"),
    ("button.porch_web_restart", "press", {}, "state", ""),
    ("select.pi_1_availability", "select_option", {"option": "active"}, "state", "active"),
    ("button.porch_greet", "press", {}, "state", ""),
    ("button.porch_sulk", "press", {}, "state", ""),
)
"""Entity, service, what is said, and what it shows then: a state or an attribute; nothing for a button."""


class Real:
    """One Home Assistant as a process."""

    def __init__(self, tree: Path, port: int, log: Path) -> None:
        shutil.copy(HERE / "inside.py", tree / "inside.py")
        shutil.rmtree(tree / "home", ignore_errors=True)
        self.tree, self.port, self.log = tree, port, log
        self.start()

    def start(self) -> None:
        """Begin, with whatever it remembers."""
        self._process = subprocess.Popen(
            trees.python(self.tree, "/inside.py", "/home", str(self.port)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log.open("a"), text=True,
        )  # fmt: skip
        assert self._answer() == "started"

    def ask(self, **asked: Any) -> Any:
        """Ask it one thing."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def errors(self) -> list[str]:
        """What it complains of, of MQTT or of a template."""
        lines = self.log.read_text().splitlines()
        return [
            line for line in lines if ("ERROR" in line or "WARNING" in line) and ("mqtt" in line or "template" in line)
        ]

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30.0)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line[:1] in '{["':
                return json.loads(line)
        raise RuntimeError(f"Home Assistant has ended: {self.log.read_text()[-2000:]}")


def claim(sentence: str, is_true: Callable[[], bool]) -> None:
    """Wait until it is true, and say so."""
    wait_until(is_true, sentence)
    print(f"ok    {sentence}", flush=True)


def story(site: Site, home: Home, real: Real) -> None:
    """Everything that must be true, in order."""

    def states() -> Any:
        return real.ask(states=True)

    def announced() -> set[str]:
        documents = [json.loads(said) for topic, said in home.kept.items() if topic.startswith("homeassistant/")]
        return {config["uniq_id"] for one in documents for config in one["cmps"].values() if "uniq_id" in config}

    claim("the stack is announced", lambda: any("porch_lamp" in one for one in announced()))
    claim("every entity that is announced is there", lambda: announced() <= set(real.ask(entities=True)))
    claim("the lamp is known to be off", lambda: states().get("light.pi_1_lamp", {}).get("state") == "off")
    for entity, service, said, key, wanted in CALLS:
        answered = real.ask(call=[entity.partition(".")[0], service, {"entity_id": entity, **said}])
        assert answered == "done", (entity, answered)
        claim(
            f"{entity} {service} {said or ''}: {key} {wanted}",
            lambda: not wanted or states()[entity].get(key) == wanted,  # noqa: B023 - asked within its turn
        )
    site.bramble("pins", "pi-1", "--drive", "doorbell=pressed")
    claim("the button is down", lambda: states()["binary_sensor.pi_1_doorbell"]["state"] == "on")
    claim(
        "the press is an event", lambda: states()["event.pi_1_doorbell_event"].get("event_type") in ("pressed", "held")
    )
    claim("a function was called by its button", lambda: states()["sensor.porch_greet_result"]["state"] == "done")
    claim("and said hello", lambda: states()["sensor.porch_greet_result"].get("output") == "hello\n")
    claim("its end is an event", lambda: states()["event.porch_greet_ended"].get("event_type") == "done")
    claim("another one failed", lambda: states()["sensor.porch_sulk_result"].get("exit_code") == 1)
    known = real.ask(entities=True)
    real.stop()
    real.start()
    claim("begun anew, it has the same entities", lambda: real.ask(entities=True) == known)
    claim("and knows how they stand", lambda: states().get("switch.pi_1_pump", {}).get("state") == "on")
    site.bramble("down", "porch")
    claim("the removed stack has no entity", lambda: not [one for one in real.ask(entities=True) if "porch" in one])
    claim("no state of it is kept", lambda: not [topic for topic in home.kept if "porch" in topic])
    print("\n".join(real.errors()), end="", flush=True)
    claim("Home Assistant complained of nothing", lambda: not real.errors())


def main() -> int:
    """Make the tree if need be, and tell the story."""
    if lacks := trees.lacks():
        print(lacks, file=sys.stderr)
        return 2
    tree = Path(sys.argv[1]) if len(sys.argv) > 1 else TREE
    tree.mkdir(parents=True, exist_ok=True)
    trees.make(tree)
    with tempfile.TemporaryDirectory(prefix="bramble-home-") as name, Broker(Path(name) / "broker") as broker:
        site = Site(Path(name), broker)
        home = Home(broker.port)
        try:
            claim("the node is announced", lambda: any("node_pi-1" in topic for topic in home.kept))
            site.apply(STACK)
            real = Real(tree, broker.port, Path(name) / "home-assistant.log")
            try:
                story(site, home, real)
            finally:
                real.stop()
        finally:
            home.close()
            site.agent.terminate()
            site.controller.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
