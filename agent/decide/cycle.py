"""Everything a node decides in one turn, in order: the table of contents of the agent."""

from __future__ import annotations

from agent.decide import (
    damage,
    daytime,
    dependencies,
    devices,
    fetch,
    greeting,
    instances,
    invocations,
    lives,
    loads,
    overheard,
    plan,
    processes,
    publications,
    ready,
    releases,
    report,
    schedules,
    silence,
    steps,
    storage,
    tallies,
    tasks,
    timers,
    trials,
    wants,
)
from agent.decide.effects import Effect
from agent.decide.node import Node, Now


def cycle(node: Node, now: Now) -> tuple[Effect, ...]:
    """Decide, and hand out the effects; repeated without an input at the same moment there are none."""
    greeting.dial(node)
    silence.follow(node, now)
    wants.follow(node, now)
    before = (node.tasks.version, node.trials.version)
    tasks.judge(node, now)
    trials.follow(node, now)
    if before != (node.tasks.version, node.trials.version):
        tasks.judge(node, now)  # what a trial's beginning or end changed
    devices.follow(node)
    daytime.follow(node, now)
    lives.follow(node, now)
    overheard.follow(node)
    devices.settle(node, now)
    timers.fire(node, now)
    releases.follow(node, now)
    schedules.call(node, now)
    dependencies.hold(node)
    damage.follow(node, now)
    storage.follow(node, now)
    plan.plan(node, now)
    ready.make(node, now)
    fetch.fetch(node, now)
    storage.guard(node, now)
    invocations.dispatch(node, now)
    instances.follow(node, now)
    invocations.clear(node, now)
    publications.follow(node)
    processes.clear(node)
    tallies.follow(node)
    steps.look(node, now)
    greeting.greet(node)
    loads.follow(node, now)
    report.report(node, now)
    effects, node.effects = tuple(node.effects), []
    return effects
