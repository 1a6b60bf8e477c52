"""Every command about functions as the operator sees it: its words, its options, its help. The work is in `cli.functions`."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import CountOption, FollowOption, NodeOption, command, to_come

if TYPE_CHECKING:
    from cli.terminal import Terminal

functions_app = typer.Typer(help="See what functions have to do; replay or drop what failed.", no_args_is_help=True)

AnyArgument = Annotated[str, typer.Argument(metavar="STACK[.FUNCTION]", help="Only this stack or function.")]
LettersArgument = Annotated[
    str, typer.Argument(metavar="ID|STACK[.FUNCTION]", help="An invocation, or all of a function or a stack.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter of the fleet.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    app.add_typer(functions_app, name="functions")


@command(functions_app)
def ls(terminal: Terminal, target: AnyArgument = "") -> None:
    """List the functions: their nodes, their work, their dead letters."""
    from cli import functions

    functions.ls(terminal, target)


@command(functions_app)
def results(
    terminal: Terminal,
    target: AnyArgument = "",
    follow: FollowOption = False,
    node: NodeOption = "",
    count: CountOption = 0,
) -> None:
    """Show how calls end, as they do: status, time, output or reason."""
    from cli import results

    to_come(follow=follow, count=count)
    results.results(terminal, target, node, count)


@command(functions_app)
def dead(terminal: Terminal, target: LettersArgument = "") -> None:
    """List what failed or expired, the newest first."""
    from cli import functions

    functions.dead(terminal, target)


@command(functions_app)
def replay(terminal: Terminal, target: LettersArgument = "", every: AllOption = False) -> None:
    """Run what is dead once more, with the same input."""
    from cli import functions

    functions.replay(terminal, target, every=every)


@command(functions_app)
def drop(terminal: Terminal, target: LettersArgument = "", every: AllOption = False) -> None:
    """Forget what is dead."""
    from cli import functions

    functions.drop(terminal, target, every=every)
