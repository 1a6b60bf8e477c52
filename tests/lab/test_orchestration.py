"""What people run Swarm, Rancher and k3s for, on four real hosts: stacks that find each other, drains, lost nodes, devices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from lab import commands, eyes
from lab.engine import RUNTIMES
from lab.processes import TooLateError, wait_until
from protocol.observed import TaskState
from protocol.operator import OrderVerb
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

NODES = ("pi-1", "pi-2", "pi-3", "pi-4")

OFFLINE_S = 45.0
"""A cut cable is found out after one and a half keepalives of 4 s and the grace of 10 s; the rest is for a busy machine."""

RETURN_S = 80.0
"""A node that was away for long tries its broker once a minute (`link.backoff`), and is then settled within a few turns."""

STICK = "/dev/serial/by-id/usb-stick"

SHOP = b"""
x-hall: &hall {constraints: [node.labels.room == hall]}
services:
  db:
    image: registry.local:5000/dashboard:1
    configs: [{source: motd, target: /tmp/www/motd}]
    secrets: [password]
    healthcheck: {test: wget -q -O- http://127.0.0.1/, interval: 1s, retries: 30}
    deploy: {placement: *hall}
  web:
    image: registry.local:5000/clock:1
    depends_on: {db: {condition: service_healthy}}
    environment: {WHERE: "{{.Node.Labels.room}}"}
    command: [sh, -c, "wget -q -O- http://db/motd && wget -q -O- http://db.shop/motd && exec /bin/tick"]
    read_only: true
    tmpfs: [/tmp]
    deploy: {placement: *hall}
  setup:
    image: registry.local:5000/clock:1
    command: [sh, -c, "exit 0"]
    deploy: {mode: replicated-job, placement: *hall}
configs: {motd: {content: "hello from {{.Node.Hostname}}\\n"}}
secrets: {password: {content: s3cret}}
"""


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Four nodes."""
    with desk_of(tmp_path_factory.mktemp("desk"), *NODES) as desk:
        desk.watch.until(lambda: len(desk.watch.nodes) == 4 or None, "four nodes", SOON_S)
        yield desk


def nodes_of(desk: Desk, service: str) -> list[str]:
    """The nodes whose engines run a service, by the engines' own word; a node as often as it runs one."""
    hosts = desk.bramble.hosts.items()
    return sorted(
        name
        for name, host in hosts
        for box in eyes.boxes(host.engine.socket_path)
        if box.is_running and box.service == service
    )


def moves(desk: Desk, service: str, node: str, within_s: float) -> None:
    """Wait until a service runs on this node and nowhere else."""
    try:
        desk.watch.until(lambda: nodes_of(desk, service) == [node] or None, f"{service} on {node}", within_s)
    except TooLateError as late:
        raise TooLateError(f"{late}: {desk.standing(service.partition('.')[0])}") from late


def clock(**more: object) -> bytes:
    """A stack of one clock."""
    return json.dumps({"services": {"clock": {"image": "registry.local:5000/clock:1", **more}}}).encode()


def presence(desk: Desk, node: str) -> str:
    """What the controller believes of a node."""
    rows = desk.watch.order(OrderVerb.NODES)
    assert isinstance(rows, list)
    return str(next(row["presence"] for row in rows if isinstance(row, dict) and row["node"] == node))


def test_another_runtime_runs_where_an_engine_has_it(desk: Desk) -> None:
    """`runtime: crun` is Debian's crun; a node whose engine has none of it says so, and gets it when it has."""
    # The first story: an engine that is restarted while it removes another's network never starts again (moby#45057).
    bare = desk.bramble.hosts["pi-1"]
    bare.engine.restart(runtimes={})
    desk.watch.until(lambda: "crun" not in desk.bramble.command("node", "inspect", "pi-1") or None, "no crun", SOON_S)
    desk.publish("light", clock(runtime="crun", deploy={"placement": {"constraints": ["node.hostname == pi-1"]}}))
    desk.reason("light", "has no runtime crun")
    assert "has no runtime crun" in desk.bramble.command("explain", "light.clock")
    bare.engine.restart(runtimes=RUNTIMES)
    desk.runs("light")
    (container,) = [c.id for c in bare.containers() if "io.bramble.stack=light" in c.labels and c.is_running]
    assert bare.docker("inspect", "--format", "{{.HostConfig.Runtime}}", container).strip() == "crun"
    desk.bramble.command("rm", "light")


def test_services_of_a_stack_find_each_other_and_start_in_order(desk: Desk) -> None:
    """By `service` and by `service.stack`, after the one that they depend on is healthy, with their configs and secrets."""
    desk.watch.order(OrderVerb.LABEL, "pi-2", {"set": {"room": "hall"}})
    desk.publish("shop", SHOP)
    status = desk.runs("shop", 60.0)
    assert {task.node for service in status.services for task in service.tasks} == {"pi-2"}
    host = desk.bramble.hosts["pi-2"]
    logs = {
        c.name: host.docker("logs", c.id)
        for c in host.containers()
        if "io.bramble.service=web" in c.labels and c.is_running
    }
    assert list(logs.values()) == ["hello from pi-2\nhello from pi-2\n"]
    (db,) = [c.id for c in host.containers() if "io.bramble.service=db" in c.labels]
    assert host.docker("exec", db, "cat", "/run/secrets/password") == "s3cret"
    assert "s3cret" not in host.docker("inspect", db)
    (web,) = [c.id for c in host.containers() if "io.bramble.service=web" in c.labels]
    assert host.docker("exec", web, "sh", "-c", "echo $WHERE").strip() == "hall"
    job = next(service for service in status.services if service.service == "shop.setup")
    assert (job.completed, [task.state for task in job.tasks]) == (1, [TaskState.STOPPED])
    desk.bramble.command("rm", "shop")
    wait_until(
        lambda: "shop_default" not in host.docker("network", "ls", "--format", "{{.Name}}"), "its network to go", SOON_S
    )


def test_a_missing_label_fails_its_nodes_only(desk: Desk) -> None:
    """A template that one node can fill in runs there, and every other node has its reason."""
    desk.watch.order(OrderVerb.LABEL, "pi-3", {"set": {"room": "loft"}})
    desk.watch.order(OrderVerb.LABEL, "pi-2", {"remove": ["room"]})
    desk.publish("where", clock(environment={"WHERE": "{{.Node.Labels.room}}"}, deploy={"mode": "global"}))
    moves(desk, "where.clock", "pi-3", 40.0)
    said = desk.bramble.command("explain", "where.clock")
    assert said.count("has no label room") == 3
    desk.bramble.command("rm", "where")


def test_a_drained_node_gives_up_one_task_at_a_time(desk: Desk) -> None:
    """Of four clocks three run all the time, and the drained node ends with none."""
    desk.publish("four", clock(deploy={"replicas": 4, "placement": {"constraints": ["node.hostname != pi-4"]}}))
    desk.runs("four")
    crowded = max(NODES, key=nodes_of(desk, "four.clock").count)
    desk.bramble.command("node", "drain", crowded)
    fewest = 4

    def moved() -> bool | None:
        nonlocal fewest
        running = nodes_of(desk, "four.clock")
        fewest = min(fewest, len(running))
        return (len(running) == 4 and crowded not in running) or None

    desk.watch.until(moved, f"{crowded} to be empty", 90.0)
    assert fewest >= 3
    desk.bramble.command("node", "activate", crowded)
    desk.bramble.command("rm", "four")


def test_only_what_may_be_lost_is_replaced_while_its_node_is_away(desk: Desk) -> None:
    """Nomad's `disconnect` with `lost_after`: the replacement is the one that stays. Any other stays its node's, and is one."""
    desk.publish("once", clock())
    (node,) = [task.node for task in desk.runs("once").services[0].tasks]
    elsewhere = {"placement": {"constraints": [f"node.hostname != {node}"]}}
    desk.publish("lost", clock(deploy=elsewhere, **{"x-bramble": {"disconnect": {"lost_after": "5s"}}}))
    (first,) = [task.node for task in desk.runs("lost").services[0].tasks]
    for name in (node, first):
        desk.bramble.hosts[name].cut()
    desk.watch.until(lambda: len(nodes_of(desk, "lost.clock")) == 2 or None, "a replacement", OFFLINE_S)
    desk.watch.until(lambda: presence(desk, node) == "offline" or None, f"{node} to be offline", OFFLINE_S)
    desk.reason("once", "is offline", SOON_S)
    time.sleep(6.0)  # past lost_after
    assert nodes_of(desk, "once.clock") == [node]
    for name in (node, first):
        desk.bramble.hosts[name].mend()
    second = desk.watch.until(
        lambda: found[0] if len(found := nodes_of(desk, "lost.clock")) == 1 else None, "one copy to end", RETURN_S
    )
    assert second != first
    desk.runs("once", RETURN_S)
    assert nodes_of(desk, "once.clock") == [node]
    desk.bramble.command("rm", "lost")
    desk.bramble.command("rm", "once")


def test_what_needs_a_device_follows_it(desk: Desk) -> None:
    """It runs where the device is; unplugged it says why it is nowhere, and plugged in elsewhere it goes there."""
    manifest = clock(devices=[f"{STICK}:/dev/stick"], **{"x-bramble": {"needs": {"devices": [STICK]}}})
    plug(desk, "pi-3")
    try:
        desk.publish("stick", manifest)
        moves(desk, "stick.clock", "pi-3", 90.0)
        unplug(desk, "pi-3")
        desk.reason("stick", STICK, 90.0)
        plug(desk, "pi-1")
        moves(desk, "stick.clock", "pi-1", 90.0)
    finally:
        desk.bramble.command("rm", "stick")
        unplug(desk, "pi-1")


def plug(desk: Desk, node: str) -> None:
    """Give one host a device of its own: a directory of /dev that only its room sees, with a second /dev/null in it."""
    script = "mkdir -p /dev/serial && mount -t tmpfs -o mode=755 stick /dev/serial && mkdir /dev/serial/by-id"
    desk.bramble.hosts[node].run("sh", "-c", f"{script} && mknod {STICK} c 1 3")


def unplug(desk: Desk, node: str) -> None:
    """Take it away again."""
    desk.bramble.hosts[node].run("sh", "-c", "umount -l /dev/serial 2>/dev/null; rmdir /dev/serial 2>/dev/null; true")


def test_a_decommissioned_node_leaves_nothing_on_the_broker(desk: Desk) -> None:
    """Every retained topic of it is cleared."""
    desk.bramble.agents["pi-4"].kill()
    desk.watch.until(lambda: presence(desk, "pi-4") == "offline" or None, "pi-4 to be offline", OFFLINE_S)
    desk.watch.order(OrderVerb.DECOMMISSION, "pi-4")
    at = f"-h {desk.bramble.broker.address} -p {desk.bramble.broker.port}"
    said = commands.run(
        ["sh", "-c", f"mosquitto_sub {at} -t 'bramble/v1/default/#' --retained-only -W 3 -F %t || true"]
    )
    assert "bramble/v1/default/controller/presence" in said
    assert "pi-4" not in said
    assert "pi-4" not in desk.bramble.command("nodes")
