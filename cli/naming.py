"""A stack's name: `--project-name`, then `COMPOSE_PROJECT_NAME`, then `name:`, then the directory or the file.

A file with one of Compose's own names is called after its directory, as Compose does; any other after itself. Compose's names
may have capitals and underscores, which a topic may not; where a directory gives the name, they are made fit.
"""

from __future__ import annotations

import re
from pathlib import Path as FilePath

from cli.environment import DEFAULT_NAMES, STANDARD_INPUT, Environment
from cli.errors import Code, CommandError
from protocol.reading.interpolation import expanded
from protocol.shapes import JsonValue

_UNFIT = re.compile("[^a-z0-9-]+")


def name_of(asked: str, contents: list[JsonValue], environment: Environment) -> str:
    """The name under which the files are published."""
    said = [content.get("name") for content in contents if isinstance(content, dict)]
    texts = [name for name in said if isinstance(name, str)]
    named = asked or environment.variables.get("COMPOSE_PROJECT_NAME", "")
    if named:
        return named
    if texts:
        return str(expanded(texts[-1], environment.variables).content)
    return _from_file(environment)


def _from_file(environment: Environment) -> str:
    file = environment.files[0]
    if file == STANDARD_INPUT:
        raise CommandError(Code.USAGE, "the manifest on standard input has no name", "add `name:` or set --stack")
    path = FilePath(file)
    return fit(environment.directory.resolve().name) if path.name in DEFAULT_NAMES else path.stem


def fit(text: str) -> str:
    """A directory's name as a stack's: `My_Shop` is `my-shop`."""
    return _UNFIT.sub("-", text.lower()).strip("-")
