"""A fleet in memory whose nodes and services are made by hand, scheduled by the real scheduler, with no messages around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controller.decide import arrivals
from controller.decide.fleet import Fleet
from controller.decide.placement.hosts import host
from controller.decide.placement.scheduler import schedule
from controller.decide.presence import Lease, Presence
from controller.decide.records import Availability, Node, Pending, Revision, Task, revision_key
from controller.decide.terms import Terms
from protocol.container import Container
from protocol.ids import service_key
from protocol.observed import Inventory, NodeStatus, TaskState, TaskStatus
from protocol.stack import Service, Stack

GIBIBYTE = 2**30


class Yard:
    """Everything is a change of the fleet and a turn of its scheduler."""

    def __init__(self) -> None:
        self.fleet = Fleet("yard", Terms())
        self.services: dict[str, Service] = {}

    def node(self, name: str, presence: Presence = Presence.ONLINE, **more: Any) -> None:
        """A node joins, or is another than before."""
        availability = more.pop("availability", Availability.ACTIVE)
        inventory = {"engine": "20", "architecture": "aarch64", "memory_bytes": GIBIBYTE, "cpus": 4} | more
        self.fleet.nodes.put(name, Node(name, Inventory(name, **inventory), availability=availability))
        self.presence(name, presence)

    def presence(self, name: str, presence: Presence) -> None:
        """A node comes or goes."""
        self.fleet.leases.put(name, Lease(name, presence))
        self.fleet.look_at(name)
        self.fleet.unsettled.hosts.add(name)

    def change(self, name: str, **fields: Any) -> None:
        """A node's record changes."""
        self.fleet.nodes.put(name, replace(self.fleet.nodes[name], **fields))
        self.fleet.look_at(name)

    def publish(self, *services: Service, **more: Any) -> None:
        """The stack's services from now on are these."""
        stack = Stack("shop", {service.name: service for service in services}, **more)
        self.fleet.unsettled.services |= self.fleet.catalogue.put(stack)
        self.fleet.unsettled.stacks.add("shop")
        self.services = {service_key("shop", service.name): service for service in services}
        for key in self.services:
            revision, service = self.fleet.catalogue.revisions[key], self.services[key]
            self.fleet.revisions.put(
                revision_key(key, revision), Revision(key, revision, service.container, service.restart)
            )

    def turn(self) -> None:
        """Decide."""
        host(self.fleet)
        schedule(self.fleet)

    @property
    def placed(self) -> dict[str, str]:
        """Which node has which task."""
        return {task: self.fleet.tasks[task].node for task in sorted(self.fleet.tasks)}

    @property
    def pendings(self) -> dict[str, Pending]:
        """What waits for a node."""
        return {key: self.fleet.pendings[key] for key in sorted(self.fleet.pendings)}

    def runs(self, node: str, state: TaskState = TaskState.RUNNING) -> None:
        """A node says that it runs all that it has."""
        tasks = [self.fleet.tasks[task] for task in sorted(self.fleet.tasks.of("node", node))]
        shown = tuple(TaskStatus(task.task, task.revision, state, 1) for task in tasks)
        self.fleet.seen.update({(node, status.task): status for status in shown})
        arrivals.seen(self.fleet, NodeStatus(node, 1, 1, tasks=shown))

    def tasks(self, service: str) -> list[Task]:
        """The tasks of one service."""
        return [self.fleet.tasks[task] for task in sorted(self.fleet.tasks.of("service", f"shop.{service}"))]

    def reasons(self, service: str) -> tuple[str, ...]:
        """Why a service has fewer tasks than it wants."""
        pending = self.fleet.pendings.get(f"shop.{service}")
        return pending.reasons if pending else ()


def service(name: str = "web", image: str = "", **more: Any) -> Service:
    """A service of the stack `shop`; what its container says is given by name too."""
    container = {key: more.pop(key) for key in ("ports", "runtime", "platform", "environment") if key in more}
    return Service("shop", name, Container(image or f"{name}:1", **container), **more)
