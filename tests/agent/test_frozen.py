"""An agent's frozen dataclasses are as frozen as Python's own, and cost less."""

from __future__ import annotations

import subprocess
import sys

STORY = """
import gc
from dataclasses import FrozenInstanceError, dataclass, replace

import agent.frozen

@dataclass(frozen=True, slots=True)
class Pin:
    number: int

pin, refused = Pin(17), []
for change in (lambda: setattr(pin, "number", 4), lambda: delattr(pin, "number"), lambda: setattr(pin, "user", "lamp")):
    try:
        change()
    except FrozenInstanceError as error:
        refused.append(str(error))
print(pin, replace(pin, number=4) == Pin(4), hash(pin) == hash(Pin(17)))
print(*refused, sep="; ")
gc.collect()
print(sum(isinstance(one, type) and one.__name__ == "Pin" for one in gc.get_objects()))
"""


def test_a_frozen_class_refuses_changes_and_is_there_once() -> None:
    """Fields can be neither set nor deleted nor added, and the class from before its slots is gone."""
    done = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, check=True)
    said, refused, classes = done.stdout.splitlines()
    assert said == "Pin(number=17) True True"
    assert refused == ("cannot assign to field 'number'; cannot delete field 'number'; cannot assign to field 'user'")
    assert classes == "1"
