"""Sensors of what happens to a service's containers on this node, from what the engine shows anyway.

Each start, end and verdict of a health check is an event, whoever caused it: an update makes them, too. What stood when the sensor
was opened, or when an engine that was lost is back, is no event. A container that ended and was started again between two looks is
seen by its new start.
"""

from __future__ import annotations

from agent.decide import devices
from agent.decide.inputs import ContainerSeen, EngineSeen, Phase
from agent.decide.node import Life, Node, Now
from protocol.desired import SensorSpec
from protocol.options import text
from protocol.sources import CONTAINER, DIED, HEALTHY, STARTED, UNHEALTHY
from sensors.stage import NS_PER_S, Reading

VERDICTS = {"healthy": HEALTHY, "unhealthy": UNHEALTHY}


def follow(node: Node, now: Now) -> None:
    """Compare what the engine shows of each such service with what it showed before."""
    specs = node.directory.kinds.get(CONTAINER, [])
    if node.engine is node.lived and all(node.edges[spec.name].is_begun for spec in specs):
        return
    node.lived = node.engine
    if len(node.lives) > len(specs):
        node.lives = {spec.name: node.lives[spec.name] for spec in specs if spec.name in node.lives}
    for spec in specs:
        if isinstance(node.engine, EngineSeen):
            _compare(node, spec, node.engine.containers, now)
        else:
            node.lives.pop(spec.name, None)


def _compare(node: Node, spec: SensorSpec, containers: tuple[ContainerSeen, ...], now: Now) -> None:
    prefix = f"{spec.stack}.{text(spec, 'service')}."
    seen = {one.id: _life(one) for one in containers if one.task.startswith(prefix)}
    before, node.lives[spec.name] = node.lives.get(spec.name), seen
    at_ns = round(now.mono_s * NS_PER_S)
    if before is None or not node.edges[spec.name].is_begun:
        running = sorted(one.task for one in seen.values() if one.is_running)
        devices.sensed(node, Reading(spec.name, {"running": running}, at_ns, opening=True), now)
        return
    for id_ in sorted({*before, *seen}):
        for event, life in _events(before.get(id_), seen.get(id_)):
            value = {"event": event, "task": life.task, "container": life.name, "exit_code": life.exit_code}
            devices.sensed(node, Reading(spec.name, value, at_ns), now)


def _events(before: Life | None, life: Life | None) -> list[tuple[str, Life]]:
    """What happened to one container between two looks."""
    was_running = before is not None and before.is_running
    if life is None:
        return [(DIED, before)] if before is not None and was_running else []
    said = []
    is_anew = before is None or not was_running or before.started != life.started
    if before is not None and was_running and (is_anew or not life.is_running):
        said.append((DIED, before if life.is_running else life))
    if life.is_running and is_anew:
        said.append((STARTED, life))
    if life.is_running and life.health in VERDICTS and (is_anew or before is None or before.health != life.health):
        said.append((VERDICTS[life.health], life))
    return said


def _life(one: ContainerSeen) -> Life:
    return Life(one.task, one.name, one.phase is Phase.RUNNING, one.started, one.health, one.exit_code)
