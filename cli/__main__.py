"""`bramble`: the operator's command. Parts that bring commands of their own (the simulator) join the app here.

Such a part lies above this one, so it is known by its name alone and loaded only when its command is called; what stands after the
command is its own business, help included.
"""

from __future__ import annotations

from importlib import import_module

import typer

from cli.commands import app

SIMULATOR = "sim.command"

_AS_THEY_ARE = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command("sim", context_settings=_AS_THEY_ARE, add_help_option=False)
def simulate(context: typer.Context) -> None:
    """Prove the promises in virtual time; needs no broker."""
    raise typer.Exit(import_module(SIMULATOR).run(context.args))


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
