"""The networks of this node's containers: made where they are missing, connected, removed when nothing is on them.

One that is there is used if it is what is wanted; if it is not, and containers are on it, that is told and nothing is touched. Only
networks with our labels are ever removed (S8). What has been met once is not asked for again until something goes wrong, because
every create of every container would ask. One network is made at a time: two of one name that are made at once both come into being
(15 of 15 tries on Docker 20.10, `CheckDuplicate` and all), and no container can use either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from agent.adapters.creation import Place, endpoint
from agent.adapters.docker_api import Answer, DockerApi
from agent.adapters.troubles import ENGINE_RETRY_S, trouble
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from protocol.container import Attachment, Network, Subnet

ABSENT_RETRY_S = 30.0
# Somebody makes it by hand.
OTHERWISE_RETRY_S = 30.0
# The containers that are on it may be leaving.
POOL_RETRY_S = 60.0
# Addresses come back when other networks go.

_NO_POOL = re.compile(r"non-overlapping IPv\d address pool|predefined address pools have been fully subnetted")
_NO_DRIVER = re.compile(r"plugin \"(?P<driver>[^\"]+)\" not found")
_CONNECTED = re.compile(r"already (?:exists|attached|connected)")
_CONFLICT = 409
_ENGINES_OWN = re.compile(r"com\.docker\.network\.enable_ipv\d")
# Options that newer engines write beside ours.


class Networks:
    """The networks of one node's engine. Usable from several threads."""

    def __init__(self, api: DockerApi, place: Place) -> None:
        self._api, self._place = api, place
        self._met: dict[str, Network] = {}
        self._pen: SimpleQueue[None] = SimpleQueue()
        self._pen.put(None)

    def make(self, attachments: Iterable[Attachment]) -> Outcome:
        """Have every network that is missing; the first that cannot be is the outcome."""
        remarks = []
        for network in (attachment.network for attachment in attachments):
            if self._met.get(network.name) == network:
                continue
            with self._held_pen():
                outcome = self._made(network)
            if not isinstance(outcome, Done):
                return outcome
            remarks.append(outcome.detail)
            self._met[network.name] = network
        return Done("; ".join(filter(None, remarks)))

    def connect(self, container: str, attachments: Iterable[Attachment]) -> Outcome:
        """Put a container that does not run on more networks; on one that it is on, names and addresses are set anew."""
        for attachment in attachments:
            body = {"Container": container, "EndpointConfig": endpoint(attachment)}
            answer = self._api.call("POST", f"/networks/{attachment.network.name}/connect", body=body)
            if not answer.ok and not _CONNECTED.search(answer.message):
                self.forget()
                return trouble(container, answer.status, answer.message)
        return Done()

    def remove(self, name: str) -> bool:
        """Remove a network of ours that no container is on, running or not, whoever's it is; whether it is gone."""
        self._met.pop(name, None)
        found = self._found(name)
        if not found.ok:
            return found.status == 404
        if not self._place.owns(found.body.get("Labels")) or self._users(name):
            return False
        return self._api.call("DELETE", f"/networks/{found.body['Id']}").ok

    def ours(self) -> frozenset[str]:
        """The names of the networks that we made."""
        filters = json.dumps({"label": [f"{name}={value}" for name, value in self._place.labels.items()]})
        answer = self._api.call("GET", "/networks", query={"filters": filters})
        return frozenset(network["Name"] for network in answer.body) if answer.ok else frozenset()

    def forget(self) -> None:
        """Ask the engine again from now on."""
        self._met.clear()

    @contextmanager
    def _held_pen(self) -> Iterator[None]:
        """Whoever makes a network holds the one pen; the others wait for it."""
        self._pen.get()
        try:
            yield
        finally:
            self._pen.put(None)

    def _made(self, network: Network) -> Outcome:
        found = self._found(network.name)
        if found.status == 404:
            return absent(network) if network.external else self._create(network)
        if not found.ok:
            return trouble(network.name, found.status, found.message)
        if network.external or not (other := differences(network, found.body)):
            return Done(_labels_differ(network, found.body))
        if not self._place.owns(found.body.get("Labels")):
            return GiveUp(
                f"the network {network.name} is not ours and is otherwise ({'; '.join(other)}): declare it external"
            )
        if users := self._users(network.name):
            return Retry(otherwise(network, other, users), OTHERWISE_RETRY_S)
        removed = self._api.call("DELETE", f"/networks/{found.body['Id']}")
        return self._create(network) if removed.ok else trouble(network.name, removed.status, removed.message)

    def _create(self, network: Network) -> Outcome:
        answer = self._api.call("POST", "/networks/create", body=network_body(self._place, network))
        if answer.ok:
            return Done(str(answer.body.get("Warning", "")))
        return refusal(network, answer.status, answer.message)

    def _found(self, name: str) -> Answer:
        answer = self._api.call("GET", f"/networks/{name}")
        if answer.ok and answer.body["Name"] != name:  # Docker also takes the beginning of an id
            return Answer(404)
        return answer

    def _users(self, name: str) -> list[str]:
        """The containers that are on a network, or will be when they are started again."""
        query = {"all": 1, "filters": json.dumps({"network": [name]})}
        answer = self._api.call("GET", "/containers/json", query=query)
        return [str(entry["Names"][0]).lstrip("/") for entry in answer.body] if answer.ok else [answer.message]


