"""Every command about sensors as the operator sees it: its words, its options, its help. The work is in `cli.sensors`."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import NodeOption, command

if TYPE_CHECKING:
    from cli.terminal import Terminal

sensors_app = typer.Typer(help="Look at sensors and actuators, and at the kinds there are.", no_args_is_help=True)

DeviceArgument = Annotated[str, typer.Argument(metavar="[STACK[.NAME]]", help="Only this stack, sensor or actuator.")]
KindArgument = Annotated[str, typer.Argument(metavar="[KIND]", help="Only this kind, with its keys.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    app.add_typer(sensors_app, name="sensors")


@command(sensors_app)
def ls(terminal: Terminal, target: DeviceArgument = "", node: NodeOption = "") -> None:
    """List sensors and actuators: where each is, and what it shows."""
    from cli import sensors

    sensors.ls(terminal, target, node)


@command(sensors_app)
def kinds(terminal: Terminal, kind: KindArgument = "") -> None:
    """List kinds of sensors and actuators; needs no broker."""
    from cli import sensors

    sensors.kinds(terminal, kind)
