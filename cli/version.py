"""`bramble version`: what is installed here. Needs no broker."""

from __future__ import annotations

from importlib import metadata

from cli.output import print_json
from cli.terminal import Terminal

DISTRIBUTION = "bramble-fleet"

FROM_SOURCE = "0+source"
"""Run from a checkout that nobody installed: a version below every release (PEP 440)."""


def version(terminal: Terminal) -> None:
    """Print the version."""
    found = installed()
    if terminal.is_json:
        print_json({"version": found})
    else:
        print(f"bramble {found}")


def installed() -> str:
    """The version of the distribution that holds this command."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return FROM_SOURCE
