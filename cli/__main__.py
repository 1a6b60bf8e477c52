"""`bramble`: the operator's command. Parts that bring commands of their own (the simulator) join the app here.

Such a part lies above this one, so it is known by its name alone and loaded only when its command is called; what stands after the
command is its own business, help included.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module

import typer

from cli.commands import app
from cli.errors import Code, tell

SIMULATOR = "sim.command"

_UNWRITTEN = frozenset({errno.ENOSPC, errno.EIO, errno.EPIPE})
"""A full disk, a terminal that has gone, a reader that has read enough."""

_AS_THEY_ARE = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command("sim", context_settings=_AS_THEY_ARE, add_help_option=False)
def simulate(context: typer.Context) -> None:
    """Prove the promises in virtual time; needs no broker."""
    raise typer.Exit(import_module(SIMULATOR).run(context.args))


def main() -> None:
    """Run the command that the arguments name."""
    if sys.__stdout__ is None:  # `>&-`: nobody wants to read it
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - until the process ends
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _UNWRITTEN:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries to write the rest as it ends
        if error.errno != errno.EPIPE:
            tell(f"bramble: the output cannot be written: {(error.strerror or '').lower()}")
        sys.exit(Code.REFUSED)


if __name__ == "__main__":
    main()
