"""What speaks against a node: one small function per reason, each of which says it in one sentence.

Four tables, by what follows for a task that is there already. LEAVING sends it away when its service's budget allows; BROKEN sends
it away at once, because it cannot work there; PASSING only keeps new ones out; so does CROWDING, which asks what else is placed on
the node and is asked anew after each placement. What is not known of a node, or of an image, is no objection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from controller.decide import templates
from controller.decide.fleet import Fleet
from controller.decide.placement import constraints
from controller.decide.placement.need import Need
from controller.decide.placement.room import MILLIS, Room
from controller.decide.presence import Presence
from controller.decide.records import Availability, Node
from protocol.claims import pins_of
from protocol.constraint import plain
from protocol.ids import service_key
from protocol.platform import is_for

SYSTEM_MEMORY_BYTES = 192 * 2**20
"""Kept for the system: dockerd and containerd take 150 MB on any node with Docker (measured), the agent 25, its broker's link and
the kernel's own work the rest."""

SYSTEM_MILLICPUS = 100
"""A tenth of one core: an agent and an idle engine take a few hundredths, a pull takes more for a while."""

MEBIBYTE = 2**20

NOT_LAUNCHED = (
    "has an agent that bramble-agent-launch did not start; "
    "install this release there by hand, and start it with its bramble-agent.service"
)

NOT_CONTAINED = (
    "has an agent that is no container which another could take the place of; update it to a version, or run it as "
    "docs/agents.md says"
)

RUNS_TOO: Mapping[str, frozenset[str]] = {"arm64": frozenset({"arm"}), "amd64": frozenset({"386"})}
"""What a processor runs besides its own, without emulation; the agent holds pulled images to the same."""

ARM_LEVEL: Mapping[str, int] = {"armv6l": 6, "armv6": 6, "armhf": 7, "armv7l": 7, "armv7": 7}
"""How far a 32-bit kernel's word says its processor goes; every other ARM processor that we know goes to 8."""


@dataclass(slots=True)
class Candidate:
    """A node as the filters see it. `room` is live; the rest is looked up anew when the node changes. `pins` are its devices'."""

    node: Node
    presence: Presence
    is_unsteady: bool
    room: Room
    pins: Mapping[int, str]
    memory_bytes: int
    millicpus: int


Filter = Callable[[Candidate, Need], tuple[str, ...]]


def candidate(fleet: Fleet, name: str, need: Need) -> Candidate:
    """A node that is asked whether it may carry a service."""
    node = fleet.nodes[name]
    inventory = node.inventory
    return Candidate(
        node,
        fleet.presence(name),
        fleet.unsteady(name),
        fleet.rooms.of(name),
        _device_pins(fleet, name) if need.hardware.pins else {},
        max(inventory.memory_bytes - SYSTEM_MEMORY_BYTES, 0),
        max(inventory.cpus * MILLIS - SYSTEM_MILLICPUS, 0),
    )


def objections(one: Candidate, need: Need) -> tuple[str, ...]:
    """Everything that speaks against a new task on this node."""
    return tuple(
        said for table in (LEAVING, BROKEN, PASSING, CROWDING) for object_to in table for said in object_to(one, need)
    )


def any_objection(table: Iterable[Filter], one: Candidate, need: Need) -> bool:
    """Whether any of these filters has something against this node."""
    for object_to in table:  # noqa: SIM110 - asked for each placement, where a generator would cost more than the filters
        if object_to(one, need):
            return True
    return False


def drained(one: Candidate, need: Need) -> tuple[str, ...]:
    """The operator empties it; its agent is there all the same."""
    return ("is drained",) if one.node.availability is Availability.DRAIN and not need.hardware.launcher else ()


def going(one: Candidate, _: Need) -> tuple[str, ...]:
    """The operator takes it out of the fleet."""
    return ("leaves the fleet",) if one.node.is_leaving else ()


def unmet(one: Candidate, need: Need) -> tuple[str, ...]:
    """A placement constraint is not met."""
    return constraints.objections(need.constraints, one.node) if need.constraints else ()


def lacking(one: Candidate, need: Need) -> tuple[str, ...]:
    """Hardware or a label is missing, or a device of the stacks sits on the pin."""
    hardware, has = need.hardware, one.node.inventory
    said = [f"has no pin {pin}" for pin in hardware.pins if pin not in has.pins]
    said += [f"pin {pin} is taken by {one.pins[pin]}" for pin in hardware.pins if pin in one.pins]
    said += [f"has no bus {bus}" for bus in hardware.buses if bus not in has.buses]
    said += [f"has no {path}" for path in hardware.devices if not _is_there(path, has.devices)]
    said += [NOT_LAUNCHED] if hardware.launcher and not one.node.release else []
    said += [NOT_CONTAINED] if hardware.container and one.node.release and not one.node.image else []
    labels = one.node.labels if hardware.labels else {}
    return (*said, *(f"has no label {label}" for label in hardware.labels if label not in labels))


def paused(one: Candidate, need: Need) -> tuple[str, ...]:
    """The operator wants nothing new there."""
    return ("is paused",) if one.node.availability is Availability.PAUSE and not need.hardware.launcher else ()


def absent(one: Candidate, need: Need) -> tuple[str, ...]:
    """It is not certain that it is there; its agent is where it is."""
    if one.presence is Presence.QUARANTINED:
        return ("is quarantined: two devices speak under its name",)
    return () if one.presence is Presence.ONLINE or need.hardware.launcher else (f"is {one.presence}",)


