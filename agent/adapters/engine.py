"""The node's Docker Engine: what it runs, and the steps that change it. Decides nothing.

No exception leaves this module: the engine being away is `EngineLost` when looking and `Retry` when doing. Containers without
our fleet and node label are never shown and never touched (S8). A look costs one list of containers, one of images, and an
inspection of each container whose entry changed; an old inspection is trusted only while Docker's events are being followed,
because a restart between two looks changes no entry. What the engine says of itself is asked once for each of its lives, our
networks after each step that may have made or removed one.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from agent.adapters.creation import LABEL, Place
from agent.adapters.docker_api import DockerApi, EngineAwayError
from agent.adapters.ends import named_end
from agent.adapters.expected import Expected
from agent.adapters.illness import UNHEALTHY, Illness
from agent.adapters.logs import last_lines
from agent.adapters.runs import Attempt
from agent.adapters.seen import (
    container_seen,
    disk_seen,
    image_seen,
    instance_seen,
    networks_used,
    platform_of,
    run_seen,
)
from agent.adapters.steps import TaskStep, glanced, perform
from agent.adapters.surroundings import Surroundings
from agent.adapters.troubles import ENGINE_RETRY_S
from agent.adapters.warm import WarmFunctions
from agent.decide.effects import Clean, Create, ReadLog, Remove, Run, Start, Stop, Warm
from agent.decide.inputs import (
    CommandDone,
    ContainerSeen,
    Done,
    EngineLost,
    EngineSeen,
    InstanceSeen,
    Outcome,
    Pulling,
    Retry,
    RunEnded,
)
from agent.decide.instance import is_instance

FOLLOW_AGAIN_S = 5.0
# After the engine went away; a full look comes every 15 s anyway.

_TELLING = re.compile(r"\(.*?\)")
# "Up 3 minutes (healthy)", "Exited (1) 2 hours ago": the age is noise, health and exit code are not.
_WORTH_A_LOOK = ("create", "start", "die", "oom", "destroy", "health_status", "pause", "unpause", "rename")
_NOWHERE = Path("/nonexistent")
_EVERYTHING, _NETWORKS = "", "networks"
# What may have changed, where it is not a container; no id and no name of ours looks like these.


EngineStep = TaskStep | Warm
"""Whatever an engine carries out."""


class EngineSeam(Protocol):
    """What the loop and the workers may ask of an engine, real or simulated."""

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""

    def perform(self, step: EngineStep) -> Outcome:
        """Carry out one step; doing it twice is doing it once."""

    def glance(self, step: EngineStep) -> ContainerSeen | None:
        """The container that a step has made, started or stopped, as it stands now; None where there is nothing to be seen."""

    def run(self, step: Run) -> RunEnded:
        """Run a function to its end, or take over its container from before a crash. The container stays until a `Remove`."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An inspected container, and the list entry it was inspected for."""

    entry: tuple[str, ...]
    seen: ContainerSeen


