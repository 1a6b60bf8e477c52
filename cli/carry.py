"""What other files and this machine's environment say, taken into the one document that is published.

`env_file` goes under `environment`, `label_file` under `labels`, where what the document itself says stays; a variable
without a value takes it from here; configs and secrets from a file or variable get it as `content`. What cannot be carried is
refused by name: an image that would have to be built, a file that is no text or too large. A node never reads a file of the
operator's machine.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from cli import dotenv
from cli.parts import Findings, Part, Place, Source, pairs
from protocol.delivery import KIB, MANIFEST_BYTES
from protocol.reading.document import Path

RAW = "raw"
BUILD_REFUSED = "Bramble pulls images and builds none"
BUILD_REMEDY = "build and push it, then write `image:`"


def taken_in(root: Part, findings: Findings) -> Part:
    """The document with all that it refers to on this machine."""
    carrier = _Carrier(findings)
    for section, change in (
        ("services", carrier.service),
        ("functions", carrier.function),
        ("configs", carrier.config),
        ("secrets", carrier.secret),
    ):
        if section in root.mapping:
            root = root.having(section, root.get(section).each(change))
    return root


def bytes_of(path: FilePath, place: Place, at: Path, findings: Findings) -> bytes | None:
    """Read a file that the document names; None when that cannot be, which is told at the place that names it."""
    try:
        if path.stat().st_size > MANIFEST_BYTES:
            reason = f"{path.name} is larger than a whole stack may be, {MANIFEST_BYTES // KIB} KiB"
            findings.fault(place, at, reason, "keep such content in an image or a volume")
            return None
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        findings.fault(place, at, f"cannot read {path}: {why}", "put it there, or correct the path")
        return None


@dataclass(frozen=True, slots=True)
class _Carrier:
    findings: Findings

    def service(self, name: str, service: Part) -> Part:
        path = ("services", name)
        service = self.built(service, path)
        self.named(service, path)
        service = self.from_files(service, path, "env_file", "environment")
        service = self.from_files(service, path, "label_file", "labels")
        return self.environment(service, path)

    def function(self, name: str, function: Part) -> Part:
        path = ("functions", name)
        return self.environment(self.handler(function, path), path)

    def handler(self, function: Part, path: Path) -> Part:
        """A handler in a file: its text. What this machine's Python cannot read is told: a newer one of an image may."""
        named = function.get("handler")
        if not named.text.endswith(".py") or "\n" in named.text:
            self.check(named.text, named.place, (named.place.line or 0), path)
            return function
        file = named.place.source.directory / FilePath(named.text).expanduser()
        text = self.text(file, named, (*path, "handler"))
        if text is None:
            return function
        place = Place(Source(named.text, file.parent))
        self.check(text, place, 0, path)
        return function.having("handler", Part(text, place))

    def check(self, code: str, place: Place, above: int, path: Path) -> None:
        """Warn of what is no Python here; a block of text begins in the line below its key."""
        try:
            ast.parse(code)
        except (SyntaxError, ValueError) as error:  # the second for a NUL in it
            at = replace(place, line=above + (getattr(error, "lineno", None) or 1), column=None)
            reason = f"this is no Python: {getattr(error, 'msg', error)}"
            remedy = "correct it, unless what runs it is a newer Python than this one"
            self.findings.warn(at, (*path, "handler"), reason, remedy)

    def config(self, name: str, config: Part) -> Part:
        return self.content(config, ("configs", name))

    def secret(self, name: str, secret: Part) -> Part:
        return self.content(secret, ("secrets", name))

    def built(self, service: Part, path: Path) -> Part:
        build = service.mapping.get("build")
        if build is None:
            return service
        if "image" in service.mapping:
            reason = f"'build' is passed over; nodes pull {service.get('image').text}"
            self.findings.warn(build.place, (*path, "build"), reason)
            return service.having("build", None)
        self.findings.fault(build.place, (*path, "build"), BUILD_REFUSED, BUILD_REMEDY)
        return service

    def named(self, service: Part, path: Path) -> None:
        """A name is a name on networks, and some containers are on none."""
        name, mode = service.mapping.get("container_name"), service.get("network_mode").text
        if name is not None and mode:
            reason = f"with network_mode {mode} there is no network on which others could call it {name.text!r}"
            self.findings.warn(name.place, (*path, "container_name"), reason)

    def from_files(self, service: Part, path: Path, key: str, under: str) -> Part:
        """Put what files say under a mapping of the service, below what stands there."""
        named = service.mapping.get(key)
        if named is None:
            return service
        entries = named.items or ([named] if named.value is not None else [])
        said: dict[str, Part] = {}
        for place, entry in enumerate(entries):
            said |= self.said(entry, (*path, key, place) if named.items else (*path, key))
        own = pairs(service.get(under))
        return service.having(key, None).having(under, Part(said | own.mapping, named.place))

    def said(self, entry: Part, path: Path) -> dict[str, Part]:
        """One file of `env_file`: a name, or {path, required, format}."""
        name = entry.get("path") if entry.mapping else entry
        unknown = set(entry.mapping) - {"path", "required", "format"}
        style = entry.get("format").text
        if not name.text or unknown or style not in ("", RAW):
            self.findings.fault(entry.place, path, "this names no file", "write FILE, or {path, required, format: raw}")
            return {}
        file = name.place.source.directory / FilePath(name.text).expanduser()
        if entry.get("required").value is False and not file.exists():
            return {}
        text = self.text(file, name, path)
        if text is None:
            return {}
        variables = name.place.source.variables
        source = Source(name.text, file.parent, variables)
        found = dotenv.parse_raw(text) if style == RAW else dotenv.parse(text, variables)
        for line, unset in found.unset:
            self.findings.warn(
                Place(source, line), path, f"the variable {unset!r} is not set; it becomes an empty text"
            )
        if found.wrong is not None:
            self.findings.fault(Place(source, found.wrong[0]), path, found.wrong[1])
        return {key: Part(value, Place(source)) for key, value in found.values.items()}

    def text(self, file: FilePath, named: Part, path: Path) -> str | None:
        payload = bytes_of(file, named.place, path, self.findings)
        try:
            return None if payload is None else payload.decode("utf-8")
        except UnicodeDecodeError:
            reason = f"{named.text} is no UTF-8 text, and a manifest carries only text"
            self.findings.fault(named.place, path, reason, "keep it in an image or a volume")
            return None

    def environment(self, holder: Part, path: Path) -> Part:
        """Give variables without a value the one that they have here; those that have none are left out, and told."""
        own = pairs(holder.get("environment"))
        if not any(part.value is None for part in own.mapping.values()):
            return holder
        kept = {}
        for key, part in own.mapping.items():
            if part.value is not None:
                kept[key] = part
            elif key in part.place.source.variables:
                kept[key] = replace(part, value=part.place.source.variables[key])
            else:
                at = (*path, "environment", key)
                self.findings.warn(part.place, at, f"{key!r} has no value and is not set here; it is left out")
        return holder.having("environment", replace(own, value=dict(kept)))

    def content(self, holder: Part, path: Path) -> Part:
        """A config's or secret's content, from the file or variable that it names."""
        file, variable = holder.mapping.get("file"), holder.mapping.get("environment")
        if file is not None and file.text:
            whole = file.place.source.directory / FilePath(file.text).expanduser()
            text = self.text(whole, file, (*path, "file"))
            place = Place(Source(file.text, whole.parent))
            return holder.having("file", None).having("content", Part(text, place)) if text is not None else holder
        if variable is not None and variable.text:
            known = variable.place.source.variables
            if variable.text not in known:
                reason = f"the variable {variable.text!r} is not set here"
                self.findings.fault(
                    variable.place, (*path, "environment"), reason, "set it, or name it in the .env file"
                )
                return holder
            value = Part(known[variable.text], variable.place)
            return holder.having("environment", None).having("content", value)
        return holder
