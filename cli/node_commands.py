"""Every command about one node as the operator sees it: its words, its options, its help. The work is in `cli.nodes`."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command

if TYPE_CHECKING:
    from cli.terminal import Terminal

node_app = typer.Typer(help="Look at a node, label it, take it out of service or back into it.", no_args_is_help=True)
label_app = typer.Typer(help="Set labels of a node, or take them away.", no_args_is_help=True)
node_app.add_typer(label_app, name="label")

NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")]
LabelsArgument = Annotated[list[str], typer.Argument(metavar="LABEL=VALUE...", help="The labels to set.")]
NamesArgument = Annotated[list[str], typer.Argument(metavar="LABEL...", help="The labels to take away.")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Also while it is there: it is told to stop everything first.")
]


@command(node_app)
def inspect(terminal: Terminal, node: NodeArgument) -> None:
    """Show all that is known of a node."""
    from cli import nodes

    nodes.inspect(terminal, node)


@command(node_app)
def drain(terminal: Terminal, node: NodeArgument) -> None:
    """Move services away; give none until activated."""
    from cli import nodes

    nodes.drain(terminal, node)


@command(node_app)
def pause(terminal: Terminal, node: NodeArgument) -> None:
    """Leave services where they are; give no more until activated."""
    from cli import nodes

    nodes.pause(terminal, node)


@command(node_app)
def activate(terminal: Terminal, node: NodeArgument) -> None:
    """Let a drained or paused node take services again."""
    from cli import nodes

    nodes.activate(terminal, node)


@command(node_app)
def decommission(terminal: Terminal, node: NodeArgument, force: ForceOption = False) -> None:
    """Let a node go for good, with everything known of it."""
    from cli import nodes

    nodes.decommission(terminal, node, force=force)


@command(label_app)
def add(terminal: Terminal, node: NodeArgument, labels: LabelsArgument) -> None:
    """Set labels over the node's own."""
    from cli import nodes

    nodes.label(terminal, node, labels)


@command(label_app)
def rm(terminal: Terminal, node: NodeArgument, names: NamesArgument) -> None:
    """Take labels away that were set so."""
    from cli import nodes

    nodes.unlabel(terminal, node, names)
