"""How a command fails: an exit code that scripts can rely on, one sentence, and what to do about it.

`CommandError` is the only exception that commands raise; `cli.options.command` prints it and ends the process with its code.
The codes never change their meaning. The sentences go to standard error; with `-o json` as one JSON object.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum


class Code(IntEnum):
    """Exit codes of `bramble`. 2 is also Typer's own for wrong usage, 130 the shell's for Ctrl-C."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    TIMEOUT = 5
    UNREACHABLE = 6
    INTERRUPTED = 130


class CommandError(Exception):
    """A command did not succeed. `shown` says that the reasons stand on the screen already."""

    def __init__(self, code: Code, message: str, remedy: str = "", *, shown: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.shown = shown

    def text(self) -> str:
        """`bramble: …; …`, for people."""
        return f"bramble: {self.message}; {self.remedy}" if self.remedy else f"bramble: {self.message}"

    def json(self) -> str:
        """The same for programs."""
        error = {"code": self.code.name.lower(), "message": self.message, "remedy": self.remedy}
        return json.dumps({"error": error}, ensure_ascii=False)


def unreachable(broker: str, reason: str) -> CommandError:
    """The broker does not talk to us, or has stopped to."""
    where = "" if broker in reason else f" at {broker}"
    message = f"cannot reach the broker{where}: {reason}"
    return CommandError(Code.UNREACHABLE, message, "is it running? set --broker or BRAMBLE_BROKER")


def silent(fleet: str, within: str, presence: str) -> CommandError:
    """The broker is there and the controller does not answer; `presence` is its retained word, empty if it has none."""
    message = f"no answer from the controller of fleet {fleet!r} within {within}"
    if presence:
        return CommandError(Code.TIMEOUT, f"{message}; its presence says {presence}")
    known = "it has never been at this broker"
    return CommandError(Code.TIMEOUT, f"{message}; {known}", "is the fleet's name right? set --fleet or BRAMBLE_FLEET")


def tell(text: str) -> None:
    """Say something to the person; a program that reads the output does not see it."""
    print(text, file=sys.stderr, flush=True)
