"""What operators ask and order of functions: how much they have to do, and their dead letters: shown, replayed, dropped.

A target is the id of an invocation (its beginning is enough where it is the only one), a `stack.function`, a stack, or with
`arguments.all` everything. A replay that finds no room on the ledger leaves its letter where it is, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from controller.decide import answers, keeps, letters
from controller.decide.fleet import Fleet
from controller.decide.invocation import Letter
from controller.decide.invocations import open_entry
from controller.decide.presence import Presence
from controller.decide.records import stack_of
from protocol.function_rows import BODY_SHOWN_CHARS, FunctionRow, LetterRow
from protocol.observed import Answer
from protocol.operator import OperatorOrder
from protocol.stack import Function

PREFIX_CHARS = 4
"""The beginning of an id that is taken for one; git and docker take as much."""


def functions(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Every function, or those of a stack, or one."""
    wanted = fleet.catalogue.functions
    found = [key for key in sorted(wanted) if asked.target in ("", key, stack_of(key))]
    if not found and asked.target:
        return answers.not_found(f"there is no stack or function {asked.target!r}; write it as stack.name")
    return answers.rows([asdict(_row(fleet, key, wanted[key])) for key in found])


def dead_letters(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """The dead letters, the newest first."""
    found = _meant(fleet, asked) if asked.target else tuple(fleet.letters)
    if isinstance(found, Answer):
        return found
    meant = sorted((fleet.letters[key] for key in found), key=lambda letter: -letter.rank)
    return answers.rows([asdict(_letter(letter)) for letter in meant[: answers.ROWS_SHOWN]], len(meant))


def replay(fleet: Fleet, asked: OperatorOrder, now_mono_s: float) -> Answer:
    """Run what is dead once more, with the same input, as new invocations."""
    found = _meant(fleet, asked)
    if isinstance(found, Answer):
        return found
    meant = sorted((fleet.letters[key] for key in found), key=lambda letter: letter.rank)
    refused = [said for letter in meant if (said := _replay(fleet, letter, now_mono_s))]
    count = len(meant) - len(refused)
    said = f"{_letters(count)} replayed" if count or not refused else "nothing is replayed"
    left = f"; {len(refused)} not: {refused[0]}" if refused else ""
    return Answer("", ok=bool(count), message=f"{said}{left}", result={"replayed": count, "left": len(refused)})


def drop(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Forget dead letters."""
    found = _meant(fleet, asked)
    if isinstance(found, Answer):
        return found
    for key in found:
        fleet.letters.drop(key)
        fleet.tally("dead_letters_dropped")
    return Answer("", ok=True, message=f"{_letters(len(found))} dropped", result={"dropped": len(found)})


def _replay(fleet: Fleet, letter: Letter, now_mono_s: float) -> str:
    """Replay one; why not, otherwise."""
    key = letter.invocation.id
    if letter.function not in fleet.catalogue.functions:
        return f"there is no function {letter.function} any more"
    if not letter.is_whole:
        return f"the input of {key} has not come here; try again later, or call {letter.function} anew"
    if not open_entry(fleet, letters.again(letter), "", now_mono_s):
        return "too many invocations are open; try again later"
    fleet.letters.drop(key)
    fleet.tally("dead_letters_replayed")
    return ""


def _meant(fleet: Fleet, asked: OperatorOrder) -> tuple[str, ...] | Answer:
    """The keys of the letters that an order is about, at least one; or what is wrong with it."""
    target, wants_all = asked.target, asked.arguments.get("all", False)
    if not isinstance(wants_all, bool) or wants_all is bool(target):
        return answers.refused("name an invocation, a stack.function or a stack; or `all`, and none of these")
    if wants_all:
        return tuple(fleet.letters) or answers.not_found("there are no dead letters")
    if target in fleet.letters:
        return (target,)
    found = tuple(key for key in fleet.letters if target in (fleet.letters[key].function, _stack(fleet, key)))
    begun = tuple(key for key in fleet.letters if len(target) >= PREFIX_CHARS and key.startswith(target))
    if not found and len(begun) > 1:
        return answers.conflict(f"{len(begun)} dead letters begin with {target!r}: say more of it")
    return found or begun or answers.not_found(f"there is no dead letter of {target!r}")


def _stack(fleet: Fleet, key: str) -> str:
    return fleet.letters[key].invocation.stack


def _row(fleet: Fleet, key: str, function: Function) -> FunctionRow:
    hosts = fleet.hosts.get(key, set())
    online = [node for node in hosts if fleet.presence(node) is Presence.ONLINE]
    loads = [fleet.loads.of(node, key) for node in online]
    return FunctionRow(
        key,
        function.spec.mode.value,
        function.spec.container.image,
        len(hosts),
        len(online),
        sum(load.in_flight for load in loads),
        sum(load.pending for load in loads) + len(fleet.ledger.of("work", (key, ""))),
        sum(load.instances for load in loads),
        sum(keeps.kept(fleet, key, node) for node in online),
        len(fleet.letters.of("function", key)),
    )


def _letter(letter: Letter) -> LetterRow:
    asked = letter.invocation
    return LetterRow(
        asked.id,
        letter.function,
        letter.state.value,
        letter.node,
        letter.attempt,
        letter.reason,
        letter.at,
        asked.attributes.get("id", ""),
        asked.body[:BODY_SHOWN_CHARS],
        letter.is_whole,
    )


def _letters(count: int) -> str:
    return f"{count} dead {'letter' if count == 1 else 'letters'}"


def gauges(fleet: Fleet) -> Iterator[tuple[tuple[str, ...], float]]:
    """What the metrics show of functions as they stand."""
    yield ("ledger_open",), len(fleet.backlog)
    yield ("dead_letters_kept",), len(fleet.letters)
    for key in fleet.catalogue.functions:
        yield ("function_busy", key), fleet.loads.busy(key)
        if keeps.is_warm(fleet, key):
            yield ("function_instances", key), fleet.loads.instances(key)
            keep = fleet.keeps.get(key)
            yield ("function_keep", key), sum(keep.nodes.values()) if keep is not None else 0
