"""What we accept is Compose: held against the specification's published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest

from protocol.manifest import compose, deploy, files, manifest, network, port, settings, storage
from protocol.manifest.section import OWN_EXTENSION, Section

SCHEMA: dict[str, Any] = json.loads(
    (Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "compose-spec.json").read_text()
)
DEFINITIONS: dict[str, Any] = SCHEMA.get("definitions") or SCHEMA["$defs"]
DEPLOY: dict[str, Any] = DEFINITIONS["deployment"]["properties"]
RESOURCES: dict[str, Any] = DEPLOY["resources"]["properties"]


def everything(*names: str) -> dict[str, Any]:
    """The properties of several definitions: newer editions spread a service over three."""
    return {key: value for name in names for key, value in DEFINITIONS.get(name, {}).get("properties", {}).items()}


SERVICE = everything("service", "container_spec", "workload_spec")


def long_form(key: str) -> dict[str, Any]:
    """The properties of the mapping that an item of a list may be."""
    items = SERVICE[key]["items"]
    return next(dict(form["properties"]) for form in items.get("oneOf") or items["anyOf"] if "properties" in form)


VOLUME = long_form("volumes")
DEPENDS_ON = SERVICE["depends_on"]["oneOf"][1]["patternProperties"]["^[a-zA-Z0-9._-]+$"]["properties"]
ATTACHED = SERVICE["networks"]["oneOf"][1]["patternProperties"]["^[a-zA-Z0-9._-]+$"]["oneOf"][0]["properties"]
IPAM = DEFINITIONS["network"]["properties"]["ipam"]["properties"]

SECTIONS: list[tuple[type[Section], dict[str, Any]]] = [
    (manifest.Manifest, SCHEMA["properties"]),
    (compose.Service, SERVICE),
    (port.Port, long_form("ports")),
    (storage.Mount, VOLUME),
    (storage.Bind, VOLUME["bind"]["properties"]),
    (storage.Keep, VOLUME["volume"]["properties"]),
    (storage.Memory, VOLUME["tmpfs"]["properties"]),
    (storage.NamedVolume, everything("volume")),
    (network.Network, everything("network")),
    (network.Ipam, IPAM),
    (network.IpamConfig, IPAM["config"]["items"]["properties"]),
    (network.Attached, ATTACHED),
    (files.Text, everything("config", "secret")),
    (files.Use, DEFINITIONS["service_config_or_secret"]["items"]["oneOf"][1]["properties"]),
    (settings.DependsOn, DEPENDS_ON),
    (settings.Device, long_form("devices")),
    (settings.Healthcheck, everything("healthcheck")),
    (settings.Logging, SERVICE["logging"]["properties"]),
    (settings.Ulimit, DEFINITIONS["ulimits"]["patternProperties"]["^[a-z]+$"]["oneOf"][1]["properties"]),
    (deploy.Deploy, DEPLOY),
    (deploy.UpdateConfig, DEPLOY["update_config"]["properties"]),
    (deploy.RollbackConfig, DEPLOY["rollback_config"]["properties"]),
    (deploy.RestartPolicy, DEPLOY["restart_policy"]["properties"]),
    (deploy.Placement, DEPLOY["placement"]["properties"]),
    (deploy.Preference, DEPLOY["placement"]["properties"]["preferences"]["items"]["properties"]),
    (deploy.Limits, RESOURCES["limits"]["properties"]),
    (deploy.Reservations, RESOURCES["reservations"]["properties"]),
]
OURS = {manifest.Manifest: {"sensors", "actuators", "functions"}}
OPENFAAS = {"provider"}
"""By this its stack files are known; they are not Compose's."""


def accepted(section: type[Section]) -> set[str]:
    """The keys that mean something to us."""
    return {field.alias or name for name, field in section.model_fields.items()}


@pytest.mark.parametrize(("section", "published"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_key_that_we_accept_is_composes(section: type[Section], published: dict[str, Any]) -> None:
    """No key of ours hides among theirs: what Compose has no word for stands under x-bramble or in our own sections."""
    assert accepted(section) - set(published) - OURS.get(section, set()) - {OWN_EXTENSION} == set()


@pytest.mark.parametrize(("section", "published"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_no_key_of_composes_is_unknown(section: type[Section], published: dict[str, Any]) -> None:
    """Each is carried out, passed over with a reason, or refused with a reason and a remedy."""
    assert set(published) - accepted(section) - set(section.refused) - set(section.passed_over) == set()


@pytest.mark.parametrize(("section", "published"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_key_is_treated_in_one_way(section: type[Section], published: dict[str, Any]) -> None:
    """Nothing is both carried out and refused, and every refusal says what to do."""
    kinds = [accepted(section), set(section.refused), set(section.passed_over)]
    assert len(set().union(*kinds)) == sum(map(len, kinds))
    assert (set(section.refused) | set(section.passed_over)) - set(published) - OPENFAAS == set()
    assert [key for key, why in section.refused.items() if "; " not in why] == []


def test_the_update_words_are_swarms() -> None:
    """The choices of order are the specification's own."""
    assert set(DEPLOY["update_config"]["properties"]["order"]["enum"]) == {"start-first", "stop-first"}
