"""The node's Docker Engine: what it runs, and the steps that change it. Decides nothing.

No exception leaves this module: the engine being away is `EngineLost` when looking and `Retry` when doing. Containers without
our fleet and node label are never shown and never touched (S8). A look costs one list of containers, one of images, and an
inspection of each container whose entry changed; an old inspection is trusted only while Docker's events are being followed,
because a restart between two looks changes no entry.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from agent.adapters.creation import LABEL, Place
from agent.adapters.docker_api import DockerApi, EngineAwayError
from agent.adapters.runs import Attempt
from agent.adapters.steps import TaskStep, perform
from agent.adapters.surroundings import Surroundings
from agent.adapters.troubles import ENGINE_RETRY_S
from agent.decide.effects import Remove, Run, Start, Stop
from agent.decide.inputs import (
    ContainerSeen,
    EngineLost,
    EngineSeen,
    Outcome,
    Phase,
    Retry,
    RunEnded,
    RunSeen,
)
from protocol.ids import full_reference

FOLLOW_AGAIN_S = 5.0
# After the engine went away; a full look comes every 15 s anyway.

_PHASES: Mapping[str, Phase] = {
    "created": Phase.CREATED,
    "running": Phase.RUNNING,
    "paused": Phase.RUNNING,
    "restarting": Phase.RUNNING,
    "exited": Phase.EXITED,
}
_TELLING = re.compile(r"\(.*?\)")
# "Up 3 minutes (healthy)", "Exited (1) 2 hours ago": the age is noise, health and exit code are not.
_WORTH_A_LOOK = ("create", "start", "die", "oom", "destroy", "health_status", "pause", "unpause", "rename")
_EVERYTHING = ""


class EngineSeam(Protocol):
    """What the loop and the workers may ask of an engine, real or simulated."""

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""

    def perform(self, step: TaskStep) -> Outcome:
        """Carry out one step; doing it twice is doing it once."""

    def run(self, step: Run) -> RunEnded:
        """Run a function to its end, or take over its container from before a crash. The container stays until a `Remove`."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An inspected container, and the list entry it was inspected for."""

    entry: tuple[str, ...]
    seen: ContainerSeen


