"""Runs in Home Assistant's own Python: one Home Assistant in a directory, at a broker; it does what lines on standard input ask.

`{"states": true}` gives all states, `{"entities": true}` the registry, `{"call": [domain, service, data]}` calls a service. It has
no part of ours in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, runner  # type: ignore[import-not-found]
from homeassistant.helpers import entity_registry  # type: ignore[import-not-found]

MADE = "2026-01-01T00:00:00+00:00"


def configure(directory: Path, port: int) -> None:
    """As if somebody had added the MQTT integration by hand."""
    (directory / ".storage").mkdir(parents=True, exist_ok=True)
    (directory / "configuration.yaml").write_text(
        f"homeassistant:\n  name: Home\nhttp:\n  server_host: 127.0.0.1\n  server_port: {port + 1}\n"
    )
    entry = {
        "created_at": MADE, "modified_at": MADE, "data": {"broker": "127.0.0.1", "port": port, "protocol": "5"},
        "disabled_by": None, "discovery_keys": {}, "domain": "mqtt", "entry_id": "01BRAMBLE", "version": 1, "minor_version": 2,
        "options": {}, "pref_disable_new_entities": False, "pref_disable_polling": False, "source": "user", "subentries": [],
        "title": "mqtt", "unique_id": None,
    }  # fmt: skip
    document = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
    (directory / ".storage" / "core.config_entries").write_text(json.dumps(document))


async def answer(hass: Any, asked: dict[str, Any]) -> object:
    """What one line asks."""
    if "states" in asked:
        return {one.entity_id: {"state": one.state, **_plain(one.attributes)} for one in hass.states.async_all()}
    if "entities" in asked:
        return {one.unique_id: one.entity_id for one in entity_registry.async_get(hass).entities.values()}
    await hass.services.async_call(*asked["call"], blocking=True)
    return "done"


def _plain(attributes: Any) -> dict[str, object]:
    return {key: value if isinstance(value, int | float) else str(value) for key, value in attributes.items()}


async def main(directory: Path, port: int) -> None:
    """Start it, and serve until standard input ends."""
    configure(directory, port)
    hass = await bootstrap.async_setup_hass(runner.RuntimeConfig(config_dir=str(directory), skip_pip=True))
    await hass.async_start()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps("started"), flush=True)
    while line := await reader.readline():
        try:
            said = await answer(hass, json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)
    await hass.async_stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