class Engine:
    """The real engine behind a socket, e.g. `unix:///var/run/docker.sock`. `look` is for one thread, the rest for any."""

    def __init__(self, url: str, node: str, fleet: str, directory: Path | None = None) -> None:
        """`directory` is where warm functions get their sockets."""
        self._api = DockerApi(url)
        self._place = Place(fleet, node)
        self._around = Surroundings(self._api, self._place)
        self._ours = [f"{name}={value}" for name, value in self._place.labels.items()]
        self._warm = WarmFunctions(self._around, directory or _NOWHERE, time.monotonic, time.sleep)
        self._known: dict[str, _Known] = {}
        self._networks: frozenset[str] | None = None
        self._info: Mapping[str, Any] | None = None
        self._changed: SimpleQueue[str] = SimpleQueue()
        self._following = False
        self._illness = Illness()
        self._expected = Expected(self._place, time.monotonic)
        self._platforms: dict[str, str] = {}
        self._closing = threading.Event()

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""
        try:
            return self._look()
        except EngineAwayError as away:
            self._forget()
            return EngineLost(str(away))

    def perform(self, step: EngineStep) -> Outcome:
        """Carry out one step; doing it twice is doing it once."""
        outcome: Outcome | None = None
        self._expected.begins(step)
        try:
            outcome = self._warm.warm(step) if isinstance(step, Warm) else self._performed(step)
        except EngineAwayError as away:
            outcome = Retry(str(away), ENGINE_RETRY_S)
        finally:
            self._expected.ended(step, outcome)
            if isinstance(step, Start | Stop | Remove):
                self._changed.put(step.container)
            if isinstance(step, Clean) or (isinstance(step, Create) and step.task.container.networks):
                self._changed.put(_NETWORKS)
        return outcome

    def glance(self, step: EngineStep) -> ContainerSeen | None:
        """The container that a step has made, started or stopped, as it stands now; None where there is nothing to be seen."""
        try:
            found = None if isinstance(step, Warm) else glanced(self._around, step)
            return self._shown(named_end(self._api, found)) if found is not None else None
        except EngineAwayError:
            return None

    def run(self, step: Run) -> RunEnded:
        """Run a function to its end, or take over its container from before a crash. The container stays until a `Remove`."""
        if step.instance:
            return self.ask(step)()
        try:
            return Attempt(self._around, step, time.monotonic, time.sleep).run()
        finally:
            if step.function.container.networks:
                self._changed.put(_NETWORKS)

    def ask(self, step: Run) -> Callable[[], RunEnded]:
        """Ask a warm instance without waiting; what is returned waits for its answer, in any thread."""
        return self._warm.ask(step)

    def log(self, asked: ReadLog) -> CommandDone:
        """The last lines of a container's log."""
        return last_lines(self._api, asked)

    def events(self, deliver_hint: Callable[[], None]) -> None:
        """Start a daemon thread that calls `deliver_hint` whenever a look is worth while; it survives the engine's restarts."""
        threading.Thread(target=self._follow, args=(deliver_hint,), name="engine-events", daemon=True).start()

    def pulling(self, deliver: Callable[[Pulling], object]) -> None:
        """Have it told now and then how far a pull is, from any thread."""
        self._around.tell = deliver

    def close(self) -> None:
        """Stop following events and let go of the connections."""
        self._closing.set()
        self._api.close()

    def _performed(self, step: TaskStep) -> Outcome:
        """A task's step; of an instance of a warm function nothing must stay."""
        if not isinstance(step, Stop | Remove) or not is_instance(step.key):
            return perform(self._around, step)
        self._warm.let_go(step.container)
        found = self._api.call("GET", f"/containers/{step.container}/json") if isinstance(step, Remove) else None
        outcome = perform(self._around, step)
        if found is not None and found.ok and isinstance(outcome, Done):
            self._warm.removed(str(found.body["Name"]).lstrip("/"))
        return outcome

    def _look(self) -> EngineSeen:
        changed = self._forget_changed()
        answer = self._api.call(
            "GET", "/containers/json", query={"all": 1, "filters": json.dumps({"label": self._ours})}
        )
        images = self._api.call("GET", "/images/json")
        if not answer.ok or not images.ok:
            raise EngineAwayError(f"the Docker Engine shows nothing: {answer.message or images.message}")
        entries = [entry for entry in answer.body if self._place.owns(entry["Labels"])]
        seen = tuple(self._inspected(entry) for entry in entries if f"{LABEL}task" in entry["Labels"])
        self._known = {known.seen.id: known for known in seen if known}
        runs = tuple(run_seen(entry) for entry in entries if f"{LABEL}invocation" in entry["Labels"])
        stored = tuple(map(image_seen, images.body))
        return EngineSeen(
            self._api.version,
            tuple(self._shown(known.seen) for known in self._known.values()),
            frozenset(name for image in stored for name in (image.id, *image.references)),
            runs,
            stored,
            self._unused(entries),
            tuple(sorted(self._about().get("Runtimes") or ())),
            disk_seen(str(self._about().get("DockerRootDir", ""))),
            tuple(self._instance(entry, changed) for entry in entries if f"{LABEL}instance" in entry["Labels"]),
        )

    def _instance(self, entry: Mapping[str, Any], changed: set[str]) -> InstanceSeen:
        """One that an event has just told of is inspected: Docker 20.10 tells that it died before its list shows that."""
        if entry["Id"] not in changed:
            return instance_seen(entry)
        answer = self._api.call("GET", f"/containers/{entry['Id']}/json")
        return instance_seen(entry, answer.body["State"] if answer.ok else None)

    def _shown(self, seen: ContainerSeen) -> ContainerSeen:
        return self._with_platform(self._with_illness(seen))

    def _with_illness(self, seen: ContainerSeen) -> ContainerSeen:
        is_ill = seen.health == UNHEALTHY or self._illness.has_had(seen.id)
        return replace(seen, has_been_ill=True) if is_ill else seen

    def _with_platform(self, seen: ContainerSeen) -> ContainerSeen:
        """An image never changes, so each one is asked once for what it is made for."""
        if seen.image not in self._platforms:
            answer = self._api.call("GET", f"/images/{seen.image}/json")
            if not answer.ok:
                return seen
            self._platforms[seen.image] = platform_of(answer.body)
        return replace(seen, platform=self._platforms[seen.image])

    def _unused(self, entries: list[Mapping[str, Any]]) -> tuple[str, ...]:
        """The networks of ours that no container of ours is on; Docker is asked again only after we have made or removed one."""
        if self._networks is None:
            self._networks = self._around.networks.ours()
        used = frozenset[str]().union(*map(networks_used, entries))
        return tuple(sorted(self._networks - used))

    def _about(self) -> Mapping[str, Any]:
        """What the engine says of itself; it stays so until the engine is started anew."""
        if self._info is None:
            answer = self._api.call("GET", "/info")
            self._info = answer.body if answer.ok else {}
        return self._info

    def _forget(self) -> None:
        """Trust nothing that was known of an engine that has been away."""
        self._known, self._networks, self._info = {}, None, None
        self._illness.forget()
        self._around.networks.forget()

    def _forget_changed(self) -> set[str]:
        """Drop what events and steps have made doubtful, and return it; what they say from now on is the next look's."""
        changed = set(_drained(self._changed))
        if _EVERYTHING in changed:
            self._forget()
        self._illness.learn()
        if _NETWORKS in changed:
            self._networks = None
        if not self._following:
            self._known.clear()
        self._known = {id_: known for id_, known in self._known.items() if not {id_, known.seen.name} & changed}
        return changed

    def _inspected(self, entry: Mapping[str, Any]) -> _Known | None:
        """What is known of a listed container; None when it vanished meanwhile (docker-py#1485)."""
        marks = (entry["State"], *_TELLING.findall(entry["Status"]))
        known = self._known.get(entry["Id"])
        if known and known.entry == marks:
            return known
        answer = self._api.call("GET", f"/containers/{entry['Id']}/json")
        return _Known(marks, named_end(self._api, container_seen(answer.body))) if answer.ok else None

    def _follow(self, deliver_hint: Callable[[], None]) -> None:
        filters = {"type": ["container"], "event": list(_WORTH_A_LOOK), "label": self._ours}
        while not self._closing.is_set():
            for container, is_news in self._events(json.dumps(filters)):
                self._changed.put(container)
                if is_news:
                    deliver_hint()
            self._following = False
            self._closing.wait(FOLLOW_AGAIN_S)

    def _events(self, filters: str) -> Iterator[tuple[str, bool]]:
        """The ids of containers as they change, and whether that is news, until the engine goes.

        `_EVERYTHING` stands for what happened before we listened.
        """
        try:
            for event in self._api.lines("GET", "/events", {"filters": filters}, silence_s=None):
                if event.get("error"):
                    return
                self._following = True
                if f"{LABEL}invocation" in event.get("Actor", {}).get("Attributes", {}):
                    continue  # whoever runs a function once follows it
                self._illness.tell(event)
                yield str(event.get("id", _EVERYTHING)), not self._expected.is_echo(event)
        except EngineAwayError:
            yield _EVERYTHING, True


def _drained(queue: SimpleQueue[str]) -> Iterator[str]:
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return
