"""Which instances of warm functions there are on this node: started on demand, kept while they are used, replaced and ended.

What should be there follows in every turn from the functions in force and from the work that waits; minus what the last look showed
it gives at most one step for each instance (law 7). The engine may be away: instances that are ready go on being asked.

* Between `min_per_node` (or what the controller wants kept) and `max_per_node`, as many as the work needs, each for `target` of it.
* One beyond the least that has had nothing to do for `zero_after_s` is stopped, the highest number first.
* A new revision has instances of its own. Those of the old one get no more work, and are stopped when they have none.
* One that is ill (its health check fails, it let a run time out, it does not answer) is ended and made anew, each time later.
"""

from __future__ import annotations

import math
from dataclasses import replace

from agent.decide.effects import Remove, Stop, Warm
from agent.decide.inputs import Done, EngineSeen, GiveUp, InstanceSeen, Phase, RunEnded, StepEnded
from agent.decide.instance import Instance, key_of
from agent.decide.invocation import Run
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from protocol.function import FunctionSpec, Mode
from protocol.ids import service_key

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
# What cannot be started is told within a minute (S12); a broken image must not keep a Pi's card busy.
WELL_S = 60.0
# One that was ready for so long has not failed in a row.

GRACE_S = 10.0
# Docker's own default for a stop.

UNHEALTHY = "unhealthy"

Wanted = tuple[FunctionSpec, int]
"""Which instance of which function."""


def follow(node: Node, now: Now) -> None:
    """Give every instance its next step, if it needs one."""
    here = node.engine
    if not isinstance(here, EngineSeen) or node.assignments.get("") is None:
        return
    seen = {one.key: one for one in here.instances}
    wanted = {key_of(f, n + 1): (f, n + 1) for f in warm(node) for n in range(_count(node, f, now))}
    for key in [key for key in node.instances if key not in wanted and key not in seen and not _is_busy(node, key)]:
        del node.instances[key]
    for key in [*seen, *(key for key in wanted if key not in seen)]:
        if not _is_busy(node, key):
            _step(node, key, seen.get(key), wanted.get(key), now)


def warm(node: Node) -> tuple[FunctionSpec, ...]:
    """The warm functions in force."""
    return node.directory.warm


def seat(node: Node, function: FunctionSpec) -> Instance | None:
    """The instance that takes the next run: the one with the least to do that has room for it."""
    ready = (one for one in _instances(node, function) if one.is_ready and not one.is_ill)
    free = (one for one in ready if len(one.runs) < function.concurrency)
    return min(free, key=lambda one: (len(one.runs), one.number), default=None)


def is_ready(node: Node, function: FunctionSpec) -> bool:
    """Whether a function has an instance that can be asked, or will be able to again when its work is done."""
    return any(one.is_ready for one in _instances(node, function))


def is_asked(node: Node) -> bool:
    """Whether one of them is at work on what this node has called itself: nobody elsewhere waits for what comes of it."""
    asked = (node.runs.get(run) for one in node.instances.values() for run in one.runs)
    return any(run.is_own for run in asked if run is not None)


def take(node: Node, function: FunctionSpec, run: str) -> str:
    """Give an instance a run; the key of the instance, empty where the function is none that is kept warm."""
    found = seat(node, function) if function.mode is Mode.WARM else None
    if found is None:
        return ""
    node.instances[found.key] = replace(found, runs=found.runs | {run})
    return found.key


def freed(node: Node, ended: RunEnded, now: Now) -> None:
    """Take a run from its instance. What let it hang is ill; what broke off is asked for its health before it gets more."""
    found = next((one for one in node.instances.values() if ended.invocation in one.runs), None)
    if found is None:
        return
    left = replace(found, runs=found.runs - {ended.invocation}, used_mono_s=now.mono_s)
    if ended.timed_out:
        left = replace(left, is_ill=True, is_ready=False, reason=ended.reason)
    elif ended.is_cut_off:
        left = replace(left, is_ready=False)
    node.instances[found.key] = left


def warmed(node: Node, seen: StepEnded, now: Now) -> tuple[Run, ...]:
    """Take in whether an instance is ready; the runs that have waited in vain, if it cannot be and there is no other."""
    step = seen.step
    assert isinstance(step, Warm)
    node.busy.discard(step.key)
    node.unseen[step.key] = now.mono_s
    known = _known(node, step.function, step.number)
    if isinstance(seen.outcome, Done):
        node.instances[step.key] = replace(known, is_ready=True, is_ill=False, used_mono_s=now.mono_s, reason="")
        return ()
    is_ill = isinstance(seen.outcome, GiveUp)
    node.instances[step.key] = replace(_struck(node, known, seen.outcome.reason, now), is_ill=is_ill)
    if not is_ill or any(one.is_ready for one in _instances(node, step.function)):
        return ()
    return tuple(
        run for run in _line(node, step.function) if run.id not in node.running and now.has_come(run.due_mono_s)
    )


