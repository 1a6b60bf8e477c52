"""What makes a container like ours of another image, and which of ours has no like."""

from __future__ import annotations

from typing import Any

import pytest

from agent.adapters.boxes import document, unfit
from agent.launcher.markers import OURS

IMAGE: dict[str, Any] = {"Config": {"Env": ["PATH=/bin", "SAYS=1"], "Cmd": None, "Labels": {"of": "the image"}}}
OURS_NOW: dict[str, Any] = {
    "Id": "abc123def456" + "0" * 52,
    "Name": "/bramble-agent",
    "Config": {
        "Image": "bramble-agent:1",
        "Hostname": "abc123def456",
        "Env": ["BRAMBLE_NODE=pi-1", "PATH=/bin", "SAYS=1", f"{OURS}=image-old"],
        "Cmd": ["--settings", ""],
        "User": "bramble-agent",
        "Labels": {"of": "the image", "mine": "yes"},
    },
    "HostConfig": {
        "NetworkMode": "host",
        "Binds": ["/etc/bramble:/etc/bramble:ro"],
        "GroupAdd": ["998"],
        "Devices": [{"PathOnHost": "/dev/gpiochip0"}],
        "RestartPolicy": {"Name": "unless-stopped"},
    },
    "Mounts": [
        {"Type": "bind", "Destination": "/etc/bramble"},
        {"Type": "volume", "Name": "f00d", "Destination": "/var/lib/bramble"},
    ],
    "NetworkSettings": {"Networks": {"host": {}}},
}


def test_all_that_was_said_of_ours_is_said_of_the_other_and_nothing_of_its_image() -> None:
    """What the image said the new image may say otherwise; a volume without a name has the store, so it is shared."""
    made = document(OURS_NOW, IMAGE, "bramble-agent:2", "image-new")
    assert made["Env"] == ["BRAMBLE_NODE=pi-1", f"{OURS}=image-new"]
    assert (made["Cmd"], made["User"], made["Labels"]) == (["--settings", ""], "bramble-agent", {"mine": "yes"})
    assert (made["Image"], "Hostname" in made) == ("bramble-agent:2", False)
    host = made["HostConfig"]
    assert host["Binds"] == ["/etc/bramble:/etc/bramble:ro", "f00d:/var/lib/bramble"]
    assert (host["GroupAdd"], host["Devices"]) == (["998"], [{"PathOnHost": "/dev/gpiochip0"}])
    assert host["RestartPolicy"]["Name"] == "no"
    assert OURS_NOW["HostConfig"]["Binds"] == ["/etc/bramble:/etc/bramble:ro"]


def test_the_networks_of_ours_are_joined_by_name() -> None:
    """Addresses and names that the engine gave are its own."""
    bridged = {
        **OURS_NOW,
        "HostConfig": {**OURS_NOW["HostConfig"], "NetworkMode": "edge"},
        "NetworkSettings": {"Networks": {"edge": {"IPAddress": "172.18.0.2"}}},
    }
    assert document(bridged, IMAGE, "a:2", "n")["NetworkingConfig"] == {"EndpointsConfig": {"edge": {}}}


@pytest.mark.parametrize(
    ("host", "networks", "says"),
    [
        ({}, {}, ""),
        ({"AutoRemove": True}, {}, "--rm"),
        ({"PortBindings": {"80/tcp": [{}]}}, {}, "publishes ports"),
        ({}, {"edge": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}}, "address of its own in edge"),
    ],
)
def test_one_whose_like_cannot_stand_beside_it_says_why(
    host: dict[str, Any], networks: dict[str, Any], says: str
) -> None:
    """Before anything is pulled or made."""
    ours = {**OURS_NOW, "HostConfig": {**OURS_NOW["HostConfig"], **host}, "NetworkSettings": {"Networks": networks}}
    assert says in unfit(ours)
    assert bool(unfit(ours)) == bool(says)
