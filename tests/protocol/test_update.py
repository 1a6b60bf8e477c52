"""What a manifest says of updates → what the controller and the nodes go by."""

from __future__ import annotations

import pytest

from protocol import stackfile
from protocol.desired import Conduct, Lock, Order, Strategy, Window
from protocol.stack import Stack
from protocol.update import Batch, Disruption, LostAction, Portion, Update

NIGHT = Window("0 2 * * *", 10_800.0)

CASES = [
    ("{}", Update()),
    ("{canary: {}}", Update(batches=(Batch("canary", most=Portion(1)),))),
    ("{canary: {count: 2, promote: confirm, nodes: node.labels.site == lab}}",
     Update(batches=(Batch("canary", ("node.labels.site == lab",), Portion(2), is_confirmed_by_hand=True),))),
    ("{batches: [{nodes: node.labels.kind == spare, success: 90%}, {name: half, count: 50%}]}",
     Update(batches=(Batch("batch 1", ("node.labels.kind == spare",), success=0.9), Batch("half", most=Portion(share=0.5))))),
    ("{ramp: 2, progress_deadline: 10m, lost: fail}", Update(ramp=2.0, progress_s=600.0, lost=LostAction.FAIL)),
    ("{max_unavailable: {per: node.labels.site, count: 25%}}", Update(disruption=Disruption("site", Portion(share=0.25)))),
    ("{healthy_deadline: 1m, keep_previous: true}", Update(conduct=Conduct(60.0, keeps_previous=True))),
    ("{window: {schedule: 0 2 * * *, duration: 3h}}", Update(conduct=Conduct(window=NIGHT))),
    ("{lock: {path: /run/busy, at_most: 30m}}", Update(conduct=Conduct(lock=Lock("/run/busy", 1800.0)))),
    ("{strategy: hand-over}", Update(order=Order.START_FIRST, conduct=Conduct(strategy=Strategy.HAND_OVER))),
]  # fmt: skip


@pytest.mark.parametrize(("section", "expected"), CASES)
def test_every_key_is_understood(section: str, expected: Update) -> None:
    """One key at a time."""
    assert read(f"{{image: web:1, x-bramble: {{update: {section}}}}}") == expected


@pytest.mark.parametrize(("written", "portion"), [("3", Portion(3)), ("'25%'", Portion(share=0.25)), ("0", Portion(0))])
def test_parallelism_is_a_number_or_a_share(written: str, portion: Portion) -> None:
    """Swarm's key, and the share that it lacks."""
    update = read(f"{{image: web:1, deploy: {{update_config: {{parallelism: {written}}}}}}}")
    assert isinstance(update, Update)
    assert update.parallelism == portion


@pytest.mark.parametrize(
    ("portion", "total", "count"),
    [(Portion(3), 10, 3), (Portion(3), 2, 2), (Portion(share=0.25), 10, 3), (Portion(share=0.1), 10, 1), (Portion(share=1), 7, 7)],
)  # fmt: skip
def test_a_share_is_rounded_up_and_a_number_is_bounded(portion: Portion, total: int, count: int) -> None:
    """A quarter of ten is three; three of two are two."""
    assert portion.of(total) == count


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("{image: a, deploy: {update_config: {parallelism: half}}}", "neither a number nor a share"),
        ("{image: a, ports: ['80:80'], x-bramble: {update: {strategy: hand-over}}}", "two containers at once"),
        ("{image: a, deploy: {update_config: {order: stop-first}}, x-bramble: {update: {strategy: hand-over}}}", "start-first"),
        ("{image: a, x-bramble: {update: {strategy: delete-then-download, keep_previous: true}}}", "nothing to keep"),
        ("{image: a, x-bramble: {update: {window: {schedule: at night, duration: 1h}}}}", "schedule"),
        ("{image: a, x-bramble: {update: {max_unavailable: {per: site}}}}", "node.labels.NAME"),
        ("{image: a, x-bramble: {update: {max_unavailable: {per: node.labels.site, count: 0}}}}", "nothing could ever be updated"),
        ("{image: a, x-bramble: {update: {batches: [{name: a}, {name: a}]}}}", "one name"),
        ("{image: a, x-bramble: {update: {lock: {path: busy}}}}", "begin it with /"),
        ("{image: a, tmpfs: /run, x-bramble: {update: {lock: {path: /run/busy}}}}", "nobody outside the container sees /run"),
        ("{image: a, volumes: [{type: tmpfs, target: /c}], x-bramble: {update: {lock: {path: /c/d/busy}}}}", "sees /c"),
        ("{image: a, x-bramble: {update: {lock: {path: /dev/shm/busy}}}}", "sees /dev/shm"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(service: str, says: str) -> None:
    """With a sentence that names the place."""
    faults = read(service)
    assert isinstance(faults, str)
    assert says in faults


@pytest.mark.parametrize("path", ["/running", "/run/lock/busy", "/data/busy"])
def test_a_lock_may_be_wherever_it_is_seen(path: str) -> None:
    """In the container's own layer, and in a volume, also in one that lies below a tmpfs."""
    mounts = "tmpfs: [/run], volumes: ['/run/lock', '/data']"
    update = read(f"{{image: a, {mounts}, x-bramble: {{update: {{lock: {{path: {path}}}}}}}}}")
    assert isinstance(update, Update), update
    assert update.conduct.lock == Lock(path)


def read(service: str) -> Update | str:
    """What one service's section means, or what is wrong with it."""
    stack = stackfile.read(f"services: {{web: {service}}}".encode(), "shop")
    return (
        stack.services["web"].update
        if isinstance(stack, Stack)
        else " ".join(f"{one.path} {one.reason} {one.remedy}" for one in stack)
    )