class Engine:
    """The real engine behind a socket, e.g. `unix:///var/run/docker.sock`. `look` is for one thread, the rest for any."""

    def __init__(self, url: str, node: str, fleet: str) -> None:
        self._api = DockerApi(url)
        self._place = Place(fleet, node)
        self._around = Surroundings(self._api, self._place)
        self._known: dict[str, _Known] = {}
        self._changed: SimpleQueue[str] = SimpleQueue()
        self._following = False
        self._closing = threading.Event()

    def look(self) -> EngineSeen | EngineLost:
        """All containers of this node's tasks and runs, and the images that are here."""
        try:
            return self._look()
        except EngineAwayError as away:
            self._known.clear()
            return EngineLost(str(away))

    def perform(self, step: TaskStep) -> Outcome:
        """Carry out one step; doing it twice is doing it once."""
        try:
            return perform(self._around, step)
        except EngineAwayError as away:
            return Retry(str(away), ENGINE_RETRY_S)
        finally:
            if isinstance(step, Start | Stop | Remove):
                self._changed.put(step.container)

    def run(self, step: Run) -> RunEnded:
        """Run a function to its end, or take over its container from before a crash. The container stays until a `Remove`."""
        return Attempt(self._around, step, time.monotonic, time.sleep).run()

    def events(self, deliver_hint: Callable[[], None]) -> None:
        """Start a daemon thread that calls `deliver_hint` whenever a look is worth while; it survives the engine's restarts."""
        threading.Thread(target=self._follow, args=(deliver_hint,), name="engine-events", daemon=True).start()

    def close(self) -> None:
        """Stop following events and let go of the connections."""
        self._closing.set()
        self._api.close()

    def _look(self) -> EngineSeen:
        self._forget_changed()
        filters = json.dumps({"label": [f"{name}={value}" for name, value in self._place.labels.items()]})
        answer = self._api.call("GET", "/containers/json", query={"all": 1, "filters": filters})
        images = self._api.call("GET", "/images/json")
        if not answer.ok or not images.ok:
            raise EngineAwayError(f"the Docker Engine shows nothing: {answer.message or images.message}")
        entries = [entry for entry in answer.body if self._place.owns(entry["Labels"])]
        seen = tuple(self._inspected(entry) for entry in entries if f"{LABEL}task" in entry["Labels"])
        self._known = {known.seen.id: known for known in seen if known}
        runs = tuple(_run_seen(entry) for entry in entries if f"{LABEL}invocation" in entry["Labels"])
        containers = tuple(known.seen for known in self._known.values())
        return EngineSeen(self._api.version, containers, frozenset(_references(images.body)), runs)

    def _forget_changed(self) -> None:
        """Drop what events and steps have made doubtful; what they say from now on is the next look's."""
        changed = set(_drained(self._changed))
        if _EVERYTHING in changed or not self._following:
            self._known.clear()
        self._known = {id_: known for id_, known in self._known.items() if not {id_, known.seen.name} & changed}

    def _inspected(self, entry: Mapping[str, Any]) -> _Known | None:
        """What is known of a listed container; None when it vanished meanwhile (docker-py#1485)."""
        marks = (entry["State"], *_TELLING.findall(entry["Status"]))
        known = self._known.get(entry["Id"])
        if known and known.entry == marks:
            return known
        answer = self._api.call("GET", f"/containers/{entry['Id']}/json")
        return _Known(marks, _container_seen(answer.body)) if answer.ok else None

    def _follow(self, deliver_hint: Callable[[], None]) -> None:
        labels = [f"{name}={value}" for name, value in self._place.labels.items()]
        filters = {"type": ["container"], "event": list(_WORTH_A_LOOK), "label": [*labels, f"{LABEL}task"]}
        while not self._closing.is_set():
            for container in self._events(json.dumps(filters)):
                self._changed.put(container)
                deliver_hint()
            self._following = False
            self._closing.wait(FOLLOW_AGAIN_S)

    def _events(self, filters: str) -> Iterator[str]:
        """The ids of containers as they change, until the engine goes; `_EVERYTHING` for what happened before we listened."""
        try:
            for event in self._api.lines("GET", "/events", {"filters": filters}, silence_s=None):
                if event.get("error"):
                    return
                self._following = True
                yield str(event.get("id", _EVERYTHING))
        except EngineAwayError:
            yield _EVERYTHING


def _drained(queue: SimpleQueue[str]) -> Iterator[str]:
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return


def _container_seen(body: Mapping[str, Any]) -> ContainerSeen:
    labels, state = body["Config"]["Labels"], body["State"]
    phase = _PHASES.get(state["Status"], Phase.DEAD)
    health = str((state.get("Health") or {}).get("Status", ""))
    return ContainerSeen(
        id=body["Id"],
        name=str(body["Name"]).lstrip("/"),
        task=labels[f"{LABEL}task"],
        revision=labels.get(f"{LABEL}revision", ""),
        spec_hash=labels.get(f"{LABEL}spec-hash", ""),
        phase=phase,
        image=body["Image"],
        health="" if health == "none" else health,
        exit_code=None if phase in {Phase.CREATED, Phase.RUNNING} else state["ExitCode"],
        started="" if state["StartedAt"].startswith("0001-") else state["StartedAt"],
        out_of_memory=bool(state.get("OOMKilled")),
    )


def _run_seen(entry: Mapping[str, Any]) -> RunSeen:
    labels = entry["Labels"]
    attempt = labels.get(f"{LABEL}attempt", "")
    return RunSeen(
        id=entry["Id"],
        name=str(entry["Names"][0]).lstrip("/"),
        invocation=labels[f"{LABEL}invocation"],
        attempt=int(attempt) if attempt.isdecimal() else 0,
        phase=_PHASES.get(entry["State"], Phase.DEAD),
    )


def _references(images: list[Mapping[str, Any]]) -> Iterator[str]:
    for image in images:
        yield image["Id"]
        for reference in [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]:
            if "<none>" not in reference:
                yield full_reference(reference)
