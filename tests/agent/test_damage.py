"""Images that a power cut has left with empty files: mended once, and told if that does not help."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest

from agent.decide.cycle import cycle
from agent.decide.effects import Clean, Effect, Look, Pull, Remove, Step
from agent.decide.inputs import ContainerSeen, Done, EngineSeen, GiveUp, ImageSeen, Phase, StepEnded
from agent.decide.node import Node
from agent.decide.now import Now
from agent.decide.observe import observe
from agent.decide.stored import Pulled
from protocol.container import Container
from protocol.desired import Assignment, TaskSpec
from protocol.observed import TaskState
from tests.fakes.engines import NODE, RealWorld

WEB, ID = "docker.io/library/web:1", "sha256:1"
SPEC = TaskSpec("porch.web.1", "porch", "web", "r", Container("web:1", network_mode="none"))
BOX = ContainerSeen("c1", "c1", SPEC.task, "r", SPEC.container.spec_hash, Phase.CREATED, ID)
HERE = EngineSeen("1", (BOX,), frozenset({WEB, ID}), stored=(ImageSeen(ID, 1, (WEB,)),))
NO_PROGRAM = GiveUp("c1 cannot start the program sh", suspect=True)


def node_of(spec: TaskSpec = SPEC, ids: tuple[str, ...] = (ID,)) -> Node:
    node = Node(NODE, "f", "boot", "1", "stream")
    node.assignments.put("", Assignment(NODE, 1, 1, (spec,)))
    if ids:
        node.pulled.put(WEB, Pulled(WEB, ids=ids))
    return node


def turn(node: Node, now_s: float, *inputs: object) -> list[Effect]:
    """One turn; its steps."""
    for seen in inputs:
        observe(node, seen, Now(now_s))
    return [effect for effect in cycle(node, Now(now_s)) if isinstance(effect, Step)]


def started(node: Node, now_s: float = 10.0) -> tuple[TaskState, str]:
    """What becomes of the task whose container cannot start."""
    (start,) = turn(node, now_s, HERE)
    turn(node, now_s + 1, StepEnded(start, NO_PROGRAM))  # type: ignore[arg-type] - a step
    task = node.tasks.get(SPEC.task)
    assert task is not None
    return task.state, task.reason


def test_an_image_that_never_ran_is_removed_and_pulled_once_more() -> None:
    """Its container goes first, then the image; until it is gone nobody sees either, and nothing is pulled."""
    node = node_of()
    (start,) = turn(node, 10.0, HERE)
    (remove,) = turn(node, 11.0, StepEnded(start, NO_PROGRAM))  # type: ignore[arg-type] - a step
    task = node.tasks.get(SPEC.task)
    assert task is not None
    assert task.state is TaskState.PREPARING
    assert task.reason.endswith("its image may be damaged on the disk, and is pulled once more")
    assert remove == Remove(f"image {WEB}", "c1")
    turn(node, 14.0, StepEnded(remove, Done()))  # type: ignore[arg-type] - a step
    bare = replace(HERE, containers=())
    node.unseen.clear()
    (clean,) = turn(node, 15.0, bare)
    assert clean == Clean(f"image {WEB}", (ID,))
    node.busy.discard(clean.key)
    pulls = turn(node, 16.0, EngineSeen("1", ()))
    assert [type(step) for step in pulls] == [Pull]
    assert node.pulled.get(WEB) == Pulled(WEB, mended=ID)


def test_an_image_that_is_the_same_again_is_rejected_with_both_reasons() -> None:
    """After the second pull it is the image or the card, and nobody pulls for ever."""
    node = node_of()
    node.pulled.put(WEB, Pulled(WEB, ids=(ID,), mended=ID))
    state, reason = started(node)
    assert state is TaskState.REJECTED
    assert reason.endswith("the image is broken, or the storage of this node is suspect")


def test_an_image_that_has_run_here_is_believed() -> None:
    """A wrong command is the task's own affair; so is everything about an image that this node did not pull."""
    node = node_of()
    runs = replace(HERE, containers=(replace(BOX, phase=Phase.RUNNING, started="1"),))
    for now_s in (1.0, 4.0):
        node.looking_mono_s = now_s
        turn(node, now_s, runs)
    for one in (node, node_of(ids=())):
        assert started(one) == (TaskState.REJECTED, NO_PROGRAM.reason)


def test_one_that_was_seen_running_for_a_moment_has_proved_nothing() -> None:
    """Docker shows a container as running before its program turns out to be empty."""
    node = node_of()
    runs = replace(BOX, phase=Phase.RUNNING, started="1")
    for now_s, box in ((1.0, runs), (1.1, replace(runs, phase=Phase.EXITED, exit_code=127))):
        node.looking_mono_s = now_s
        turn(node, now_s, replace(HERE, containers=(box,)))
    record = node.pulled.get(WEB)
    assert record is not None
    assert (record.damaged, record.ran) == (ID, "")


@pytest.mark.parametrize(("code", "damaged"), [(127, ID), (126, ID), (1, ""), (0, "")])
def test_a_first_start_that_found_no_program_counts_too(code: int, damaged: str) -> None:
    """126 and 127 are how a shell says it; any other end shows that the image works."""
    node = node_of()
    turn(node, 1.0, HERE)
    turn(node, 2.0, replace(HERE, containers=(replace(BOX, phase=Phase.EXITED, exit_code=code, started="1"),)))
    record = node.pulled.get(WEB)
    assert record is not None
    assert (record.damaged, record.ran) == (damaged, "" if damaged else ID)


def live(world: RealWorld, node: Node) -> int:
    """Let a node decide over a real engine until its image has proved whole; how often it pulled."""
    pulls, ends_s = 0, time.monotonic() + 60.0
    while True:
        if any(record.ran for record in node.pulled.values()):
            return pulls
        assert time.monotonic() < ends_s, node.tasks.values()
        node.hinted = True
        for effect in cycle(node, Now(time.monotonic())):
            if isinstance(effect, Look):
                observe(node, world.engine.look(), Now(time.monotonic()))
            elif isinstance(effect, Step):
                pulls += isinstance(effect, Pull)
                outcome = world.engine.perform(effect)  # type: ignore[arg-type] - no function here
                observe(node, StepEnded(effect, outcome), Now(time.monotonic()))


@pytest.mark.lab
def test_a_layer_that_lost_its_bytes_is_mended(real: RealWorld) -> None:
    """With the programs of a fresh image cut to nothing its container cannot start; it is pulled once more, and runs."""
    spec = TaskSpec("s.a.1", "s", "a", "r1", Container(real.image("well"), network_mode="none", stop_grace_s=1))
    node = node_of(spec, ids=())
    (first,) = turn(node, time.monotonic(), real.engine.look())
    turn(node, time.monotonic(), StepEnded(first, real.engine.perform(first)))  # type: ignore[arg-type] - a pull
    assert cut(real)
    node.looking_mono_s = None
    assert live(real, node) == 1
    assert [task.state for task in node.tasks.values()] == [TaskState.RUNNING]


def cut(world: RealWorld) -> bool:
    """Empty busybox in the layers of the one image that is here."""
    layers = world.host.engine.socket_path.parent / "docker"
    found = [*layers.glob("*/*/diff/bin/busybox"), *layers.glob("vfs/dir/*/bin/busybox")]
    for path in found:
        subprocess.run(["truncate", "--size=0", path], check=True)
    return bool(found)
