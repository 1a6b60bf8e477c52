"""What is written once in a manifest and reads differently on each node: Swarm's placeholders, `{{.Node.Labels.site}}`.

They may stand in values of the environment, in `hostname`, in sources of mounts, and in the contents of configs and secrets; of a
function in its environment and its secrets, and there of the node alone. The controller fills them in when it makes an assignment,
so a node gets plain text. Other braces, `{{ .Status }}` of somebody else's
language, are left alone; what begins with .Node, .Service or .Task is ours, and must be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from protocol.container import Container

PLACEHOLDERS = (
    "{{.Node.ID}}",
    "{{.Node.Hostname}}",
    "{{.Node.Address}}",
    "{{.Node.Labels.NAME}}",
    "{{.Service.Name}}",
    "{{.Task.Name}}",
    "{{.Task.Slot}}",
)
"""Everything that can be asked for. Swarm's names; the address and the labels are ours."""

_OURS = re.compile(r"\{\{\s*\.(Node|Service|Task)((?:\.[A-Za-z0-9_/-]+)*)\s*\}\}")
_BEGUN = re.compile(r"\{\{[^{}]*?\.(?:Node|Service|Task)\b[^{}]*\}?\}?")
_LABELS = "Node.Labels."


@dataclass(frozen=True, slots=True)
class Facts:
    """What the placeholders stand for: one task on one node."""

    node: str
    hostname: str = ""
    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    service: str = ""
    task: str = ""

    def value(self, name: str) -> str:
        """What a placeholder stands for; empty where nothing is known."""
        if name.startswith(_LABELS):
            return self.labels.get(name.removeprefix(_LABELS), "")
        return {
            "Node.ID": self.node,
            "Node.Hostname": self.hostname or self.node,
            "Node.Address": self.address,
            "Service.Name": self.service,
            "Task.Name": self.task,
            "Task.Slot": self.task.rsplit(".", 1)[-1],
        }.get(name, "")


def fault(text: str) -> str:
    """What is wrong with the placeholders of a text, in one sentence; empty if nothing is."""
    for found in _BEGUN.finditer(text):
        match = _OURS.fullmatch(found[0])
        if match is None or not _is_known(match[1] + match[2]):
            return f"{found[0]!r} is no placeholder; there are {', '.join(PLACEHOLDERS)}"
    return ""


def objections(container: Container, facts: Facts) -> tuple[str, ...]:
    """What a container asks of a node that the node does not have: one sentence each."""
    return lacking(_texts(container), facts)


def lacking(texts: Iterable[str], facts: Facts) -> tuple[str, ...]:
    """What texts ask of a node that the node does not have: one sentence each."""
    names = sorted({name for text in texts for name in _names(text) if not _is_told(name, facts)})
    return tuple(_lack(name) for name in names)


def rendered(container: Container, facts: Facts) -> Container:
    """The container as this one task on this one node has it; what the node does not have reads as nothing."""
    if not any("{{" in text for text in _texts(container)):
        return container
    return replace(
        container,
        environment=filled(container.environment, facts),
        hostname=_filled(container.hostname, facts),
        mounts=tuple(replace(mount, source=_filled(mount.source, facts)) for mount in container.mounts),
        files=tuple(replace(file, content=_filled(file.content, facts)) for file in container.files),
    )


def _texts(container: Container) -> Iterator[str]:
    """Every text that may hold a placeholder."""
    yield from container.environment.values()
    yield container.hostname
    yield from (mount.source for mount in container.mounts)
    yield from (file.content for file in container.files)


def filled(texts: Mapping[str, str], facts: Facts) -> dict[str, str]:
    """Texts by their names, as this one task or function on this one node has them."""
    return {name: _filled(text, facts) for name, text in texts.items()}


def is_of_task(text: str) -> bool:
    """Whether a text asks for what only a task of a service has."""
    return any(not name.startswith("Node.") for name in _names(text))


def _names(text: str) -> Iterator[str]:
    return (match[1] + match[2] for match in _OURS.finditer(text)) if "{{" in text else iter(())


def _is_known(name: str) -> bool:
    if name.startswith(_LABELS):
        return len(name) > len(_LABELS)
    return f"{{{{.{name}}}}}" in PLACEHOLDERS


def _is_told(name: str, facts: Facts) -> bool:
    """A label may be empty, if the node has it."""
    return name.removeprefix(_LABELS) in facts.labels if name.startswith(_LABELS) else bool(facts.value(name))


def _lack(name: str) -> str:
    if name.startswith(_LABELS):
        return f"has no label {name.removeprefix(_LABELS)}, which a template asks for"
    return f"has not told its {name.rsplit('.', 1)[-1].lower()}, which a template asks for"


def _filled(text: str, facts: Facts) -> str:
    return _OURS.sub(lambda match: facts.value(match[1] + match[2]), text) if "{{" in text else text
