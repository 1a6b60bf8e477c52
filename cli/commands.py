"""Every command as the operator sees it: its words, its options, its help. The work is in the module that each one names.

Light on purpose (see `cli.options`): the modules with the work import the link, the models and rich, and are imported when their
command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import (
    agents_commands,
    functions_commands,
    project_commands,
    rollout_commands,
    sensors_commands,
    triggers_commands,
)
from cli.node_commands import NodeArgument, node_app
from cli.options import CountOption, FollowOption, NodeOption, command, to_come

if TYPE_CHECKING:
    from cli.terminal import Terminal

app = typer.Typer(
    name="bramble",
    help="Tell a fleet of nodes what to run, and see how it stands.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help drawn by rich would cost 60 ms and 10 MB more
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(node_app, name="node")
project_commands.register(app)
rollout_commands.register(app)
agents_commands.register(app)
sensors_commands.register(app)
triggers_commands.register(app)
functions_commands.register(app)

AnyStackArgument = Annotated[str, typer.Argument(metavar="[STACK]", help="Only this stack.")]
PlaceArgument = Annotated[str, typer.Argument(metavar="[STACK[.SERVICE]]", help="Only this stack or service.")]
TargetArgument = Annotated[str, typer.Argument(metavar="STACK.SERVICE", help="A service or a function.")]
WatchOption = Annotated[
    bool, typer.Option("--watch", "-w", help="Stay, and show every change, until Ctrl-C or --timeout.")
]
SensorOption = Annotated[str, typer.Option(metavar="SENSOR", help="Only this sensor.")]
LogsArgument = Annotated[str, typer.Argument(metavar="STACK[.NAME]", help="A stack, a service or a warm function.")]
LinesOption = Annotated[
    int,
    typer.Option("--lines", "-n", metavar="N", min=1, max=5000, help="So many of each task; 100.", show_default=False),
]
FunctionArgument = Annotated[str, typer.Argument(metavar="FUNCTION", help="Its name, or STACK.FUNCTION.")]
BodyOption = Annotated[str, typer.Option("--data", "-d", metavar="BODY", help="Its input; - reads standard input.")]
DriveOption = Annotated[
    str, typer.Option(metavar="PIN|SENSOR[.BUTTON]=high|low|press|EVENT|NUMBER", help="Drive a mock pin.")
]
SetOption = Annotated[str, typer.Option("--set", metavar="ACTUATOR=VALUE", help="Set an actuator.")]


@command(app)
def stacks(terminal: Terminal) -> None:
    """List the stacks and their verdicts."""
    from cli import look

    look.stacks(terminal)


@command(app)
def services(terminal: Terminal, stack: AnyStackArgument = "") -> None:
    """List the services and how many of their tasks run."""
    from cli import look

    look.services(terminal, stack)


@command(app)
def ps(terminal: Terminal, target: PlaceArgument = "", node: NodeOption = "") -> None:
    """List the tasks: which node runs what."""
    from cli import look

    look.ps(terminal, target, node)


@command(app, has_wide=True)
def nodes(terminal: Terminal) -> None:
    """List the nodes and how they are."""
    from cli import nodes

    nodes.nodes(terminal)


@command(app)
def explain(terminal: Terminal, target: TargetArgument) -> None:
    """Say why each node carries something, or why not."""
    from cli import look

    look.explain(terminal, target)


@command(app)
def status(terminal: Terminal, stack: AnyStackArgument = "", watch: WatchOption = False) -> None:
    """Show all about stacks; --watch follows them."""
    from cli import status

    status.status(terminal, stack, watch=watch)


@command(app)
def logs(terminal: Terminal, target: LogsArgument, node: NodeOption = "", lines: LinesOption = 100) -> None:
    """Print the last lines that a service's containers said, or a warm function's."""
    from cli import logs

    logs.logs(terminal, target, node, lines)


@command(app)
def events(
    terminal: Terminal,
    follow: FollowOption = False,
    sensor: SensorOption = "",
    node: NodeOption = "",
    count: CountOption = 0,
) -> None:
    """Show the sensors' events as they come."""
    from cli import events

    to_come(follow=follow, count=count)
    events.events(terminal, sensor, node, count)


@command(app)
def invoke(terminal: Terminal, function: FunctionArgument, data: BodyOption = "") -> None:
    """Call a function; exits with 0 only if it is done."""
    from cli import invoke

    invoke.invoke(terminal, function, data)


@command(app)
def pins(terminal: Terminal, node: NodeArgument, drive: DriveOption = "", switch: SetOption = "") -> None:
    """List a node's sensors and actuators, or move one."""
    from cli import pins

    pins.pins(terminal, node, drive, switch)


@command(app)
def version(terminal: Terminal) -> None:
    """Print the version; needs no broker."""
    from cli import version

    version.version(terminal)
