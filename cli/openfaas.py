"""An OpenFaaS `stack.yml` → the same functions as a stack of ours: images as they are, asked over HTTP as OpenFaaS asks them.

What a key of OpenFaaS means here stands in the tables below. What is for building is passed over, because nodes pull images; what
means nothing here is passed over with a warning that names it; nothing is dropped in silence. Every part keeps the line that it
was written in. Which files are read: those of `environment_file`, and `.secrets/NAME` beside the stack file, where
`faas-cli local-run` has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from cli import carry
from cli.openfaas_scale import scaled
from cli.parts import Fault, Findings, Part
from protocol.operator import ManifestFault
from protocol.reading import document
from protocol.reading.document import Path
from protocol.shapes import JsonValue

PROVIDERS = ("openfaas", "faas")
"""The second is what it was called before 2018."""

SECRETS_DIRECTORY = ".secrets"
CRON_TOPIC = "cron-function"
FOR_BUILDING = frozenset(
    ("lang", "handler", "build_args", "build_options", "build_secrets", "skip_build", "copy", "platforms")
)
AS_THEY_ARE = ("image", "secrets", "environment")
TIMEOUTS = ("exec_timeout", "write_timeout")
"""Variables by which a watchdog bounds a call; the longest is the function's timeout."""

CONCURRENCY = 16
"""OpenFaaS bounds the calls in flight only by `max_inflight`. Here there is always a bound, and the rest waits in the queue."""

DRAIN = ("healthcheck_interval", "1s")
"""A watchdog that is told to end waits so long for those who might still ask it, 30 s without a word. Here nobody does by then, and
a call that comes meanwhile waits for it."""

READY = ("com.openfaas.ready.http.path", "/_/ready")
"""Says that the variable `ready_path` counts, which it does here in any case."""

_GATEWAY_TIMEOUT = "60s"
# The gateway's own, where the function says nothing.
_LATER_S = 1.0
# A watchdog ends its process by itself, says so, and stays: ours, which ends the watchdog too, comes after it, as a gateway's does.
_TMP = "/tmp:mode=1777"  # noqa: S108 - in a container, where OpenFaaS keeps it writable for everybody beside a read-only root
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMG])?i?", re.IGNORECASE)
_BARE = re.compile(r"(?<!\$)\$(?![{$])")
_MILLI = re.compile(r"([0-9]+)m")
_SELECTOR = re.compile(r"\s*([A-Za-z0-9_./-]+?)\s*=\s*([^=\s].*?)\s*")


def is_stack_file(content: JsonValue) -> bool:
    """Whether this is OpenFaaS's file and not ours."""
    provider = content.get("provider") if isinstance(content, dict) else None
    return (provider.get("name") if isinstance(provider, dict) else provider) in PROVIDERS


def with_braces_alone(content: JsonValue) -> JsonValue:
    """A stack file in which `${VAR}` alone is a variable, as there; any other document as it is."""
    return _plain_dollars(content) if is_stack_file(content) else content


def translated(root: Part, findings: Findings) -> Part:
    """The same file in our words."""
    kept = {key: part for key, part in root.mapping.items() if key in ("name", "secrets", "sensors")}
    made = replace(root, value=kept)
    for key in sorted(set(root.mapping) - {*kept, "version", "provider", "functions", "configuration"}):
        findings.fault(
            root.get(key).place, (key,), f"{key!r} is no key of a stack.yml", "write it in a file of its own"
        )
    functions = root.get("functions")
    importer = _Importer(findings)
    made = made.having("functions", functions.each(importer.function))
    for section, parts in (("secrets", importer.secrets), ("sensors", importer.sensors)):
        if parts:
            made = made.having(section, Part({**parts, **made.get(section).mapping}, functions.place))
    return made


