"""Shapes read what JSON says into frozen dataclasses, strictly, and write it back."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import pytest

from protocol.shapes import INT_LIMIT, Bounds, JsonValue, Shape, write


class Mood(StrEnum):
    CALM = "calm"
    WILD = "wild"


@dataclass(frozen=True, slots=True)
class Leaf:
    size: Annotated[int, Bounds(least=1, most=9)]
    green: bool = True


@dataclass(frozen=True, slots=True)
class Tree:
    name: Annotated[str, Bounds(pattern="^[a-z]+$", longest=5)]
    height_m: Annotated[float, Bounds(least=0)] = 1.0
    mood: Mood = Mood.CALM
    age: int | None = None
    leaves: tuple[Leaf, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    any: JsonValue = None


WHOLE = Tree("oak", 2.5, Mood.WILD, 7, (Leaf(1), Leaf(2, green=False)), {"a": "ä"}, [1, {"b": None}])


def test_what_is_written_reads_back_as_itself() -> None:
    """Every kind of hint, through bytes and back."""
    assert Shape(Tree).read(json.loads(write(WHOLE))) == WHOLE


def test_what_is_left_out_takes_its_default() -> None:
    """Only a field without a default must be said."""
    assert Shape(Tree).read({"name": "oak"}) == Tree("oak")


def test_a_whole_number_may_stand_for_a_fraction() -> None:
    """JSON knows one kind of number; the value is a float all the same."""
    read = Shape(Tree).read({"name": "oak", "height_m": 3})
    assert isinstance(read, Tree)
    assert type(read.height_m) is float


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the document: input should be a dictionary"),
        ({}, "name: field required"),
        ({"name": "oak", "bark": 1}, "bark: unexpected keyword argument"),
        ({"name": 1}, "name: input should be a valid string"),
        ({"name": "oak\n"}, "name: string should match pattern '^[a-z]+$'"),
        ({"name": "willow"}, "name: string should have at most 5 characters"),
        ({"name": "oak", "height_m": "1"}, "height_m: input should be a valid number"),
        ({"name": "oak", "height_m": math.nan}, "height_m: input should be a finite number"),
        ({"name": "oak", "height_m": math.inf}, "height_m: input should be a finite number"),
        ({"name": "oak", "height_m": 10**400}, "height_m: input should be a finite number"),
        ({"name": "oak", "height_m": -0.1}, "height_m: input should be at least 0"),
        ({"name": "oak", "mood": "sad"}, "mood: input should be 'calm' or 'wild', not 'sad'"),
        ({"name": "oak", "mood": []}, "mood: input should be 'calm' or 'wild'"),
        ({"name": "oak", "age": True}, "age: input should be a valid integer"),
        ({"name": "oak", "age": 1.0}, "age: input should be a valid integer"),
        ({"name": "oak", "age": INT_LIMIT + 1}, f"age: input should be at most {INT_LIMIT}"),
        ({"name": "oak", "leaves": {}}, "leaves: input should be an array"),
        ({"name": "oak", "leaves": [{"size": 1}, {"size": 10}]}, "leaves.1.size: input should be at most 9"),
        ({"name": "oak", "leaves": [{"size": 1, "green": 1}]}, "leaves.0.green: input should be a valid boolean"),
        ({"name": "oak", "notes": {"a": None}}, "notes.a: input should be a valid string"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(document: Any, says: str) -> None:
    """One sentence: where, and what should stand there."""
    assert Shape(Tree).read(document) == says


def test_a_hint_that_no_message_can_carry_is_our_own_mistake() -> None:
    """It raises, whatever the document says."""

    @dataclass(frozen=True)
    class Wrong:
        when: complex

    with pytest.raises(TypeError, match="complex"):
        Shape(Wrong).read({})
