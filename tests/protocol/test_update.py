"""What a manifest says of updates → what the controller and the nodes go by."""

from __future__ import annotations

import pytest

from protocol.desired import Conduct, Lock, Order, Strategy, Window
from protocol.reading import stackfile
from protocol.stack import Stack
from protocol.update import Batch, Disruption, FailureAction, LostAction, Portion, Update

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


PACE = [
    ("{}", Update()),
    ("{parallelism: 3}", Update(Portion(3))),
    ("{parallelism: 30%}", Update(Portion(share=0.3))),
    ("{parallelism: 0}", Update(Portion(0))),
    ("{delay: 1m30s}", Update(delay_s=90.0)),
    ("{monitor: 2m}", Update(monitor_s=120.0)),
    ("{max_failure_ratio: 0.25}", Update(max_failure_ratio=0.25)),
    ("{failure_action: pause}", Update(failure_action=FailureAction.PAUSE)),
    ("{failure_action: continue}", Update(failure_action=FailureAction.CONTINUE)),
    ("{order: start-first}", Update(order=Order.START_FIRST)),
    ("{order: stop-first}", Update(order=Order.STOP_FIRST)),
]


@pytest.mark.parametrize(("section", "expected"), PACE)
def test_every_field_of_swarms_two_sections_is_understood(section: str, expected: Update) -> None:
    """On the way there and on the way back, with the same defaults."""
    assert read(f"{{image: web:1, deploy: {{update_config: {section}}}}}") == expected
    assert rollback(f"{{image: web:1, deploy: {{rollback_config: {section}}}}}") == expected


def test_what_is_left_out_is_as_in_swarm() -> None:
    """One at a time, watched for five seconds, no failure tolerated, paused at the first, the old one stopped first."""
    written = Update(Portion(1), 0.0, 5.0, 0.0, FailureAction.PAUSE, Order.STOP_FIRST)
    assert read("{image: web:1}") == read("{image: web:1, deploy: {update_config: {}}}") == Update() == written
    assert rollback("{image: web:1}") is None


@pytest.mark.parametrize("section", ["update_config", "rollback_config"])
def test_start_first_with_a_fixed_port_is_refused(section: str) -> None:
    """Two containers cannot have it at once; one that Docker chooses they can."""
    faults = read(f"{{image: a, ports: ['80:80'], deploy: {{{section}: {{order: start-first}}}}}}")
    assert isinstance(faults, str)
    assert f"services.web.deploy.{section}.order start-first needs two containers at once" in faults
    assert isinstance(read(f"{{image: a, ports: ['80'], deploy: {{{section}: {{order: start-first}}}}}}"), Update)


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


def rollback(service: str) -> Update | None:
    """How one service is taken back."""
    stack = stackfile.read(f"services: {{web: {service}}}".encode(), "shop")
    assert isinstance(stack, Stack), stack
    return stack.services["web"].rollback
