"""What a process is told when it starts: a TOML file, and the environment over it, `BRAMBLE_` and a field's name in capitals.

Whatever cannot be read is a `Refusal` that names the file or the variable. What the fields are, and what may stand in them, is each
process' own business (`agent.settings`, `controller.settings`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from protocol.refusal import Refusal
from protocol.shapes import UNKNOWN

PREFIX = "BRAMBLE_"

Read = Callable[[str], Any]
"""Makes a field's value of an environment variable's text, or a `Refusal`."""


def document(
    path: Path | None, default: Path, environ: Mapping[str, str], fields: Mapping[str, Read]
) -> dict[str, Any] | Refusal:
    """All that is said of `fields`; where no file is named, the default one is read if it is there."""
    said = _file(path or default) if path is not None or default.exists() else {}
    if isinstance(said, Refusal):
        return said
    for name, read in fields.items():
        variable = PREFIX + name.upper()
        if variable in environ:
            value = read(environ[variable])
            if isinstance(value, Refusal):
                return Refusal(value.reason, variable)
            said[name] = value
    return said


def wrong(sentence: str, settings: type[Any], file: Path) -> Refusal:
    """What a shape says of a file of settings, as a person reads it: of a key that it does not have also what was meant."""
    if not sentence.endswith(UNKNOWN):
        return Refusal(sentence, str(file))
    *steps, key = sentence.removesuffix(UNKNOWN).split(".")
    table, known = ".".join(step for step in steps if not step.isdigit()), _keys(settings, steps)
    where = f" in [{table}]" if table else ""
    return Refusal(f"the key {key!r} is not known{where}; {_remedy(key, known)}", str(file))


def _keys(settings: type[Any], steps: list[str]) -> list[str]:
    """The keys of a table; a number among the steps to it is a place in a list of tables."""
    for step in steps:
        if not step.isdigit():
            hint = get_type_hints(settings)[step]
            settings = get_args(hint)[0] if get_args(hint) else hint
    return [one.name for one in fields(settings)]


def _remedy(key: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for who has to end anyway

    near = get_close_matches(key, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"remove it, or take one of {', '.join(known)}"


def whole(text: str) -> int | Refusal:
    """A whole number."""
    return int(text) if text.isascii() and text.isdigit() else Refusal(f"{text!r} is no number")


def real(text: str) -> float | Refusal:
    """A number."""
    try:
        return float(text)
    except ValueError:
        return Refusal(f"{text!r} is no number")


def password(file: str) -> str | Refusal:
    """What a password's file holds, without the line's end; none where no file is named."""
    try:
        return Path(file).read_text().strip() if file else ""
    except OSError as error:
        return Refusal(f"the password cannot be read: {error.strerror}", file)
    except UnicodeDecodeError:
        return Refusal("the password is no text", file)


def _file(file: Path) -> dict[str, Any] | Refusal:
    import tomllib  # noqa: PLC0415 - a node that is set up by its environment needs none

    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        return Refusal(f"cannot be read: {error.strerror}", str(file))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Refusal(f"is no TOML: {error}", str(file))
