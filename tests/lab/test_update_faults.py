"""What dies or is cut off in the middle of a rollout: an engine, a whole host, the broker, the controller, half of the network.

Whatever it is, no more nodes than the budget are without the service at any moment, the rollout ends as it should by itself, and
what the controller reports is what the engines run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from shutil import copytree, ignore_patterns, rmtree

import pytest

from lab.processes import wait_until
from protocol.operator import Verdict
from protocol.rollouts import RolloutStatus
from tests.lab.shop import GOOD, SERVICE, Shop, shop_of
from tests.lab.truth import trials

pytestmark = [pytest.mark.lab, pytest.mark.updates]

NODES = ("pi-1", "pi-2", "pi-3", "pi-4")
CUT_OFF = ("pi-3", "pi-4")
BUDGET = 1
TRIED_S = 40.0
SETTLING_S = 5.0
"""In which a node has long said what it knows, and was told what it does not."""

ENDED_S = 120.0
"""A node that lost its broker for long tries it once a minute."""


@pytest.fixture(scope="module")
def shop(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop on four nodes that is updated one node at a time."""
    with shop_of(tmp_path_factory.mktemp("desk"), *NODES, parallelism=BUDGET, failure_action="pause") as shop:
        yield shop


def begin(shop: Shop) -> str:
    """Publish the other version and return its revision."""
    before, wanted = shop.revision(), next(one for one in GOOD if one not in shop.truth.versions().values())
    shop.truth.forget()
    shop.publish(wanted)
    return shop.published_revision(before)


def stopping(shop: Shop, revision: str) -> str:
    """Wait until a node is between its old container and its new one, or at least tries; return the node."""
    found: list[str] = []

    def claim() -> bool:
        found[:] = [
            name
            for name, host in shop.hosts.items()
            if any(key.endswith(revision) and state == "trying" for key, state in trials(host).items())
        ]
        return bool(found)

    wait_until(claim, "a node to try", TRIED_S)
    return found[0]


def engine_dies(shop: Shop, node: str) -> None:
    """SIGKILL for dockerd and containerd while the old container is being stopped and the new one begins; the others live on."""
    shop.hosts[node].engine.kill()
    shop.desk.watch.read(1.0)
    shop.hosts[node].engine.start()


def power_fails(shop: Shop, node: str) -> None:
    """Everything on the host ends at once, and it boots."""
    shop.hosts[node].power_cut()
    shop.desk.watch.read(1.0)
    shop.hosts[node].start()
    shop.desk.bramble.start_agent(node)


def broker_forgets(shop: Shop, _: str) -> None:
    """The broker is killed, and comes back with nothing."""
    shop.desk.bramble.broker.kill()
    shop.desk.bramble.broker.restart(lose_retained=True)


def broker_goes_back(shop: Shop, _: str) -> None:
    """The broker is killed, and comes back with what it had saved before the update was published."""
    shop.desk.bramble.broker.kill()
    shop.desk.bramble.broker.restart()
    watch = shop.desk.watch
    watch.until(lambda: watch.stacks["shop"].verdict is Verdict.REFUSED or None, "the old manifest to be refused", 30.0)


def controller_dies(shop: Shop, _: str) -> None:
    """The controller is killed, and started again."""
    controller = shop.desk.bramble.controller
    assert controller is not None
    controller.kill()
    shop.desk.bramble.start_controller()


FAULTS: tuple[Callable[[Shop, str], None], ...] = (
    broker_goes_back,  # before the one that forgets: after it there is no older manifest to go back to
    broker_forgets,
    controller_dies,
    engine_dies,
    power_fails,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_rollout_survives_what_dies_in_its_middle(shop: Shop, fault: Callable[[Shop, str], None]) -> None:
    """Struck while a node tries, the rollout is done on all four nodes, one at a time, and says so."""
    shop.desk.bramble.broker.save()
    revision = begin(shop)
    fault(shop, stopping(shop, revision))
    status = shop.ended(revision, ENDED_S)
    assert (status.state, status.updated, status.failed, status.unseen) == ("done", len(NODES), 0, 0)
    assert {box.revision for name in NODES for box in shop.truth.running(name)} == {revision}
    assert shop.truth.wrongs(BUDGET) == []
    if fault is not power_fails:
        assert shop.truth.disturbed() == []


def test_half_of_the_hosts_away_for_a_whole_rollout_are_updated_when_they_return(shop: Shop) -> None:
    """The others are done and these are called unseen, never updated; mended, the same rollout reaches them, one at a time."""
    for name in CUT_OFF:
        shop.hosts[name].cut()
    before = shop.truth.versions()
    revision = begin(shop)

    def half() -> RolloutStatus | None:
        status = shop.rollout()
        assert status is None or status.revision != revision or status.updated <= len(NODES) - len(CUT_OFF)
        return status if status and (status.updated, status.unseen) == (2, 2) else None

    status = shop.desk.watch.until(half, "2 updated, 2 unseen", 60.0)
    assert "2 unseen" in status.report
    assert {name: shop.truth.versions()[name] for name in CUT_OFF} == {name: before[name] for name in CUT_OFF}
    shop.desk.watch.until(lambda: _shown(shop) == dict.fromkeys(CUT_OFF, "unseen"), "both tasks unseen", 60.0)
    for name in CUT_OFF:
        shop.hosts[name].mend()
    late = shop.ended(revision, ENDED_S)
    assert (late.id, late.state, late.updated, late.unseen) == (status.id, "done", len(NODES), 0)
    assert shop.truth.wrongs(BUDGET) == []


def _shown(shop: Shop) -> dict[str, str]:
    """How the tasks of the hosts that are cut off stand, as the stack's status has it: a cut is noticed at the end of a lease."""
    shown = next(s for s in shop.desk.watch.stacks["shop"].services if s.service == SERVICE)
    return {task.node: task.state for task in shown.tasks if task.node in CUT_OFF}


def test_a_node_back_from_an_older_snapshot_neither_goes_back_nor_gets_stuck(shop: Shop) -> None:
    """Its store knows nothing of the last update: what runs goes on as the same container, and the next update reaches it too."""
    agents, name = shop.desk.bramble.agents, NODES[0]
    store, kept = shop.hosts[name].directory / "agent", shop.hosts[name].directory / "kept"
    agents[name].kill()
    copytree(store, kept, ignore=ignore_patterns("finger"))
    shop.desk.bramble.start_agent(name)
    shop.ended(begin(shop), ENDED_S)
    for _ in range(2):
        agents[name].kill()
        shop.desk.bramble.start_agent(name)
        shop.ended(shop.revision(), ENDED_S)
    agents[name].kill()
    rmtree(store)
    copytree(kept, store)
    happened = shop.truth.count
    shop.desk.bramble.start_agent(name)
    shop.desk.watch.read(SETTLING_S)
    assert shop.truth.count == happened
    status = shop.ended(begin(shop), ENDED_S)
    assert (status.state, status.updated) == ("done", len(NODES))
    assert shop.truth.wrongs(BUDGET) == []
