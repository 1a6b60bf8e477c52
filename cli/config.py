"""`bramble config`: the document that `bramble up` would publish, loaded and checked; the fleet is not asked.

What it prints can be published by any MQTT client, and means the same when it is loaded again. For editors it prints the schema by
which a manifest is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cli.check import checked
from cli.output import print_json
from cli.project import Asked
from cli.terminal import Terminal
from protocol.manifest.schema import schema
from protocol.stack import Stack


class Part(StrEnum):
    """What of a project is printed."""

    ALL = "all"
    NOTHING = "nothing"
    SERVICES = "services"
    IMAGES = "images"
    HASHES = "hashes"


def config(terminal: Terminal, asked: Asked, part: Part = Part.ALL) -> None:
    """Print a project's document, or a list out of it."""
    project = checked(terminal, asked)
    stack = project.stack()
    assert stack is not None
    if part is Part.NOTHING:
        return
    if part is not Part.ALL:
        _print_list(terminal, _lists(stack)[part])
    elif terminal.is_json:
        print_json(project.document)
    else:
        print(project.text, end="")


def print_schema() -> None:
    """Print the JSON schema of a manifest; no project is loaded."""
    print(schema(), end="")


def _lists(stack: Stack) -> Mapping[Part, list[str]]:
    images = {service.container.image for service in stack.services.values()}
    images |= {function.spec.container.image for function in stack.functions.values()}
    return {
        Part.SERVICES: sorted(stack.services),
        Part.IMAGES: sorted(images),
        Part.HASHES: [f"{name} {service.revision}" for name, service in sorted(stack.services.items())],
    }


def _print_list(terminal: Terminal, lines: list[str]) -> None:
    if terminal.is_json:
        print_json(lines)
    else:
        print("".join(f"{line}\n" for line in lines), end="")
