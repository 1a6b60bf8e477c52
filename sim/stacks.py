"""Manifests for stories and histories, as an operator would publish them: JSON, which is YAML too."""

from __future__ import annotations

import json
from typing import Any

Section = dict[str, Any]


def stack(
    services: Section,
    sensors: Section | None = None,
    functions: Section | None = None,
    actuators: Section | None = None,
) -> bytes:
    """The bytes of a manifest."""
    sections = {"services": services, "sensors": sensors, "actuators": actuators, "functions": functions}
    return json.dumps({name: section for name, section in sections.items() if section}).encode()


def service(image: str, replicas: int | None = None, ports: tuple[str, ...] = (), **update: Any) -> Section:
    """A service: global, or so many replicas. `update` is its `update_config`; one at a time and 5 s of watching unless said."""
    deploy: Section = {"mode": "global"} if replicas is None else {"replicas": replicas}
    deploy["update_config"] = {"parallelism": 1, "monitor": "5s", **update}
    return {"image": image, "deploy": deploy} | ({"ports": list(ports)} if ports else {})


def on(service: Section, *constraints: str) -> Section:
    """The same service, on the nodes that these let through."""
    return {**service, "deploy": {**service["deploy"], "placement": {"constraints": list(constraints)}}}


def away(service: Section, **disconnect: Any) -> Section:
    """The same service, with what becomes of its tasks when a node is away."""
    return {**service, "x-bramble": {"disconnect": disconnect}}


def button(pin: int, *nodes: str) -> Section:
    """A button on this pin of the nodes that these constraints let through."""
    return {"kind": "button", "pin": pin, "debounce": "30ms", "nodes": list(nodes)}


def function(image: str, sensor: str, *nodes: str) -> Section:
    """A function that a press of this sensor's button calls."""
    triggers = [{"sensor": sensor, "on": "pressed"}]
    return {
        "image": image,
        "timeout": "10s",
        "retries": 3,
        "concurrency": 2,
        "triggers": triggers,
        "nodes": list(nodes),
    }
