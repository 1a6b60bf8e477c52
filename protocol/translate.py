"""A manifest → the stack it means, or everything that is wrong with how its parts fit together.

Short forms are already written out by `protocol.compose`; here a part meets another part: a volume and its declaration, a trigger
and its sensor, an update's order and a fixed port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from protocol import compose, devices
from protocol import manifest as written
from protocol.container import Container, HealthCheck, Mount, Port
from protocol.desired import ActuatorSpec, FunctionSpec, Order, Restart, RestartCondition, SensorSpec, TriggerSpec
from protocol.document import Path
from protocol.ids import digest
from protocol.stack import Actuator, FailureAction, Function, Mode, Sensor, Service, Stack, Update

_RESTARTS = {
    "": RestartCondition.ANY,  # Swarm's default; plain Compose would say no, but a service is meant to run
    "always": RestartCondition.ANY,
    "unless-stopped": RestartCondition.ANY,
    "on-failure": RestartCondition.ON_FAILURE,
    "no": RestartCondition.NONE,
}

_MOST = re.compile("[0-9]{1,9}")
"""How often `on-failure:N` may try again."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit: where, why, and what to do."""

    path: Path
    reason: str
    remedy: str = ""


@dataclass(slots=True)
class Translation:
    """A stack in the making, and what does not fit so far."""

    name: str
    manifest: written.Manifest
    misfits: list[Misfit] = field(default_factory=list)

    def stack(self) -> Stack:
        """Translate every section; `misfits` is complete afterwards."""
        source = self.manifest
        if source.name is not None and source.name != self.name:
            self.misfits.append(Misfit(("name",), f"the file names the stack {source.name!r}, its topic {self.name!r}"))
        return Stack(
            self.name,
            {name: self.service(name, service) for name, service in source.services.items()},
            {name: Sensor(self.sensor(name, s), tuple(s.nodes)) for name, s in source.sensors.items()},
            {name: Actuator(self.actuator(name, a), tuple(a.nodes)) for name, a in source.actuators.items()},
            {name: Function(self.function(name, f), tuple(f.nodes)) for name, f in source.functions.items()},
        )

    def service(self, name: str, source: compose.Service) -> Service:
        """Translate one service."""
        deploy, path = source.deploy, ("services", name)
        update = deploy.update_config
        fixed = [port.published for port in source.ports if port.published]
        if update.order == "start-first" and fixed:
            self.misfits.append(
                Misfit(
                    (*path, "deploy", "update_config", "order"),
                    f"start-first needs two containers at once, and port {fixed[0]} of a node can have only one",
                    "use stop-first, or publish no fixed port",
                )
            )
        return Service(
            self.name,
            name,
            self.container(name, source),
            Mode(deploy.mode),
            deploy.replicas,
            tuple(deploy.placement.constraints),
            restart=self.restart(path, source),
            update=Update(
                update.parallelism,
                update.delay,
                update.monitor,
                update.max_failure_ratio,
                FailureAction(update.failure_action),
                Order(update.order),
            ),
        )

    def container(self, name: str, source: compose.Service) -> Container:
        """Write out what the engine needs of a service."""
        limits = source.deploy.resources.limits
        return Container(
            image=source.image,
            command=_tuple(source.command),
            entrypoint=_tuple(source.entrypoint),
            environment=dict(source.environment),
            labels=dict(source.labels),
            ports=tuple(Port(p.target, p.published, p.protocol, p.host_ip) for p in source.ports),
            mounts=self.mounts(name, source),
            devices=tuple(source.devices),
            cap_add=tuple(source.cap_add),
            cap_drop=tuple(source.cap_drop),
            security_opt=tuple(source.security_opt),
            privileged=source.privileged,
            read_only=source.read_only,
            init=source.init,
            network_mode=source.network_mode,
            user=source.user,
            working_dir=source.working_dir,
            hostname=source.hostname,
            memory_bytes=limits.memory or source.mem_limit,
            cpus=limits.cpus or source.cpus,
            healthcheck=_healthcheck(source.healthcheck),
            stop_signal=source.stop_signal,
            stop_grace_s=source.stop_grace_period,
        )

    def mounts(self, name: str, source: compose.Service) -> tuple[Mount, ...]:
        """Name volumes as the engine knows them, `STACK_VOLUME`, as Compose does."""
        mounts = [Mount("tmpfs", target) for target in source.tmpfs]
        for i, volume in enumerate(source.volumes):
            full = volume.source
            if volume.type == "volume":
                full = f"{self.name}_{volume.source}"
                if volume.source not in self.manifest.volumes:
                    reason = f"the volume {volume.source!r} is not declared"
                    path = ("services", name, "volumes", i)
                    self.misfits.append(
                        Misfit(path, reason, f"add `{volume.source}: {{}}` under the top-level `volumes`")
                    )
            mounts.append(Mount(volume.type, volume.target, full, volume.read_only))
        return tuple(mounts)

    def restart(self, path: Path, source: compose.Service) -> Restart:
        """Read `deploy.restart_policy`, or Compose's `restart` where that is missing."""
        policy = source.deploy.restart_policy
        if policy is not None:
            return Restart(policy.condition, policy.max_attempts)
        word, _, most = source.restart.partition(":")
        condition = _RESTARTS.get(word)
        if condition is None or (most and not (word == "on-failure" and _MOST.fullmatch(most))):
            reason = f"{source.restart!r} is no restart policy"
            self.misfits.append(
                Misfit((*path, "restart"), reason, "write no, always, on-failure[:N] or unless-stopped")
            )
            return Restart()
        return Restart(condition, int(most) if most else None)

    def sensor(self, name: str, source: written.Sensor) -> SensorSpec:
        """Translate one sensor."""
        return SensorSpec(name, self.name, source.kind, source.pin, source.debounce, source.hold, source.pull)

    def actuator(self, name: str, source: written.Actuator) -> ActuatorSpec:
        """Translate one actuator."""
        return ActuatorSpec(name, self.name, source.kind, source.pin, source.safe, source.active_high)

    def function(self, name: str, source: written.Function) -> FunctionSpec:
        """Translate one function; its revision is the digest of all that a run depends on."""
        container = Container(
            image=source.image,
            command=_tuple(source.command),
            entrypoint=_tuple(source.entrypoint),
            environment=dict(source.environment),
            network_mode=source.network_mode,
            user=source.user,
            read_only=source.read_only,
            memory_bytes=source.mem_limit,
            cpus=source.cpus,
        )
        triggers = tuple(self.trigger(name, i, trigger) for i, trigger in enumerate(source.triggers))
        revision = digest([container.spec_hash, source.timeout, source.retries, source.concurrency])
        return FunctionSpec(
            name, self.name, revision, container, source.timeout, source.retries, source.concurrency, triggers
        )

    def trigger(self, function: str, index: int, source: written.Trigger) -> TriggerSpec:
        """Check that a trigger's sensor exists in this stack and makes such an event."""
        if source.sensor:
            self._check_event(("functions", function, "triggers", index), source)
        return TriggerSpec(source.sensor, source.on, source.every or 0.0)

    def _check_event(self, path: Path, source: written.Trigger) -> None:
        sensor = self.manifest.sensors.get(source.sensor)
        if sensor is None:
            known = ", ".join(self.manifest.sensors) or "none"
            self.misfits.append(
                Misfit((*path, "sensor"), f"there is no sensor {source.sensor!r}; this stack has {known}")
            )
        elif source.on not in (events := devices.SENSORS[sensor.kind].events):
            reason = f"a {sensor.kind} makes no {source.on!r}; it makes {', '.join(events)}"
            self.misfits.append(Misfit((*path, "on"), reason))


def _tuple(texts: list[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(texts)


def _healthcheck(source: compose.Healthcheck | None) -> HealthCheck | None:
    if source is None:
        return None
    return HealthCheck(source.command, source.interval, source.timeout, source.start_period, source.retries)
