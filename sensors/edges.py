"""From readings to events: a chain of stages for each sensor. Pure; every time is a value that comes in.

The first reading, and each one made at an opening, is the baseline: it says where the sensor stands and makes no event. Every other
goes through the stages in order. Before a reading counts, every deadline that it has passed is settled, the earliest first and of
equals the one nearest to the sensor. So the events depend on the readings alone, and not on when `settle` is called.

A reading older than the last one is ignored; one older than what is already settled counts as of now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol import devices
from protocol.desired import SensorSpec
from protocol.options import flag, number
from protocol.sensor_words import Nature, SensorWords
from protocol.shapes import JsonValue
from sensors.conditions import Conditions, Each, Whole
from sensors.levels import Clicks, Debounce, Delay, Words
from sensors.numbers import Deadband, Median, Pace, Threshold
from sensors.parts import Parts
from sensors.stage import NS_PER_S, Reading, Sample, Samples, Stage, passed
from sensors.turns import Turns


@dataclass(frozen=True, slots=True)
class Sensed:
    """One event of one sensor: a name of its kind, when it is deemed to have happened, and the value it left."""

    sensor: str
    event: str
    at_ns: int
    value: JsonValue


@dataclass(frozen=True, slots=True)
class Chain:
    """The stages of one sensor, and how far its readings are."""

    sensor: str
    stages: tuple[Stage, ...]
    is_begun: bool = False
    read_ns: int = 0
    settled_ns: int = 0

    @property
    def deadline_ns(self) -> int | None:
        """When `settle` will next have something to say; None while nothing is pending."""
        dues_ns = [due_ns for stage in self.stages if (due_ns := stage.deadline_ns) is not None]
        return min(dues_ns) if dues_ns else None

    @property
    def suppressed(self) -> int:
        """How many edges the stages have swallowed."""
        return sum(stage.suppressed for stage in self.stages)


def fresh(spec: SensorSpec) -> Chain:
    """The chain of a sensor that was never read."""
    words = devices.words_of(spec.kind, spec.options)
    match words.nature:
        case Nature.LEVEL:
            return Chain(spec.name, _levels(spec, words))
        case Nature.NUMBER:
            return Chain(spec.name, _numbers(spec, words))
        case Nature.CONDITIONS:
            return Chain(spec.name, (Conditions(words.events),))
        case Nature.WHOLE:
            return Chain(spec.name, (Whole(),))
        case Nature.EACH:
            return Chain(spec.name, (Each(words.events),))
        case Nature.PARTS:
            return Chain(spec.name, (Parts(_levels(spec, words)),))
        case Nature.TURNS:
            forth, back = words.events
            turns = Turns(forth, back, round(number(spec, "max_steps")), flag(spec, "wrap", default=False))
            return Chain(spec.name, (turns,))


def observe(chain: Chain, read: Reading) -> tuple[Chain, tuple[Sensed, ...]]:
    """Take in one reading: the chain afterwards, and what is sensed up to and with it."""
    if read.at_ns < chain.read_ns:
        return chain, ()
    if read.opening or not chain.is_begun:
        return _begun(chain, read), ()
    chain, before = settle(chain, read.at_ns)
    stages, out = passed(chain.stages, 0, (Sample(read.value, chain.settled_ns),))
    chain = Chain(chain.sensor, stages, True, read.at_ns, chain.settled_ns)
    return chain, (*before, *_sensed(chain, out)) if before or out else ()


def settle(chain: Chain, now_ns: int) -> tuple[Chain, tuple[Sensed, ...]]:
    """Let the time pass up to `now_ns`."""
    sensed: tuple[Sensed, ...] = ()
    while (due_ns := chain.deadline_ns) is not None and due_ns <= now_ns:
        place = next(i for i, stage in enumerate(chain.stages) if stage.deadline_ns == due_ns)
        stage, out = chain.stages[place].settle(due_ns)
        stages, out = passed((*chain.stages[:place], stage, *chain.stages[place + 1 :]), place + 1, out)
        chain, sensed = replace(chain, stages=stages), (*sensed, *_sensed(chain, out))
    settled_ns = max(chain.settled_ns, now_ns)
    return Chain(chain.sensor, chain.stages, chain.is_begun, chain.read_ns, settled_ns), sensed


def _numbers(spec: SensorSpec, words: SensorWords) -> tuple[Stage, ...]:
    """The stages of a kind that is measured, by its options."""
    size, every_ns, by = round(number(spec, "median")), _ns(spec, "rate_limit"), number(spec, "deadband")
    _, over, under = words.events
    limit = number(spec, "threshold") if "threshold" in spec.options else None
    return (
        *((Median(size),) if size > 1 else ()),
        *((Pace(every_ns),) if every_ns else ()),
        *((Deadband(by),) if by else ()),
        Threshold(over, under, limit, number(spec, "hysteresis")),
    )


def _levels(spec: SensorSpec, words: SensorWords) -> tuple[Stage, ...]:
    """The stages of a kind that is on or off, by its options."""
    on, off, settle_s = *words.events[:2], number(spec, "settle")
    on_ns, off_ns = _ns(spec, "delayed_on", settle_s), _ns(spec, "delayed_off", settle_s)
    debounce_ns, hold_ns, gap_ns = _ns(spec, "debounce"), _ns(spec, "hold"), _ns(spec, "clicks")
    held = devices.HELD if hold_ns and devices.HELD in words.events else ""
    return (
        *((Delay(on_ns, off_ns),) if on_ns or off_ns else ()),
        Debounce(debounce_ns),
        Words(on, off, held, max(hold_ns, debounce_ns)),
        *((Clicks(off, devices.HELD, gap_ns),) if gap_ns else ()),
    )


def _ns(spec: SensorSpec, key: str, default_s: float = 0.0) -> int:
    return round(number(spec, key, default_s) * NS_PER_S)


def _begun(chain: Chain, read: Reading) -> Chain:
    stages = tuple(stage.opened(read.value) for stage in chain.stages)
    return Chain(chain.sensor, stages, True, read.at_ns, max(chain.settled_ns, read.at_ns))


def _sensed(chain: Chain, samples: Samples) -> tuple[Sensed, ...]:
    return tuple(Sensed(chain.sensor, sample.event, sample.at_ns, sample.value) for sample in samples)
