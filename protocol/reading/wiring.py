"""What two devices of one stack both want of a node, or one wants twice: told of each of them, so that both lines are named.

Devices whose `nodes` no node can meet at once get on. What another stack has, only the controller knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.claims import PIN_KEYS, Claim, Spec, claims_of
from protocol.constraint import are_disjoint
from protocol.reading.document import Path
from protocol.reading.draft import Draft
from protocol.stack import Actuator, Sensor, Stack

Device = Sensor | Actuator


def wiring(draft: Draft, stack: Stack) -> None:
    """Note what is wanted twice."""
    before: list[tuple[Claim, Path, Device]] = []
    for path, device in _devices(stack):
        own: list[Claim] = []
        for claim in claims_of(device.spec):
            if any(claim.excludes(one) for one in own):
                draft.misfit((*path, *_key_of(device.spec, claim)), f"it names {claim.what} twice")
                continue
            own.append(claim)
            for other, owner, owning in before:
                if claim.excludes(other) and not are_disjoint(device.constraints, owning.constraints):
                    _both(draft, claim, (path, device), (owner, owning))
        before += [(claim, path, device) for claim in own]


def _both(draft: Draft, claim: Claim, *two: tuple[Path, Device]) -> None:
    """Neither is the one that is wrong."""
    for (path, device), (other, _) in (two, two[::-1]):
        reason = f"{_name(path)} wants {claim.what}, which {_name(other)} of the same stack has"
        remedy = "choose another, or constrain the two to different nodes"
        draft.misfit((*path, *_key_of(device.spec, claim)), reason, remedy)


def _devices(stack: Stack) -> Iterator[tuple[Path, Device]]:
    yield from ((("sensors", name), one) for name, one in stack.sensors.items())
    yield from ((("actuators", name), one) for name, one in stack.actuators.items())


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _key_of(spec: Spec, claim: Claim) -> Path:
    """The key that asks for it: the last one, where several do."""
    keys: dict[str, Path] = {}
    for key, value in spec.options.items():
        if key in PIN_KEYS:
            keys[f"pin {value}"] = (key,)
        elif key == "pins" and isinstance(value, list):
            keys |= {f"pin {pin}": (key, place) for place, pin in enumerate(value)}
        elif key == "buttons" and isinstance(value, dict):
            keys |= {f"pin {pin}": (key, name) for name, pin in value.items()}
    return keys.get(claim.what, ())
