"""Networks of a stack, and how a service is attached to them.

A network is one node's own: it joins the tasks of that node, nothing joins nodes yet. Attached to none, a service is on its stack's
`default` network and on `bramble`, which all stacks of a node share.
"""

from __future__ import annotations

from ipaddress import ip_interface, ip_network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from protocol.manifest.port import is_address
from protocol.manifest.section import NOTHING, Flag, Form, Pairs, Pattern, Section, Whole, or_nothing
from protocol.manifest.storage import Outside

DEFAULT = "default"


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is no address; write it like 172.28.0.10")
    return text


def _subnet(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        try:
            hint = f"write {ip_interface(text).network}"
        except ValueError:
            hint = "write it like 172.28.0.0/16"
        raise ValueError(f"{text!r} is no subnet; {hint}") from None
    return text


def _driver(text: str) -> str:
    if text == "overlay":
        raise ValueError("an overlay needs Swarm; use bridge, which joins the tasks of one node")
    if text in {"host", "none"}:
        raise ValueError(f"{text!r} is no network of one's own; write `network_mode: {text}` in the service")
    return text


Address = Annotated[str, AfterValidator(_address)]
Subnet = Annotated[str, AfterValidator(_subnet)]


class IpamConfig(Section):
    """One range of addresses."""

    refused: ClassVar = {"aux_addresses": "no driver of a node's own networks reads it; remove it"}

    subnet: Subnet = ""
    ip_range: Subnet = ""
    gateway: Address = ""


class Ipam(Section):
    """Which addresses a network gives."""

    refused: ClassVar = {"options": "the engine's own driver has none; remove it"}

    driver: Literal["default"] = "default"
    config: list[IpamConfig] = []


class Network(Outside):
    """A network on every node that runs a task of its services."""

    refused: ClassVar = {"enable_ipv4": "every network has IPv4, and engines before 28 know no other; remove it"}
    passed_over: ClassVar = {"attachable": "every network of a node is"}

    driver: Annotated[str, AfterValidator(_driver)] = "bridge"
    driver_opts: Pairs = {}
    ipam: Ipam = Ipam()
    internal: Flag = False
    enable_ipv6: Flag = False
    labels: Pairs = {}

    @model_validator(mode="after")
    def _external_says_no_more(self) -> Network:
        if self.external and self.model_fields_set - {"external", "name"}:
            said = sorted(self.model_fields_set - {"external", "name"})
            raise ValueError(f"an external network is as it is; remove its {', '.join(said)}")
        return self


class Attached(Section):
    """How a service is on one network."""

    refused: ClassVar = {
        "mac_address": "engines before 25 have one for a container; write it in the service",
        "gw_priority": "engines before 28 do not know it; `priority` says which network comes first",
        "link_local_ips": "no driver of a node's own networks gives them; remove it",
        "interface_name": "engines before 28 do not know it; remove it",
        "use_service_name_alias": "a service is called by its name on each of its networks; remove it",
        "driver_opts": "options belong to the network; write them under the top-level `networks`",
    }

    aliases: list[str] = []
    ipv4_address: Address = ""
    ipv6_address: Address = ""
    priority: Whole = 0


def _attached(value: object) -> object:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    return {name: or_nothing(how) for name, how in value.items()} if isinstance(value, dict) else value


NetworkName = Annotated[
    str, Pattern(r"[A-Za-z0-9._-]+", "{} is no name; use letters, digits, dots, dashes and underscores")
]
Networks = dict[NetworkName, Annotated[Network, Form(or_nothing, "", (NOTHING,)), Field()]]
Attachments = Annotated[
    dict[str, Annotated[Attached, Form(or_nothing, "", (NOTHING,))]],
    Form(
        _attached,
        "a list of networks, or a mapping of keys as below",
        ({"type": "array", "items": {"type": "string"}},),
    ),
]
