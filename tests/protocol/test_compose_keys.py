"""Every key of a service arrives where the engine, the scheduler or the agent reads it."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from protocol.container import Attachment, File, Mount, Network, Port, Subnet, Ulimit, Volume
from protocol.desired import Order, Restart, RestartCondition
from protocol.manifest import compose
from protocol.reading import stackfile
from protocol.stack import Disconnect, Mode, Needs, Reconcile, Resources, Service, Stack
from protocol.update import FailureAction, Portion, Update

TOP = {
    "networks": (
        "{front: {}, theirs: {external: {name: lan}}, back: {name: backbone, driver: macvlan, driver_opts: {parent: eth0}, "
        "internal: true, enable_ipv6: yes, labels: [a=b], "
        "ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1, ip_range: 10.9.0.128/25}]}}}"
    ),
    "volumes": (
        "{plain: , there: {external: true}, named: {name: 'data-{{.Node.Labels.site}}'}, "
        "nfs: {driver_opts: {type: nfs, o: addr=10.0.0.1, device: ':/x'}, labels: {a: 1}}}"
    ),
    "configs": "{motd: {content: hi}}",
    "secrets": "{key: {content: $$ecret}}",
}
"""What stands at the top of a file whose service uses it."""

BACK = Network(
    "backbone",
    "macvlan",
    {"parent": "eth0"},
    {"a": "b"},
    (Subnet("10.9.0.0/24", "10.9.0.1", "10.9.0.128/25"),),
    True,
    True,
)
OUR = ("w", "w.porch")


def read(body: str) -> Stack | tuple[Any, ...]:
    """A stack of the service w with these keys, beside v."""
    top = [f"{key}: {what}" for key, what in TOP.items() if f"{key}:" in body]
    return stackfile.read(
        "\n".join([f"services: {{v: {{image: v}}, w: {{image: x, {body}}}}}", *top]).encode(), "porch"
    )


def service(body: str) -> Service:
    """One that must be well."""
    got = read(body)
    assert isinstance(got, Stack), got
    return got.services["w"]


CONTAINER = [
    ("command: run 'a b'", "command", ("run", "a b")),
    ("command: []", "command", ()),
    ("entrypoint: [/x, -y]", "entrypoint", ("/x", "-y")),
    ("environment: {A: 1, B: true, C: x, D: 1.5}", "environment", {"A": "1", "B": "true", "C": "x", "D": "1.5"}),
    ("environment: [A=1, 'B=', C=x=y]", "environment", {"A": "1", "B": "", "C": "x=y"}),
    ("labels: [a, b=c], deploy: {labels: {d: 1}}", "labels", {"a": "", "b": "c", "d": "1"}),
    ("annotations: {a: b}", "annotations", {"a": "b"}),
    ("ports: ['8000-8001:80-81/udp']", "ports", (Port(80, 8000, "udp"), Port(81, 8001, "udp"))),
    ("ports: ['127.0.0.1::80', 90-91]", "ports", (Port(80, 0, host_ip="127.0.0.1"), Port(90), Port(91))),
    ("ports: ['[::1]:80:80']", "ports", (Port(80, 80, host_ip="::1"),)),
    ("ports: [{target: 80, published: '81', mode: host, name: web, app_protocol: http}]", "ports", (Port(80, 81),)),
    ("expose: [80, 90-92/udp]", "expose", ("80", "90-92/udp")),
    ("volumes: ['plain:/x:ro,nocopy']", "mounts", (Mount("volume", "/x", "porch_plain", True, nocopy=True),)),
    ("volumes: ['/a:/b:rslave']", "mounts", (Mount("bind", "/b", "/a", propagation="rslave"),)),
    ("volumes: [nfs:/x]", "mounts",
     (Mount("volume", "/x", "porch_nfs", volume=Volume("", {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/x"}, {"a": "1"})),)),
    ("volumes: [there:/x]", "mounts", (Mount("volume", "/x", "there", volume=Volume(external=True)),)),
    ("volumes: [named:/x]", "mounts", (Mount("volume", "/x", "data-{{.Node.Labels.site}}"),)),
    ("volumes: [{type: bind, source: /a, target: /b, bind: {create_host_path: false}, consistency: cached}]", "mounts",
     (Mount("bind", "/b", "/a", create_host_path=False),)),
    ("volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]", "mounts",
     (Mount("tmpfs", "/t", size_bytes=2**20, mode=0o700),)),
    ("tmpfs: /run", "mounts", (Mount("tmpfs", "/run"),)),
    ("tmpfs: ['/run:size=1k,mode=1777,nosuid']", "mounts", (Mount("tmpfs", "/run", size_bytes=1024, mode=0o1777),)),
    ("configs: [motd]", "files", (File("/motd", "hi"),)),
    ("configs: [{source: motd, target: /etc/motd, mode: '0400', uid: '5', gid: 6}]", "files",
     (File("/etc/motd", "hi", 0o400, 5, 6),)),
    ("secrets: [key]", "files", (File("/run/secrets/key", "$ecret", secret=True),)),
    ("secrets: [{source: key, target: tls}]", "files", (File("/run/secrets/tls", "$ecret", secret=True),)),
    ("init: true", "networks",
     (Attachment(Network("porch_default"), OUR), Attachment(Network("bramble"), ("w.porch",)))),
    ("networks: [front]", "networks", (Attachment(Network("porch_front"), OUR),)),
    ("networks: [front], container_name: My_w.1", "networks", (Attachment(Network("porch_front"), (*OUR, "My_w.1")),)),
    ("container_name: me", "networks",
     (Attachment(Network("porch_default"), (*OUR, "me")), Attachment(Network("bramble"), ("w.porch",)))),
    ("container_name: w", "networks", (Attachment(Network("porch_default"), OUR), Attachment(Network("bramble"), ("w.porch",)))),
    ("container_name: me, network_mode: host", "networks", ()),
    ("networks: {front: , back: {priority: 9, aliases: [b], ipv4_address: 10.9.0.9}}", "networks",
     (Attachment(BACK, (*OUR, "b"), "10.9.0.9"), Attachment(Network("porch_front"), OUR))),
    ("networks: {theirs: {ipv6_address: 'fd00::5'}}", "networks",
     (Attachment(Network("lan", external=True), OUR, ipv6="fd00::5"),)),
    ("network_mode: host", "networks", ()),
    ("network_mode: none", "network_mode", "none"),
    ("devices: [/dev/a, '/dev/a:/dev/b:r', '/dev/c:/dev/c', '/dev/d:rw', {source: /dev/e, target: /dev/f}]", "devices",
     ("/dev/a", "/dev/a:/dev/b:r", "/dev/c", "/dev/d:/dev/d:rw", "/dev/e:/dev/f")),
    ("device_cgroup_rules: ['c 188:* rmw']", "device_cgroup_rules", ("c 188:* rmw",)),
    ("cap_add: [NET_ADMIN]", "cap_add", ("NET_ADMIN",)),
    ("cap_drop: [ALL]", "cap_drop", ("ALL",)),
    ("security_opt: ['no-new-privileges:true', 'seccomp:unconfined']", "security_opt",
     ("no-new-privileges:true", "seccomp:unconfined")),
    ("sysctls: [net.core.somaxconn=1024]", "sysctls", {"net.core.somaxconn": "1024"}),
    ("storage_opt: {size: 1G}", "storage_opt", {"size": "1G"}),
    ("group_add: [44, dialout]", "group_add", ("44", "dialout")),
    ("privileged: 'yes'", "privileged", True),
    ("read_only: true", "read_only", True),
    ("init: true", "init", True),
    ("tty: true", "tty", True),
    ("stdin_open: true", "stdin_open", True),
    ("runtime: crun", "runtime", "crun"),
    ("platform: linux/arm/v7", "platform", "linux/arm/v7"),
    ("pull_policy: if_not_present", "pull_policy", "missing"),
    ("user: '1000:1000'", "user", "1000:1000"),
    ("working_dir: /app", "working_dir", "/app"),
    ("hostname: 'w-{{.Task.Slot}}'", "hostname", "w-{{.Task.Slot}}"),
    ("domainname: lan", "naming.domainname", "lan"),
    ("mac_address: '02:42:ac:11:00:02'", "naming.mac_address", "02:42:ac:11:00:02"),
    ("dns: 1.1.1.1", "naming.dns", ("1.1.1.1",)),
    ("dns_search: [a, b]", "naming.dns_search", ("a", "b")),
    ("dns_opt: ['ndots:1']", "naming.dns_opt", ("ndots:1",)),
    ("extra_hosts: ['a=1.2.3.4', 'b:::1', 'c:[::2]']", "naming.extra_hosts", ("a:1.2.3.4", "b:::1", "c:::2")),
    ("extra_hosts: {a: [1.2.3.4, 1.2.3.5], h: host-gateway}", "naming.extra_hosts", ("a:1.2.3.4", "a:1.2.3.5", "h:host-gateway")),
    ("ipc: shareable", "isolation.ipc", "shareable"),
    ("pid: host", "isolation.pid", "host"),
    ("uts: host", "isolation.uts", "host"),
    ("userns_mode: host", "isolation.userns", "host"),
    ("cgroup: private", "isolation.cgroup", "private"),
    ("cgroup_parent: iot.slice", "isolation.cgroup_parent", "iot.slice"),
    ("mem_limit: 64m", "memory_bytes", 64 * 2**20),
    ("deploy: {resources: {limits: {memory: 64m}}}, mem_limit: 64m", "memory_bytes", 64 * 2**20),
    ("cpus: '0.5'", "cpus", 0.5),
    ("deploy: {resources: {limits: {cpus: 2}}}", "cpus", 2.0),
    ("mem_reservation: 1k", "limits.memory_reservation_bytes", 1024),
    ("mem_limit: 8m, memswap_limit: -1", "limits.swap_bytes", -1),
    ("mem_swappiness: 0", "limits.swappiness", 0),
    ("shm_size: 1m", "limits.shm_bytes", 2**20),
    ("pids_limit: -1", "limits.pids", -1),
    ("deploy: {resources: {limits: {pids: '9'}}}", "limits.pids", 9),
    ("cpuset: 0-2", "limits.cpuset", "0-2"),
    ("cpu_shares: 512", "limits.cpu_shares", 512),
    ("cpu_quota: 50ms", "limits.cpu_quota_us", 50_000),
    ("cpu_period: 100000", "limits.cpu_period_us", 100_000),
    ("oom_score_adj: -500", "limits.oom_score_adj", -500),
    ("oom_kill_disable: true", "limits.oom_kill_disable", True),
    ("ulimits: {nofile: 9, nproc: {soft: 1, hard: -1}}", "limits.ulimits", (Ulimit("nofile", 9, 9), Ulimit("nproc", 1, -1))),
    ("logging: {driver: journald}", "logging.driver", "journald"),
    ("logging: {options: {max-size: 5m}}", "logging.driver", "json-file"),
    ("logging: {options: {max-size: 5m}}", "logging.options", {"max-size": "5m"}),
    ("healthcheck: {test: curl x, interval: 1s, timeout: 2s, start_period: 3s, retries: 4}", "healthcheck.test",
     ("CMD-SHELL", "curl x")),
    ("healthcheck: {test: [CMD, a], interval: 1s}", "healthcheck.interval_s", 1.0),
    ("healthcheck: {test: [CMD, a], timeout: 2s}", "healthcheck.timeout_s", 2.0),
    ("healthcheck: {test: [CMD, a], start_period: 3s}", "healthcheck.start_period_s", 3.0),
    ("healthcheck: {retries: 4}", "healthcheck.retries", 4),
    ("healthcheck: {disable: true}", "healthcheck.test", ("NONE",)),
    ("stop_signal: SIGINT", "stop_signal", "SIGINT"),
    ("stop_grace_period: 1m30s", "stop_grace_s", 90.0),
]  # fmt: skip

SERVICE = [
    ("scale: 3", "replicas", 3),
    ("deploy: {replicas: '3'}", "replicas", 3),
    ("deploy: {mode: global}", "mode", Mode.GLOBAL),
    ("deploy: {mode: replicated-job}", "mode", Mode.REPLICATED_JOB),
    ("deploy: {mode: global-job}, x-bramble: {schedule: '@daily'}", "job.schedule", "@daily"),
    ("x-bramble: {schedule: '0 4 * * *'}", "mode", Mode.REPLICATED_JOB),
    ("deploy: {placement: {constraints: node.labels.a == b}}", "constraints", ("node.labels.a == b",)),
    ("deploy: {placement: {preferences: [{spread: node.labels.a}, {spread: node.labels.b}]}}", "preferences", ("a", "b")),
    ("deploy: {placement: {max_replicas_per_node: 2}}", "most_per_node", 2),
    ("networks: {back: {ipv4_address: 10.9.0.9}}", "most_per_node", 1),
    ("container_name: me", "most_per_node", 1),
    ("container_name: me, deploy: {mode: global}", "most_per_node", 1),
    ("container_name: me, scale: 3, deploy: {placement: {max_replicas_per_node: 1}}", "replicas", 3),
    ("deploy: {resources: {reservations: {cpus: '0.5', memory: 1k}}}", "reservations", Resources(0.5, 1024)),
    ("init: true", "restart", Restart()),
    ("restart: 'no'", "restart", Restart(RestartCondition.NONE)),
    ("restart: on-failure:3", "restart", Restart(RestartCondition.ON_FAILURE, 3)),
    ("deploy: {mode: global-job}", "restart", Restart(RestartCondition.ON_FAILURE)),
    ("deploy: {restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 1m}}", "restart",
     Restart(RestartCondition.ON_FAILURE, 3, 5.0, 60.0)),
    ("deploy: {restart_policy: {max_attempts: 0}}", "restart", Restart()),
    ("init: true", "update", Update()),
    ("init: true", "rollback", None),
    ("deploy: {update_config: {parallelism: 0, delay: 1s, monitor: 2s, max_failure_ratio: 0.5}}", "update",
     Update(Portion(0), 1.0, 2.0, 0.5)),
    ("deploy: {update_config: {failure_action: rollback, order: start-first}}", "update",
     Update(failure_action=FailureAction.ROLLBACK, order=Order.START_FIRST)),
    ("deploy: {rollback_config: {failure_action: continue}}", "rollback", Update(failure_action=FailureAction.CONTINUE)),
    ("depends_on: [v]", "depends_on", "service_started"),
    ("depends_on: {v: {condition: service_healthy, required: false, restart: false}}", "depends_on", "service_healthy"),
    ("x-bramble: {needs: {pins: [4], buses: [i2c-1, spi0.0], devices: [/dev/x], labels: [a]}}, devices: [/dev/y, /dev/kmsg]",
     "needs", Needs((4,), ("i2c-1", "spi0.0"), ("/dev/x", "/dev/y"), ("a",))),
    ("x-bramble: {disconnect: {lost_after: 1m, reconcile: longest_running}}", "disconnect",
     Disconnect(60.0, 0.0, reconcile=Reconcile.LONGEST_RUNNING)),
    ("x-bramble: {disconnect: {stop_on_client_after: 1m, replace: false}}", "disconnect", Disconnect(0.0, 60.0, replace=False)),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "value"), CONTAINER, ids=lambda value: str(value)[:50])
def test_a_key_reaches_the_engine(body: str, field: str, value: object) -> None:
    """Short or long, each key is one field of the container."""
    assert attrgetter(field)(service(body).container) == value


@pytest.mark.parametrize(("body", "field", "value"), SERVICE, ids=lambda value: str(value)[:50])
def test_a_key_reaches_the_fleet(body: str, field: str, value: object) -> None:
    """How many, where, how updated, with Swarm's defaults."""
    got = attrgetter(field)(service(body))
    assert (got[0].condition if field == "depends_on" else got) == value


