"""The files of a project → one tree: variables replaced, services extended, other projects included, files merged in their order.

Reads the files that the operator or another file names. What cannot be read because a file names it wrongly is a finding at
its place; what the operator names wrongly ends the command.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from cli import carry, extends, include, openfaas
from cli.environment import STANDARD_INPUT, Environment, variables_of
from cli.errors import Code, CommandError
from cli.merge import merged
from cli.parts import TAGS, Fault, Findings, Part, Place, Source, plain, settled, tree
from protocol.operator import ManifestFault
from protocol.reading import document
from protocol.reading.document import Document, Path
from protocol.reading.interpolation import interpolated


@dataclass(slots=True)
class Loading:
    """The files of one project, and what is found while they are read; an included project has a loading of its own."""

    environment: Environment
    findings: Findings
    opened: dict[FilePath, Part | None] = field(default_factory=dict)
    chain: tuple[FilePath, ...] = ()
    """The files that include each other down to here."""

    def source(self, name: str, directory: FilePath) -> Source:
        """A file of this project."""
        return Source(name, directory, self.environment.variables)

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
            part = self.extended(self.tree(found, self.source(file, self.environment.directory)))
            if part is None:
                continue
            root = part if root is None else merged(root, part, (), self.findings)
        return None if root is None else settled(root)

    def tree(self, found: Document, source: Source) -> Part:
        """One file's tree, its variables replaced."""
        done = interpolated(openfaas.with_braces_alone(found.content), self.environment.variables)
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
        if openfaas.is_stack_file(plain(part)):
            part = openfaas.translated(part, self.findings)
        part = extends.Extension(part, self.open, self.findings).services()
        return self.included(part) if "include" in part.mapping else part

    def included(self, root: Part) -> Part:
        """A file with what the projects that it includes have."""
        entries = include.wanted(root.get("include"), self.findings)
        root = root.having("include", None)
        for want in entries:
            other = self.other_project(want)
            if other is not None:
                root = include.imported(root, settled(other), self.findings)
        return root

    def other_project(self, want: include.Wanted) -> Part | None:
        """An included project's files as one tree; they see its own variables, below those of here."""
        base = want.entry.place.source.directory
        files = [base / FilePath(file.text).expanduser() for file in want.files]
        directory = base / want.directory if want.directory else files[0].parent
        chain = (*self.chain, want.entry.place.source.file)
        if any(file.resolve() in chain for file in files):
            self.findings.fault(want.entry.place, want.at, "files include each other in a circle")
            return None
        known = variables_of(
            want.env_files, base if want.env_files else directory, self.environment.variables, self.findings.warnings
        )
        environment = replace(self.environment, directory=directory, variables={**known, **self.environment.variables})
        inner = Loading(environment, self.findings, chain=chain)
        root: Part | None = None
        for part, file in zip(want.files, files, strict=True):
            payload = carry.bytes_of(file, part.place, want.at, self.findings)
            found = None if payload is None else inner.foreign(payload, inner.source(part.text, directory))
            found = None if found is None else inner.extended(found)
            root = found if root is None or found is None else merged(root, found, (), self.findings)
        return root

    def open(self, name: str, asking: Part, path: Path) -> Part | None:
        """Another file, for `extends`; its relative paths start from its own directory."""
        whole = asking.place.source.directory / FilePath(name).expanduser()
        if whole not in self.opened:
            self.opened[whole] = None
            payload = carry.bytes_of(whole, asking.place, path, self.findings)
            if payload is not None:
                self.opened[whole] = self.foreign(payload, self.source(name, whole.parent))
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
