"""Every command about triggers as the operator sees it: its words, its options, its help. The work is in `cli.triggers`."""
# ruff: noqa: PLC0415, PT028 - what a command needs is imported when it runs: help must be quick on a Pi; `test` is a command

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.node_commands import NodeArgument
from cli.options import command
from cli.project_commands import NONE, EnvFilesOption, FilesOption, NameOption, ProfilesOption, asked_of

if TYPE_CHECKING:
    from cli.terminal import Terminal

triggers_app = typer.Typer(help="Try triggers on a recorded trace, or record one.", no_args_is_help=True)

TraceOption = Annotated[str, typer.Option("--trace", metavar="FILE", help="A reading a line; - is standard input.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    app.add_typer(triggers_app, name="triggers")


@command(triggers_app)
def test(
    terminal: Terminal,
    *,
    trace: TraceOption,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    profile: ProfilesOption = NONE,
    env_file: EnvFilesOption = NONE,
) -> None:
    """Print what a trace would have run; needs no broker."""
    from cli import triggers

    triggers.test(terminal, asked_of(file, project_name, profile, env_file), trace)


@command(triggers_app)
def record(terminal: Terminal, node: NodeArgument) -> None:
    """Print a node's last edges as a trace."""
    from cli import triggers

    triggers.record(terminal, node)
