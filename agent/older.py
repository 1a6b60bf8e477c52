"""Reading what a newer release of the agent has stored: what this one does not know of a value is left out of it.

A node that returns to the release before must go on from what the newer one wrote, also without a network: an assignment that is
dropped for one new key would leave it with nothing to look after. What asks for something over
the wire is read strictly all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocol.shapes import UNKNOWN

LEFT_OUT_MOST = 200
"""Of one value: a newer release may have added a key to each of a hundred tasks. What differs more is another thing."""


def read_known(read: Callable[[Any], Any], document: Any) -> Any:
    """Read a value without the keys that this release does not know; why not, if it cannot be read even so."""
    value = read(document)
    for _ in range(LEFT_OUT_MOST):
        if not isinstance(value, str) or not value.endswith(UNKNOWN):
            break
        if not _leave_out(document, value.removesuffix(UNKNOWN)):
            break
        value = read(document)
    return value


def _leave_out(document: Any, path: str) -> bool:
    """Drop what a path names; names within it may hold dots, so the longest that is there is taken."""
    if isinstance(document, list):
        number, _, rest = path.partition(".")
        return number.isdigit() and int(number) < len(document) and _leave_out(document[int(number)], rest)
    if not isinstance(document, dict):
        return False
    if path in document:
        del document[path]
        return True
    names = [name for name in document if path.startswith(f"{name}.")]
    return any(_leave_out(document[name], path[len(name) + 1 :]) for name in sorted(names, key=len, reverse=True))