class _Importer:
    """Translates function by function; secrets and sensors gather beside them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.secrets: dict[str, Part] = {}
        self.sensors: dict[str, Part] = {}

    def function(self, name: str, source: Part) -> Part:
        path = ("functions", name)
        one = _Function(name, source, path, self._findings)
        self.secrets |= one.secrets()
        made = {key: source.get(key) for key in AS_THEY_ARE if key in source.mapping}
        made |= {"mode": one.part("warm"), "environment": one.environment()}
        made |= one.limits() | one.bounds(made["environment"]) | one.read_only() | one.nodes()
        triggers, sensors = one.triggers()
        self.sensors |= sensors
        if triggers:
            made["triggers"] = one.part(triggers)
        scale = scaled(source.get("labels"), (*path, "labels"), self._findings)
        if scale:
            made["scale"] = Part(scale, source.get("labels").place)
        one.tell_rest()
        return replace(source, value=made)


KNOWN = FOR_BUILDING | {
    *AS_THEY_ARE, "fprocess", "environment_file", "labels", "annotations", "constraints", "limits", "requests",
    "readonly_root_filesystem", "read_only_root_filesystem", "namespace",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    source: Part
    path: Path
    findings: Findings

    def part(self, value: object) -> Part:
        """Something of ours, at the place of the function."""
        return Part(value, self.source.place)  # type: ignore[arg-type]

    def environment(self) -> Part:
        """`environment`, over it the files of `environment_file` in their order, and what is said to the watchdog."""
        said = dict(self.source.get("environment").mapping)
        for place, entry in enumerate(self.source.get("environment_file").items):
            said |= self._of_file(entry, (*self.path, "environment_file", place))
        if "fprocess" in self.source.mapping:
            said["fprocess"] = self.source.get("fprocess")
        said.setdefault(DRAIN[0], self.part(DRAIN[1]))
        return self.part({key: replace(part, value=_text(part.value)) for key, part in said.items()})

    def _of_file(self, entry: Part, at: Path) -> dict[str, Part]:
        file = entry.place.source.directory / FilePath(entry.text).expanduser()
        payload = carry.bytes_of(file, entry.place, at, self.findings)
        if payload is None:
            return {}
        read = document.read(payload)
        if isinstance(read, ManifestFault):
            self.findings.faults.append(Fault(entry.text, read))
            return {}
        pairs = read.content.get("environment") if isinstance(read.content, dict) else None
        if not isinstance(pairs, dict):
            self.findings.fault(entry.place, at, f"{entry.text} has no environment", "write its variables under it")
            return {}
        return {str(key): Part(_text(value), entry.place) for key, value in pairs.items()}

    def secrets(self) -> dict[str, Part]:
        """The files of its secrets, as far as they are there."""
        found = {}
        for place, part in enumerate(self.source.get("secrets").items):
            file = part.place.source.directory / SECRETS_DIRECTORY / part.text
            if file.is_file():
                found[part.text] = Part({"file": Part(f"{SECRETS_DIRECTORY}/{part.text}", part.place)}, part.place)
            else:
                remedy = f"put its text into {SECRETS_DIRECTORY}/{part.text}, or under `secrets` of another file"
                self.findings.warn(
                    part.place, (*self.path, "secrets", place), "OpenFaaS's secrets are not here", remedy
                )
        return found

    def limits(self) -> dict[str, Part]:
        """What a container may use. What it is promised means nothing for functions."""
        if "requests" in self.source.mapping:
            self._passed_over("requests", "a function is promised nothing; its limits count")
        limits, made = self.source.get("limits"), {}
        if memory := limits.get("memory").value:
            made["mem_limit"] = replace(limits.get("memory"), value=_size(str(memory)))
        if cpu := limits.get("cpu").value:
            made["cpus"] = replace(limits.get("cpu"), value=_processors(str(cpu)))
        return made

    def bounds(self, environment: Part) -> dict[str, Part]:
        """How long a call may take and how many are in flight, as the watchdog is told."""
        said = [environment.get(key) for key in TIMEOUTS if _seconds(environment.get(key).text)]
        longest = max(said, key=lambda part: _seconds(part.text), default=None)
        timeout = self.part(_GATEWAY_TIMEOUT)
        if longest is not None:
            timeout = replace(longest, value=f"{_seconds(longest.text) + _LATER_S:g}s")
        in_flight = environment.get("max_inflight").text
        concurrency = int(in_flight) if in_flight.isdecimal() and int(in_flight) else CONCURRENCY
        return {
            "timeout": timeout,
            "concurrency": self.part(min(concurrency, 64)),
        }

    def read_only(self) -> dict[str, Part]:
        """OpenFaaS keeps /tmp writable."""
        keys = ("readonly_root_filesystem", "read_only_root_filesystem")
        said = next((self.source.get(key) for key in keys if self.source.get(key).value), None)
        return {} if said is None else {"read_only": said, "tmpfs": Part([replace(said, value=_TMP)], said.place)}

    def nodes(self) -> dict[str, Part]:
        """Swarm's constraints are ours; a label of Kubernetes is one of our nodes'."""
        items = self.source.get("constraints").items
        if not items:
            return {}
        said: list[Part] = []
        for item in items:
            match = _SELECTOR.fullmatch(item.text)
            said.append(replace(item, value=f"node.labels.{match[1]} == {match[2]}") if match else item)
        return {"nodes": replace(self.source.get("constraints"), value=said)}

    def triggers(self) -> tuple[list[Part], dict[str, Part]]:
        """What OpenFaaS's connectors read in annotations: a schedule, or topics."""
        annotations = self.source.get("annotations")
        topic, schedule = annotations.get("topic"), annotations.get("schedule")
        for key in sorted(set(annotations.mapping) - {"topic", "schedule"}):
            if (key, annotations.get(key).text) == READY:
                continue
            self._tell(
                annotations.get(key),
                ("annotations", key),
                f"the annotation {key!r} means nothing here; it is passed over",
            )
        if topic.text == CRON_TOPIC:
            self._tell(topic, ("annotations", "topic"), _EACH.format("at these times"))
            return [Part({"schedule": schedule}, topic.place)], {}
        if schedule.value is not None:
            self._tell(schedule, ("annotations", "schedule"), f"a schedule without topic: {CRON_TOPIC} is passed over")
        topics = [one.strip() for one in topic.text.split(",") if one.strip()]
        if topics:
            self._tell(topic, ("annotations", "topic"), _EACH.format("for each message") + _BODY)
        sensors = {f"{self.name}-topic-{number}": one for number, one in enumerate(topics, 1)}
        nodes = self.nodes()
        return [
            Part({"sensor": replace(topic, value=name), "on": replace(topic, value="received")}, topic.place)
            for name in sensors
        ], {name: _listening(replace(topic, value=one), nodes) for name, one in sensors.items()}

    def tell_rest(self) -> None:
        """Say what is passed over."""
        building = [key for key in self.source.mapping if key in FOR_BUILDING]
        image = self.source.get("image").text
        if building and image:
            reason = f"{', '.join(building)}: for building, and passed over; nodes pull {image}"
            self.findings.warn(self.source.get(building[0]).place, (*self.path, building[0]), reason)
        if "namespace" in self.source.mapping:
            self._passed_over("namespace", "a fleet has stacks and no namespaces")
        for key in sorted(set(self.source.mapping) - KNOWN):
            part = self.source.get(key)
            self.findings.fault(
                part.place, (*self.path, key), f"{key!r} is no key of a function in a stack.yml", "remove it"
            )

    def _passed_over(self, key: str, why: str) -> None:
        self._tell(self.source.get(key), (key,), f"{key} is passed over: {why}")

    def _tell(self, part: Part, at: Iterable[str], reason: str) -> None:
        self.findings.warn(part.place, (*self.path, *at), reason)


