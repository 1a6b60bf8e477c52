"""What one task should be, with the name of its content, by which containers and records are known to belong to it."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.desired import TaskSpec


@dataclass(frozen=True, slots=True)
class Target:
    """What a task should be. The same revision with another spec hash is another `content`."""

    spec: TaskSpec
    content: str


def target_of(spec: TaskSpec, before: Target | None) -> Target:
    """What a task should be; the same as before, where it says the same."""
    return before if before is not None and before.spec == spec else Target(spec, content_of(spec))


def content_of(spec: TaskSpec) -> str:
    """Name what a task should be. It digests the whole spec: ask once for each spec, not once in each turn."""
    return f"{spec.revision} {spec.container.spec_hash}"
