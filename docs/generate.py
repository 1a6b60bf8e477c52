"""Writes docs/topics.md, docs/states.md, docs/manifest.md and docs/manifest.schema.json from the code: `make docs`.

With `--check` it only says whether they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.decide import invocation as run
from agent.decide import task, trial
from controller.decide import charge, invocation, presence
from controller.decide.rollouts import slot
from docs import manifest_page
from protocol import delivery, topics
from protocol.manifest.schema import schema

HERE = Path(__file__).resolve().parent

Table = Mapping[tuple[Any, Any], Any]

MACHINES: tuple[tuple[str, str, Table], ...] = (
    ("Task", "on its node (`agent/decide/task.py`)", task.NEXT),
    ("Trial", "an offer as its node follows it (`agent/decide/trial.py`)", trial.NEXT),
    ("Invocation on its node", "`agent/decide/invocation.py`", run.NEXT),
    ("Rollout", "an update of one service (`controller/decide/rollouts/slot.py`)", slot.ROLLOUT_NEXT),
    ("Slot", "one task in an update (`controller/decide/rollouts/slot.py`)", slot.NEXT),
    ("Invocation at the controller", "`controller/decide/invocation.py`", invocation.NEXT),
    ("Presence", "what is believed of a node (`controller/decide/presence.py`)", presence.NEXT),
    ("Charge", "where a controller stands among others (`controller/decide/charge.py`)", charge.NEXT),
)

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
    lines += ["", *_access(), "", "## What the payloads hold", ""]
    for row in delivery.TABLE:
        if row.message:
            lines += [f"**{row.message.__name__}**: {_first_line(row.message)}  ", _fields(row.message), ""]
    return _HEAD + "\n".join(lines)


def _access() -> list[str]:
    """What a broker with access rules must let Home Assistant do, and the controller for it; from the same table."""
    rules = [
        *(f"topic read {topics.filter_of(one, 'FLEET')}" for one in delivery.SHOWN),
        f"topic write {topics.filter_of(topics.EntityCommandTopic, 'FLEET')}",
        "topic read homeassistant/#",
        "topic write homeassistant/status",
    ]
    discovery = topics.DiscoveryTopic("FLEET", "homeassistant", "+")
    return [
        "## Beside our root",
        "",
        "A controller that [shows the fleet to Home Assistant](home-assistant.md) writes below Home Assistant's prefix:",
        f"`{discovery}`, retained, where `+` is a device; an empty payload removes it. It reads `homeassistant/status`.",
        "",
        "With access rules at the broker Home Assistant needs these (Mosquitto's `acl_file`), and no more:",
        "",
        "```",
        "user home-assistant",
        *rules,
        "```",
        "",
        "and the controller, beside what it has:",
        "",
        "```",
        f"topic write {discovery}",
        "topic read homeassistant/status",
        "```",
    ]


def states_page() -> str:
    """Every state machine: a diagram and the table that it was drawn from."""
    lines = ["# States", "", "A pair of state and observation that is not in a table changes nothing.", ""]
    for name, where, table in MACHINES:
        lines += [f"## {name}", "", f"{where[0].upper()}{where[1:]}.", "", "```mermaid", "stateDiagram-v2"]
        lines += [f"    [*] --> {_word(next(iter(table))[0])}"]
        lines += [f"    {_word(state)} --> {_word(after)}: {seen}" for (state, seen), after in table.items()]
        lines += ["```", ""]
    return _HEAD + "\n".join(lines)


def manifest_text() -> str:
    """Every key of a manifest."""
    return _HEAD + manifest_page.page()


def _word(state: StrEnum) -> str:
    return state.value.replace("-", "_").replace(" ", "_")


def _first_line(message: type[Any]) -> str:
    return (message.__doc__ or "").strip().splitlines()[0]


def _fields(message: type[Any]) -> str:
    return ", ".join(f"`{name}`" for name in message.__dataclass_fields__)


PAGES = {
    "topics.md": topics_page,
    "states.md": states_page,
    "manifest.md": manifest_text,
    manifest_page.SCHEMA_NAME: schema,
}


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
