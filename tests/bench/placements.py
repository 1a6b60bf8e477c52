"""How fast tasks find their nodes: the real scheduler on a fleet in memory, beside a naive scan and a bare heap in the same run.

Every service asks for an architecture, a label, memory and cores, and is spread over the nodes. A full placement is one turn of the
scheduler for ten services that want ten tasks per node between them. One more task is one more replica of a service in a fleet with
as many tasks as nodes: the median of many turns. No store and no messages: where tasks go is measured, not what is written of it.
"""

from __future__ import annotations

import gc
import heapq
import time
from dataclasses import replace
from statistics import median

from controller.__main__ import COLLECT_AFTER
from controller.decide.fleet import Fleet
from controller.decide.placement.scheduler import schedule
from controller.decide.presence import Lease, Presence
from controller.decide.records import Node, Revision, revision_key
from controller.decide.terms import Terms
from protocol.container import Container
from protocol.observed import Inventory
from protocol.stack import Resources, Service, Stack
from tests.bench.figure import Figure, Say

SIZES = (1_000, 10_000)
SMALL = 100
SERVICES = 10
PER_NODE = 10
ROUNDS = 5
# Whatever else runs on the machine can only slow a round, so the best of each counts.

NAIVE_TASKS = 200
# A scan of 10,000 nodes takes milliseconds; 200 of them tell its rate.

ONE_MORE = 50
STACK = "shop"
CONSTRAINTS = ("node.platform.arch == arm64", "node.labels.place == porch")
MEMORY_BYTES, CPUS = 16 * 2**20, 0.05


def measure(say: Say) -> tuple[Figure, ...]:
    """Rates of full placements, their growth, and what one more task costs in small and large fleets."""
    frozen = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER)
    try:
        return _measured(say)
    finally:
        gc.set_threshold(*frozen)


def _measured(say: Say) -> tuple[Figure, ...]:
    rates, naive, bare = (dict.fromkeys(SIZES, 0.0) for _ in range(3))
    for turn in range(ROUNDS):
        for nodes in SIZES:
            rates[nodes] = max(rates[nodes], _full(nodes))
            naive[nodes] = max(naive[nodes], _scanned(nodes))
            bare[nodes] = max(bare[nodes], _heaped(nodes))
        say(f"round {turn + 1}: {', '.join(f'{nodes} nodes {rates[nodes]:,.0f}/s' for nodes in SIZES)}")
    small, large = (min(_one_more(nodes) for _ in range(ROUNDS)) for nodes in (SMALL, SIZES[-1]))
    few, many = SIZES
    return (
        *(
            Figure(
                f"{nodes * PER_NODE:,} tasks placed on {nodes:,} nodes", "naive scan", rates[nodes], naive[nodes], "/s"
            )
            for nodes in SIZES
        ),
        *(
            Figure(f"placements at {nodes:,} nodes", "a bare heap (Python's ceiling)", rates[nodes], bare[nodes], "/s")
            for nodes in SIZES
        ),
        Figure("placements at 10,000 nodes", "100,000 a second", rates[many], 100_000, "/s", 1.0, "higher"),
        Figure("cost per placement at 10,000 nodes", "at 1,000 nodes", 1e6 / rates[many], 1e6 / rates[few], "us", 1.7),
        Figure("one more task at 10,000 nodes", "at 100 nodes", large * 1e6, small * 1e6, "us", 2.0),
    )


def _full(nodes: int) -> float:
    """Tasks placed per second, all in one turn."""
    fleet = _fleet(nodes)
    _publish(fleet, nodes * PER_NODE // SERVICES)
    gc.collect()
    begun = time.process_time()
    schedule(fleet)
    took_s = time.process_time() - begun
    assert len(fleet.tasks) == nodes * PER_NODE, "everything fits"
    return len(fleet.tasks) / took_s


def _one_more(nodes: int) -> float:
    """Seconds that a turn with one more replica takes, in a fleet with as many tasks as nodes."""
    fleet = _fleet(nodes)
    _publish(fleet, nodes // SERVICES)
    schedule(fleet)
    key = f"{STACK}.web0"
    took_s = []
    for _ in range(ONE_MORE):
        before = fleet.catalogue.services[key]
        fleet.catalogue.services[key] = replace(before, replicas=before.replicas + 1)
        fleet.unsettled.services.add(key)
        begun = time.process_time()
        schedule(fleet)
        took_s.append(time.process_time() - begun)
    return median(took_s)


def _scanned(nodes: int) -> float:
    """Tasks placed per second by looking at every node for each."""
    inventories = [(name, _inventory(number)) for number, name in enumerate(map(_name, range(nodes)))]
    free = {name: [inventory.memory_bytes, inventory.cpus * 1.0, 0, 0] for name, inventory in inventories}
    begun = time.process_time()
    for _ in range(NAIVE_TASKS):
        fit = (
            (free[name][3], free[name][2], name)
            for name, inventory in inventories
            if inventory.architecture == "aarch64"
            and inventory.labels.get("place") == "porch"
            and free[name][0] >= MEMORY_BYTES
            and free[name][1] >= CPUS
        )
        taken = free[min(fit)[-1]]
        taken[0], taken[1], taken[2], taken[3] = taken[0] - MEMORY_BYTES, taken[1] - CPUS, taken[2] + 1, taken[3] + 1
    return NAIVE_TASKS / (time.process_time() - begun)


def _heaped(nodes: int) -> float:
    """Tasks placed per second by a heap that knows nothing but how many tasks each node has, and remembers where they went."""
    heap = [(0, 0, _name(number)) for number in range(nodes)]
    placed: dict[int, str] = {}
    begun = time.process_time()
    for task in range(nodes * PER_NODE):
        crowd, tasks, name = heap[0]
        placed[task] = name
        heapq.heapreplace(heap, (crowd + 1, tasks + 1, name))
    return len(placed) / (time.process_time() - begun)


def _fleet(nodes: int) -> Fleet:
    fleet = Fleet("bench", Terms())
    for number in range(nodes):
        name = _name(number)
        fleet.nodes.put(name, Node(name, _inventory(number)))
        fleet.leases.put(name, Lease(name, Presence.ONLINE))
    return fleet


def _name(number: int) -> str:
    return f"pi-{number:05d}"


def _inventory(number: int) -> Inventory:
    """Seven of ten nodes may carry the services."""
    return Inventory(
        _name(number),
        "armv7l" if number % 10 == 0 else "aarch64",
        memory_bytes=4 * 2**30,
        cpus=4,
        engine="20.10",
        labels={"place": "attic" if number % 5 == 1 else "porch", "site": f"s{number % 20}"},
    )


def _publish(fleet: Fleet, replicas: int) -> None:
    services = {
        f"web{number}": Service(
            STACK,
            f"web{number}",
            Container(f"web:{number}"),
            replicas=replicas,
            constraints=CONSTRAINTS,
            reservations=Resources(CPUS, MEMORY_BYTES),
        )
        for number in range(SERVICES)
    }
    fleet.unsettled.services |= fleet.catalogue.put(Stack(STACK, services))
    for key, service in fleet.catalogue.services.items():
        revision = fleet.catalogue.revisions[key]
        fleet.revisions.put(revision_key(key, revision), Revision(key, revision, service.container, service.restart))
