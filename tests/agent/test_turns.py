"""A turn costs what changed, not what exists (law 10): what was worked out before is looked up, and is never old."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.decide.directory import Directory
from agent.decide.effects import Create
from agent.decide.inputs import ContainerSeen, EngineHint, Phase, Touched
from agent.decide.known import Shown
from agent.decide.observe import observe
from agent.decide.target import target_of
from protocol.desired import Sections, SensorSpec
from protocol.function import Mode
from protocol.trigger import TriggerSpec
from tests.fakes.agent import DOORBELL, Rig, function, offer, task

FEW, MANY = 10, 60
CALLS_MOST = 20
"""In a turn for each task that is as it was, of Python or of C: 13, and 81 when all were worked out anew."""
LOOK_CALLS_MOST = 65
"""In a turn with a look at all of them: 53, because each container is compared with what it was."""


def counted(rig: Rig) -> int:
    """The calls of one turn."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        rig.turn()
    finally:
        sys.setprofile(None)
    return calls


def ran(folder: Path, number: int) -> Rig:
    """A node on which so many tasks have run for a while."""
    folder.mkdir()
    rig = Rig(folder)
    rig.registry.push("web:r1")
    rig.registry.push("web:r2")
    rig.run(2.0)
    rig.assign(1, *(task("r1", f"porch.web.{n}") for n in range(number)))
    rig.run(60.0)
    assert len(rig.running()) == number
    return rig


def test_a_task_that_is_as_it_was_costs_a_turn_hardly_anything(tmp_path: Path) -> None:
    """What has nothing to do with tasks costs nearly the same with sixty of them as with ten; a look at each a little more."""
    costs = []
    for number in (FEW, MANY):
        rig = ran(tmp_path / str(number), number)
        rig.loop.inbox.put(Touched(17, level=True))
        costs.append(counted(rig))
        rig.loop.inbox.put(rig.engine.look())
        costs.append(counted(rig))
    touched, looked, touched_beside_many, looked_at_many = costs
    assert touched_beside_many - touched <= CALLS_MOST * (MANY - FEW)
    assert looked_at_many - looked <= LOOK_CALLS_MOST * (MANY - FEW)


def test_the_offer_of_one_task_is_about_that_one_alone(tmp_path: Path) -> None:
    """Of sixty tasks the one that is offered another revision is prepared for it, and told so; the others are told as before."""
    rig = ran(tmp_path / "node", MANY)
    before = rig.status()
    rig.offer(1, offer(task("r2", "porch.web.7")))
    rig.run(5.0)
    assert [step.task.task for step in rig.effects if isinstance(step, Create) and step.task.revision == "r2"] == [
        "porch.web.7"
    ]
    assert [one.task for one in rig.status().offers] == ["porch.web.7"]
    assert rig.status().tasks == before.tasks


def test_what_is_assigned_again_is_the_same_target() -> None:
    """A newer assignment that says the same of a task changes nothing about it, and what says something else is another."""
    first = target_of(task("r1"), None)
    assert target_of(task("r1"), first) is first
    assert target_of(task("r1", memory_bytes=1), first) == target_of(task("r1", memory_bytes=1), None) != first


def test_containers_are_found_by_their_tasks() -> None:
    """Each look is sorted out by itself, in its own order; what belongs to no task stands alone."""
    one, two, alone = (
        ContainerSeen(name, name, of, "r1", "h", Phase.RUNNING) for name, of in (("a", "t"), ("b", "t"), ("c", ""))
    )
    shown = Shown()
    assert shown.by_task((one, alone, two)) == {"t": (one, two), "c": (alone,)}
    assert shown.by_task((two,)) == {"t": (two,)}


def test_the_directory_finds_what_is_in_force() -> None:
    """Sensors by name, kind and topic, functions by stack and name, their timers by key."""
    porch = SensorSpec("porch", "home", "mqtt", {"topic": "porch/light"})
    timed = function("clean", triggers=(TriggerSpec(every_s=60.0),), mode=Mode.WARM)
    directory = Directory(Sections((DOORBELL, porch), (), (function("greet"), timed)))
    assert (directory.sensors["doorbell"], directory.pins["doorbell"], directory.pins["porch"]) == (DOORBELL, 17, None)
    assert (directory.topics, directory.listened) == ({"porch/light": [porch]}, ("porch/light",))
    assert directory.kinds == {"button": [DOORBELL], "mqtt": [porch]}
    assert (directory.functions["porch", "clean"], directory.warm) == (timed, (timed,))
    assert (list(directory.intervals.values()), directory.timetables) == ([(timed, 0)], {})


def test_the_outbox_is_not_read_while_nothing_in_it_is_another(tmp_path: Path) -> None:
    """A fact that was sent is not looked up again before it is acknowledged, or due once more."""
    rig = Rig(tmp_path, acknowledging=False)
    rig.run(2.0)
    assert rig.store.outbox.size == 1, "its hello"
    read: list[int] = []
    outstanding = rig.store.outbox.outstanding
    rig.store.outbox.outstanding = lambda limit: read.append(limit) or outstanding(limit)  # type: ignore[method-assign,func-returns-value]
    rig.run(5.0)
    assert read == []
    rig.run(15.0)
    assert len(read) == 1


def test_a_further_hint_before_the_look_is_no_news(tmp_path: Path) -> None:
    """An engine that starts a container says several things at once: the first asks for a look, the others for nothing more."""
    rig = Rig(tmp_path)
    rig.run(2.0)
    assert observe(rig.node, EngineHint(), rig.now)
    assert not observe(rig.node, EngineHint(), rig.now)
    assert rig.node.hinted
