"""Every command about sensors as the operator sees it: its words, its options, its help. The work is in `cli.sensors`."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command

if TYPE_CHECKING:
    from cli.terminal import Terminal

sensors_app = typer.Typer(help="Look up which sensors and actuators there are.", no_args_is_help=True)

KindArgument = Annotated[str, typer.Argument(metavar="[KIND]", help="Only this kind, with its keys.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    app.add_typer(sensors_app, name="sensors")


@sensors_app.callback()
def _group() -> None:
    """Keep `kinds` a word of its own while it is the only command."""


@command(sensors_app)
def kinds(terminal: Terminal, kind: KindArgument = "") -> None:
    """List kinds of sensors and actuators; needs no broker."""
    from cli import sensors

    sensors.kinds(terminal, kind)
