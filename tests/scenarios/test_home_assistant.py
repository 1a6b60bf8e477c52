"""Stories of what stands on a broker for Home Assistant, whatever dies meanwhile: no ghosts, and nothing that is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.fleet import SimFleet
from tests.scenarios.porch import a_fleet, clocks, doorbell, lamps

PREFIX = "homeassistant"


def shown(fleet: SimFleet) -> dict[str, dict[str, Any]]:
    """The devices that stand on the broker, with the entities that were not taken back."""
    found = {}
    for topic, packet in fleet.world.broker.retained.items():
        if topic.startswith(f"{PREFIX}/") and packet.payload:
            components = json.loads(packet.payload)["cmps"]
            name = topic.split("/")[2].removeprefix("bramble_default_")
            found[name] = {key: config for key, config in components.items() if set(config) != {"p"}}
    return found


def strays(fleet: SimFleet) -> set[str]:
    """States that stand on the broker and belong to no entity."""
    known = {config.get("stat_t") for entities in shown(fleet).values() for config in entities.values()}
    kept = fleet.world.broker.retained
    return {topic for topic, packet in kept.items() if "/home-assistant/" in topic and packet.payload} - known


def a_home(nodes: int, seed: int) -> SimFleet:
    fleet = a_fleet(nodes, seed)
    fleet.head.home_assistant = PREFIX
    fleet.head.kill()
    return fleet


def test_a_rollout_is_an_update_there() -> None:
    """While it goes on there is something newer; when it is done there is not."""
    with a_home(2, seed=1) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        update = shown(fleet)["service_porch_lamp"]["update_own_update"]["stat_t"]
        fleet.publish("porch", lamps("lamp:two"))
        versions = set()
        for _ in range(200):
            fleet.run_for(seconds=0.5)
            said = json.loads(fleet.world.broker.retained[update].payload)
            versions.add((said["installed_version"].split()[0], said["latest_version"].split()[0]))
        fleet.run_until_converged()
        going = {("lamp:one", "lamp:two"), ("lamp:two", "lamp:two")}
        assert going <= versions <= {*going, ("lamp:one", "lamp:one")}
        assert json.loads(fleet.world.broker.retained[update].payload)["in_progress"] is False


def test_what_was_rolled_back_is_not_installed_there() -> None:
    """The manifest still asks for it, but that is not what runs."""
    with a_home(2, seed=1) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.run_until_converged()
        fleet.publish("porch", lamps("lamp:crashing", "rollback"))
        fleet.run_for(minutes=2)
        update = shown(fleet)["service_porch_lamp"]["update_own_update"]["stat_t"]
        said = json.loads(fleet.world.broker.retained[update].payload)
        assert said["installed_version"] == said["latest_version"]
        assert said["installed_version"].startswith("lamp:one ")
        assert "rolled back" in said["release_summary"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_dies_there_are_no_ghosts(seed: int) -> None:
    """Stacks come and go, the controller and the broker die, in any order; at rest there stands what there is."""
    with a_home(3, seed) as fleet:
        fleet.publish("porch", lamps("lamp:one"))
        fleet.publish("garden", clocks(2))
        fleet.publish("gate", doorbell())
        fleet.run_until_converged()
        fleet.run_for(seconds=10)
        fleet.remove("garden")
        if seed % 2:
            fleet.head.kill()
        fleet.run_for(seconds=0.3 * seed)
        if seed > 1:
            fleet.lose_broker()
            fleet.remove("gate")
            fleet.head.kill()
            fleet.run_for(seconds=3)
            fleet.start_broker()
        fleet.remove("gate")
        fleet.run_until_converged()
        fleet.run_for(minutes=1)
        stands = shown(fleet)
        assert set(stands) == {"controller_default", "service_porch_lamp", "node_pi-1", "node_pi-2", "node_pi-3"}
        assert [name for entities in stands.values() for name in entities if "bell" in name] == []
        assert strays(fleet) == set()
