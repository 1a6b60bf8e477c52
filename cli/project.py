"""A Compose project on this machine → the one document that is published, or everything that is wrong with it.

The files of `-f` are read, their variables replaced, services extended, and each merged over the one before; what belongs to
inactive profiles is left out, and what other files say is taken in (`cli.carry`). A file that needs none of this is published
byte for byte as it is. A fault of the finished document names the file, line and column that somebody wrote. The process
environment goes before `.env`. Nothing is asked of the fleet here.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from cli import carry, extends, profiles
from cli.environment import STANDARD_INPUT, Environment
from cli.errors import Code, CommandError
from cli.merge import merged
from cli.naming import name_of
from cli.parts import TAGS, Fault, Findings, Part, Place, Source, place_of, places, plain, settled, tree, walk
from cli.written import written
from protocol import document, stackfile
from protocol.delivery import MANIFEST_BYTES
from protocol.document import Document, Path
from protocol.interpolation import escaped, interpolated
from protocol.operator import ManifestFault
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
    loading = _Loading(environment, Findings(warnings=list(environment.warnings)))
    documents = loading.documents()
    name = name_of(asked.name, [found.content for found, _ in documents], environment)
    environment.variables.setdefault("COMPOSE_PROJECT_NAME", name)
    root = loading.merged(documents)
    if root is None or loading.findings.faults:
        return Project(name, environment.files[0], b"", None, loading.findings)
    wanted = asked.profiles or environment.listed("COMPOSE_PROFILES", ",")
    root = profiles.active(root, frozenset(wanted), loading.findings)
    root = carry.taken_in(root, environment.variables, loading.findings)
    return _finished(name, root, documents, loading)


def name_alone(asked: Asked, environ: Mapping[str, str], here: FilePath) -> str:
    """Only the name of a project; nothing else is read out of its files, so they may have faults."""
    environment = Environment.of(asked.files, asked.env_files, environ, here)
    known = asked.name or environment.variables.get("COMPOSE_PROJECT_NAME", "")
    documents = [] if known else _Loading(environment, Findings()).documents()
    return name_of(asked.name, [found.content for found, _ in documents], environment)


def _finished(name: str, root: Part, documents: list[tuple[Document, bytes]], loading: _Loading) -> Project:
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


@dataclass(slots=True)
class _Loading:
    environment: Environment
    findings: Findings
    opened: dict[FilePath, Part | None] = field(default_factory=dict)

    def documents(self) -> list[tuple[Document, bytes]]:
        """Each file of `-f` as it stands; an unreadable one ends the command."""
        found = []
        for file in self.environment.files:
            payload = _payload(file, self.environment.here)
            read = document.read(payload, TAGS)
            if isinstance(read, ManifestFault):
                self.findings.faults.append(Fault(file, read))
                read = Document({})
            found.append((read, payload))
        return found

    def merged(self, documents: list[tuple[Document, bytes]]) -> Part | None:
        """All files as one tree; the later over the earlier."""
        root: Part | None = None
        for file, (found, _) in zip(self.environment.files, documents, strict=True):
            part = self.extended(self.tree(found, Source(file, self.environment.directory)))
            if part is None:
                continue
            root = part if root is None else merged(root, part, (), self.findings)
        return None if root is None else settled(root)

    def tree(self, found: Document, source: Source) -> Part:
        """One file's tree, its variables replaced."""
        done = interpolated(found.content, self.environment.variables)
        for problem in done.problems:
            place = Place(source, *found.place(problem.path))
            self.findings.fault(place, problem.path, problem.reason, problem.remedy)
        for path, name in done.unset:
            self.environment.warn_unset(self.findings, Place(source, *found.place(path)), path, name)
        return tree(found, done.content, source)

    def extended(self, part: Part) -> Part | None:
        """A file of `-f` with its services extended."""
        if not isinstance(part.value, dict):
            reason = "a manifest is a mapping with services, sensors, actuators or functions"
            self.findings.fault(replace(part.place, line=1, column=1), (), reason)
            return None
        self.refuse_includes(part)
        return extends.Extension(part, self.open, self.findings).services()

    def refuse_includes(self, part: Part) -> None:
        if "include" in part.mapping:
            remedy = "name the files together, like `bramble up -f FILE -f FILE`"
            self.findings.fault(part.get("include").place, ("include",), "'include' is not supported", remedy)

    def open(self, name: str, asking: Part, path: Path) -> Part | None:
        """Another file, for `extends`; its relative paths start from its own directory."""
        whole = asking.place.source.directory / FilePath(name).expanduser()
        if whole not in self.opened:
            self.opened[whole] = None
            payload = carry.bytes_of(whole, asking.place, path, self.findings)
            if payload is not None:
                self.opened[whole] = self.foreign(payload, Source(name, whole.parent))
        return self.opened[whole]

    def foreign(self, payload: bytes, source: Source) -> Part | None:
        found = document.read(payload, TAGS)
        if isinstance(found, ManifestFault):
            self.findings.faults.append(Fault(source.name, found))
            return None
        return self.tree(found, source)


def _payload(file: str, here: FilePath) -> bytes:
    try:
        payload = sys.stdin.buffer.read() if file == STANDARD_INPUT else (here / file).read_bytes()
    except OSError as error:
        raise CommandError(Code.REFUSED, f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error
    if not payload.strip():
        raise CommandError(Code.REFUSED, f"{file} is empty", "to remove a stack, use `bramble rm`")
    return payload
