"""For how long the controller has not been heard, and which tasks may not run that long without it (`stop_after_s`).

The controller may by then have started another copy elsewhere, so what is stopped here stays so until it is heard again: by a
message of this very connection that it sent now. What the broker had kept (a retained assignment) is no sign of life, nor is the
link alone. Silence is counted on the monotonic clock from the fall of the link, or from the start of the process. After a boot
nobody knows how long the node was off, so such tasks wait until the controller was heard, however short the cut was.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.inputs import ContainerSeen, Phase
from agent.decide.marks import Silence
from agent.decide.node import Node, Now
from agent.decide.restarts import instance
from agent.decide.task import Seen, Task, advance
from protocol.desired import TaskSpec
from protocol.durations import said
from protocol.envelope import Packet
from protocol.observed import TaskState


def heard(node: Node, packet: Packet) -> None:
    """Take a packet for a sign of life, unless the broker had kept it."""
    node.heard = node.heard or not packet.retain


def follow(node: Node, now: Now) -> None:
    """Note the beginning and the end of a silence; nothing while it goes on."""
    known = node.silences.get("")
    if node.heard:
        if known is not None and known.boot == node.boot and known.since_mono_s is None:
            return
        node.silences.put("", Silence(node.boot))
    elif known is None or (known.boot == node.boot and known.since_mono_s is None):
        node.silences.put("", Silence(node.boot, now.mono_s))


def is_too_long(node: Node, spec: TaskSpec, now: Now) -> bool:
    """Whether a task may not run now, because the controller was not heard for too long."""
    known = node.silences.get("")
    if spec.stop_after_s <= 0 or known is None:
        return False
    if known.boot != node.boot:
        return True
    return known.since_mono_s is not None and now.has_come(known.since_mono_s + spec.stop_after_s)


def judged(task: Task, spec: TaskSpec, container: ContainerSeen | None, *, too_long: bool) -> Task:
    """Put a task to silence, or let it speak again; the end that we asked for is no end of its own."""
    if task.silenced and not too_long:
        ended = container is not None and container.phase is not Phase.RUNNING
        accounted = instance(container) if container is not None and ended else task.accounted
        state = advance(task.state, Seen.CALLED)
        return replace(task, state=state, silenced=False, accounted=accounted, due_mono_s=0.0, reason="", passed="")
    is_over = task.state is TaskState.STOPPED or (task.state is TaskState.FAILED and task.due_mono_s is None)
    if task.silenced or not too_long or is_over:
        return task
    reason = f"stopped, because the controller was not heard for longer than {said(spec.stop_after_s)}"
    quiet = replace(task, state=advance(task.state, Seen.SILENCED), silenced=True, reason=reason)
    return replace(quiet, due_mono_s=None, retry_s=None, running_since_mono_s=None)
