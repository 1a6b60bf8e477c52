"""Laws that hold for every node and every history: found examples are shrunk by hypothesis."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.decide.cycle import cycle
from agent.decide.effects import Create, Look, Pull, Remove, Run, Start, Stop
from agent.decide.now import Now
from agent.decide.plan import next_step
from agent.decide.scene import Scene
from agent.decide.target import Target, content_of
from agent.decide.task import Task
from protocol.desired import (
    Conduct,
    Dependency,
    DependencyCondition,
    Job,
    Lock,
    Order,
    Restart,
    RestartCondition,
    Strategy,
    TaskSpec,
)
from protocol.observed import NodeStatus, Request, TaskState
from protocol.trigger import TriggerSpec
from sim.images import CRASHING, Behaviour
from tests.fakes.agent import BOOT_MONO_S, DOORBELL, LAMP, Rig, function, offer, task

NAMES = ("porch.web.1", "porch.web.2", "porch.other.1")
REVISIONS = ("a", "b", "c")
STEPS = (Pull, Create, Start, Stop, Remove, Run)

specs = st.builds(task, st.sampled_from(REVISIONS), st.sampled_from(NAMES))


def job(revision: str, schedule: str) -> TaskSpec:
    return replace(task(revision, "porch.job.1", Restart(RestartCondition.ON_FAILURE)), job=Job(schedule))


def chain(revision: str, name: str, condition: DependencyCondition, stop_after_s: float) -> TaskSpec:
    need = Dependency("other" if name == "porch.web.1" else "job", condition)
    return replace(task(revision, name), depends_on=(need,), stop_after_s=stop_after_s)


jobs = st.builds(job, st.sampled_from(REVISIONS), st.sampled_from(("", "* * * * *")))
chained = st.builds(
    chain,
    st.sampled_from(REVISIONS),
    st.sampled_from(NAMES),
    st.sampled_from(list(DependencyCondition)),
    st.sampled_from((0.0, 3.0)),
)


def made(folder: str) -> Rig:
    rig = Rig(Path(folder))
    for revision in REVISIONS:
        for image in ("web", "other"):
            rig.registry.push(f"{image}:{revision}")
        rig.registry.push(f"job:{revision}", Behaviour(exits_after_s=0.4))
    rig.registry.push("greet:1", Behaviour(exits_after_s=0.3))
    return rig


@settings(max_examples=40, deadline=None)
@given(there=st.lists(st.tuples(specs, st.booleans()), max_size=8), wanted=st.lists(specs, unique_by=lambda s: s.task))
def test_every_set_of_containers_converges(there: list[tuple[TaskSpec, bool]], wanted: list[TaskSpec]) -> None:
    """Whatever runs or stands around at first, in the end exactly the assigned tasks run, one container each."""
    with tempfile.TemporaryDirectory() as folder:
        rig = made(folder)
        for spec, is_started in there:
            rig.engine.carry_out(Pull("", spec.container.image))
            rig.engine.carry_out(Create("", spec))
            if is_started:
                rig.engine.carry_out(Start("", rig.engine.place.task_name(spec)))
        rig.run(1)
        rig.assign(1, *wanted)
        rig.run(60)
        assert rig.boxes() == rig.running() == {spec.task: [spec.revision] for spec in wanted}


conducts = st.builds(
    Conduct,
    strategy=st.sampled_from([one for one in Strategy if one is not Strategy.HAND_OVER]),
    lock=st.sampled_from((None, Lock("/run/busy", 6.0))),
    keeps_previous=st.booleans(),
)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("assign"), st.lists(st.one_of(specs, jobs, chained), unique_by=lambda s: s.task)),
        st.tuples(st.just("offer"), st.lists(specs, unique_by=lambda s: s.task, max_size=2), conducts),
        st.sampled_from([("grant",), ("crash",), ("power",), ("cut",), ("press",), ("kill",), ("old",), ("hold",)]),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(moves)
def test_no_history_breaks_the_laws(history: list[tuple[object, ...]]) -> None:
    """One step at a time for each key, no generation that decreases, no second copy, no invocation with two effects."""
    with tempfile.TemporaryDirectory() as folder:
        rig = made(folder)
        rig.run(1)
        seen_generation = 0
        for number, move in enumerate(history, start=1):
            make(rig, move, number)
            for _ in range(8):
                rig.run(0.5)
                under_way = [step.key for _, step in rig.work]
                assert len(under_way) == len(set(under_way))
                assert all(len(revisions) == 1 for revisions in rig.running().values())
                assert rig.node.assignment.generation >= seen_generation
                seen_generation = rig.node.assignment.generation
        assert len(rig.engine.ran) == len(set(rig.engine.ran))


def make(rig: Rig, move: tuple[object, ...], number: int) -> None:
    """One move of a history."""
    match move:
        case ["assign", list() as tasks]:
            called = (function(triggers=(TriggerSpec("doorbell", "pressed"),)),)
            rig.assign(number, *tasks, sensors=(DOORBELL,), actuators=(LAMP,), functions=called)
        case ["offer", list() as tasks, Conduct() as conduct]:
            rig.offer(number, *(replace(offer(spec, rollout=f"r-{number}"), conduct=conduct) for spec in tasks))
        case ["grant"] if rig.messages(Request):
            rig.grant()
        case ["hold"]:
            for box in rig.engine.running():
                box.held ^= {"/run/busy"}
        case ["old"]:
            rig.assign(0, task("c"))
        case _:
            suffer(rig, move)


def suffer(rig: Rig, move: tuple[object, ...]) -> None:
    """What happens to a node."""
    match move:
        case ["crash"]:
            rig.crash()
        case ["power"]:
            rig.cut_power()
        case ["cut"]:
            rig.mend() if not rig.online else rig.cut()
        case ["press"]:
            rig.read("doorbell", on=True)
            rig.read("doorbell", on=False)
        case ["kill"]:
            for box in rig.engine.running():
                box.end(137, rig.now_s)


@settings(max_examples=40, deadline=None)
@given(moves)
def test_a_turn_repeated_without_input_has_no_effects(history: list[tuple[object, ...]]) -> None:
    """Deciding twice at one moment decides nothing the second time."""
    with tempfile.TemporaryDirectory() as folder:
        rig = made(folder)
        rig.run(1)
        for number, move in enumerate(history, start=1):
            make(rig, move, number)
            rig.run(1.5)
            cycle(rig.node, rig.now)
            assert cycle(rig.node, rig.now) == ()


def test_an_idle_node_does_nothing(tmp_path: Path) -> None:
    """When everything runs, a minute passes with looks and health alone: no step, no status, no commit."""
    rig = made(str(tmp_path))
    rig.run(1)
    rig.assign(1, task("a"), sensors=(DOORBELL,), actuators=(LAMP,))
    rig.run(20)
    rig.effects.clear()
    statuses = len(rig.messages(NodeStatus))
    rig.fuse = 1  # any commit would end this
    rig.run(60)
    assert rig.died_at == ""
    assert not [effect for effect in rig.effects if isinstance(effect, STEPS)]
    assert len([effect for effect in rig.effects if isinstance(effect, Look)]) <= 5
    assert len(rig.messages(NodeStatus)) == statuses


def test_a_crashing_task_does_not_flood(tmp_path: Path) -> None:
    """Ten minutes of a crash loop cost less than a hundred statuses."""
    rig = made(str(tmp_path))
    rig.registry.push("web:bad", CRASHING)
    rig.run(1)
    rig.assign(1, task("bad"))
    rig.run(600)
    assert len(rig.messages(NodeStatus)) < 100


@given(st.sampled_from(list(TaskState)), st.booleans(), st.booleans(), st.sampled_from(list(Order)))
def test_nothing_is_made_twice(state: TaskState, here: bool, due: bool, order: Order) -> None:
    """Without a wanted container the only steps are to pull and to create, and none before its time."""
    spec = task("a")
    target = Target(spec, content_of(spec))
    record = Task(spec.task, "a", target.content, state, due_mono_s=0.0 if due else BOOT_MONO_S + 60)
    scene = Scene(spec.task, target, record, None, (), None if here else Pull(spec.task, "web:a"), order)
    step = next_step(scene, Now(BOOT_MONO_S))
    if state in (TaskState.STOPPED, TaskState.FAILED, TaskState.REJECTED) or (
        not due and state is not TaskState.RUNNING
    ):
        assert step is None
    else:
        assert step == (Create(spec.task, spec) if here else Pull(spec.task, "web:a"))
