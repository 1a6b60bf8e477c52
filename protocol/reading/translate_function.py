"""A function of a manifest → the `FunctionSpec` that it means on a node."""

from __future__ import annotations

from protocol import template
from protocol.container import Container
from protocol.function import FunctionSpec, Mode, Scale, Transport
from protocol.ids import digest
from protocol.manifest import function as written
from protocol.reading.document import Path
from protocol.reading.draft import Draft
from protocol.reading.translate_calling import calling
from protocol.reading.translate_container import values, words
from protocol.reading.translate_mounts import memories
from protocol.reading.translate_trigger import trigger


def function(draft: Draft, name: str, source: written.Function) -> FunctionSpec:
    """Translate one function; its revision is the digest of all that a run depends on."""
    path = ("functions", name)
    container = Container(
        image=source.image or "",
        command=words(source.command),
        entrypoint=words(source.entrypoint),
        environment=values(draft, path, source.environment),
        network_mode=source.network_mode,
        user=source.user,
        read_only=source.read_only,
        mounts=memories(draft, (*path, "tmpfs"), source.tmpfs),
        memory_bytes=source.mem_limit,
        cpus=source.cpus,
    )
    triggers = tuple(trigger(draft, (*path, "triggers", i), one) for i, one in enumerate(source.triggers))
    runs = [container.spec_hash, source.timeout, source.retries, source.concurrency]
    if source.mode != "once":
        runs += [source.mode, source.transport]
    secrets = _secrets(draft, path, source)
    _check_of_node(draft, path, container.environment, secrets)
    runs += [one for one in (source.handler, secrets) if one]
    called = calling(draft, path, source)
    return FunctionSpec(
        name,
        draft.name,
        digest([*runs, called] if called else runs),
        container,
        source.timeout,
        source.retries,
        source.concurrency,
        triggers,
        mode=Mode(source.mode),
        transport=Transport(source.transport),
        scale=_scale(source.scale),
        handler=source.handler,
        secrets=secrets,
        **called,
    )


def _check_of_node(draft: Draft, path: Path, environment: dict[str, str], secrets: dict[str, str]) -> None:
    """Placeholders of a function are about the node that it is on: it is no service and has no tasks."""
    remedy = "take one of the node, like {{.Node.Hostname}}"
    for name, text in environment.items():
        if template.is_of_task(text):
            draft.misfit(
                (*path, "environment", name), "a function has no service and no task to be named after", remedy
            )
    for place, (name, text) in enumerate(secrets.items()):
        if template.is_of_task(text):
            reason = f"the secret {name!r} asks for a service or a task, and a function has neither"
            draft.misfit((*path, "secrets", place), reason, remedy)


def _secrets(draft: Draft, path: Path, source: written.Function) -> dict[str, str]:
    """The texts of the secrets that a function uses, which the top of the manifest has."""
    known = draft.manifest.secrets
    for place, name in enumerate(source.secrets):
        if name not in known:
            reason = f"there is no secret {name!r}"
            draft.misfit((*path, "secrets", place), reason, "add it under the top-level `secrets`")
    return {name: known[name].content or "" for name in source.secrets if name in known}


def _scale(source: written.Scale) -> Scale:
    per_node = (source.min_per_node, source.max_per_node)
    return Scale(source.min, source.max, source.target, source.zero_after, *per_node)
