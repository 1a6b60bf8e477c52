"""Every command about updates as the operator sees it: its words, its options, its help. The work is in `cli.rollout`.

Light on purpose, as `cli.commands`: the modules with the work are imported when their command runs.
"""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command

if TYPE_CHECKING:
    from cli.terminal import Terminal

rollout_app = typer.Typer(help="Look at updates, hold them, let them go on, take them back.", no_args_is_help=True)

AnyPlaceArgument = Annotated[str, typer.Argument(metavar="[STACK[.SERVICE]]", help="Only this stack or service.")]
ServiceArgument = Annotated[str, typer.Argument(metavar="STACK.SERVICE", help="The service.")]
NodeOption = Annotated[str, typer.Option(metavar="NODE", help="The node.")]
WatchOption = Annotated[
    bool, typer.Option("--watch", "-w", help="Stay until it is done (0), or has paused or gone back (1), or --timeout.")
]
RevisionOption = Annotated[
    int | None,
    typer.Option("--to-revision", metavar="NUMBER", min=1, help="A number of its history; else the one before."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    app.add_typer(rollout_app, name="rollout")
    for function in (pin, unpin):
        command(app)(function)


@command(rollout_app)
def status(terminal: Terminal, target: AnyPlaceArgument = "", watch: WatchOption = False) -> None:
    """Show updates node by node, and what each node waits for."""
    from cli import lanes, rollout

    if watch:
        lanes.watch(terminal, target)
    else:
        rollout.status(terminal, target)


@command(rollout_app)
def history(terminal: Terminal, service: ServiceArgument) -> None:
    """List the last ten revisions, the newest first."""
    from cli import rollout

    rollout.history(terminal, service)


@command(rollout_app)
def pause(terminal: Terminal, service: ServiceArgument) -> None:
    """Let no further node begin; those that have begun end it."""
    from cli import rollout

    rollout.pause(terminal, service)


@command(rollout_app)
def resume(terminal: Terminal, service: ServiceArgument) -> None:
    """Let a paused update go on."""
    from cli import rollout

    rollout.resume(terminal, service)


@command(rollout_app)
def confirm(terminal: Terminal, service: ServiceArgument) -> None:
    """Say that it is well: the next batch may begin."""
    from cli import rollout

    rollout.confirm(terminal, service)


@command(rollout_app)
def abort(terminal: Terminal, service: ServiceArgument) -> None:
    """End an update by taking it back everywhere."""
    from cli import rollout

    rollout.abort(terminal, service)


@command(rollout_app)
def undo(terminal: Terminal, service: ServiceArgument, to_revision: RevisionOption = None) -> None:
    """Update to an earlier revision of its history."""
    from cli import rollout

    rollout.undo(terminal, service, to_revision)


@command(rollout_app)
def override(terminal: Terminal, service: ServiceArgument, *, node: NodeOption) -> None:
    """Have an update on one node mind no lock."""
    from cli import rollout

    rollout.override(terminal, service, node)


def pin(terminal: Terminal, service: ServiceArgument, *, node: NodeOption) -> None:
    """Keep a node at what a service runs there."""
    from cli import rollout

    rollout.pin(terminal, service, node)


def unpin(terminal: Terminal, service: ServiceArgument, *, node: NodeOption) -> None:
    """Let updates of a service reach a pinned node again."""
    from cli import rollout

    rollout.unpin(terminal, service, node)
