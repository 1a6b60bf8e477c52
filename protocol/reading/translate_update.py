"""How a service is updated as it is written → `protocol.update.Update`: Swarm's section, and ours beyond it."""

from __future__ import annotations

from protocol.constraint import LABEL
from protocol.desired import Conduct, Lock, Order, Strategy, Window
from protocol.hidden import hidden
from protocol.manifest import deploy, gradual
from protocol.manifest.compose import Service as Written
from protocol.reading.draft import Draft
from protocol.update import Batch, Disruption, FailureAction, LostAction, Update

CANARY = "canary"
"""What the first batch is called when the manifest calls it so."""


_FIRST = {
    Strategy.HAND_OVER: Order.START_FIRST,
    Strategy.KILL_THEN_DOWNLOAD: Order.STOP_FIRST,
    Strategy.DELETE_THEN_DOWNLOAD: Order.STOP_FIRST,
}
"""The order that a strategy means."""


def update(draft: Draft, name: str, source: Written) -> Update:
    """Read `update_config` with what `x-bramble.update` adds to it."""
    pace, extra = source.deploy.update_config or deploy.UpdateConfig(), source.x_bramble.update
    _check(draft, name, source)
    group = extra.max_unavailable
    return Update(
        gradual.portion(pace.parallelism),
        pace.delay,
        pace.monitor,
        pace.max_failure_ratio,
        FailureAction(pace.failure_action),
        _FIRST.get(Strategy(extra.strategy), Order(pace.order)),
        tuple(_batches(extra)),
        extra.ramp,
        Disruption(group.per.removeprefix(LABEL), gradual.portion(group.count)) if group else None,
        extra.progress_deadline or 0.0,
        LostAction(extra.lost),
        _conduct(extra),
    )


def rollback(source: Written) -> Update | None:
    """Read `rollback_config`; without one an update is taken back as it went."""
    pace = source.deploy.rollback_config
    if pace is None:
        return None
    action, order = FailureAction(pace.failure_action), Order(pace.order)
    speed = gradual.portion(pace.parallelism)
    return Update(speed, pace.delay, pace.monitor, pace.max_failure_ratio, action, order)


def _batches(extra: gradual.OfUpdate) -> list[Batch]:
    batches = []
    if (first := extra.canary) is not None:
        batches.append(Batch(CANARY, tuple(first.nodes), gradual.portion(first.count), 1.0, first.promote == "confirm"))
    for number, one in enumerate(extra.batches, 1):
        most = gradual.portion(one.count) if one.count is not None else None
        title = one.name or f"batch {number}"
        batches.append(Batch(title, tuple(one.nodes), most, one.success_ratio, one.promote == "confirm"))
    return batches


def _conduct(extra: gradual.OfUpdate) -> Conduct:
    window, lock = extra.window, extra.lock
    return Conduct(
        extra.healthy_deadline,
        Strategy(extra.strategy),
        Window(window.schedule, window.duration) if window else None,
        Lock(lock.path, lock.at_most) if lock else None,
        extra.keep_previous,
    )


def _check(draft: Draft, name: str, source: Written) -> None:
    """What does not go together in the two sections."""
    extra, pace = source.x_bramble.update, source.deploy.update_config
    order = Order(pace.order) if pace is not None and "order" in pace.model_fields_set else None
    strategy, path = Strategy(extra.strategy), ("services", name, "x-bramble", "update")
    first = _FIRST.get(strategy)
    if order is not None and first is not None and order is not first:
        draft.misfit((*path, "strategy"), f"{strategy} is {first}, and order says {order}", "remove the order")
    if extra.keep_previous and strategy is Strategy.DELETE_THEN_DOWNLOAD:
        draft.misfit((*path, "keep_previous"), f"{strategy} leaves nothing to keep", "choose another strategy")
    unseen = (
        hidden(extra.lock.path, ((mount.type, mount.target) for mount in (*source.volumes, *source.tmpfs)))
        if extra.lock
        else ""
    )
    if unseen:
        remedy = "choose a path in a volume, or one that no tmpfs covers"
        draft.misfit((*path, "lock", "path"), f"nobody outside the container sees {unseen}, which is a tmpfs", remedy)