def unsteady(one: Candidate, need: Need) -> tuple[str, ...]:
    """It is there, and will soon be gone again."""
    return ("comes and goes",) if one.is_unsteady and not need.hardware.launcher else ()


def without_engine(one: Candidate, need: Need) -> tuple[str, ...]:
    """Nothing on it runs containers."""
    return () if one.node.inventory.engine or need.hardware.launcher else ("has no Docker Engine",)


def foreign(one: Candidate, need: Need) -> tuple[str, ...]:
    """The image is made for other processors, or another platform is asked for."""
    word = one.node.inventory.architecture
    if need.platform:
        return _elsewhere(word, need)
    if not need.platforms or any(runs(word, platform) for platform in need.platforms):
        return ()
    return (f"is {_architecture(word)}, and the image is made for {', '.join(need.platforms)}",)


def without_runtime(one: Candidate, need: Need) -> tuple[str, ...]:
    """Its engine does not have the runtime that is asked for."""
    known = one.node.inventory.runtimes
    return (f"has no runtime {need.runtime}",) if need.runtime and known and need.runtime not in known else ()


def untold(one: Candidate, need: Need) -> tuple[str, ...]:
    """A template asks for something that it has not told."""
    return templates.objections(one.node, need.templated) if need.templated else ()


def short_of_memory(one: Candidate, need: Need) -> tuple[str, ...]:
    """What is reserved already, and what the system needs, leave too little."""
    free_bytes = one.memory_bytes - one.room.memory_bytes
    if need.memory_bytes <= free_bytes or not need.memory_bytes or not one.node.inventory.memory_bytes:
        return ()
    return (f"has {_mebibytes(free_bytes)} of memory free, and {_mebibytes(need.memory_bytes)} are to be reserved",)


def short_of_cores(one: Candidate, need: Need) -> tuple[str, ...]:
    """The same for its processor."""
    free = one.millicpus - one.room.millicpus
    if need.millicpus <= free or not need.millicpus:
        return ()
    return (f"has {max(free, 0) / MILLIS:g} cores free, and {need.millicpus / MILLIS:g} are to be reserved",)


def full(one: Candidate, need: Need) -> tuple[str, ...]:
    """It has as many tasks of the service as one node may have."""
    count = one.room.crowd.get(need.key, 0)
    return (f"carries {count} of this service already",) if 0 < need.most_per_node <= count else ()


def claimed(one: Candidate, need: Need) -> tuple[str, ...]:
    """A port or a pin is taken: by another service, or by a task of this one."""
    crowd = one.room.crowd
    said = [sentence for rival, sentence in need.rivals if rival in crowd]
    if need.claims and need.key in crowd:
        what = "port can be published" if need.claims[-1].startswith("port") else "pin can be used"
        said.append(f"carries this service already, and its {what} once")
    return tuple(said)


LEAVING: tuple[Filter, ...] = (drained, unmet)
BROKEN: tuple[Filter, ...] = (going, lacking)
PASSING: tuple[Filter, ...] = (paused, absent, unsteady, without_engine, foreign, without_runtime, untold)
CROWDING: tuple[Filter, ...] = (short_of_memory, short_of_cores, full, claimed)


def asked(need: Need) -> tuple[Filter, ...]:
    """The filters of CROWDING that can say anything to this need."""
    is_asked = (need.memory_bytes, need.millicpus, need.most_per_node, need.claims)
    return tuple(one for one, is_it in zip(CROWDING, is_asked, strict=True) if is_it)


def _device_pins(fleet: Fleet, node: str) -> dict[int, str]:
    """The pins on which the stacks' sensors and actuators sit, with who has them."""
    devices, stacks = fleet.devices.get(node), fleet.catalogue.stacks
    taken: dict[int, str] = {}
    for key in (*devices.sensors, *devices.actuators) if devices else ():
        stack, name = key.split(".")
        found = stacks.get(stack)
        device = (found.sensors.get(name) or found.actuators.get(name)) if found else None
        if device is not None:
            taken |= dict.fromkeys(pins_of(device.spec), service_key(stack, name))
    return taken


def _is_there(path: str, devices: tuple[str, ...]) -> bool:
    """Whether a node has a path below /dev, or something below it."""
    return any(device == path or device.startswith(f"{path}/") for device in devices)


def runs(word: str, platform: str) -> bool:
    """Whether a kernel that calls itself so runs an image for a platform such as `linux/arm/v7`."""
    system, _, rest = platform.partition("/")
    wanted, _, variant = rest.partition("/")
    ours = _architecture(word)
    if system != "linux" or not (wanted == ours or wanted in RUNS_TOO.get(ours, frozenset())):
        return False
    level = int(variant[1:]) if wanted == "arm" and variant[1:].isdigit() else 0
    return level <= ARM_LEVEL.get(word.lower(), 8)


def _elsewhere(word: str, need: Need) -> tuple[str, ...]:
    """Why the platform that a service asks for cannot be had here, or nowhere."""
    if need.platforms and not any(is_for(one, need.platform) for one in need.platforms):
        return (f"the image is made for {', '.join(need.platforms)}, and the service asks for {need.platform}",)
    can = runs(word, need.platform)
    return () if can else (f"is {_architecture(word)}, and the service asks for {need.platform}",)


def _architecture(word: str) -> str:
    """A kernel's word for its architecture, in the engine's words."""
    return plain("node.platform.arch", word)


def _mebibytes(size_bytes: int) -> str:
    return f"{max(size_bytes, 0) // MEBIBYTE} MiB"
