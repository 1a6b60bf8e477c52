"""What a process that does nothing but live through histories may leave out: guards that only tests and type checkers need.

A frozen value writes each of its fields through a guard, which makes it five times as dear as another; a turn makes dozens. In such
a process the guard is taken away (`thaw`); who would write to a frozen value is found by mypy and by the tests, which run with it.
The value of an enum's member is asked for through Python code, thousands of times, and here without. A history stays what it was,
byte for byte: a test holds one beside the other.

The memory of the modules is set aside (`gc.freeze`), so that no sweep looks through it again.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any

ROOMS = ("agent", "controller", "link", "protocol", "sensors", "sim")
"""Whose values are thawed: nobody else's classes are ours to change."""

_GUARDS = ("__setattr__", "__delattr__")


def hurry() -> None:
    """Prepare this process for thousands of histories, and nothing else."""
    for cls in _ours():
        if is_dataclass(cls):
            thaw(cls)
        elif issubclass(cls, StrEnum):
            cls.value = property(attrgetter("_value_"))  # type: ignore[method-assign,assignment]
    gc.collect()
    gc.freeze()


def thaw(cls: type[Any]) -> None:
    """Have values of a frozen dataclass made without its guard; one that is made in an uncommon way stays as it is."""
    if not cls.__dataclass_params__.frozen or not _is_plain(cls):
        return
    for guard in _GUARDS:
        if guard in vars(cls):
            delattr(cls, guard)
    cls.__init__ = _made(cls)


def _ours() -> Iterable[type[Any]]:
    """The classes of our rooms, as far as they are loaded: each once, bases first."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.partition(".")[0] in ROOMS]
    found = {value: None for module in modules for value in vars(module).values() if isinstance(value, type)}
    ours = [cls for cls in found if cls.__module__.partition(".")[0] in ROOMS]
    return sorted(ours, key=lambda cls: len(cls.__mro__))


def _is_plain(cls: type[Any]) -> bool:
    """Whether every field is an argument, and no base has a say in what may be written."""
    is_own = all(field.init and not field.kw_only for field in fields(cls))
    return is_own and not hasattr(cls, "__post_init__") and "__dataclass_fields__" not in vars(cls.__mro__[1])


def _made(cls: type[Any]) -> Any:
    """An `__init__` of plain assignments, with the same arguments."""
    names: dict[str, Any] = {"MISSING": MISSING}
    arguments, lines = [], []
    for field in fields(cls):
        made = field.name
        if field.default is not MISSING:
            names[f"_{field.name}"] = field.default
            arguments.append(f"{field.name}=_{field.name}")
        elif field.default_factory is not MISSING:
            names[f"_{field.name}"] = field.default_factory
            arguments.append(f"{field.name}=MISSING")
            made = f"_{field.name}() if {field.name} is MISSING else {field.name}"
        else:
            arguments.append(field.name)
        lines.append(f"self.{field.name} = {made}")
    source = f"def __init__(self, {', '.join(arguments)}):\n    " + "\n    ".join(lines or ["pass"])
    exec(source, names)  # noqa: S102 - made of the names of our own fields, as the standard library does it
    return names["__init__"]
