"""The page of a manifest's keys, drawn from the models that read it. Its schema for editors is `protocol.manifest.schema`."""

from __future__ import annotations

from collections.abc import Iterable

from agent.adapters.host_config import LOG_BOUNDS
from protocol import devices
from protocol.manifest import (
    acting,
    calling,
    compose,
    deploy,
    extension,
    files,
    function,
    gradual,
    manifest,
    network,
    port,
    sensing,
    sensing_own,
    settings,
    storage,
    triggering,
)
from protocol.manifest.keys import holds, key_of, left_out
from protocol.manifest.section import Section

SCHEMA_NAME = "manifest.schema.json"

SECTIONS: tuple[tuple[str, type[Section]], ...] = (
    ("The file", manifest.Manifest),
    ("services.NAME", compose.Service),
    ("services.NAME.ports", port.Port),
    ("services.NAME.volumes", storage.Mount),
    ("services.NAME.volumes.bind", storage.Bind),
    ("services.NAME.volumes.volume", storage.Keep),
    ("services.NAME.volumes.tmpfs", storage.Memory),
    ("services.NAME.networks.NAME", network.Attached),
    ("services.NAME.configs, services.NAME.secrets", files.Use),
    ("services.NAME.depends_on.NAME", settings.DependsOn),
    ("services.NAME.devices", settings.Device),
    ("services.NAME.healthcheck", settings.Healthcheck),
    ("services.NAME.logging", settings.Logging),
    ("services.NAME.ulimits.NAME", settings.Ulimit),
    ("services.NAME.deploy", deploy.Deploy),
    ("services.NAME.deploy.placement", deploy.Placement),
    ("services.NAME.deploy.placement.preferences", deploy.Preference),
    ("services.NAME.deploy.resources.limits", deploy.Limits),
    ("services.NAME.deploy.resources.reservations", deploy.Reservations),
    ("services.NAME.deploy.restart_policy", deploy.RestartPolicy),
    ("services.NAME.deploy.update_config", deploy.UpdateConfig),
    ("services.NAME.deploy.rollback_config", deploy.RollbackConfig),
    ("services.NAME.x-bramble", extension.OfService),
    ("services.NAME.x-bramble.needs", extension.Needs),
    ("services.NAME.x-bramble.disconnect", extension.Disconnect),
    ("services.NAME.x-bramble.update", gradual.OfUpdate),
    ("services.NAME.x-bramble.update.canary", gradual.Canary),
    ("services.NAME.x-bramble.update.batches", gradual.Batch),
    ("services.NAME.x-bramble.update.max_unavailable", gradual.MaxUnavailable),
    ("services.NAME.x-bramble.update.window", gradual.Window),
    ("services.NAME.x-bramble.update.lock", gradual.Lock),
    ("networks.NAME", network.Network),
    ("networks.NAME.ipam", network.Ipam),
    ("networks.NAME.ipam.config", network.IpamConfig),
    ("volumes.NAME", storage.NamedVolume),
    ("configs.NAME, secrets.NAME", files.Text),
    *((f"sensors.NAME, `kind: {kind}`", model) for kind, model in sensing.KINDS.items()),
    ("sensors.NAME, `kind: SOMEBODY.KIND`", sensing_own.Own),
    *((f"actuators.NAME, `kind: {kind}`", model) for kind, model in acting.KINDS.items()),
    ("functions.NAME", function.Function),
    ("functions.NAME.queue", calling.Queue),
    ("functions.NAME.backoff", calling.Backoff),
    ("functions.NAME.then", calling.Action),
    ("functions.NAME.triggers", triggering.Trigger),
    ("functions.NAME.triggers.when", triggering.Condition),
    ("functions.NAME.triggers.window", triggering.Window),
    ("functions.NAME.triggers.sequence", triggering.Step),
    ("x-bramble", extension.OfStack),
    ("x-bramble.registries.REGISTRY", extension.Login),
)

