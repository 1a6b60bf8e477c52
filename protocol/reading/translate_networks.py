"""The networks of a service, by their names on the engine: `STACK_NETWORK` as Compose has it, or the network's own `name`.

A service that names none is on its stack's `default`, where it is called by its name, and on `bramble`, where every stack of the
node calls it `SERVICE.STACK`. One that names its networks is on those alone. A `container_name` is one more name on each but
`bramble`: our containers have names of their own, because two of them may be there during an update.
"""

from __future__ import annotations

from protocol.container import Attachment, Network, Subnet
from protocol.manifest import network
from protocol.manifest.compose import Service
from protocol.reading.document import Path
from protocol.reading.draft import Draft

SHARED = "bramble"
"""The network of each node that joins its stacks."""


def attachments(draft: Draft, name: str, source: Service) -> tuple[Attachment, ...]:
    """How a service is attached, its main network first."""
    across, path = f"{name}.{draft.name}", ("services", name)
    names = tuple(dict.fromkeys(filter(None, (name, across, source.container_name))))
    if source.network_mode:
        _alone(draft, path, source)
        return ()
    if not source.networks:
        default = draft.manifest.networks.get(network.DEFAULT, network.Network())
        shared = Attachment(Network(SHARED), (across,))
        return (Attachment(_network(draft, network.DEFAULT, default), names), shared)
    order = sorted(source.networks.items(), key=lambda item: -item[1].priority)
    return tuple(_attachment(draft, (*path, "networks"), key, how, names) for key, how in order)


def _alone(draft: Draft, path: Path, source: Service) -> None:
    """What cannot be asked of a container that has no network of its own."""
    if source.networks:
        reason = f"network_mode {source.network_mode} and networks exclude each other"
        draft.misfit((*path, "networks"), reason, "keep one of the two")
    if source.network_mode in {"host", "none"} and source.ports:
        reason = f"with network_mode {source.network_mode} no port is published"
        remedy = (
            "remove `ports`; what the container listens on is open on its node" if source.network_mode == "host" else ""
        )
        draft.misfit((*path, "ports"), reason, remedy or "remove one of the two")


def _attachment(draft: Draft, path: Path, key: str, how: network.Attached, names: tuple[str, ...]) -> Attachment:
    declared = draft.manifest.networks.get(key)
    if declared is None and key != network.DEFAULT:
        draft.misfit(
            (*path, key), f"the network {key!r} is not declared", f"add `{key}: {{}}` under the top-level `networks`"
        )
    made = _network(draft, key, declared or network.Network())
    for word, address in (("ipv4_address", how.ipv4_address), ("ipv6_address", how.ipv6_address)):
        if address and not (made.subnets or made.external):
            reason = f"the network {key!r} has no subnet of its own, so no address in it can be fixed"
            draft.misfit((*path, key, word), reason, f"add `ipam: {{config: [{{subnet: …}}]}}` to networks.{key}")
    aliases = tuple(dict.fromkeys((*names, *how.aliases)))
    return Attachment(made, aliases, how.ipv4_address, how.ipv6_address)


def _network(draft: Draft, key: str, declared: network.Network) -> Network:
    own = key if declared.external else f"{draft.name}_{key}"
    return Network(
        declared.name or own,
        declared.driver,
        dict(declared.driver_opts),
        dict(declared.labels),
        tuple(Subnet(one.subnet, one.gateway, one.ip_range) for one in declared.ipam.config),
        declared.internal,
        declared.enable_ipv6,
        declared.external,
    )
