"""Dead letters: invocations that failed at last or expired, kept with their input until somebody replays or drops them.

Bounded by number and by weight: beyond either the oldest go, and are counted. A replay is a new invocation, with an id that is
derived from the letter's (law 8): however often it is ordered, it runs once. A letter whose first node says after all that it was
done is taken back.
"""

from __future__ import annotations

from dataclasses import replace

from controller.decide.fleet import Fleet
from controller.decide.invocation import Entry, InvocationState, Letter
from protocol.desired import Invocation
from protocol.ids import invocation_id

DEAD = frozenset({InvocationState.FAILED, InvocationState.EXPIRED})

REPLAY_OF = "replayof"
"""The CloudEvents attribute by which a function can tell a replay: the id of the invocation that it repeats."""


def keep(fleet: Fleet, entry: Entry, reason: str, attempt: int) -> None:
    """Keep a dead letter of an invocation that has just ended so."""
    asked = entry.invocation
    rank = fleet.count("letters")
    fleet.letters.put(
        asked.id, Letter(asked, entry.state, entry.node, entry.near, reason, attempt, rank, fleet.wall)
    )  # fmt: skip
    fleet.tally("dead_letters", entry.state.value)
    while len(fleet.dead) > fleet.terms.letters_kept or fleet.dead.size_bytes > fleet.terms.letters_bytes:
        fleet.letters.drop(fleet.dead.oldest())
        fleet.tally("dead_letters_lost")


def complete(fleet: Fleet, asked: Invocation, near: str) -> None:
    """A cause came after the result of what it calls: now the input is known."""
    letter = fleet.letters.get(asked.id)
    if letter is not None and not letter.is_whole:
        fleet.letters.put(asked.id, replace(letter, invocation=asked, near=near))


def done_after_all(fleet: Fleet, key: str) -> None:
    """A late result says done: nothing is left to be replayed."""
    if fleet.letters.drop(key) is not None:
        fleet.tally("dead_letters_done")


def again(letter: Letter) -> Entry:
    """The invocation that repeats a dead one, with the same input."""
    asked = letter.invocation
    named = invocation_id(f"replay {asked.id}", asked.stack, asked.function, 0)
    attributes = {**asked.attributes, REPLAY_OF: asked.id}
    return Entry(Invocation(named, asked.stack, asked.function, attributes, asked.body), near=letter.near)