_INTRODUCTION = f"""\
# The manifest

A Compose file with three more sections. Short and long forms are Compose's, `deploy` has Swarm's semantics. A key that is not
on this page is refused by name and line; keys that begin with `x-` are passed over, as Compose asks, but for `x-bramble`.

Editors check and complete a manifest by `docs/{SCHEMA_NAME}`, which `bramble config --schema` prints, too, drawn from the same
models:

```yaml
# yaml-language-server: $schema=path/to/{SCHEMA_NAME}
services:
  web: {{image: web:1}}
```

Where it differs from what `docker compose` and Swarm do, on purpose:

- A service without `restart` is meant to run: it is started again whenever it ends, as in Swarm. One whose completion others
  wait for (`service_completed_successfully`) is not started again when it ended well, and a job never is.
- A network is one node's own. Without `networks` and `network_mode` a service is on `STACK_default`, called by its name, and on
  `bramble`, which all stacks of the node share, called `SERVICE.STACK`. With `networks` it is on those alone.
- `container_name` is one more name by which others on the service's networks reach it, not the container's own in `docker ps`; with
  `network_mode` there is no network to be called so on. It allows one task of the service on a node.
- A port without a published one is open to the networks only; no number is drawn that nobody would know. No mesh leads from
  other nodes to it.
- A path alone under `volumes` is kept as the volume `STACK_SERVICE_…` of the node, and found again by the next revision.
- `devices` are needs: a task is placed only where they are, unless every Linux has them (`/dev/kmsg`). A fixed address allows
  one task of the service on a node.
- `deploy.labels` stand on the containers, because no engine knows services. `deploy.resources.reservations` bind the scheduler;
  `mem_reservation` is the container's own soft limit.
- Logs go to Docker's `local` driver, bounded; `local` and `json-file` are bounded by {LOG_BOUNDS["max-file"]} files of \
{LOG_BOUNDS["max-size"]} where nothing is said.
- `${{VAR:-default}}` and `$$` are Compose's. A manifest that is published as it is knows no variables: one without a default
  is refused. `bramble up` fills them in, and reads `env_file`, `extends`, `include` and `file:`.
- Tags become digests when a manifest is published. `pull_policy: always` looks them up again whenever it is published, also
  unchanged; what nodes do is in [tasks](tasks.md). A task with a `platform` goes only to nodes that run it.
- Placeholders like `{{{{.Node.Labels.site}}}}` in environment values, `hostname`, mount sources and contents of configs and
  secrets are filled in for each node; a node that lacks the label is not chosen. Functions have those of the node.
- Secrets and registries' passwords are as plain as the manifest; whoever may read it on the broker may read them.
"""


def page() -> str:
    """Every key of a manifest: what it may hold, and what it is when it is left out."""
    lines = [_INTRODUCTION]
    for title, section in SECTIONS:
        lines += [
            f"## {title}",
            "",
            " ".join((section.__doc__ or "").split()),
            "",
            "| key | holds | left out |",
            "|---|---|---|",
        ]
        lines += [
            f"| `{key_of(name, field)}` | {holds(field)} | {left_out(field)} |"
            for name, field in section.model_fields.items()
        ]
        lines += ["", *_refused(section), *_passed_over(section)]
    lines += ["## Kinds of sensors and actuators", "", "| kind | events or values |", "|---|---|"]
    lines += [f"| `{kind}` | {', '.join(_events(sensor))} |" for kind, sensor in devices.SENSORS.items()]
    lines += [f"| `{kind}` | {', '.join(actuator.values)} |" for kind, actuator in devices.ACTUATORS.items()]
    return "\n".join([*lines, ""])


def _events(sensor: devices.SensorWords) -> Iterable[str]:
    """All that a kind may say, whatever its options are."""
    return dict.fromkeys(event for words in (sensor, *sensor.variants.values()) for event in words.events)


def _refused(section: type[Section]) -> list[str]:
    if not section.refused:
        return []
    rows = [f"| `{key}` | {why.replace('; ', ' | ', 1)} |" for key, why in sorted(section.refused.items())]
    return ["| refused | because | instead |", "|---|---|---|", *rows, ""]


def _passed_over(section: type[Section]) -> list[str]:
    if not section.passed_over:
        return []
    return [f"Passed over: {', '.join(f'`{key}` ({why})' for key, why in section.passed_over.items())}.", ""]
