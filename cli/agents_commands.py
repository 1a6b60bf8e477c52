"""Every command about the agents themselves as the operator sees it: words, options, help. The work is in `cli.agents`."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
import typer.core

from cli.options import command

if TYPE_CHECKING:
    from cli.terminal import Terminal

agents_app = typer.Typer(help="Look at the versions of the agents, and update them; alone, the list.")


class Action(StrEnum):
    """What an update does when more nodes failed than it tolerates."""

    PAUSE = "pause"
    CONTINUE = "continue"
    ROLLBACK = "rollback"


VersionArgument = Annotated[str, typer.Argument(metavar="[VERSION]", help="The version of bramble-fleet.")]
ImageOption = Annotated[str, typer.Option(metavar="IMAGE", help="For agents in containers: this image.")]
ToOption = Annotated[str, typer.Option("--to", metavar="previous|base", help="Back: one release, or to the base.")]
IndexOption = Annotated[str, typer.Option(metavar="URL", help="A package index; else the node's own.")]
WheelOption = Annotated[str, typer.Option(metavar="URL", help="The wheel itself; needs --sha256.")]
Sha256Option = Annotated[str, typer.Option("--sha256", metavar="HEX", help="What the wheel's digest must be.")]
ParallelismOption = Annotated[str, typer.Option(metavar="N|SHARE", help="How many at once, like 10%; 1.")]
CanaryOption = Annotated[str, typer.Option(metavar="N|SHARE", help="So many go before all others.")]
MonitorOption = Annotated[str, typer.Option(metavar="DURATION", help="How long each must stay up; 60s.")]
CheckinOption = Annotated[str, typer.Option(metavar="DURATION", help="How long each may take to check in; 5m.")]
ConstraintOption = Annotated[
    list[str], typer.Option("--constraint", "-l", metavar="CONSTRAINT", help="Only on nodes that pass it.")
]
ActionOption = Annotated[Action | None, typer.Option("--failure-action", help="What to do when it fails; pause.")]
RatioOption = Annotated[
    float | None, typer.Option("--max-failure-ratio", metavar="RATIO", min=0, max=1, help="How many may fail; 0.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    app.add_typer(agents_app, name="agents")


@agents_app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """List them where nothing else is asked."""
    if context.invoked_subcommand is None:
        group = context.command
        assert isinstance(group, typer.core.TyperGroup)
        raise typer.Exit(group.commands["ls"].main([], standalone_mode=False, obj=context.obj) or 0)


@command(agents_app)
def ls(terminal: Terminal) -> None:
    """List the nodes with the versions of their agents."""
    from cli import agents

    agents.rows(terminal)


@command(agents_app)
def update(
    terminal: Terminal,
    version: VersionArgument = "",
    *,
    image: ImageOption = "",
    to: ToOption = "",
    index: IndexOption = "",
    wheel: WheelOption = "",
    sha256: Sha256Option = "",
    parallelism: ParallelismOption = "",
    canary: CanaryOption = "",
    monitor: MonitorOption = "",
    checkin: CheckinOption = "",
    constraint: ConstraintOption = [],  # noqa: B006 - Typer copies it
    failure_action: ActionOption = None,
    max_failure_ratio: RatioOption = None,
) -> None:
    """Put another release of the agent on the nodes; containers go on."""
    from cli import agents

    wish = agents.Wish(
        version, image, to, index, wheel, sha256, parallelism, canary, monitor, checkin, failure_action or "", max_failure_ratio,
        tuple(constraint),
    )  # fmt: skip
    agents.update(terminal, wish)
