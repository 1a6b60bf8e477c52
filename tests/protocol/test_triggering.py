"""What manifests say of triggers: what is read, and what is refused with which sentence."""

from __future__ import annotations

import pytest

from protocol.reading import stackfile
from protocol.stack import Stack
from protocol.trigger import Catchup, Dialect, Figure, RollingWindow, Step, TriggerSpec

STACK = """
sensors:
  bell: {kind: button, pin: 17, nodes: [node.labels.a == b]}
  door: {kind: digital, pin: 22}
  hot: {kind: cpu-temperature, threshold: 70}
functions:
  other: {image: "other:1"}
  away:
    image: away:1
    nodes: [node.labels.c == d]
    triggers: [AWAY]
  greet:
    image: greet:1
    triggers: [GREET]
"""


def said(trigger: str, away: str = "") -> TriggerSpec | str:
    """The trigger that is meant, or what is wrong with it."""
    found = stackfile.read(STACK.replace("GREET", trigger).replace("AWAY", away).encode(), "porch")
    if isinstance(found, Stack):
        return found.functions["greet"].spec.triggers[0]
    return "; ".join(f"{fault.path.rpartition('triggers')[2]} {fault.reason}; {fault.remedy}" for fault in found)


@pytest.mark.parametrize(
    ("trigger", "meant"),
    [
        ("{sensor: bell, on: pressed}", TriggerSpec("bell", "pressed")),
        ("{sensor: bell, on: pressed, cooldown: 1m}", TriggerSpec("bell", "pressed", cooldown_s=60)),
        ("{sensor: bell, on: released, for: 2s}", TriggerSpec("bell", "released", for_s=2, until="pressed")),
        ("{sensor: hot, on: below, for: 2s}", TriggerSpec("hot", "below", for_s=2, until="above")),
        (
            "{sensor: hot, on: changed, window: {of: max, last: 3, below: 5}}",
            TriggerSpec("hot", "changed", window=RollingWindow(Figure.MAX, last=3, below=5)),
        ),
        (
            "{sequence: [{sensor: door, on: activated}, {sensor: hot, on: above}], within: 5s}",
            TriggerSpec(sequence=(Step("door", "activated"), Step("hot", "above")), within_s=5),
        ),
        ("{function: other, on: failed}", TriggerSpec(function="other", on="failed")),
        ("{every: 5s}", TriggerSpec(every_s=5)),
        (
            "{node: offline, when: [{exact: {data.labels.site: home}}]}",
            TriggerSpec(node="offline", when=({"exact": {"data.labels.site": "home"}},)),
        ),
        ("{every: 5s, catchup: skip}", TriggerSpec(every_s=5, catchup=Catchup.SKIP)),
        ("{every: 5s, catchup: all, max_age: 1h}", TriggerSpec(every_s=5, catchup=Catchup.ALL, max_age_s=3600)),
        ("{schedule: '@daily'}", TriggerSpec(schedule="@daily")),
        (
            "{schedule: '5 4 * * *', catchup: all, max_age: 1h}",
            TriggerSpec(schedule="5 4 * * *", catchup=Catchup.ALL, max_age_s=3600),
        ),
        (
            "{sensor: bell, on: pressed, when: [{exact: {clock: synced, data.value: true}}, {not: {any: [{prefix: {id: a}}]}}]}",
            TriggerSpec(
                "bell",
                "pressed",
                when=(
                    {"exact": {"clock": "synced", "data.value": "true"}},
                    {"not": {"any": [{"prefix": {"id": "a"}}]}},
                ),
            ),
        ),
        (
            "{sensor: bell, on: pressed, when: [{cel: 'event.data.value'}]}",
            TriggerSpec("bell", "pressed", when=({"cel": "event.data.value"},), dialects=(Dialect.CEL,)),
        ),
        (
            "{sensor: bell, on: pressed, when: [{cel: 'event.data.value.matches == 1'}, {cel: 'event.node.matches(r\"^pi\")'}]}",
            TriggerSpec(
                "bell",
                "pressed",
                when=({"cel": "event.data.value.matches == 1"}, {"cel": 'event.node.matches(r"^pi")'}),
                dialects=(Dialect.CEL, Dialect.CEL_2),
            ),
        ),
        *(
            (
                f"{{sensor: bell, on: pressed, when: [{{cel: '{cel}'}}]}}",
                TriggerSpec("bell", "pressed", when=({"cel": cel},), dialects=dialects),
            )
            for cel, dialects in (
                ('event.node.startsWith("duration(")', (Dialect.CEL,)),
                ('string(event.data.pin) == "b"', (Dialect.CEL,)),
                ('string(b"17") == "b"', (Dialect.CEL, Dialect.CEL_2)),
                ("timestamp (event.time) == timestamp(event.time)", (Dialect.CEL, Dialect.CEL_2)),
                ('["1h"].all(d, duration(d).getHours() == 1)', (Dialect.CEL, Dialect.CEL_2)),
            )
        ),
        (
            "{node: offline, when: [{not: {any: [{cel: 'event.node == \"a\"'}]}}]}",
            TriggerSpec(
                node="offline", when=({"not": {"any": [{"cel": 'event.node == "a"'}]}},), dialects=(Dialect.CEL,)
            ),
        ),
    ],
)
def test_a_trigger_means_what_it_says(trigger: str, meant: TriggerSpec) -> None:
    """Every key of a trigger reaches the node."""
    assert said(trigger) == meant


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ("{}", "a trigger has one cause"),
        ("{sensor: bell, on: pressed, every: 5s}", "a trigger has one cause"),
        ("{node: suspect}", "online"),
        ("{node: online, on: online}", "`on` says nothing about `node`"),
        ("{node: online, sensor: bell, on: pressed}", "a trigger has one cause"),
        ("{node: online, when: [{exact: {data.labels.: home}}]}", "an event has no attribute"),
        ("{node: online, when: [{exact: {labels.site: home}}]}", "an event has no attribute"),
        ("{sensor: bell}", "a trigger of a sensor needs `on`"),
        ("{function: other}", "a trigger of a function needs `on`"),
        ("{every: 5s, cooldown: 5s}", "`cooldown` says nothing about `every`"),
        ("{every: 5s, max_age: 5s}", "add `catchup: once`"),
        ("{every: 5s, catchup: skip, max_age: 5s}", "makes nothing good"),
        ("{schedule: '@daily', for: 5s}", "`for` says nothing about `schedule`"),
        ("{function: other, on: done, cooldown: 5s}", "`cooldown` says nothing about `function`"),
        ("{schedule: '@daily', catchup: skip, max_age: 5s}", "makes nothing good"),
        ("{schedule: '@dayly'}", "is no schedule"),
        ("{sensor: gate, on: pressed}", "there is no sensor 'gate'"),
        ("{sensor: bell, on: opened}", "a button makes no 'opened'"),
        ("{function: nobody, on: done}", "there is no function 'nobody'"),
        ("{function: other, on: ready}", "a function ends as done, failed, expired"),
        ("{sensor: hot, on: changed, for: 5s}", "'changed' is over at once"),
        ("{sensor: bell, on: held, for: 5s}", "wait for pressed or released"),
        ("{sensor: bell, on: pressed, for: 5s, window: {of: count, within: 5s, above: 1}}", "keep one"),
        ("{sensor: bell, on: pressed, window: {of: average, last: 5, above: 1}}", "what is on or off has no average"),
        ("{sensor: hot, on: changed, window: {of: average, above: 1}}", "either `last`"),
        ("{sensor: hot, on: changed, window: {of: average, last: 3}}", "write `above` or `below`"),
        ("{sensor: hot, on: changed, window: {of: count, within: 3s, below: 3}}", "write `within` and `above`"),
        ("{sensor: hot, on: changed, window: {of: count, within: 3s, above: 100}}", "an `above` from 1 to 99"),
        ("{sequence: [{sensor: door, on: activated}, {sensor: hot, on: above}]}", "a sequence needs `within`"),
        ("{sequence: [{sensor: door, on: activated}], within: 5s}", "at least 2 items"),
        ("{sequence: [{sensor: door, on: activated}, {sensor: hat, on: above}], within: 5s}", "no sensor 'hat'"),
        ("{sequence: [{sensor: door, on: activated}, {sensor: bell, on: pressed}], within: 5s}", "different `nodes`"),
        ("{sensor: bell, on: pressed, when: [{exact: {color: red}}]}", "an event has no attribute 'color'"),
        ("{sensor: bell, on: pressed, when: [{exact: {value: 1}}]}", "write data.value"),
        ("{sensor: bell, on: pressed, when: [{exact: {id: [1]}}]}", "is compared with a text"),
        ("{sensor: bell, on: pressed, when: [{exact: {}}]}", "says nothing"),
        ("{sensor: bell, on: pressed, when: [{}]}", "a condition is one of exact, prefix"),
        (
            "{sensor: bell, on: pressed, when: [{exact: {id: a}, suffix: {id: a}}]}",
            "a condition is one of exact, prefix",
        ),
        ("{sensor: bell, on: pressed, when: [{any: []}]}", "at least 1 item"),
        ("{sensor: bell, on: pressed, when: [{not: {sufix: {id: a}}}]}", "did you mean 'suffix'"),
        (
            "{sensor: bell, on: pressed, when: [{cel: 'event.data.value >'}]}",
            "[0].when[0].cel column 19: the expression is not",
        ),
        (
            "{sensor: bell, on: pressed, when: [{all: [{cel: 'event.valu'}]}]}",
            "column 7: an event has no 'valu' here; write",
        ),
        (
            "{sensor: bell, on: pressed, when: [{cel: \"event.node.matches('a(')\"}]}",
            "[0].when[0].cel column 20: the pattern is wrong at its character 2: the group has no `)`; write",
        ),
        ("{sensor: bell, on: pressed, when: [{cel: ''}]}", "at least 1 character"),
        ("{sensor: bell, on: pressed, when: [{cel: 7}]}", "this must be text"),
        ("{sensor: bell, on: pressed, when: [{cel: 'true', exact: {id: a}}]}", "a condition is one of exact, prefix"),
        ("{every: 5s, when: [{cel: 'true'}]}", "`when` says nothing about `every`"),
    ],
)
def test_what_makes_no_sense_is_refused(trigger: str, words: str) -> None:
    """With a sentence that says what to do; nothing is passed over."""
    assert words in str(said(trigger))


def test_a_function_may_be_elsewhere_than_the_sensors_of_its_triggers() -> None:
    """Also one whose trigger has a memory: the sensor's node remembers, and the controller finds a node for the function."""
    for trigger in ("{sensor: bell, on: pressed, cooldown: 5s}", "{sensor: bell, on: pressed}"):
        assert said("{every: 5s}", away=trigger) == TriggerSpec(every_s=5)
