"""What placeholders mean for one task, or one function, on one node, and what a node lacks to carry what has them."""

from __future__ import annotations

from dataclasses import replace

from controller.decide.records import Node
from protocol import template
from protocol.container import Container
from protocol.function import FunctionSpec
from protocol.ids import digest, service_key
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


def lacking(node: Node, function: FunctionSpec) -> tuple[str, ...]:
    """What of the placeholders of a function this node cannot fill in."""
    return template.lacking(
        (*function.container.environment.values(), *function.secrets.values()), _facts(node, "", "")
    )


def of_node(function: FunctionSpec, node: Node) -> FunctionSpec:
    """The function as this node has it: of another revision where anything was filled in, so that no instance keeps old values."""
    facts = _facts(node, "", "")
    container, secrets = template.rendered(function.container, facts), template.filled(function.secrets, facts)
    if (container, secrets) == (function.container, function.secrets):
        return function
    revision = digest([function.revision, container.environment, secrets])
    return replace(function, container=container, secrets=secrets, revision=revision)


def _facts(node: Node, service: str, task: str) -> Facts:
    return Facts(node.name, node.inventory.hostname, node.inventory.address, node.labels, service, task)