def network_body(place: Place, network: Network) -> dict[str, Any]:
    """The create request for a network."""
    return {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Options": network.driver_opts,
        "Labels": {**network.labels, **place.labels},
        "Internal": network.internal,
        "EnableIPv6": network.ipv6,
        "IPAM": {"Config": [_subnet(subnet) for subnet in network.subnets]},
    }


def differences(network: Network, body: Mapping[str, Any]) -> list[str]:
    """What an existing network would have to be otherwise, as `what: is → wanted`; what was left to the engine never differs."""
    options = {name: value for name, value in (body.get("Options") or {}).items() if not _ENGINES_OWN.match(name)}
    pairs: list[tuple[str, Any, Any]] = [
        ("driver", body["Driver"], network.driver),
        ("internal", body["Internal"], network.internal),
        ("ipv6", body["EnableIPv6"], network.ipv6),
        ("options", options, network.driver_opts),
    ]
    existing = list(body["IPAM"].get("Config") or ())
    if network.subnets:
        pairs.append(("subnets", len(existing), len(network.subnets)))
    for subnet, there in zip(network.subnets, existing, strict=False):
        pairs += [(word, there.get(word, ""), value) for word, value in _subnet(subnet).items()]
    return [f"{what}: {there} → {wanted}" for what, there, wanted in pairs if there != wanted]


def _subnet(subnet: Subnet) -> dict[str, str]:
    words = {"Subnet": subnet.subnet, "Gateway": subnet.gateway, "IPRange": subnet.ip_range}
    return {word: value for word, value in words.items() if value}


def refusal(network: Network, status: int, said: str) -> Retry | GiveUp:
    """Why Docker does not make a network."""
    if _NO_POOL.search(said):
        reason = (
            f"the engine has no addresses left for the network {network.name}: remove networks that nothing needs, "
            "give it a subnet, or widen default-address-pools in the engine's daemon.json"
        )
        return Retry(reason, POOL_RETRY_S)
    if lacking := _NO_DRIVER.search(said):
        return GiveUp(
            f"the network {network.name} needs the driver {lacking['driver']}, which this engine does not have"
        )
    if status == _CONFLICT:  # somebody else made it a moment ago
        return Retry(f"the network {network.name} is being made", ENGINE_RETRY_S)
    return trouble(network.name, status, said)


def absent(network: Network) -> Retry:
    """An external network that is not there."""
    remedy = f"make it with `docker network create {network.name}`, or do not call it external"
    return Retry(f"the external network {network.name} does not exist on the node; {remedy}", ABSENT_RETRY_S)


def not_ours(network: Network, other: list[str]) -> GiveUp:
    """Somebody else's network of our name."""
    return GiveUp(f"the network {network.name} is not ours and is otherwise ({'; '.join(other)}): declare it external")


def otherwise(network: Network, other: list[str], users: list[str]) -> str:
    """Why a network of ours cannot become what it should be."""
    on_it = f"{users[0]} and {len(users) - 1} more are" if len(users) > 1 else f"{users[0]} is"
    return f"the network {network.name} is otherwise ({'; '.join(other)}) and {on_it} on it: remove the stack first, or rename it"


def _labels_differ(network: Network, body: Mapping[str, Any]) -> str:
    if network.external or network.labels.items() <= (body.get("Labels") or {}).items():
        return ""
    return f"the network {network.name} keeps the labels that it was made with"
