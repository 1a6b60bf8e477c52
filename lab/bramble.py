"""A bramble on a site: the real processes on real hosts, as an installation has them, started and killed like machines do.

systemd's part (start again what died) is played by whoever tells the story, so that he decides when.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import commands
from lab.broker import Broker
from lab.host import Host
from lab.images import Image, build
from lab.processes import Process, wait_until
from lab.registry import Registry
from lab.room import HOSTS_OF_SITE
from lab.site import Say, Site
from link.settings import LinkSettings

FLEET = "default"
HERE = Path(__file__).resolve().parent.parent

KEEPALIVE_S = 4
# A quarter of an installation's, so that a story about absence does not have to wait half a minute for each.

HEALTH_S = 5
# A sixth of an installation's, so that what is plugged in is soon seen.

REGISTRY_PORT = 5000
# The site's address is its own, so the port of every registry's documentation is free there.

_SERVE = """#!/bin/sh
mkdir -p /tmp/www && echo "dashboard $VERSION" > /tmp/www/index.html
httpd -f -p 80 -h /tmp/www &
trap 'kill $!; exit 0' TERM
wait
"""
_TICK = """#!/bin/sh
trap 'exit 0' TERM
while true; do sleep 1 & wait $!; done
"""
_GREET = """#!/bin/sh
read -r event
echo "{\\"greeting\\": \\"hello, $CE_SUBJECT\\", \\"actuators\\": {\\"lamp\\": \\"on\\"}}"
"""


def _dashboard(version: int) -> Image:
    return Image("dashboard", str(version), ("/bin/serve",), {"/bin/serve": _SERVE}, {"VERSION": str(version)})


IMAGES = (
    _dashboard(1),
    _dashboard(2),
    _dashboard(3),
    Image("clock", "1", ("/bin/tick",), {"/bin/tick": _TICK}),
    Image("greet", "1", ("/bin/greet",), {"/bin/greet": _GREET}),
)


@dataclass(slots=True)
class Bramble:
    """A controller and its nodes; `site` is entered already.

    `settings` is what else the controller's file says, `extra` what else stands in the environment of its agents.

    Agents that are `launched` are started as systemd's unit does, so that they can update themselves.
    """

    site: Site
    broker: Broker
    registry: Registry
    hosts: dict[str, Host] = field(default_factory=dict)
    agents: dict[str, Process] = field(default_factory=dict)
    controller: Process | None = None
    settings: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    launched: bool = False

    def build_images(self) -> None:
        """Build and push what the porch needs, on the first host's engine."""
        first = next(iter(self.hosts.values()))
        for image in IMAGES:
            build(first, self.registry, image)

    def start_controller(self) -> None:
        """Start the controller, with the store it had."""
        state = self.site.directory / "controller"
        state.mkdir(exist_ok=True)
        extra = {
            "BRAMBLE_FLEET": FLEET,
            "BRAMBLE_BROKER_HOST": self.broker.address,
            "BRAMBLE_BROKER_PORT": str(self.broker.port),
            "BRAMBLE_STATE_DIR": str(state),
            "BRAMBLE_KEEPALIVE_S": str(KEEPALIVE_S),
            "BRAMBLE_METRICS_PORT": "0",
        }
        names = state / "hosts"
        names.write_text(f"127.0.0.1 localhost\n{self.site.address} {' '.join(HOSTS_OF_SITE)}\n")
        settings = state / "controller.toml"
        own = f'[[registries]]\nhost = "registry.local:{self.registry.port}"\ninsecure = true\n'
        settings.write_text(own + self.settings)
        command = [sys.executable, "-m", "controller", "--settings", str(settings)]
        # The controller finds registries by the names that nodes know: it has a hosts file of its own.
        own_names = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(names)]
        self.controller = self.site.spawn("controller", [*own_names, *command], extra)

    def start_agent(self, name: str, named: str = "") -> None:
        """Start a node's agent, with the store it had; perhaps under another node's name."""
        host = self.hosts[name]
        (host.directory / "agent").mkdir(exist_ok=True)
        extra = {
            "BRAMBLE_NODE": named or name,
            "BRAMBLE_FLEET": FLEET,
            "BRAMBLE_BROKER_HOST": "broker.local",
            "BRAMBLE_BROKER_PORT": str(self.broker.port),
            "BRAMBLE_STATE_DIR": str(host.directory / "agent"),
            "BRAMBLE_KEEPALIVE_S": str(KEEPALIVE_S),
            "BRAMBLE_HEALTH_S": str(HEALTH_S),
            "BRAMBLE_LABELS": "site=home,place=porch",
            "BRAMBLE_DOCKER_HOST": host.engine.url if host.with_engine else "none",
            "BRAMBLE_FINGER": str(self.finger(name)),
            "GPIOZERO_PIN_FACTORY": "mock",
            **self.extra,
        }
        module = ["agent"]
        if self.launched:
            module = ["agent.launcher", "--releases", str(host.directory / "agent" / "releases"), "--"]
        self.agents[name] = host.spawn("agent", [sys.executable, "-m", *module, "--settings", ""], extra)

    def finger(self, name: str) -> Path:
        """Where a press of a node's mock pin is written: the node's own doorbell, whatever becomes of the network."""
        return self.hosts[name].directory / "agent" / "finger"

    def press(self, name: str, pin: int) -> None:
        """Press and let go a button on a mock pin of a node, with a finger and not over MQTT."""
        wait_until(self.finger(name).exists, f"the agent of {name} to watch for a finger")
        with self.finger(name).open("w") as pipe:
            pipe.write(f"press {pin}\n")

    def publish(self, stack: str, path: Path) -> None:
        """Publish a manifest the way anybody can."""
        topic = f"bramble/v1/{FLEET}/manifest/{stack}"
        at = ["-h", self.broker.address, "-p", str(self.broker.port)]
        commands.run(["mosquitto_pub", *at, "-V", "5", "-q", "1", "-t", topic, "-r", "-f", str(path)])

    def command(self, *words: str) -> str:
        """Give a `bramble` command, as an operator at a terminal would."""
        at = ["--broker", f"{self.broker.address}:{self.broker.port}", "--fleet", FLEET]
        return commands.run([sys.executable, "-m", "cli", *words, *at])

    def containers(self, service: str = "") -> dict[str, str]:
        """Ask the engines themselves: the id of each running task's container, by task."""
        found: dict[str, str] = {}
        for host in filter(lambda one: one.with_engine, self.hosts.values()):
            for container in host.containers():
                labels = dict(pair.partition("=")[::2] for pair in container.labels.split(","))
                task = labels.get("io.bramble.task", "")
                if task and container.is_running and service in ("", labels.get("io.bramble.service")):
                    if task in found:
                        raise RuntimeError(f"two containers run for the task {task}")
                    found[task] = container.id
        return found

    def logs(self) -> dict[str, str]:
        """Everything the processes wrote, for a story that went wrong."""
        processes = {"controller": self.controller, **self.agents}
        return {name: process.log() for name, process in processes.items() if process}


def bring_up(site: Site, names: Iterable[str], say: Say, extra: Mapping[str, str] | None = None) -> Bramble:
    """Broker, registry with the porch's images, hosts of these names, controller and agents."""
    bramble = Bramble(site, site.start_broker(), site.start_registry(REGISTRY_PORT), extra=extra or {})
    bramble.hosts = {host.name: host for host in site.start_hosts(*names)}
    bramble.build_images()
    say("images built and pushed")
    bramble.start_controller()
    for name in bramble.hosts:
        bramble.start_agent(name)
    say("controller and agents started")
    return bramble


def link_settings(broker: Broker) -> LinkSettings:
    """The link of an operator's terminal."""
    return LinkSettings(host=broker.address, port=broker.port, client_id="operator", keepalive_s=KEEPALIVE_S)