def reasons(node: Node) -> tuple[str, ...]:
    """Why warm functions in force do not run as they should."""
    told = sorted(one.key for one in node.instances.values() if one.reason and not one.is_ready)
    return tuple(f"function {key.partition(' ')[2]}: {node.instances[key].reason}" for key in told)


def _step(node: Node, key: str, seen: InstanceSeen | None, wanted: Wanted | None, now: Now) -> None:
    known = node.instances.get(key)
    if seen is None:
        if wanted is not None:
            _warm(node, *wanted, now)
    elif seen.phase is not Phase.RUNNING:
        if known is not None and known.is_ready:
            node.instances[key] = _struck(node, known, "it ended by itself", now)
        _clear(node, Remove(key, seen.id), now)
    elif known is None or not known.runs:  # whatever is wrong with it, each run has its timeout
        _resting(node, seen, known, wanted, now)


def _resting(node: Node, seen: InstanceSeen, known: Instance | None, wanted: Wanted | None, now: Now) -> None:
    """What a container needs that runs and has nothing to do."""
    is_hung = known is not None and known.is_ill
    if wanted is None or is_hung:
        _clear(node, Stop(seen.key, seen.id, 0.0 if is_hung else GRACE_S), now)
    elif known is None or not known.is_ready:
        _warm(node, *wanted, now)
    elif seen.health == UNHEALTHY:
        node.instances[seen.key] = replace(_struck(node, known, "its health check fails", now), is_ill=True)
        _clear(node, Stop(seen.key, seen.id, GRACE_S), now)


def _warm(node: Node, function: FunctionSpec, number: int, now: Now) -> None:
    known = _known(node, function, number)
    if not now.has_come(known.due_mono_s) or _must_wait(node, function, known):
        return
    node.instances[known.key] = replace(known, is_ready=False)
    node.busy.add(known.key)
    node.effects.append(Warm(known.key, function, number, pull(node, known.key, function.stack, function.container)))


def _must_wait(node: Node, function: FunctionSpec, known: Instance) -> bool:
    """On the node's own network there is one port 8080: the instance before must be gone."""
    here = node.engine.instances if isinstance(node.engine, EngineSeen) else ()
    others = (
        one for one in here if (one.stack, one.function) == (known.stack, known.function) and one.key != known.key
    )
    return function.container.network_mode == "host" and any(one.phase is Phase.RUNNING for one in others)


def _clear(node: Node, step: Stop | Remove, now: Now) -> None:
    """End it, or remove what is left; it gets no more work. An engine that refused is asked again after a while."""
    if not now.has_come(node.waits.get(step.key, 0.0)):
        return
    known = node.instances.get(step.key)
    if known is not None:
        node.instances[step.key] = replace(known, is_ready=False)
    node.busy.add(step.key)
    node.effects.append(step)


def _struck(node: Node, known: Instance, reason: str, now: Now) -> Instance:
    """An instance after one more failure; the next start of it waits the longer."""
    was_well = known.is_ready and now.has_come(known.used_mono_s + WELL_S)
    strikes = 1 if was_well else known.strikes + 1
    wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(strikes - 1, 10))
    node.tally("instances_failed", service_key(known.stack, known.function))
    return replace(known, is_ready=False, strikes=strikes, reason=reason, due_mono_s=now.mono_s + wait_s)


def _count(node: Node, function: FunctionSpec, now: Now) -> int:
    """How many instances there should be."""
    scale = function.scale
    work = sum(now.has_come(run.due_mono_s) for run in _line(node, function))
    used = [one.number for one in _instances(node, function) if _is_used(one, scale.zero_after_s, now)]
    floor = max(scale.min_per_node, function.keep)
    return min(scale.max_per_node, max(floor, math.ceil(work / scale.target), *used, 0))


def _is_used(instance: Instance, zero_after_s: float, now: Now) -> bool:
    return bool(instance.runs) or (instance.is_ready and not now.has_come(instance.used_mono_s + zero_after_s))


def _line(node: Node, function: FunctionSpec) -> tuple[Run, ...]:
    """The runs of a function; another's cost it nothing (law 10)."""
    return node.lines.of(node.runs, (function.stack, function.name))


def _is_busy(node: Node, key: str) -> bool:
    return key in node.busy or key in node.unseen


def _known(node: Node, function: FunctionSpec, number: int) -> Instance:
    key = key_of(function, number)
    return node.instances.get(key) or Instance(key, function.stack, function.name, function.revision, number)


def _instances(node: Node, function: FunctionSpec) -> tuple[Instance, ...]:
    """Those of the function's revision that is in force."""
    of = (function.stack, function.name, function.revision)
    return tuple(one for one in node.instances.values() if (one.stack, one.function, one.revision) == of)
