"""The run's network: a switch in a namespace of its own, one subnet, one link to the machine and one per host.

Only the link's near end stands in the machine's own network, with the subnet's first address; broker, registry and
controller bind there. The switch has a namespace of its own, so the machine's firewall and sysctls (a Docker Engine
on it sets FORWARD to DROP) neither see what the hosts say to each other nor are changed. Hosts have no way out.

What may fail: any `ip` command (`CommandError`), or no subnet is free (`NoSubnetError`).
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.commands import run
from lab.names import RunName

_POOLS = (IPv4Network("10.0.0.0/8"), IPv4Network("198.18.0.0/15"))
# Private addresses first; where a tunnel claims all of them, those that RFC 2544 sets aside for test networks.
_LOOKS_PER_POOL = 50
_FIRST_HOST = 11
_BURST_BYTES = 16_000
_LATENCY_MS = 400
# The queue of a slow link drops what would wait longer than this.


class NoSubnetError(RuntimeError):
    """Every subnet that was looked at is in use."""


@dataclass(frozen=True, slots=True)
class Link:
    """A host's cable: its namespace and address, and the port of the switch where it is plugged in."""

    hub: str
    namespace: str
    port: str
    address: str
    prefix: int

    @property
    def card(self) -> str:
        """The address of the host's network card: its own for good, or peers would look for the old card for minutes."""
        return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *IPv4Address(self.address).packed))

    def lay(self) -> None:
        """Make the namespace and plug it in."""
        run(["ip", "netns", "add", self.namespace])
        port_end = ["link", "add", self.port, "netns", self.hub, "type", "veth"]
        run(["ip", *port_end, "peer", "name", "eth0", "address", self.card, "netns", self.namespace])
        run(["ip", "-n", self.hub, "link", "set", self.port, "master", "switch", "up"])
        run(["ip", "-n", self.namespace, "link", "set", "lo", "up"])
        run(["ip", "-n", self.namespace, "address", "add", f"{self.address}/{self.prefix}", "dev", "eth0"])
        run(["ip", "-n", self.namespace, "link", "set", "eth0", "up"])

    def tear(self) -> None:
        """Tear the cable out for good: what the host still says (FIN, RST) reaches nobody."""
        run(["ip", "-n", self.hub, "link", "delete", self.port])

    def clear(self) -> None:
        """Remove the namespace with every socket in it; its processes are gone by then."""
        run(["ip", "netns", "delete", self.namespace])

    def cut(self) -> None:
        """Pull the cable at the switch: the host keeps address and routes, and reaches nobody."""
        run(["ip", "-n", self.hub, "link", "set", self.port, "down"])

    def mend(self) -> None:
        """Plug the cable in again."""
        run(["ip", "-n", self.hub, "link", "set", self.port, "up"])

    def shape(self, rate_kbit: int) -> None:
        """Slow the cable down in both directions; 0 makes it fast again."""
        for namespace, device in ((self.hub, self.port), (self.namespace, "eth0")):
            if rate_kbit:
                tbf = ["tbf", "rate", f"{rate_kbit}kbit", "burst", str(_BURST_BYTES), "latency", f"{_LATENCY_MS}ms"]
                run(["tc", "-n", namespace, "qdisc", "replace", "dev", device, "root", *tbf])
            else:
                run(["tc", "-n", namespace, "qdisc", "delete", "dev", device, "root"])


@dataclass(frozen=True, slots=True)
class Network:
    """A built switch and its subnet."""

    name: RunName
    subnet: IPv4Network

    @property
    def address(self) -> str:
        """The machine's own address on the subnet."""
        return str(self.subnet[1])

    def link(self, host: str, number: int) -> Link:
        """Return the cable for the run's host of this number (from 0), still to be laid."""
        address = str(self.subnet[_FIRST_HOST + number])
        return Link(self.name.hub, self.name.namespace(host), f"port{number}", address, self.subnet.prefixlen)


def build(name: RunName) -> Network:
    """Make the switch and give the machine an address on it, in a subnet that nobody uses."""
    hub = name.hub
    run(["ip", "netns", "add", hub])
    run(["ip", "-n", hub, "link", "add", "switch", "type", "bridge"])
    run(["ip", "-n", hub, "link", "set", "switch", "up"])
    run(["ip", "link", "add", name.link, "type", "veth", "peer", "name", "machine", "netns", hub])
    run(["ip", "-n", hub, "link", "set", "machine", "master", "switch", "up"])
    network = Network(name, _claim_subnet(name.link))
    run(["ip", "link", "set", name.link, "up"])
    return network


def _claim_subnet(link: str) -> IPv4Network:
    """Take a free subnet; look again after taking, for another run may have taken the same one meanwhile."""
    for pool in _POOLS:
        for _ in range(_LOOKS_PER_POOL):
            subnet = _random_subnet(pool)
            if _used(subnet):
                continue
            run(["ip", "address", "add", f"{subnet[1]}/{subnet.prefixlen}", "dev", link])
            if len(_used(subnet)) == 1:
                return subnet
            run(["ip", "address", "flush", "dev", link])
    raise NoSubnetError(f"no free /24 in {' or '.join(map(str, _POOLS))}: see `ip address` and `ip route`")


def _random_subnet(pool: IPv4Network) -> IPv4Network:
    start = int(pool.network_address) + random.randrange(pool.num_addresses // 256) * 256
    return IPv4Network((IPv4Address(start), 24))


def _used(subnet: IPv4Network) -> list[str]:
    """Return the addresses and routes that overlap with a subnet (a default route overlaps with nothing)."""
    devices = json.loads(run(["ip", "-json", "-4", "address", "show"]) or "[]")
    taken = [f"{a['local']}/{a['prefixlen']}" for device in devices for a in device.get("addr_info", ())]
    routes = json.loads(run(["ip", "-json", "-4", "route", "show"]) or "[]")
    # The kernel makes a route of its own for every address: counted already.
    taken += [r["dst"] for r in routes if r["dst"] != "default" and r.get("protocol") != "kernel"]
    return [text for text in taken if IPv4Network(text, strict=False).overlaps(subnet)]
