"""What a function is given besides its image: the event in its environment, its secrets as files, its handler and who runs that.

Secrets stand where OpenFaaS's functions look for them, and where Compose's do. A handler stands beside its runner and takes the
place of the image's own command; the image brings a `python3`. Pure, but for reading the runner, which is a file of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from protocol.container import Container, File
from protocol.function import FunctionSpec, Mode

SECRETS = ("/var/openfaas/secrets/", "/run/secrets/")
HANDLER, RUNNER = "/var/bramble/handler.py", "/var/bramble/runner.py"
SERVES = "--serve"
RUNNER_FILE = Path(__file__).with_name("runner.py")


def event_variables(attributes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The attributes of an event as a process sees them: `CE_ID`, `CE_TYPE` and so on."""
    return {f"CE_{_variable(name)}": value for name, value in attributes}


def outfitted(function: FunctionSpec) -> Container:
    """The container of a function with all that it is given."""
    container = function.container
    secrets = [
        File(f"{below}{name}", text, secret=True) for name, text in function.secrets.items() for below in SECRETS
    ]
    if not function.handler:
        return replace(container, files=(*container.files, *secrets)) if secrets else container
    files = (File(HANDLER, function.handler), File(RUNNER, _runner()))
    serves = (SERVES,) if function.mode is Mode.WARM else ()
    entrypoint = ("python3", "-u", RUNNER, HANDLER, *serves)
    return replace(container, files=(*container.files, *secrets, *files), entrypoint=entrypoint, command=())


@cache
def _runner() -> str:
    return RUNNER_FILE.read_text()


def _variable(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name.upper())
