"""What the placeholders of a template mean for one task on one node, and what a node lacks to carry a service that has them."""

from __future__ import annotations

from controller.decide.records import Node, service_key
from protocol import template
from protocol.container import Container
from protocol.stack import Service
from protocol.template import Facts


def objections(node: Node, service: Service) -> tuple[str, ...]:
    """What of the templates of a service this node cannot fill in."""
    return template.objections(service.container, _facts(node, service_key(service.stack, service.name), "0"))


def lacks(container: Container, node: Node) -> bool:
    """Whether a container cannot be made for this node."""
    return bool(template.objections(container, _facts(node, "0", "0")))


def rendered(container: Container, node: Node, service: str, task: str) -> Container:
    """The container as this task has it on this node."""
    return template.rendered(container, _facts(node, service, task))


def _facts(node: Node, service: str, task: str) -> Facts:
    return Facts(node.name, node.inventory.hostname, node.inventory.address, node.labels, service, task)
