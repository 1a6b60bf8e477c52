"""A Compose project on this machine → the one document that is published, or everything that is wrong with it.

The files of `-f` are read, their variables replaced, services extended, and each merged over the one before; what belongs to
inactive profiles is left out, and what other files say is taken in (`cli.carry`). A file that needs none of this is published
byte for byte as it is. A fault of the finished document names the file, line and column that somebody wrote. The process
environment goes before `.env`. Nothing is asked of the fleet here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from cli import carry, profiles
from cli.environment import Environment
from cli.loading import Loading
from cli.naming import name_of
from cli.parts import Fault, Findings, Part, Place, Source, place_of, places, plain, walk
from cli.written import written
from protocol.delivery import MANIFEST_BYTES
from protocol.operator import ManifestFault
from protocol.reading import stackfile
from protocol.reading.document import Document
from protocol.reading.interpolation import escaped
from protocol.shapes import JsonValue
from protocol.stack import Stack


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator's options said; empty where they said nothing."""

    files: tuple[str, ...] = ()
    name: str = ""
    profiles: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """What is published, under which name; where its parts were written, if it is not a file as it stands; what was found."""

    name: str
    file: str
    payload: bytes
    content: JsonValue
    findings: Findings
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, JsonValue]:
        """The document with its name, as `bramble config` prints it; publishing it means the same."""
        return {"name": self.name} | (self.content if isinstance(self.content, dict) else {})

    @property
    def text(self) -> str:
        """The same as YAML."""
        return written(self.document)

    def stack(self) -> Stack | None:
        """The stack that it means; None when it has faults, which stand among the findings."""
        if self.findings.faults:
            return None
        found = stackfile.read(self.payload, self.name)
        if isinstance(found, Stack):
            return found
        self.findings.faults.extend(self.located(fault) for fault in found)
        return None

    def located(self, fault: ManifestFault) -> Fault:
        """A fault of the published document, at the line that somebody wrote."""
        place = place_of(fault.path, self.places) if fault.path else None
        if place is None:
            return Fault(self.file, fault)
        return Fault(place.source.name, replace(fault, line=place.line, column=place.column))


def load(asked: Asked, environ: Mapping[str, str], here: FilePath) -> Project:
    """Load a project; faults are among its findings."""
    environment = Environment.of(asked.files, asked.env_files, environ, here)
    loading = Loading(environment, Findings(warnings=list(environment.warnings)))
    documents = loading.documents()
    name = name_of(asked.name, [found.content for found, _ in documents], environment)
    environment.variables.setdefault("COMPOSE_PROJECT_NAME", name)
    root = loading.merged(documents)
    if root is None or loading.findings.faults:
        return Project(name, environment.files[0], b"", None, loading.findings)
    wanted = asked.profiles or environment.listed("COMPOSE_PROFILES", ",")
    root = profiles.active(root, frozenset(wanted), loading.findings)
    root = carry.taken_in(root, loading.findings)
    return _finished(name, root, documents, loading)


def name_alone(asked: Asked, environ: Mapping[str, str], here: FilePath) -> str:
    """Only the name of a project; nothing else is read out of its files, so they may have faults."""
    environment = Environment.of(asked.files, asked.env_files, environ, here)
    known = asked.name or environment.variables.get("COMPOSE_PROJECT_NAME", "")
    documents = [] if known else Loading(environment, Findings()).documents()
    return name_of(asked.name, [found.content for found, _ in documents], environment)


def _finished(name: str, root: Part, documents: list[tuple[Document, bytes]], loading: Loading) -> Project:
    """The document to publish: the very bytes, where nothing had to be done to them."""
    content = escaped(plain(root))
    if isinstance(content.get("name"), str) and content["name"] != name:
        content |= {"name": name}
    found, raw = documents[0]
    is_as_written = len(documents) == 1 and found.content == content
    project = Project(name, loading.environment.files[0], raw, content, loading.findings)
    if not is_as_written:
        project = replace(project, payload=project.text.encode(), places=places(root))
    if len(project.payload) > MANIFEST_BYTES:
        loading.findings.faults.append(_too_large(project, root))
    return project


def _too_large(project: Project, root: Part) -> Fault:
    """Say which file makes it too large for a packet."""
    share: Counter[Source] = Counter()
    for _, part in walk(root):
        share[part.place.source] += len(part.text.encode())
    source, size = share.most_common(1)[0]
    reason = f"{len(project.payload)} bytes are more than the {MANIFEST_BYTES} of a whole stack"
    most = f"{size} of them come from {source.name}; " if project.places else ""
    return Fault(source.name, ManifestFault(reason, remedy=f"{most}keep such content in an image or a volume"))
