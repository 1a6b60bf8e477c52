"""When a network or volume that exists is what is wanted, and why Docker makes none: by the documents of real engines."""

from __future__ import annotations

from typing import Any

import pytest

from agent.adapters.creation import Place
from agent.adapters.networks import differences, network_body, refusal
from agent.adapters.volumes import difference, otherwise
from agent.decide.inputs import GiveUp, Retry
from protocol.container import Network, Subnet, Volume

SUBNET = Subnet("10.9.0.0/24", "10.9.0.1")
THERE: dict[str, Any] = {
    "Name": "s_default",
    "Driver": "bridge",
    "EnableIPv6": False,
    "Internal": False,
    "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]},
    "Options": {"com.docker.network.enable_ipv4": "true"},
    "Labels": {},
}


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Network("s_default"), []),
        (Network("s_default", subnets=(SUBNET,)), []),
        (Network("s_default", subnets=(Subnet("10.9.0.0/24"),)), []),
        (Network("s_default", labels={"a": "b"}), []),
        (Network("s_default", driver="macvlan"), ["driver: bridge → macvlan"]),
        (Network("s_default", internal=True, ipv6=True), ["internal: False → True", "ipv6: False → True"]),
        (Network("s_default", driver_opts={"a": "b"}), ["options: {} → {'a': 'b'}"]),
        (Network("s_default", subnets=(Subnet("10.8.0.0/24"),)), ["Subnet: 10.9.0.0/24 → 10.8.0.0/24"]),
        (Network("s_default", subnets=(SUBNET, Subnet("fd00::/64"))), ["subnets: 1 → 2"]),
    ],
)
def test_a_network_differs_only_by_what_was_asked_for(network: Network, told: list[str]) -> None:
    """What is left to the engine never differs, nor do labels, which change nothing for a container."""
    assert differences(network, THERE) == told


def test_what_is_asked_for_is_what_is_there_afterwards() -> None:
    """A network that was made as it was wanted does not differ."""
    network = Network("n", "bridge", {"o": "1"}, {"l": "1"}, (SUBNET,), internal=True, ipv6=True)
    body = network_body(Place("f", "n"), network)
    assert differences(network, body) == []
    assert body["Labels"] == {"l": "1", "io.bramble.fleet": "f", "io.bramble.node": "n"}


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (
            404,
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
            Retry,
        ),
        (400, "all predefined address pools have been fully subnetted", Retry),
        (409, "network with name n already exists", Retry),
        (404, 'plugin "nonsense" not found', GiveUp),
        (403, "Pool overlaps with other one on this address space", GiveUp),
    ],
)
def test_why_a_network_is_not_made(status: int, said: str, outcome: type[Retry | GiveUp]) -> None:
    """What time or an operator mends is tried again; the sentence names the network."""
    told = refusal(Network("n"), status, said)
    assert isinstance(told, outcome)
    assert "network n" in told.reason
    assert ("no addresses left" in told.reason) == ("pool" in said and "Pool" not in said)


@pytest.mark.parametrize(
    ("volume", "body", "told"),
    [
        (Volume(), {"Driver": "nfs", "Options": None}, ""),
        (Volume("nfs"), {"Driver": "local", "Options": None}, "driver: local → nfs"),
        (Volume(driver_opts={"o": "x"}), {"Driver": "local", "Options": {"o": "x"}}, ""),
        (Volume(driver_opts={"o": "x"}), {"Driver": "local", "Options": {"o": "y"}}, "options: o → o"),
    ],
)
def test_a_volume_differs_by_driver_and_options(volume: Volume, body: dict[str, Any], told: str) -> None:
    """Names of options are told, values are not: one may be a password."""
    assert difference(volume, body) == told
    assert "v is otherwise" in otherwise("v", told)
