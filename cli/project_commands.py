"""The commands about whole projects as the operator sees them, in Docker Compose's words and flags; see `cli.commands`.

Light on purpose, as there: the modules with the work are imported when their command runs.
"""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs: help must be quick on a Pi

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command

if TYPE_CHECKING:
    from cli.project import Asked
    from cli.terminal import Terminal

FilesOption = Annotated[
    list[str],
    typer.Option("--file", "-f", metavar="FILE", help="A manifest, merged over those before; - is standard input."),
]
NameOption = Annotated[
    str, typer.Option("--project-name", "-p", "--stack", metavar="NAME", help="The stack, whatever the files say.")
]
ProfilesOption = Annotated[
    list[str], typer.Option("--profile", metavar="NAME", help="With the services of this profile; * is all.")
]
EnvFilesOption = Annotated[
    list[str], typer.Option("--env-file", metavar="FILE", help="Variables, instead of .env beside the first file.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait/--detach", " /-d", help="Wait until everything runs, or only for the verdict.")
]
AnyStackArgument = Annotated[str, typer.Argument(metavar="[STACK]", help="The stack, if no file says it.")]
StackArgument = Annotated[str, typer.Argument(metavar="STACK", help="The stack's name.")]
PlaceArgument = Annotated[str, typer.Argument(metavar="STACK[.SERVICE]", help="A stack or one of its services.")]
WishesArgument = Annotated[
    list[str], typer.Argument(metavar="[STACK.]SERVICE=NUMBER...", help="How many tasks each shall have.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what is wrong.")]
ServicesOption = Annotated[bool, typer.Option("--services", help="Print the services' names.")]
ImagesOption = Annotated[bool, typer.Option("--images", help="Print the images.")]
HashOption = Annotated[bool, typer.Option("--hash", help="Print each service with the revision of what it runs.")]
SchemaOption = Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a manifest, for editors.")]

NONE: list[str] = []


def register(app: typer.Typer) -> None:
    """Add the commands to `bramble`."""
    for function in (up, down, apply, rm, config, diff, plan, scale, restart, pull):
        command(app)(function)


def up(
    terminal: Terminal,
    *,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    profile: ProfilesOption = NONE,
    env_file: EnvFilesOption = NONE,
    wait: WaitOption = True,
) -> None:
    """Load a Compose project, publish it, wait until it runs."""
    from cli import apply

    apply.up(terminal, asked_of(file, project_name, profile, env_file), wait=wait)


def down(
    terminal: Terminal,
    stack: AnyStackArgument = "",
    file: FilesOption = NONE,
    project_name: NameOption = "",
    env_file: EnvFilesOption = NONE,
) -> None:
    """Remove a stack and everything that runs for it."""
    from cli import apply

    if stack and (file or project_name):
        raise typer.BadParameter("STACK names it already; leave --file and --project-name out")
    apply.down(terminal, stack, asked_of(file, project_name, env_file=env_file))


def apply(
    terminal: Terminal,
    *,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    profile: ProfilesOption = NONE,
    env_file: EnvFilesOption = NONE,
    wait: WaitOption = True,
) -> None:
    """The same as up."""
    up(terminal, file=file, project_name=project_name, profile=profile, env_file=env_file, wait=wait)


def rm(terminal: Terminal, stack: StackArgument) -> None:
    """The same as down STACK."""
    down(terminal, stack)


def config(
    terminal: Terminal,
    *,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    profile: ProfilesOption = NONE,
    env_file: EnvFilesOption = NONE,
    quiet: QuietOption = False,
    services: ServicesOption = False,
    images: ImagesOption = False,
    hashes: HashOption = False,
    schema: SchemaOption = False,
) -> None:
    """Print the document that up would publish."""
    from cli import config
    from cli.config import Part
    from cli.project import Asked

    asked = asked_of(file, project_name, profile, env_file)
    said = {Part.NOTHING: quiet, Part.SERVICES: services, Part.IMAGES: images, Part.HASHES: hashes}
    parts = [part for part, is_said in said.items() if is_said]
    if len(parts) + schema > 1:
        raise typer.BadParameter("--quiet, --services, --images, --hash and --schema exclude each other")
    if schema and asked != Asked():
        raise typer.BadParameter("the schema is of every manifest; leave the options of a project out")
    if schema:
        config.print_schema()
    else:
        config.config(terminal, asked, *parts[:1])


def diff(
    terminal: Terminal,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    profile: ProfilesOption = NONE,
    env_file: EnvFilesOption = NONE,
) -> None:
    """Show what up would change; exits with 1 if anything."""
    from cli import diff

    diff.diff(terminal, asked_of(file, project_name, profile, env_file))


def plan(
    terminal: Terminal,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    profile: ProfilesOption = NONE,
    env_file: EnvFilesOption = NONE,
) -> None:
    """Show what up would set going, its bytes, waits and time."""
    from cli import plan

    plan.plan(terminal, asked_of(file, project_name, profile, env_file))


def scale(
    terminal: Terminal,
    wishes: WishesArgument,
    file: FilesOption = NONE,
    project_name: NameOption = "",
    env_file: EnvFilesOption = NONE,
) -> None:
    """Set how many tasks services have."""
    from cli import running

    running.scale(terminal, wishes, asked_of(file, project_name, env_file=env_file))


def restart(terminal: Terminal, target: PlaceArgument) -> None:
    """Stop and start what runs, a few at a time."""
    from cli import running

    running.restart(terminal, target)


def pull(terminal: Terminal, target: PlaceArgument) -> None:
    """Look tags up again, and roll out what moved."""
    from cli import running

    running.pull(terminal, target)


def asked_of(files: list[str], name: str, profiles: list[str] = NONE, env_file: list[str] = NONE) -> Asked:
    """What the options of a project said."""
    from cli.project import Asked

    return Asked(tuple(files), name, tuple(profiles), tuple(env_file))
