"""Where a project is and which variables it sees: the files of `-f`, their directory, the process environment over `.env`.

Without `-f` the files are those of `COMPOSE_FILE`, else `compose.yaml` and its like in the working directory or the nearest above
that has one, with its override file. The project's directory is the first file's; relative paths start there, and its `.env` is
read unless `--env-file` names others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

import typer

from cli import dotenv
from cli.errors import Code, CommandError
from cli.parts import Fault, Findings, Place
from protocol.operator import ManifestFault
from protocol.reading.document import Path

STANDARD_INPUT = "-"
DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
OVERRIDE_NAMES = (
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
)


@dataclass(slots=True)
class Environment:
    """The files as named, the directory that relative paths start from, and the variables."""

    files: tuple[str, ...]
    directory: FilePath
    here: FilePath
    variables: dict[str, str]
    warnings: list[Fault] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, files: tuple[str, ...], env_files: tuple[str, ...], environ: Mapping[str, str], here: FilePath
    ) -> Environment:
        """Find the files and read the variables."""
        warnings: list[Fault] = []
        named = env_files or _listed(environ.get("COMPOSE_ENV_FILES", ""), ",")
        known = variables_of(named, here, environ, warnings)
        files = files or _default_files({**known, **environ}, here)
        directory = here if files[0] == STANDARD_INPUT else (here / files[0]).parent
        if not named and directory.resolve() != here.resolve():
            known = variables_of((), directory, environ, warnings)
        return cls(files, directory, here, {**known, **environ}, warnings)

    def listed(self, name: str, separator: str) -> tuple[str, ...]:
        """A variable that holds a list."""
        return _listed(self.variables.get(name, ""), separator)

    def warn_unset(self, findings: Findings, place: Place, path: Path, name: str) -> None:
        """Say once that a variable is not set, as Compose does."""
        if name not in self.told:
            self.told.add(name)
            findings.warn(place, path, f"the variable {name!r} is not set; it becomes an empty text")


def _listed(text: str, separator: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(separator))))


def _default_files(variables: Mapping[str, str], here: FilePath) -> tuple[str, ...]:
    named = _listed(variables.get("COMPOSE_FILE", ""), variables.get("COMPOSE_PATH_SEPARATOR", os.pathsep))
    if named:
        return named
    for directory in (here, *here.absolute().parents):
        first = [name for name in DEFAULT_NAMES if (directory / name).is_file()][:1]
        if first:
            both = (*first, *[name for name in OVERRIDE_NAMES if (directory / name).is_file()][:1])
            return tuple(os.path.relpath(directory / name, here) for name in both)
    reason = f"there is no {DEFAULT_NAMES[0]} here, nor in a directory above; name the manifest"
    raise typer.BadParameter(reason, param_hint="--file")


def variables_of(
    named: tuple[str, ...], directory: FilePath, environ: Mapping[str, str], warnings: list[Fault]
) -> dict[str, str]:
    """What the named files say, the later over the earlier; without names, the `.env` of the directory, if it has one."""
    known: dict[str, str] = {}
    for name in named or (".env",):
        path = directory / name
        if not named and not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(Code.REFUSED, f"cannot read {name}: {_why(error)}") from error
        found = dotenv.parse(text, {**known, **environ})
        if found.wrong is not None:
            line, reason = found.wrong
            raise CommandError(Code.REFUSED, f"{name}:{line}: {reason}")
        warnings += [
            Fault(name, ManifestFault(f"the variable {unset!r} is not set", "", line)) for line, unset in found.unset
        ]
        known |= found.values
    return known


def _why(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else (error.strerror or str(error)).lower()
