"""`extends`: a service takes another's keys, of its own file or another one, and merges its own over them.

The other may extend a third. What stands in the other file stays relative to that file's directory. Only the service is
taken: volumes and networks that it names must be declared here, as Compose has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from cli.merge import merged
from cli.parts import Findings, Part
from protocol.reading.document import Path

Opened = Callable[[str, Part, Path], Part | None]
"""Reads the file of a name, on behalf of the part and path that named it; None when it cannot, which is told."""

Link = tuple[FilePath, str]
"""A file and a service, in a chain of extensions."""


@dataclass(frozen=True, slots=True)
class Extension:
    """The services of one file, where those without a file of their own are looked up, and how files are opened."""

    root: Part
    opened: Opened
    findings: Findings

    def services(self) -> Part:
        """The file with every service written out."""
        services = self.root.get("services")
        if not any("extends" in part.mapping for part in services.mapping.values()):
            return self.root
        return self.root.having("services", services.each(lambda name, _: self.service(name, ())))

    def service(self, name: str, chain: tuple[Link, ...]) -> Part:
        """One service, with what it extends below it."""
        part = self.root.get("services", name)
        wanted = part.mapping.get("extends")
        own = part.having("extends", None)
        if wanted is None:
            return own
        path: Path = ("services", name, "extends")
        link = (part.place.source.file, name)
        if link in chain:
            way = " extends ".join(service for _, service in (*chain[chain.index(link) :], link))
            self.findings.fault(wanted.place, path, f"services extend each other in a circle: {way}")
            return own
        base = self.base(wanted, path, (*chain, link))
        return own if base is None else replace(merged(base, own, path[:2], self.findings), place=own.place)

    def base(self, wanted: Part, path: Path, chain: tuple[Link, ...]) -> Part | None:
        """What is extended, written out itself; None when there is no such thing, which is told."""
        name, file = wanted.text or wanted.get("service").text, wanted.get("file")
        if not name or set(wanted.mapping) - {"service", "file"}:
            remedy = "write `extends: {service: NAME, file: FILE}`, the file only if it is another"
            self.findings.fault(wanted.place, path, "this names no service to extend", remedy)
            return None
        root = self.opened(file.text, file, (*path, "file")) if file.text else self.root
        if root is None:
            return None
        if name not in root.get("services").mapping:
            self.findings.fault(wanted.place, path, f"{root.place.source.name} has no service {name!r} to extend")
            return None
        return replace(self, root=root).service(name, chain)
