"""`bramble version`: what is installed here. Needs no broker."""

from __future__ import annotations

from importlib import metadata

from cli.output import print_json
from cli.terminal import Terminal

DISTRIBUTION = "bramble-fleet"


def version(terminal: Terminal) -> None:
    """Print the version."""
    found = metadata.version(DISTRIBUTION)
    if terminal.is_json:
        print_json({"version": found})
    else:
        print(f"bramble {found}")
