"""Which tasks a service gives up when it wants fewer: from the nodes that carry most of it, the highest numbers first.

Before those go the ones that have to leave their nodes anyway; after them, only at last, the ones that are done.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from controller.decide.fleet import Fleet


def chosen(fleet: Fleet, tasks: Iterable[str], count: int) -> list[str]:
    """So many of these tasks, in the order in which they go."""
    crowd: dict[str, int] = {}
    of_node: dict[str, list[tuple[int, int, str]]] = {}
    for task in tasks:
        node = fleet.tasks[task].node
        crowd[node] = crowd.get(node, 0) + 1
        of_node.setdefault(node, []).append((_rank(fleet, task), -number(task), task))
    for ranked in of_node.values():
        heapq.heapify(ranked)
    heap = [_entry(node, crowd[node], ranked) for node, ranked in of_node.items()]
    heapq.heapify(heap)
    found: list[str] = []
    while len(found) < count and heap:
        node = heapq.heappop(heap)[-1]
        found.append(heapq.heappop(of_node[node])[-1])
        crowd[node] -= 1
        if of_node[node]:
            heapq.heappush(heap, _entry(node, crowd[node], of_node[node]))
    return found


def number(task: str) -> int:
    """A task's number within its service; 0 for one that is on every node."""
    slot = task.rsplit(".", 1)[1]
    return int(slot) if slot.isdigit() else 0


def _entry(node: str, crowd: int, ranked: list[tuple[int, int, str]]) -> tuple[int, int, int, str]:
    rank, negative, _ = ranked[0]
    return (rank, -crowd, negative, node)


def _rank(fleet: Fleet, task: str) -> int:
    if fleet.moves.is_waiting(task):
        return 0
    return 2 if fleet.tasks[task].is_completed else 1