def _plain_dollars(content: JsonValue) -> JsonValue:
    if isinstance(content, dict):
        return {key: _plain_dollars(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_plain_dollars(item) for item in content]
    return _BARE.sub("$$", content) if isinstance(content, str) else content


_EACH = "every node that hosts it is called {}; to have one called, name it in constraints"
_BODY = ", and its body is JSON with the payload as `value`"


def _listening(topic: Part, nodes: dict[str, Part]) -> Part:
    said = {"kind": replace(topic, value="mqtt"), "topic": topic, "shows": replace(topic, value="event")}
    return Part({**said, **nodes}, topic.place)


def _text(value: object) -> str:
    """A variable's text, as faas-cli reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _size(text: str) -> str:
    """`40m`, `128Mi`, `1Gi`: everybody means powers of 1024. What is no size is the manifest's to refuse."""
    match = _QUANTITY.fullmatch(text)
    return f"{match[1]}{(match[2] or 'B').upper()}" if match else text


def _processors(text: str) -> str:
    """`100m` is a tenth of a processor."""
    match = _MILLI.fullmatch(text)
    return f"{int(match[1]) / 1000:g}" if match else text


def _seconds(text: str) -> float:
    """A duration of Go, or a plain number of seconds, as the watchdog reads it; what it cannot read counts for nothing."""
    if text.isdecimal():
        return float(text)
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", text))
