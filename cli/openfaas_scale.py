"""OpenFaaS's labels on how many instances of a function there are → `scale`. What cannot be meant here is told, and passed over."""

from __future__ import annotations

from dataclasses import replace

from cli.parts import Findings, Part
from protocol.reading.document import Path

PREFIX = "com.openfaas.scale."
IDLE_S = "15m"
"""After so long OpenFaaS takes a function to zero, if it may and says nothing else."""

CAPACITY = "capacity"
PASSED_OVER = {
    "factor": "instances are added one by one",
    "target-proportion": "a target is met as it is",
    "type": "instances are counted by calls in flight (capacity) alone",
    "down": "instances end when nobody needs them",
    "window": "what was said of the last seconds decides",
}
"""What has no word here, and why."""


def scaled(labels: Part, path: Path, findings: Findings) -> dict[str, Part]:
    """The keys of `scale`. Without a word on zero there is always one, as OpenFaaS has it."""
    said = {key.removeprefix(PREFIX): part for key, part in labels.mapping.items() if key.startswith(PREFIX)}
    made = {"min": said.get("min", Part(1, labels.place))}
    if _flag(said.get("zero")):
        made = {
            "min": replace(said["zero"], value=0),
            "zero_after": said.get("zero-duration", Part(IDLE_S, labels.place)),
        }
    elif "zero-duration" in said:
        findings.warn(said["zero-duration"].place, path, f"{PREFIX}zero-duration means nothing without {PREFIX}zero")
    most, least = said.get("max"), _whole(made["min"])
    made |= {"max": most if most is not None else replace(made["min"], value=max(4, least))}
    counts_calls = said["type"].value == CAPACITY if "type" in said else False
    if "target" in said and counts_calls:
        made["target"] = said["target"]
    elif "target" in said:
        reason = f"{PREFIX}target is passed over: it counts requests per second, and here calls in flight count"
        findings.warn(said["target"].place, path, reason, f"write {PREFIX}type: {CAPACITY} beside it")
    for key, part in labels.mapping.items():
        _tell(key, part, path, findings, counts_calls=counts_calls)
    return {key: replace(part, value=_whole(part) if key != "zero_after" else part.value) for key, part in made.items()}


def _tell(key: str, part: Part, path: Path, findings: Findings, *, counts_calls: bool) -> None:
    name = key.removeprefix(PREFIX)
    if name == key:
        findings.warn(part.place, (*path, key), f"the label {key!r} is passed over: functions have none here")
    elif name in PASSED_OVER and not (name == "type" and counts_calls):
        findings.warn(part.place, (*path, key), f"{key} is passed over: {PASSED_OVER[name]}")
    elif name not in {"min", "max", "target", "zero", "zero-duration", "type"}:
        findings.warn(part.place, (*path, key), f"{key} is passed over: it is no label that is known here")


def _flag(part: Part | None) -> bool:
    return part is not None and str(part.value).lower() == "true"


def _whole(part: Part) -> int:
    text = str(part.value)
    return int(text) if text.isdecimal() else 0
