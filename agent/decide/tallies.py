"""What is counted of a sensor, a function or a job goes with it: each of these names came with a manifest, their bound (S9).

Of what is not here any more nothing is counted either: a run may end after its function has gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agent.decide.known import still
from agent.decide.node import Node
from protocol.ids import service_key

OF_SENSORS = ("events", "readings_dropped")
OF_FUNCTIONS = (
    "invocations",
    "invocation_retries",
    "instances_failed",
    "ticks_missed",
    "circles",
    "conditions_unclear",
    "planned_calls",
)
OF_JOBS = ("planned_runs",)
"""What is counted by the name of a sensor, of a function, of a job's task."""


def follow(node: Node) -> None:
    """Forget what is counted of what is not here; looked for where what is here has changed, and where a name is new."""
    here, known = (node.directory, node.remembered(), node.targets()), node.known.tallied
    if known is not None and known[1] == len(node.counts) and still(known[0], here):
        return
    names = _names(node)
    node.counts = {
        name: number for name, number in node.counts.items() if name[0] not in names or name[1] in names[name[0]]
    }
    node.known.tallied = here, len(node.counts)


def _names(node: Node) -> Mapping[str, Collection[str]]:
    """Under which names each of them may stand."""
    functions = {service_key(function.stack, function.name) for function in node.remembered()}
    return (
        dict.fromkeys(OF_SENSORS, node.directory.sensors.keys())
        | dict.fromkeys(OF_FUNCTIONS, functions)
        | dict.fromkeys(OF_JOBS, node.targets().keys())
    )
