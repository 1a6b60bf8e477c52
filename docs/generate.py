"""Writes docs/topics.md, docs/states.md and docs/manifest.md from the code: `make docs`.

With `--check` it only says whether they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from agent.decide import invocation as run
from agent.decide import task, trial
from controller.decide import invocation, presence, slot
from protocol import compose, delivery, devices, manifest, topics
from protocol.measures import seconds, size_bytes

HERE = Path(__file__).resolve().parent

Table = Mapping[tuple[Any, Any], Any]

MACHINES: tuple[tuple[str, str, Table], ...] = (
    ("Task", "on its node (`agent/decide/task.py`)", task.NEXT),
    ("Trial", "an offer as its node follows it (`agent/decide/trial.py`)", trial.NEXT),
    ("Invocation on its node", "`agent/decide/invocation.py`", run.NEXT),
    ("Rollout", "an update of one service (`controller/decide/slot.py`)", slot.ROLLOUT_NEXT),
    ("Slot", "one task in an update (`controller/decide/slot.py`)", slot.NEXT),
    ("Invocation at the controller", "`controller/decide/invocation.py`", invocation.NEXT),
    ("Presence", "what is believed of a node (`controller/decide/presence.py`)", presence.NEXT),
)

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", manifest.Manifest),
    ("services.NAME", compose.Service),
    ("services.NAME.ports", compose.Port),
    ("services.NAME.volumes", compose.Volume),
    ("services.NAME.healthcheck", compose.Healthcheck),
    ("services.NAME.deploy", compose.Deploy),
    ("services.NAME.deploy.placement", compose.Placement),
    ("services.NAME.deploy.resources.limits", compose.Limits),
    ("services.NAME.deploy.restart_policy", compose.RestartPolicy),
    ("services.NAME.deploy.update_config", compose.UpdateConfig),
    ("sensors.NAME", manifest.Sensor),
    ("actuators.NAME", manifest.Actuator),
    ("functions.NAME", manifest.Function),
    ("functions.NAME.triggers", manifest.Trigger),
)

FORMS = (
    (BeforeValidator(seconds), "a duration: `30ms`, `10s`, `1m30s`"),
    (BeforeValidator(size_bytes), "a size: `64M`"),
)
BOUNDS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"))
PLAIN: Mapping[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`"}

_HEAD = "<!-- Written by docs/generate.py from the code. Change the code, then run `make docs`. -->\n\n"


def topics_page() -> str:
    """Every topic: who writes it, how it travels, what it carries."""
    lines = [
        "# Topics",
        "",
        f"MQTT 5. Every topic begins with `{topics.ROOT}/FLEET/` (fleet `default` unless you chose another name).",
        "Payloads are JSON, but for manifests (YAML or JSON) and calls (any bytes).",
        "Classes: **state**, the latest wins, retained; **fact**, each counts, kept by its sender until the receiver",
        "has committed it; **sample**, may be lost, the next says it again.",
        "",
        "| topic | writer | class | QoS | retained | at most | payload | what it is |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in delivery.TABLE:
        payload = f"`{row.message.__name__}`" if row.message else "bytes"
        retained = "yes" if row.retain else ""
        limit = f"{row.limit_bytes // delivery.KIB} KiB"
        cells = [
            f"`{row.topic.TEMPLATE}`",
            row.writer,
            row.delivery_class,
            row.qos,
            retained,
            limit,
            payload,
            row.purpose,
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", "## What the payloads hold", ""]
    for row in delivery.TABLE:
        if row.message:
            lines += [f"**{row.message.__name__}**: {_first_line(row.message)}  ", _fields(row.message), ""]
    return _HEAD + "\n".join(lines)


def states_page() -> str:
    """Every state machine: a diagram and the table that it was drawn from."""
    lines = ["# States", "", "A pair of state and observation that is not in a table changes nothing.", ""]
    for name, where, table in MACHINES:
        lines += [f"## {name}", "", f"{where[0].upper()}{where[1:]}.", "", "```mermaid", "stateDiagram-v2"]
        lines += [f"    [*] --> {_word(next(iter(table))[0])}"]
        lines += [f"    {_word(state)} --> {_word(after)}: {seen}" for (state, seen), after in table.items()]
        lines += ["```", ""]
    return _HEAD + "\n".join(lines)


def manifest_page() -> str:
    """Every key of a manifest: what it may hold, and what it is when it is left out."""
    lines = [
        "# The manifest",
        "",
        "A Compose file with three more sections. Short and long forms are Compose's, `deploy` has Swarm's semantics. A key that",
        "is not on this page is refused by name and line; keys that begin with `x-` are passed over, as Compose asks.",
        "",
    ]
    for title, section in SECTIONS:
        lines += [f"## {title}", "", _first_line(section), "", "| key | holds | left out |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {_holds(field)} | {_left_out(field)} |" for name, field in section.model_fields.items()
        ]
        lines.append("")
    lines += ["## Kinds of sensors and actuators", "", "| kind | events or values | keys |", "|---|---|---|"]
    for kind, sensor in devices.SENSORS.items():
        lines.append(f"| `{kind}` | {', '.join(sensor.events)} | {', '.join(sensor.keys)} |")
    for kind, actuator in devices.ACTUATORS.items():
        lines.append(f"| `{kind}` | {', '.join(actuator.values)} | {', '.join(actuator.keys)} |")
    return _HEAD + "\n".join([*lines, ""])


def _holds(field: FieldInfo) -> str:
    """Name what a key holds the way people write it."""
    text = _named(field.metadata) or _form(field.annotation)
    bounds = [f"{word} {getattr(m, key)}" for m in field.metadata for key, word in BOUNDS if hasattr(m, key)]
    return f"{text}, {', '.join(bounds)}" if bounds else text


def _named(metadata: Iterable[object]) -> str:
    return next((word for form, word in FORMS if form in metadata), "")


def _form(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _named(parts[1:]) or _form(parts[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in parts if choice)
    if origin in (list, dict):
        return f"a {'list' if origin is list else 'mapping'} of {_form(parts[-1])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{choice}`" for choice in hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "keys as below"
    return " or ".join(_form(part) for part in parts if part is not type(None)) or PLAIN.get(hint, str(hint))


def _left_out(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if not field.default or isinstance(field.default, BaseModel):
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _word(state: StrEnum) -> str:
    return state.value.replace("-", "_")


def _first_line(message: type[Any]) -> str:
    return (message.__doc__ or "").strip().splitlines()[0]


def _fields(message: type[Any]) -> str:
    return ", ".join(f"`{name}`" for name in message.__dataclass_fields__)


PAGES = {"topics.md": topics_page, "states.md": states_page, "manifest.md": manifest_page}


def stale() -> list[str]:
    """The pages that do not say what the code says."""
    written = {name: HERE / name for name in PAGES}
    return [name for name, path in written.items() if not path.exists() or path.read_text() != PAGES[name]()]


def main() -> int:
    """Write the pages, or with `--check` say which are out of date."""
    if "--check" in sys.argv:
        for name in stale():
            sys.stderr.write(f"docs/{name} is out of date; run: make docs\n")
        return 1 if stale() else 0
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
