"""`bramble version`: what is installed here. Needs no broker."""

from __future__ import annotations

from cli.output import print_json
from cli.terminal import Terminal
from link.version import installed


def version(terminal: Terminal) -> None:
    """Print the version."""
    found = installed()
    if terminal.is_json:
        print_json({"version": found})
    else:
        print(f"bramble {found}")
