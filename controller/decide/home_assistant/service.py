"""A service as a device of Home Assistant: how many of its tasks run, how many there are to be, its restart, and its update.

An update of Home Assistant stands for a rollout: what is installed is what the service ran before, what is available what it is
rolled to. A rollout goes by itself; where it waits for a person, *install* lets it go on.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.fleet import Fleet
from controller.decide.home_assistant.desk import SERVICE, Sort, Subject
from controller.decide.home_assistant.entity import Document, Entity, Maker, Stated, cut
from controller.decide.home_assistant.node import refusal
from controller.decide.records import revision_key
from controller.decide.rollouts.slot import RolloutState
from controller.decide.services import REPLICAS_MOST
from protocol.operator import ServiceStatus
from protocol.release import BASE
from protocol.rollouts import RolloutStatus
from protocol.shapes import JsonValue, write
from protocol.stack import Service
from protocol.topics import EntityStateTopic

RUNNING, PROBLEM, REPLICAS, RESTART, UPDATE = "running", "problem", "replicas", "restart", "update"
INSTALL = "install"

REVISION_SHOWN = 7
"""Characters of a revision that people tell apart."""

REASONS_SHOWN = 5

FORTH, BACK = (RolloutState.ROLLING, RolloutState.PAUSED), (RolloutState.ROLLING_BACK, RolloutState.ROLLBACK_PAUSED)
GOING = (RolloutState.ROLLING, RolloutState.ROLLING_BACK)


def document(fleet: Fleet, subject: Subject) -> Document | None:
    """The device of a service; None for one that is not in force."""
    service = fleet.catalogue.services.get(subject.name)
    if service is None:
        return None
    maker = Maker(fleet.name, subject)
    device: dict[str, JsonValue] = {
        "ids": [subject.device(fleet.name)],
        "name": f"{service.stack} {service.name}",
        "mf": "Bramble",
        "mdl": f"{service.mode} service",
        "via_device": maker.via,
    }
    return Document(device, tuple(_entities(maker, service)))


def states(fleet: Fleet, subject: Subject) -> Iterator[tuple[EntityStateTopic, bytes]]:
    """How a service stands, as far as its stack's status was made."""
    service, stands = fleet.catalogue.services[subject.name], fleet.home_assistant.services.get(subject.name)
    if stands is None:
        return
    done = stands.running + stands.completed
    told: dict[str, JsonValue] = {
        "desired": stands.desired, "completed": stands.completed, "image": stands.image,
        "reasons": list(stands.reasons[:REASONS_SHOWN]),
    }  # fmt: skip
    yield subject.state(fleet.name, Sort.OWN, RUNNING), Stated(stands.running, told).payload
    yield subject.state(fleet.name, Sort.OWN, PROBLEM), Stated("ON" if done < stands.desired else "OFF").payload
    if not service.mode.is_global:
        yield subject.state(fleet.name, Sort.OWN, REPLICAS), Stated(stands.desired).payload
    yield subject.state(fleet.name, Sort.OWN, UPDATE), _update(fleet, stands)


def _entities(maker: Maker, service: Service) -> Iterator[Entity]:
    yield maker.stateful("sensor", Sort.OWN, RUNNING, name="running tasks", stat_cla="measurement")
    yield maker.stateful("binary_sensor", Sort.OWN, PROBLEM, name="problem", dev_cla="problem", ent_cat="diagnostic")
    if not service.mode.is_global:
        yield maker.stateful(
            "number", Sort.OWN, REPLICAS, name="replicas", ent_cat="config", min=0, max=REPLICAS_MOST, step=1, mode="box",
            cmd_t=maker.command(Sort.OWN, REPLICAS),
        )  # fmt: skip
    if service.release is None:
        yield maker.entity(
            "button", Sort.OWN, RESTART, name="restart", dev_cla="restart", ent_cat="config", pl_prs=RESTART,
            cmd_t=maker.command(Sort.OWN, RESTART),
        )  # fmt: skip
    yield _updated(maker)
    yield refusal(maker)


def _updated(maker: Maker) -> Entity:
    """Home Assistant reads the JSON of an update itself, and refuses a key that it does not know."""
    topic = maker.subject.state(maker.fleet, Sort.OWN, UPDATE)
    made = maker.entity(
        "update", Sort.OWN, UPDATE, name="update", stat_t=str(topic), cmd_t=maker.command(Sort.OWN, UPDATE),
        pl_inst=INSTALL,
    )  # fmt: skip
    return Entity(made.id, made.platform, made.config, topic)


def _update(fleet: Fleet, stands: ServiceStatus) -> bytes:
    rollout = stands.rollout
    installed, latest = _revisions(stands.revision, rollout)
    percentage = _percentage(rollout) if rollout is not None and rollout.state in GOING else None
    said: dict[str, JsonValue] = {
        "installed_version": _version(fleet, stands.service, installed),
        "latest_version": _version(fleet, stands.service, latest),
        "title": cut(stands.image),
        "release_summary": cut(rollout.report) if rollout is not None and rollout.state != RolloutState.DONE else "",
        "in_progress": percentage is not None,
        "update_percentage": percentage,
    }
    return write(said)


def _revisions(wanted: str, rollout: RolloutStatus | None) -> tuple[str, str]:
    """What is installed and what is available; after a rollback both are what was there before, whatever the manifest says."""
    if rollout is None or not rollout.previous:
        return wanted, wanted
    if rollout.state in FORTH:
        return rollout.previous, rollout.revision
    if rollout.state in BACK:
        return rollout.revision, rollout.previous
    return (rollout.previous, rollout.previous) if rollout.state == RolloutState.ROLLED_BACK else (wanted, wanted)


def _percentage(rollout: RolloutStatus) -> int:
    total = rollout.updated + rollout.failed + rollout.unseen + rollout.in_progress
    return round(100 * rollout.updated / total) if total else 0


def _version(fleet: Fleet, service: str, revision: str) -> str:
    """`dashboard:2 (1f0a6c2)`: what people call it, and what it is."""
    known = fleet.revisions.get(revision_key(service, revision))
    if known is not None and known.release is not None:
        return cut(known.release.version or BASE)
    image = known.container.image.partition("@")[0].rpartition("/")[2] if known is not None else ""
    return cut(f"{image} ({revision[:REVISION_SHOWN]})".strip())


def of(key: str) -> Subject:
    """The subject of a service."""
    return Subject(SERVICE, key)
