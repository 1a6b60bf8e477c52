"""What an engine in virtual time shows of a box: as a task's container, as a run, and as a run's result. Pure."""

from __future__ import annotations

from dataclasses import replace

from agent.adapters.creation import LABEL
from agent.adapters.streams import OUTPUT_LIMIT_BYTES
from agent.decide.effects import Run
from agent.decide.inputs import ContainerSeen, InstanceSeen, Phase, RunEnded, RunSeen
from sim.boxes import Box


def container_seen(box: Box, now_s: float) -> ContainerSeen:
    """A task's container, as a look shows it."""
    return ContainerSeen(
        id=box.id,
        name=box.name,
        task=box.labels[f"{LABEL}task"],
        revision=box.labels[f"{LABEL}revision"],
        spec_hash=box.labels[f"{LABEL}spec-hash"],
        phase=box.phase,
        image=box.image,
        health=box.health(now_s),
        exit_code=box.exit_code,
        started=box.started,
        out_of_memory=box.behaviour.out_of_memory and box.phase is Phase.EXITED,
        has_been_ill=box.has_been_ill(now_s),
    )


def run_seen(box: Box) -> RunSeen:
    """A function's container, as a look shows it."""
    invocation, attempt = box.labels[f"{LABEL}invocation"], int(box.labels[f"{LABEL}attempt"])
    return RunSeen(box.id, box.name, invocation, attempt, box.phase)


def instance_seen(box: Box, now_s: float) -> InstanceSeen:
    """An instance of a warm function, as a look shows it."""
    stack, function, revision, number = (
        box.labels[f"{LABEL}{name}"] for name in ("stack", "function", "revision", "instance")
    )
    return InstanceSeen(box.id, stack, function, revision, int(number), box.phase, box.health(now_s))


def result(step: Run, box: Box, body: str) -> RunEnded:
    """What came of a run that has ended."""
    known = RunEnded(step.invocation, step.attempt, None, duration_s=box.ended_s - box.started_s)
    if box.timed_out:
        reason = f"killed after its timeout of {step.function.timeout_s:g} s"
        return replace(known, reason=reason, timed_out=True)
    output, cut = said(step, box, body)
    reason = "killed for lack of memory" if box.behaviour.out_of_memory else cut
    return replace(known, exit_code=box.exit_code, output=output, error=box.behaviour.error, reason=reason)


def said(step: Run, box: Box, body: str) -> tuple[str, str]:
    """What a function answers, and whether that was cut."""
    attributes = {f"CE_{name.upper()}": value for name, value in step.attributes}
    answer = box.behaviour.answer(body, {**step.function.container.environment, **attributes})
    held = {file.target: file.content for file in box.files}
    whole = ("".join(held.get(path, "") for path in box.behaviour.reads) or answer).encode()
    cut = f"the output was cut after {OUTPUT_LIMIT_BYTES} of {len(whole)} bytes"
    return whole[:OUTPUT_LIMIT_BYTES].decode(errors="replace"), cut if len(whole) > OUTPUT_LIMIT_BYTES else ""
