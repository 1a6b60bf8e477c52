"""The options that all commands share, and how a function becomes a command.

`@command` gives a function its `Terminal` and adds the shared options; it is also the one place where a failure becomes a
sentence and an exit code. A test hands its own `connect` over as Typer's `obj`.

Only light imports here and in `cli.commands`: `bramble --help` and shell completion must be quick on a Pi Zero.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from cli.errors import Code, CommandError, tell

if TYPE_CHECKING:
    from cli.terminal import Terminal


class Output(StrEnum):
    """The forms of `-o`."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"


DEFAULT_BROKER = "localhost:1883"
DEFAULT_FLEET = "default"

OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
BrokerOption = Annotated[str, typer.Option(envvar="BRAMBLE_BROKER", metavar="HOST[:PORT]", help="The broker.")]
FleetOption = Annotated[str, typer.Option(envvar="BRAMBLE_FLEET", metavar="NAME", help="The fleet.")]
TimeoutOption = Annotated[str, typer.Option(metavar="DURATION", help="How long to wait, like 30s or 2m.")]

NodeOption = Annotated[str, typer.Option(metavar="NODE", help="Only what is on this node.")]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C or --timeout, as without --count.")
]
CountOption = Annotated[int, typer.Option(metavar="N", min=0, help="End after so many of them; 0 for no end.")]

SHARED: tuple[tuple[str, Any, object], ...] = (
    ("output", OutputOption, Output.TABLE),
    ("broker", BrokerOption, DEFAULT_BROKER),
    ("fleet", FleetOption, DEFAULT_FLEET),
    ("timeout", TimeoutOption, ""),
)

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def to_come(*, follow: bool, count: int) -> None:
    """Refuse what cannot be meant of facts that are yet to come."""
    if follow and count:
        raise typer.BadParameter("--follow goes on and --count ends; choose one")


def command(app: typer.Typer, *, has_wide: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function whose first parameter is its `Terminal`; the shared options follow its own.

    `-o wide` is for those that have a second, wider table.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def run(context: typer.Context, **given: Any) -> None:
            shared = {name: given.pop(name) for name, _, _ in SHARED}
            if shared["output"] is Output.WIDE and not has_wide:
                raise typer.BadParameter("this command has no wider table; use table or json", param_hint="--output")
            _run(lambda terminal: function(terminal, **given), context, shared)

        parameters = _parameters(function)
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = function.__doc__
        app.command(function.__name__)(run)
        return function

    return register


def _parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    """What Typer shall see: the context, the function's own parameters, the shared options."""
    hints = get_type_hints(function, localns={"Terminal": object}, include_extras=True)
    _, *own = inspect.signature(function).parameters.values()
    return [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(p.replace(kind=_KEYWORD, annotation=hints[p.name]) for p in own),
        *(inspect.Parameter(name, _KEYWORD, default=default, annotation=hint) for name, hint, default in SHARED),
    ]


def _run(function: Callable[[Terminal], None], context: typer.Context, shared: dict[str, Any]) -> None:
    from cli.terminal import connect, terminal_of  # noqa: PLC0415 - heavy: the link, and the models of the answers

    terminal = terminal_of(context.obj or connect, **shared)
    try:
        function(terminal)
    except CommandError as error:
        if not error.shown:
            tell(error.json() if terminal.is_json else error.text())
        raise typer.Exit(error.code) from error
    except KeyboardInterrupt as stop:
        raise typer.Exit(Code.INTERRUPTED) from stop
