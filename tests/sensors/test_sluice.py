"""Readings on their way from the pin library's threads to the loop: bounded for each sensor, counted where some are let go."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from hypothesis import given
from hypothesis import strategies as st

from sensors.sluice import Basin, Flooded, Sluice
from sensors.stage import Faulted, Reading


def reading(sensor: str, number: int) -> Reading:
    return Reading(sensor, number % 2 == 0, number)


def drained(inbox: SimpleQueue[object]) -> list[object]:
    """What the loop gets of its inbox."""
    found: list[object] = []
    while not inbox.empty():
        one = inbox.get()
        found.extend(one.drain() if isinstance(one, Basin) else (one,))
    return found


def test_what_the_loop_can_take_in_arrives_whole_and_in_order() -> None:
    """A fault goes its own way; two sensors do not mix."""
    inbox: SimpleQueue[object] = SimpleQueue()
    sluice = Sluice(inbox.put)
    sluice.put(reading("bell", 1))
    sluice.put(Faulted("gate", "gone"))
    sluice.put(reading("gate", 1))
    sluice.put(reading("bell", 2))
    assert drained(inbox) == [reading("bell", 1), reading("bell", 2), Faulted("gate", "gone"), reading("gate", 1)]


def test_a_flood_keeps_the_newest_and_says_how_many_went() -> None:
    """A sensor beside it loses nothing."""
    inbox: SimpleQueue[object] = SimpleQueue()
    sluice = Sluice(inbox.put, most=3)
    sluice.put(reading("gate", 7))
    for number in range(10):
        sluice.put(reading("bell", number))
    bell = [Flooded("bell", 7), reading("bell", 7), reading("bell", 8), reading("bell", 9)]
    assert drained(inbox) == [reading("gate", 7), *bell]
    sluice.put(reading("bell", 10))
    assert drained(inbox) == [reading("bell", 10)]


@given(st.lists(st.integers(min_value=0, max_value=9), max_size=30))
def test_every_reading_is_taken_in_or_counted(bursts: list[int]) -> None:
    """However bursts and turns of the loop follow each other; and the last one of all is always taken in."""
    inbox: SimpleQueue[object] = SimpleQueue()
    sluice = Sluice(inbox.put, most=4)
    sent, taken, gone = 0, [], 0
    for burst in bursts:
        for _ in range(burst):
            sluice.put(reading("bell", sent))
            sent += 1
        for one in drained(inbox):
            if isinstance(one, Flooded):
                gone += one.readings
            else:
                taken.append(one)
    assert len(taken) + gone == sent
    assert taken == sorted(taken, key=lambda one: one.at_ns)
    assert not taken or taken[-1] == reading("bell", sent - 1)


def test_nothing_is_left_behind_between_two_threads() -> None:
    """A reading that comes while the loop drains tells the loop once more: after the last, nothing waits untold."""
    inbox: SimpleQueue[object] = SimpleQueue()
    sluice = Sluice(inbox.put, most=100)
    numbers = 20_000
    feeder = threading.Thread(target=lambda: [sluice.put(reading("bell", number)) for number in range(numbers)])
    feeder.start()
    found: list[object] = []
    while feeder.is_alive():
        found += drained(inbox)
    found += drained(inbox)
    gone = sum(one.readings for one in found if isinstance(one, Flooded))
    assert found[-1] == reading("bell", numbers - 1)
    assert sum(isinstance(one, Reading) for one in found) + gone == numbers
