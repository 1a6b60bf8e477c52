"""The named volumes of this node's containers: made where they are missing, never removed, for they hold somebody's data.

A volume that was declared without a word is left to the engine, which makes it with its container. One that exists otherwise than
it is declared now is told: it cannot be changed, and only its owner may remove it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agent.adapters.creation import Place
from agent.adapters.docker_api import DockerApi
from agent.adapters.troubles import trouble
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from protocol.container import Mount, Volume

ABSENT_RETRY_S = 30.0
# Somebody makes it by hand.

_NO_DRIVER = re.compile(r"error looking up volume plugin (?P<driver>[^:]+):")
_CONFLICT = re.compile(r"volume name conflict|already exists")


def make_volumes(api: DockerApi, place: Place, mounts: Iterable[Mount]) -> Outcome:
    """Have every named volume that is declared; the first that cannot be is the outcome."""
    remarks = []
    for mount in mounts:
        if mount.kind == "volume" and mount.source and mount.volume is not None:
            outcome = _made(api, place, mount.source, mount.volume)
            if not isinstance(outcome, Done):
                return outcome
            remarks.append(outcome.detail)
    return Done("; ".join(filter(None, remarks)))


def _made(api: DockerApi, place: Place, name: str, volume: Volume) -> Outcome:
    if volume.external:
        return _met(api, name)
    body = {
        "Name": name,
        "Driver": volume.driver,
        "DriverOpts": volume.driver_opts,
        "Labels": {**volume.labels, **place.labels},
    }
    answer = api.call("POST", "/volumes/create", body=body)  # one that is there is the answer, unchanged
    if answer.ok:
        return _judged(name, volume, answer.body)
    if lacking := _NO_DRIVER.search(answer.message):
        return GiveUp(f"the volume {name} needs the driver {lacking['driver']}, which this engine does not have")
    if _CONFLICT.search(answer.message):
        return GiveUp(otherwise(name, f"it exists with another driver than {volume.driver}"))
    return trouble(name, answer.status, answer.message)


def _met(api: DockerApi, name: str) -> Outcome:
    answer = api.call("GET", f"/volumes/{name}")
    if answer.status == 404:
        return absent(name)
    return Done() if answer.ok else trouble(name, answer.status, answer.message)


def absent(name: str) -> Retry:
    """An external volume that is not there."""
    remedy = f"make it with `docker volume create {name}`, or do not call it external"
    return Retry(f"the external volume {name} does not exist on the node; {remedy}", ABSENT_RETRY_S)


def _judged(name: str, volume: Volume, body: Mapping[str, Any]) -> Outcome:
    if other := difference(volume, body):
        return GiveUp(otherwise(name, other))
    if volume.labels.items() <= (body.get("Labels") or {}).items():
        return Done()
    return Done(f"the volume {name} keeps the labels that it was made with")


def difference(volume: Volume, body: Mapping[str, Any]) -> str:
    """What an existing volume would have to be otherwise; a driver that nobody named is the engine's choice."""
    if volume.driver and body["Driver"] != volume.driver:
        return f"driver: {body['Driver']} → {volume.driver}"
    there = body.get("Options") or {}
    return "" if there == volume.driver_opts else f"options: {_shown(there)} → {_shown(volume.driver_opts)}"


def otherwise(name: str, how: str) -> str:
    """Why a volume cannot become what it should be."""
    return f"the volume {name} is otherwise ({how}): remove it, its data too, or give the new one another name"


def _shown(options: Mapping[str, str]) -> str:
    """The names only: an option may hold a password (CIFS)."""
    return ", ".join(sorted(options)) or "none"