def test_every_key_has_a_row() -> None:
    """No key is carried out without a test that says to what."""
    said = " ".join(body for body, _, _ in [*CONTAINER, *SERVICE])
    keys = {field.alias or name for name, field in compose.Service.model_fields.items()} - {"image", "profiles"}
    assert [key for key in sorted(keys) if f"{key}:" not in said] == []


def test_a_path_alone_is_found_again() -> None:
    """The volume of a path is the same for the next revision, and another for another service."""
    one, other = service("volumes: [/data]"), service("volumes: [/data], init: true")
    assert one.container.mounts == other.container.mounts
    assert one.container.mounts[0].source.startswith("porch_w_")


REFUSED = [
    ("ports: ['1-2000:1-2000']", "ports[0]", "is more than 1000 ports"),
    ("ports: ['8000-8010:80']", "ports[0]", "has 11 ports outside and 1 inside"),
    ("ports: [{target: 80, published: 8000-8010}]", "ports[0].published", "leaves the choice to the engine"),
    ("ports: [{target: 80, mode: ingress}]", "ports[0].mode", "there is no mesh"),
    ("expose: [90-80]", "expose[0]", "is no port"),
    ("volumes: ['/a:/b:z']", "volumes[0]", "only SELinux reads it"),
    ("volumes: ['/a:/b:sometimes']", "volumes[0]", "is no mode of such a mount"),
    ("volumes: [plain:/x, nfs:/x]", "volumes[1]", "something else is mounted on /x already"),
    ("volumes: [{type: bind, source: /a, target: /b, tmpfs: {size: 1}}]", "volumes[0]", "`tmpfs` is for mounts of that type"),
    ("networks: [nowhere]", "networks", "the network 'nowhere' is not declared"),
    ("networks: {front: {ipv4_address: 10.0.0.1}}", "networks.front.ipv4_address", "has no subnet of its own"),
    ("networks: [front], network_mode: none", "networks", "exclude each other"),
    ("ports: ['80:80'], network_mode: host", "ports", "no port is published"),
    ("network_mode: 'service:v'", "network_mode", "'service:v' is what another container has"),
    ("ipc: 'container:v'", "ipc", "'container:v' is what another container has"),
    ("environment: {A: 1, B: }", "environment.B", "'B' has no value here"),
    ("environment: [A]", "environment", "'A' has no value here"),
    ("environment: {A: '{{.Node.Nothing}}'}", "environment.A", "is no placeholder"),
    ("configs: [nothing]", "configs[0]", "there is no config 'nothing'"),
    ("secrets: [motd]", "secrets[0]", "there is no secret 'motd'"),
    ("profiles: [debug]", "profiles", "it runs only where the profile debug is chosen"),
    ("depends_on: [nobody]", "depends_on", "there is no service 'nobody'"),
    ("depends_on: [w]", "depends_on", "w waits for w"),
    ("depends_on: {v: {restart: true}}", "depends_on.v", "not restarted because another is"),
    ("healthcheck: {start_interval: 1s}", "healthcheck.start_interval", "engines before 25 ignore it"),
    ("healthcheck: {test: [curl]}", "healthcheck", "a test begins with CMD"),
    ("logging: {driver: local, options: {max-size: '-1'}}", "logging", "sets no bound"),
    ("logging: {options: {max-file: '0'}}", "logging", "is no number of files"),
    ("ulimits: {files: 1}", "ulimits.files", "is no limit that an engine knows"),
    ("memswap_limit: 1g", "memswap_limit", "only together with mem_limit"),
    ("mem_limit: 1g, memswap_limit: 1m", "memswap_limit", "is less than mem_limit"),
    ("mem_limit: 1m, mem_reservation: 1g", "mem_reservation", "more is reserved"),
    ("mem_limit: 1m, deploy: {resources: {limits: {memory: 2m}}}", "mem_limit", "say different things"),
    ("scale: 2, deploy: {replicas: 3}", "scale", "say different things"),
    ("cpus: 1, cpu_quota: 5", "cpu_quota", "either cpus or a quota"),
    ("security_opt: ['seccomp:./x.json']", "security_opt[0]", "is a file of your machine"),
    ("pull_policy: build", "pull_policy", "nodes do not build"),
    ("pull_policy: daily", "pull_policy", "'daily' would update at times that nobody watches"),
    ("pull_policy: weekly", "pull_policy", "'weekly' would update at times that nobody watches"),
    ("pull_policy: every_2h", "pull_policy", "'every_2h' would update at times that nobody watches"),
    ("container_name: a b", "container_name", "'a b' is no name of a container"),
    ("container_name: v", "container_name", "'v' is what the service 'v' is called"),
    ("container_name: me, scale: 2", "container_name", "only one container can be called 'me', and a node may get several"),
    ("container_name: me, deploy: {mode: replicated-job, replicas: 2}", "container_name", "only one container can be called 'me'"),
    ("container_name: me, deploy: {placement: {max_replicas_per_node: 2}}", "container_name", "only one container"),
    ("deploy: {endpoint_mode: vip}", "deploy.endpoint_mode", "no virtual address"),
    ("deploy: {mode: global, replicas: 2}", "deploy.replicas", "one on every node"),
    ("deploy: {mode: global-job, update_config: {}}", "deploy.update_config", "a job is not updated"),
    ("deploy: {mode: replicated-job, restart_policy: {condition: any}}", "deploy.restart_policy.condition", "not started again"),
    ("deploy: {mode: replicated-job}, restart: always", "restart", "not started again"),
    ("deploy: {placement: {preferences: [{spread: rack}]}}", "deploy.placement.preferences[0].spread", "is no label of the nodes"),
    ("deploy: {placement: {constraints: [node.role == manager]}}", "deploy.placement.constraints[0]", "Swarm's managers"),
    ("deploy: {placement: {constraints: [engine.labels.a == b]}}", "deploy.placement.constraints[0]",
     "an engine's own configuration"),
    ("deploy: {resources: {reservations: {generic_resources: []}}}", "deploy.resources.reservations.generic_resources", "of yours"),
    ("deploy: {rollback_config: {failure_action: rollback}}", "deploy.rollback_config.failure_action",
     "must be 'pause' or 'continue'"),
    ("deploy: {mode: replicated}, x-bramble: {schedule: '@daily'}", "x-bramble.schedule", "a schedule is for jobs"),
    ("x-bramble: {schedule: '* * *'}", "x-bramble.schedule", "is no schedule"),
    ("x-bramble: {disconnect: {lost_after: 1s, stop_on_client_after: 1s}}", "x-bramble.disconnect", "exclude each other"),
    ("x-bramble: {disconnect: {replace: false, reconcile: best_score}}", "x-bramble.disconnect", "there is one"),
    ("x-bramble: {needs: {devices: [ttyUSB0]}}", "x-bramble.needs.devices[0]", "is no device"),
    ("networks: {back: {ipv4_address: 10.9.0.9}}, deploy: {update_config: {order: start-first}}",
     "deploy.update_config.order", "start-first needs two containers"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path", "says"), REFUSED, ids=lambda value: str(value)[:50])
def test_what_cannot_be_carried_out_is_refused_by_name(body: str, path: str, says: str) -> None:
    """One fault, at the key, on its line, with the reason."""
    got = read(body)
    assert isinstance(got, tuple)
    assert {fault.line for fault in got} == {1}
    assert got[0].path.startswith(f"services.w.{path}")
    assert says in got[0].reason


@pytest.mark.parametrize("key", sorted(compose.REFUSED))
def test_a_key_of_compose_that_no_node_carries_out_says_so(key: str) -> None:
    """Its name, the reason, and what to write instead."""
    got = read(f"{key}: x")
    assert isinstance(got, tuple)
    assert got[0].path == f"services.w.{key}"
    assert got[0].reason.startswith(f"the key {key!r} is not supported: ")
    assert got[0].remedy


@pytest.mark.parametrize("key", sorted(compose.Service.passed_over))
def test_a_key_of_tools_changes_nothing(key: str) -> None:
    """It is passed over, and says so on the page of keys."""
    assert service(f"{key}: {{}}") == service("init: false")
